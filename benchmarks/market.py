"""Instrument lists and WebSocket frames of the simulated venues, made in this process for a time of its own.

The simulator's market is a function of time, so a minute of pushes is made in seconds and is the same in every run.
Values change every `STEP_MS`; what a feed pushes at its own cadence is what it would push over a socket.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Any

import msgspec

from microstream import venues
from microstream.model.instruments import Instrument
from microstream.model.symbols import Selection
from microstream.sinks.bus import SLICE
from microstream.spec.rest import Request
from microstream_sim.binance.feeds import MARKET, feed_of
from microstream_sim.bybit.feeds import Ticker
from microstream_sim.contracts import Contract
from microstream_sim.market import Market
from microstream_sim.okx.feeds import contract_feed, index_feed
from microstream_sim.okx.instruments import indices
from microstream_sim.streaming.api import Feed
from microstream_sim.venues import VENUES
from microstream_sim.view import View

BEGIN_MS = 1_790_000_000_000
"""When the market begins: any time does, this one is far from a settlement."""
STEP_MS = 100
LEAD_MS = 1_000
"""Frames until then are first values (snapshots, first rows): they are written but not measured."""
_OFF_BEAT_MS = 50
"""OKX: indexes come between mark prices. Both make the same message, and each is to be written, not conflated."""
SHARED = "*/USDT:USDT"
"""The contracts whose single topics are subscribed."""

Timed = tuple[int, bytes]
"""When a frame is pushed (ms UTC), and the frame."""


@dataclass(frozen=True, slots=True)
class Case:
    """Frames of some topics of one venue over `seconds` of its market, after `lead` frames with first values.

    `followed` are the contracts that they are about, by the venue's names, and `families` what they make messages of.
    A further frame conflates nothing while fewer than `room` messages wait.
    """

    name: str
    venue: str
    followed: Mapping[str, Instrument]
    families: Sequence[str]
    lead: Sequence[Timed]
    frames: Sequence[Timed]
    seconds: float
    room: int
    one_topic_each: bool

    @property
    def size(self) -> float:
        """Mean bytes of a frame."""
        return sum(len(data) for _, data in self.frames) / len(self.frames)


class Venue:
    """One simulated venue; `lists` are the pages of its instrument lists."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._market = Market(step_ms=STEP_MS)
        self._listed = {one.symbol: one for one in VENUES[name].contracts(BEGIN_MS, None)}
        lists = venues.load(name).instruments
        self.lists = {request.feed: self._pages(request) for request in lists.requests}
        built = lists.build(self.lists).instruments
        self._chosen = {item.name: item for item in Selection(("all",)).chosen(built)}
        self._single = {item.name: item for item in Selection((SHARED,)).chosen(built)}

    def case(self, kind: str, seconds: int) -> Case:
        """Return the pushes of `seconds` of the market after the first values; `kind` names the topics."""
        topics = _TOPICS[self.name, kind]
        feeds = [*topics.feeds(self)]
        frames = [*self._pushes(feeds, BEGIN_MS + LEAD_MS + 1000 * seconds)]
        first = BEGIN_MS + LEAD_MS
        return Case(
            name=f"{self.name} {kind}",
            venue=self.name,
            followed=self._chosen if topics.every_contract else self._single,
            families=topics.families,
            lead=[one for one in frames if one[0] <= first],
            frames=[one for one in frames if one[0] > first],
            seconds=float(seconds),
            room=topics.room,
            one_topic_each=topics.one_topic_each,
        )

    def all_mark_prices(self) -> Iterator[Feed]:
        """Yield `!markPrice@arr@1s` of Binance."""
        yield _binance("!markPrice@arr@1s")

    def mark_prices(self) -> Iterator[Feed]:
        """Yield `<symbol>@markPrice@1s` of Binance."""
        for name in self._single:
            yield _binance(f"{name.lower()}@markPrice@1s")

    def tickers(self) -> Iterator[Feed]:
        """Yield `tickers.<symbol>` of Bybit."""
        for name in self._single:
            yield Ticker(f"tickers.{name}", name)

    def funding_and_interest(self) -> Iterator[Feed]:
        """Yield `funding-rate` and `open-interest` of OKX."""
        for name in self._single:
            yield from self._channels(self._listed[name], "funding-rate", "open-interest")

    def public_channels(self) -> Iterator[Feed]:
        """Yield the four channels of OKX that carry what is published."""
        wanted = {item.index for item in self._single.values()}
        for name in self._single:
            yield from self._channels(self._listed[name], "funding-rate", "open-interest", "mark-price")
        for name, contract in indices(self._view(BEGIN_MS)).items():
            if name in wanted:
                feed = index_feed({"channel": "index-tickers", "instId": name}, contract)
                feed.phase_ms = _OFF_BEAT_MS
                yield feed

    def _channels(self, contract: Contract, *channels: str) -> Iterator[Feed]:
        for channel in channels:
            feed = contract_feed({"channel": channel, "instId": contract.symbol}, contract)
            if feed is not None:
                feed.phase_ms = 0
                yield feed

    def _pushes(self, feeds: Sequence[Feed], until: int) -> Iterator[Timed]:
        view = self._view(BEGIN_MS)
        for feed in feeds:
            for body in feed.first(view, alone=True):
                yield BEGIN_MS, self._frame(feed, body)
        due = [(_due_after(feed, BEGIN_MS), number, feed) for number, feed in enumerate(feeds)]
        heapify(due)
        while due[0][0] <= until:
            now, number, feed = due[0]
            heapreplace(due, (_due_after(feed, now), number, feed))
            for body in feed.next(self._view(now)):
                yield now, self._frame(feed, body)

    def _frame(self, feed: Feed, body: Any) -> bytes:
        """Return a push as it stands on the wire: Binance's combined streams name the topic around it."""
        return msgspec.json.encode({"stream": feed.name, "data": body} if self.name == "binance" else body)

    def _view(self, now: int) -> View:
        return View(self._market, self._listed, now, now)

    def _pages(self, first: Request) -> list[bytes]:
        lists, pages = venues.load(self.name).instruments, []
        request: Request | None = first
        while request is not None:
            body = VENUES[self.name].routes[request.path](self._view(BEGIN_MS), dict(request.params))
            pages.append(msgspec.json.encode(body))
            request = lists.following(request, pages[-1])
        return pages


def _binance(name: str) -> Feed:
    feed = feed_of(MARKET, name, {})
    assert feed is not None
    return feed


def _due_after(feed: Feed, now: int) -> int:
    """Return the next time on a feed's grid, as the simulator's timetable has it."""
    period = max(feed.cadence_ms, STEP_MS)
    return ((now - feed.phase_ms) // period + 1) * period + feed.phase_ms


@dataclass(frozen=True, slots=True)
class _Topics:
    """How the feeds of a case are made; one topic of `every_contract`, or a topic for each of `SHARED`."""

    feeds: Callable[[Venue], Iterator[Feed]]
    families: tuple[str, ...]
    room: int = SLICE
    every_contract: bool = False
    one_topic_each: bool = False


_TOPICS = {
    ("binance", "!markPrice@arr"): _Topics(
        Venue.all_mark_prices, ("funding", "mark_price"), room=1, every_contract=True
    ),
    ("binance", "@markPrice"): _Topics(Venue.mark_prices, ("funding", "mark_price"), one_topic_each=True),
    ("bybit", "tickers"): _Topics(Venue.tickers, ("funding", "mark_price", "oi")),
    ("okx", "funding, oi"): _Topics(Venue.funding_and_interest, ("funding", "oi"), room=250),
    ("okx", "four channels"): _Topics(Venue.public_channels, ("funding", "mark_price", "oi"), room=250),
}
