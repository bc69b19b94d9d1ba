"""Published messages as rows: where each stood in the log of its group, and what it said."""

from collections.abc import Mapping

import polars as pl

from microstream.history.columns import Columns
from microstream.model.channels import Channel, channel
from microstream.model.messages import PAYLOADS, AlertMessage, BarMessage, Message, SignalMessage

PLACE = {"written_at": pl.Int64, "entry": pl.Int64, "place": pl.Int64}
"""Place of a message in the stream of its group: the two parts of the entry's id (the first in ms UTC), and which field
of the entry it was. Together they are the original order."""

COLUMNS: Mapping[str, Columns[Message]] = {family: Columns(kind) for family, kind in PAYLOADS.items()}
"""How the messages of every family lie in columns."""


def channel_of(message: Message) -> Channel:
    """Return where a message went out."""
    if isinstance(message, SignalMessage):
        return channel(message.family, message.name, message.subject)
    if isinstance(message, AlertMessage):
        return channel(message.family, message.rule, message.subject)
    if isinstance(message, BarMessage):
        return channel(message.family, f"{message.exchange}:{message.timeframe}", message.symbol)
    return channel(message.family, message.exchange, message.symbol)
