"""The SDK: `subscribe` to what the service publishes. Needs msgspec and redis, and nothing else of the service.

The payloads of the events are the structs of `microstream.model.messages`, re-exported here.
"""

from microstream.client.blocking import BlockingSubscription, subscribe_sync
from microstream.client.events import Event
from microstream.client.notices import (
    Away,
    Behind,
    CaughtUp,
    Connected,
    Healed,
    Lost,
    Notice,
    Unreadable,
)
from microstream.client.subscription import Subscription, subscribe
from microstream.errors import ConfigError
from microstream.model.messages import (
    FundingMessage,
    InstrumentMessage,
    MarkPriceMessage,
    OpenInterestMessage,
    QualityMessage,
)

__all__ = [
    "Away",
    "Behind",
    "BlockingSubscription",
    "CaughtUp",
    "ConfigError",
    "Connected",
    "Event",
    "FundingMessage",
    "Healed",
    "InstrumentMessage",
    "Lost",
    "MarkPriceMessage",
    "Notice",
    "OpenInterestMessage",
    "QualityMessage",
    "Subscription",
    "Unreadable",
    "subscribe",
    "subscribe_sync",
]
