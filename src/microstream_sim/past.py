"""The truth of the past: what a contract's history says of a span, as the text of the venue, in one shape for all.

Truth knows nothing of pages, of what a venue keeps, or of faults.
"""

from collections.abc import Iterator

from microstream_sim.binance.history import was_traded
from microstream_sim.candles import Bar, candle, oldest_first
from microstream_sim.contracts import Contract
from microstream_sim.market import Market
from microstream_sim.okx.history import premium_stamp
from microstream_sim.spelling import open_interest_text, price_text, rate_text

KINDS = ("funding", "mark", "index", "premium", "oi")

Row = list[int | str]
"""A time (ms) and its values: a rate; open, high, low and close; one point; or open interest of one side."""


def true_past(market: Market, listed: Contract, kind: str, start: int, end: int) -> list[Row]:
    """Return the rows of a kind within [start, end), oldest first: candles of a minute, open interest of five."""
    start = max(start, listed.listed_at)
    if kind == "funding":
        settled = market.settlements(listed, start, end - 1) if listed.funds else []
        return [[at, rate_text(listed.venue, market.settled(listed, at).rate)] for at in reversed(settled)]
    if kind == "oi":
        return list(_open_interest(market, listed, start, end))
    if kind == "premium" and listed.venue == "okx":
        return list(_points(market, listed, start, end))
    return list(_candles(market, listed, kind, start, end))


def _candles(market: Market, listed: Contract, kind: str, start: int, end: int) -> Iterator[Row]:
    bar = Bar(1)
    value = {"mark": market.mark, "index": market.index, "premium": market.premium}[kind]
    for at in oldest_first(bar, start, end - 1):
        made = candle(lambda t: value(market.at(listed, t), t), bar, at, end + 60_000)
        prices = (made.open, made.high, made.low, made.close)
        yield [at, *(_text(listed, kind, price) for price in prices)]


def _text(contract: Contract, kind: str, value: float) -> str:
    if kind != "premium":
        return price_text(contract, value)
    return f"{value:.6f}" if contract.venue == "bybit" else rate_text(contract.venue, value)


def _points(market: Market, listed: Contract, start: int, end: int) -> Iterator[Row]:
    for minute in oldest_first(Bar(1), start - 60_000, end):
        at = premium_stamp(listed, minute)
        if start <= at < end and listed.funds:
            yield [at, rate_text("okx", market.premium(listed, at))]


def _open_interest(market: Market, listed: Contract, start: int, end: int) -> Iterator[Row]:
    for at in oldest_first(Bar(5), start, end - 1):
        if listed.venue == "binance":
            if was_traded(listed, at):
                yield [at, f"{market.open_interest(listed, at):.8f}"]
            continue
        contract = market.at(listed, at)
        units = market.open_interest(contract, at)
        yield [at, open_interest_text(contract, units, market.mark(contract, at)).single]
