"""What a message about a spot pair says, by what is known."""

from microstream.model.events import SpotQuote
from microstream.model.instruments import spot_pair
from microstream.model.state import State
from microstream.services.spot_reference import view

NOON = 1_795_176_000_000
SATS = spot_pair(
    "binance", "1000SATSUSDT", base="SATS", venue_base="1000SATS", quote="USDT", multiplier=1000.0
)


def quote(bid: float | None, ask: float | None, last: float | None = None) -> SpotQuote:
    """Return a quote that came at noon, stamped a little before."""
    return SpotQuote(
        key=SATS.key, timestamp=NOON - 7, received_at=NOON, source="rest", bid=bid, ask=ask, last=last
    )


def test_quotes_and_the_middle() -> None:
    """Under the pair's own names, with how many coins a price is for."""
    message = view(State(instrument=SATS, spot=quote(0.25, 0.75, 0.5)), (), NOON)
    assert message is not None
    assert (message.bid, message.ask, message.mid, message.last) == (0.25, 0.75, 0.5, 0.5)
    assert (message.symbol, message.instrument, message.multiplier) == ("1000satsusdt", "SATS/USDT", 1000.0)
    assert (message.timestamp, message.received_at, message.source) == (NOON - 7, NOON, "rest")


def test_one_side_alone_has_no_middle() -> None:
    """Half a book says nothing of where the middle is."""
    for bid, ask in ((0.25, None), (None, 0.25)):
        message = view(State(instrument=SATS, spot=quote(bid, ask)), (), NOON)
        assert message is not None
        assert (message.bid, message.ask, message.mid, message.last) == (bid, ask, None, None)


def test_nothing_is_said_before_the_first_quote() -> None:
    """There is no message of nulls."""
    assert view(State(instrument=SATS), (), NOON) is None
