"""Bodies of real size, asked once of the simulated venues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlencode

from benchmarks.processes import fetch
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context, Request
from microstream.spec.venue import Venue

HISTORY = {
    "binance": (
        Request("fundingRate", "/fapi/v1/fundingRate", (("symbol", "BTCUSDT"), ("limit", "1000"))),
        Request(
            "openInterestHist",
            "/futures/data/openInterestHist",
            (("symbol", "BTCUSDT"), ("period", "5m"), ("limit", "500")),
        ),
    ),
    "bybit": (
        Request(
            "funding/history",
            "/v5/market/funding/history",
            (("category", "linear"), ("symbol", "BTCUSDT"), ("limit", "200")),
        ),
        Request(
            "open-interest",
            "/v5/market/open-interest",
            (("category", "linear"), ("symbol", "BTCUSDT"), ("intervalTime", "5min"), ("limit", "200")),
        ),
    ),
    "okx": (
        Request(
            "funding-rate-history",
            "/api/v5/public/funding-rate-history",
            (("instId", "BTC-USDT-SWAP"), ("limit", "400")),
        ),
    ),
}
"""Whole pages of one contract, as a backfill asks for them."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a venue answers: the pages of its instrument lists, and one body of every feed, by feed."""

    lists: Mapping[str, Sequence[bytes]]
    replies: Mapping[str, bytes]


def context_of(instruments: Sequence[Instrument]) -> Context:
    """Return what parsers see when every contract is followed."""
    followed = {item.name: item for item in instruments}
    indexes: dict[str, list[Instrument]] = {}
    for item in instruments:
        if item.index is not None:
            indexes.setdefault(item.index, []).append(item)
    return Context(followed, indexes)


def bodies_of(venue: Venue, url: str) -> Bodies:
    """Ask a venue everything once."""
    lists = {request.feed: _pages(venue, url, request) for request in venue.instruments.requests}
    context = context_of(venue.instruments.build(lists).instruments)
    replies: dict[str, bytes] = {}
    for request in chain(_current(venue, context), (venue.clock,), HISTORY[venue.name]):
        body = _get(url, request)
        if len(body) > len(replies.get(request.feed, b"")):  # of several requests the largest answer
            replies[request.feed] = body
    return Bodies(lists, replies)


def _current(venue: Venue, context: Context) -> list[Request]:
    some = next(iter(context.instruments.values()))
    asked = []
    for poll in venue.polls:
        asked += list(poll.bulk(context)) if poll.bulk else []
        asked += [poll.single(some)] if poll.single else []
    return asked


def _pages(venue: Venue, url: str, first: Request) -> list[bytes]:
    pages: list[bytes] = []
    request: Request | None = first
    while request is not None:
        pages.append(_get(url, request))
        request = venue.instruments.following(request, pages[-1])
    return pages


def _get(url: str, request: Request) -> bytes:
    query = f"?{urlencode(request.params)}" if request.params else ""
    return fetch(f"{url}{request.path}{query}")
