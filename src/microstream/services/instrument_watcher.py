"""Instrument watcher: `meta:instrument:{exchange}:{symbol}`, one message per contract at start, then on change."""

from collections.abc import Mapping

from microstream.model.instruments import REGISTRY_KEYS, Instrument
from microstream.model.messages import VERSION, InstrumentMessage

Changes = dict[str, str | float | int | None]


def changes(old: Instrument | None, new: Instrument) -> Changes:
    """Return the published keys that differ, with their old values; a new listing had no status before."""
    if old is None:
        return {"status": None}
    return {name: getattr(old, name) for name in REGISTRY_KEYS if getattr(old, name) != getattr(new, name)}


def message(
    instrument: Instrument, changed: Mapping[str, str | float | int | None], now: int
) -> InstrumentMessage:
    """Return the registry's row of a contract; the venues give its lists no time."""
    row = {name: getattr(instrument, name) for name in REGISTRY_KEYS}
    return InstrumentMessage(
        v=VERSION,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        instrument=instrument.instrument,
        timestamp=None,
        received_at=now,
        source="rest",
        run=0,
        seq=0,
        flags=(),
        changed=dict(changed),
        **row,
    )
