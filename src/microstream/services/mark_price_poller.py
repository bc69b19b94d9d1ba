"""MarkPricePoller: `meta:mark_price:{exchange}:{symbol}`."""

from microstream.model import formulas
from microstream.model.messages import Flag, MarkPriceMessage
from microstream.model.state import State
from microstream.services.service import Service

TOGETHER_MS = 5_000
"""A mark and an index that were received further apart make no basis; nor do they while the newest one is kept out."""


def view(state: State, flags: tuple[Flag, ...], _now: int) -> MarkPriceMessage | None:
    """Return mark, index and the basis between them; None while neither is known."""
    mark, index, instrument = state.mark, state.index, state.instrument
    own = mark or index
    if own is None:
        return None
    mark_price = mark.price if mark else None
    index_price = state.fresh_index(own.received_at)
    together = (
        mark is not None
        and index is not None
        and abs(mark.received_at - index.received_at) <= TOGETHER_MS
        and state.bad.isdisjoint({"mark", "index"})
    )
    return MarkPriceMessage(
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        instrument=instrument.instrument,
        timestamp=own.timestamp,
        received_at=own.received_at,
        source=own.source,
        flags=flags,
        mark_price=mark_price,
        index_price=index_price,
        basis=formulas.basis(mark_price, index_price) if together else None,
        basis_bps=formulas.basis_bps(mark_price, index_price) if together else None,
    )


MarkPricePoller = Service(
    family="mark_price",
    value_kind="mark",
    needs=frozenset({"mark", "index"}),
    touches=frozenset({"mark", "index"}),
    view=view,
)
