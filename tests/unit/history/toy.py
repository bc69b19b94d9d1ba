"""A venue's past that is small enough to know by heart."""

from microstream.model.instruments import Instrument
from microstream.model.past import PastCandle, PastFunding, PastKind, Span
from microstream.spec.history import History
from microstream.spec.rest import Request

MINUTE = 60_000
DAY = 86_400_000
NOW = 1_790_000_000_000 // DAY * DAY + 12 * 3_600_000


def contract(symbol: str = "sol-usdt", listed_at: int | None = None) -> Instrument:
    """Return a perpetual of OKX."""
    return Instrument(
        exchange="okx",
        name=symbol.upper() + "-SWAP",
        symbol=symbol,
        instrument=f"{symbol.split('-', maxsplit=1)[0].upper()}/USDT:USDT",
        base=symbol.split("-", maxsplit=1)[0].upper(),
        venue_base=symbol.split("-", maxsplit=1)[0].upper(),
        quote="USDT",
        settle="USDT",
        kind="perpetual",
        listed_at=listed_at,
    )


def history(
    kind: PastKind = "mark", *, step_ms: int | None = MINUTE, page: int = 100, keeps_ms: int | None = None
) -> History:
    """Return how a kind is asked for: a page of rows at a time."""
    return History(
        kind=kind,
        step_ms=step_ms,
        page=page,
        newest_first=True,
        window_ms=None if step_ms is None else page * step_ms,
        request=lambda instrument, span, _now: Request(
            kind,
            f"/{kind}",
            (("symbol", instrument.name), ("start", str(span.start))),
            symbol=instrument.symbol,
        ),
        parse=lambda _body, _instrument, _page: None,
        keeps_ms=keeps_ms,
    )


def candle(at: int, close: float = 1.0, symbol: str = "sol-usdt") -> PastCandle:
    """Return a finished candle."""
    return PastCandle(
        exchange="okx",
        symbol=symbol,
        instrument=contract(symbol).instrument,
        timestamp=at,
        open=close,
        high=close,
        low=close,
        close=close,
    )


def settlement(at: int, rate: float = 0.0001) -> PastFunding:
    """Return a rate that was paid."""
    return PastFunding(
        exchange="okx",
        symbol="sol-usdt",
        instrument="SOL/USDT:USDT",
        timestamp=at,
        settled_time=at + 3,
        settled_rate=rate,
    )


def hours(first: int, last: int) -> Span:
    """Return a span by hours before now: `hours(5, 2)` is from five to two hours ago."""
    return Span(NOW - first * 3_600_000, NOW - last * 3_600_000)
