"""What is published: one module per family, with what it needs of a venue and its view of an instrument's state.

A service does no I/O. `SERVICES` maps the name in the configuration to it.
"""

from microstream.services import (
    funding_rate_aggregator,
    mark_price_poller,
    open_interest_poller,
    spot_reference,
)
from microstream.services.service import Service

SERVICES: dict[str, Service] = {
    "funding_rate_aggregator": funding_rate_aggregator.FundingRateAggregator,
    "mark_price_poller": mark_price_poller.MarkPricePoller,
    "open_interest_poller": open_interest_poller.OpenInterestPoller,
    "spot_reference": spot_reference.SpotReference,
}

__all__ = ["SERVICES", "Service"]
