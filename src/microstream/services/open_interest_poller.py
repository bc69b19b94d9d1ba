"""OpenInterestPoller: `meta:oi:{exchange}:{symbol}`."""

from typing import Literal

from microstream.model import formulas
from microstream.model.events import OpenInterest
from microstream.model.instruments import Instrument
from microstream.model.messages import VERSION, Flag, OpenInterestMessage
from microstream.model.state import State
from microstream.services.service import Service

DOLLARS = frozenset({"USD", "USDT", "USDC"})
"""Currencies that count 1:1 as US dollars."""

Valued = tuple[float | None, str | None, Literal["venue", "computed"] | None]
MARK_LIFE_MS = 60_000
TOLERANCE = 0.01
UNVALUED: Valued = (None, None, None)


def view(state: State, flags: tuple[Flag, ...], _now: int) -> OpenInterestMessage | None:
    """Return open interest in the venue's unit, in coins and in US dollars.

    A venue's own value that is more than 1 % from ours is flagged `disagrees`: one of units, sides and price is wrong.
    """
    event, instrument = state.open_interest, state.instrument
    if event is None:
        return None
    base = event.base
    if base is None:
        mark = _valuation_mark(state, event) if instrument.inverse else None
        base = _coins(event, instrument, mark)
    if event.value is not None and event.value_ccy in DOLLARS:
        valued: Valued = (event.value, event.value_ccy, "venue")
        own = _computed(event, instrument, base, state.fresh_mark(event.received_at))
        if _disagrees(event.value, own):
            flags = (*flags, "disagrees")
    else:
        valued = _valued(event, instrument, base, _valuation_mark(state, event))
    value, currency, source = valued
    return OpenInterestMessage(
        VERSION,
        instrument.exchange,
        instrument.symbol,
        instrument.instrument,
        event.timestamp,
        event.received_at,
        event.source,
        0,
        0,
        flags,
        event.contracts,
        base,
        value,
        currency,
        source,
    )


def _valuation_mark(state: State, event: OpenInterest) -> float | None:
    """Return the mark to value with: one that was heard within a minute, or within the family's own interval."""
    mark, upkeep = state.mark, state.upkeep.get("oi")
    if mark is None:
        return None
    life = max(MARK_LIFE_MS, upkeep.interval_ms if upkeep else 0)
    return mark.price if abs(event.received_at - mark.received_at) <= life else None


def _coins(event: OpenInterest, instrument: Instrument, mark: float | None) -> float | None:
    if instrument.inverse:
        return formulas.inverse_coins(formulas.inverse_value(event.contracts, instrument.contract_size), mark)
    return formulas.coins(event.contracts, instrument.contract_size, instrument.multiplier)


def _valued(event: OpenInterest, instrument: Instrument, base: float | None, mark: float | None) -> Valued:
    value = _computed(event, instrument, base, mark)
    currency = "USD" if instrument.inverse else instrument.quote
    if value is None or currency not in DOLLARS:
        return UNVALUED
    return value, currency, "computed"


def _computed(
    event: OpenInterest, instrument: Instrument, base: float | None, mark: float | None
) -> float | None:
    if instrument.inverse:
        return formulas.inverse_value(event.contracts, instrument.contract_size)
    return formulas.linear_value(_units(event, instrument, base), mark)


def _disagrees(stated: float | None, computed: float | None) -> bool:
    if not stated or computed is None:
        return False
    return abs(computed / stated - 1) > TOLERANCE


def _units(event: OpenInterest, instrument: Instrument, base: float | None) -> float | None:
    if event.contracts is not None and instrument.contract_size is not None:
        return event.contracts * instrument.contract_size
    return None if base is None else base / instrument.multiplier


OpenInterestPoller = Service(
    family="oi",
    value_kind="open_interest",
    needs=frozenset({"open_interest"}),
    touches=frozenset({"open_interest"}),
    view=view,
)
