"""SpotReference: `meta:spot:{exchange}:{symbol}`."""

from microstream.model import formulas
from microstream.model.messages import Flag, SpotMessage
from microstream.model.state import State
from microstream.services.service import Service


def view(state: State, flags: tuple[Flag, ...], _now: int) -> SpotMessage | None:
    """Return the best quotes of a spot pair and the middle between them; None while nothing is known."""
    quote, pair = state.spot, state.instrument
    if quote is None:
        return None
    return SpotMessage(
        exchange=pair.exchange,
        symbol=pair.symbol,
        instrument=pair.instrument,
        timestamp=quote.timestamp,
        received_at=quote.received_at,
        source=quote.source,
        flags=flags,
        bid=quote.bid,
        ask=quote.ask,
        mid=formulas.mid(quote.bid, quote.ask),
        last=quote.last,
        multiplier=pair.multiplier,
    )


SpotReference = Service(
    family="spot",
    value_kind="spot",
    needs=frozenset({"spot"}),
    touches=frozenset({"spot"}),
    view=view,
    of_spot=True,
)
