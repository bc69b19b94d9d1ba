"""FundingRateAggregator: `funding:{exchange}:{symbol}`."""

from microstream.model.formulas import funding_apr, funding_rate_8h
from microstream.model.messages import Flag, FundingMessage
from microstream.model.state import State
from microstream.services.service import Service


def view(state: State, flags: tuple[Flag, ...], now: int) -> FundingMessage | None:
    """Return what is known of the coming payment and of the last one; None while neither is."""
    funding, settled, instrument = state.funding, state.settled, state.instrument
    own = funding or settled
    if own is None:
        return None
    rate = funding.rate if funding else None
    interval_h = state.interval_h
    return FundingMessage(
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        instrument=instrument.instrument,
        timestamp=own.timestamp,
        received_at=own.received_at,
        source=own.source,
        flags=flags,
        funding_rate=rate,
        funding_rate_pct=None if rate is None else rate * 100,
        funding_interval_hours=interval_h,
        funding_rate_8h=funding_rate_8h(rate, interval_h),
        funding_apr=funding_apr(rate, interval_h),
        next_funding_time=funding.settles_at if funding else None,
        settled_rate=settled.rate if settled else None,
        settled_time=settled.settled_at if settled else None,
        rate_cap=funding.cap if funding and funding.cap is not None else instrument.rate_cap,
        rate_floor=funding.floor if funding and funding.floor is not None else instrument.rate_floor,
        mark_price=state.fresh_mark(now),
        index_price=state.fresh_index(now),
    )


FundingRateAggregator = Service(
    family="funding",
    value_kind="funding",
    needs=frozenset({"funding"}),
    touches=frozenset({"funding", "settled"}),
    view=view,
)
