"""MarkPricePoller: `meta:mark_price:{exchange}:{symbol}`."""

from microstream.model.events import IndexPrice, MarkPrice
from microstream.model.messages import VERSION, Flag, MarkPriceMessage
from microstream.model.state import PRICE_LIFE_MS, State
from microstream.services.service import Service

TOGETHER_MS = 5_000
"""A mark and an index that were received further apart make no basis, unless the stream of the older one vouches for
it; nor do they while the newest one is kept out."""


def view(state: State, flags: tuple[Flag, ...], _now: int) -> MarkPriceMessage | None:
    """Return mark, index and the basis between them; None while neither is known."""
    mark, index, instrument = state.mark, state.index, state.instrument
    own = mark or index
    if own is None:
        return None
    index_price = basis = bps = index_at = None
    if index is not None:
        apart = own.received_at - index.received_at
        index_at = index.timestamp
        index_price = index.price if apart <= PRICE_LIFE_MS else state.fresh_index(own.received_at)
        near = -TOGETHER_MS <= apart <= TOGETHER_MS and not state.bad
        if mark is not None and index_price and (near or _together(state, mark, index)):
            basis = (
                mark.price - index_price
            )  # formulas.basis and basis_bps, written out: this runs for every push
            bps = basis / index_price * 10_000
    return MarkPriceMessage(
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
        mark.price if mark is not None else None,
        index_price,
        basis,
        bps,
        index_at,
    )


def _together(state: State, mark: MarkPrice, index: IndexPrice) -> bool:
    """Return whether a basis may be made of the two."""
    if state.bad and not state.bad.isdisjoint(("mark", "index")):
        return False
    apart = mark.received_at - index.received_at
    if -TOGETHER_MS <= apart <= TOGETHER_MS:
        return True
    return (
        state.is_vouched(index, mark.received_at) if apart > 0 else state.is_vouched(mark, index.received_at)
    )


MarkPricePoller = Service(
    family="mark_price",
    value_kind="mark",
    needs=frozenset({"mark", "index"}),
    touches=frozenset({"mark", "index"}),
    view=view,
)
