"""FundingRateAggregator: `funding:{exchange}:{symbol}`."""

from microstream.model.formulas import funding_apr, funding_rate_8h
from microstream.model.messages import VERSION, Flag, FundingMessage
from microstream.model.state import State
from microstream.services.service import Service


def view(state: State, flags: tuple[Flag, ...], now: int) -> FundingMessage | None:
    """Return what is known of the coming payment and of the last one; None while neither is."""
    funding, settled, instrument = state.funding, state.settled, state.instrument
    own = funding or settled
    if own is None:
        return None
    interval_h = state.interval_h
    rate = funding.rate if funding is not None else None
    return FundingMessage(
        VERSION,
        instrument.exchange,
        instrument.symbol,
        instrument.instrument,
        own.timestamp,
        own.received_at,
        own.source,
        0,
        0,
        flags,
        rate,
        None if rate is None else rate * 100,
        interval_h,
        funding_rate_8h(rate, interval_h),
        funding_apr(rate, interval_h),
        funding.settles_at if funding is not None else None,
        settled.rate if settled is not None else None,
        settled.settled_at if settled is not None else None,
        funding.cap if funding is not None and funding.cap is not None else instrument.rate_cap,
        funding.floor if funding is not None and funding.floor is not None else instrument.rate_floor,
        state.fresh_mark(now),
        state.fresh_index(now),
    )


FundingRateAggregator = Service(
    family="funding",
    value_kind="funding",
    needs=frozenset({"funding"}),
    touches=frozenset({"funding", "settled"}),
    view=view,
)
