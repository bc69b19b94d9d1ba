"""SpotReference: `meta:spot:{exchange}:{symbol}`."""

from microstream.model import formulas
from microstream.model.messages import VERSION, Flag, SpotMessage
from microstream.model.state import State
from microstream.services.service import Service


def view(state: State, flags: tuple[Flag, ...], _now: int) -> SpotMessage | None:
    """Return the best quotes of a spot pair and the middle between them; None while nothing is known."""
    quote, pair = state.spot, state.instrument
    if quote is None:
        return None
    return SpotMessage(
        VERSION,
        pair.exchange,
        pair.symbol,
        pair.instrument,
        quote.timestamp,
        quote.received_at,
        quote.source,
        0,
        0,
        flags,
        quote.bid,
        quote.ask,
        formulas.mid(quote.bid, quote.ask),
        quote.last,
        pair.multiplier,
    )


SpotReference = Service(
    family="spot",
    value_kind="spot",
    needs=frozenset({"spot"}),
    touches=frozenset({"spot"}),
    view=view,
    of_spot=True,
)
