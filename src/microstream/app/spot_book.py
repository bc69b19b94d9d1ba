"""SpotBook: which spot pairs of one venue are followed."""

from collections.abc import Callable, Sequence

from microstream.app.outlet import Outlet
from microstream.clock import Clock
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.state import Upkeep
from microstream.pipeline.pipeline import Pipeline
from microstream.spec.rest import Context

STREAMED = 50
"""Pairs that are streamed at most: best quotes of hundreds are a flood that a basis by the second does not need."""

PairsOf = Callable[[Instrument], Sequence[Instrument]]


class SpotBook:
    """Finds the spot pairs of the followed contracts.

    Their names are made by rule, and a pair is real once a reply has named it: from then on it is followed, until no
    followed contract is of its coin. `contracts` returns the context of the followed contracts, replaced whenever they
    change.
    """

    def __init__(
        self,
        venue: str,
        pairs_of: PairsOf,
        contracts: Callable[[], Context],
        pipeline: Pipeline,
        outlet: Outlet,
        *,
        interval_ms: int,
        clock: Clock,
    ) -> None:
        self.followed: dict[str, Instrument] = {}
        """The pairs that are there, by key."""
        self.streamed = Context({}, {})
        """What is streamed: followed pairs, those of the most traded contracts first, up to `STREAMED`."""
        self.changed: Callable[[], None] = lambda: None
        """Called when what is streamed has changed."""
        self._venue = venue
        self._pairs_of = pairs_of
        self._contracts = contracts
        self._pipeline = pipeline
        self._outlet = outlet
        self._interval_ms = interval_ms
        self._clock = clock
        self._made_from: Context | None = None
        self._context = Context({}, {})
        self._wanted: list[Sequence[Instrument]] = []
        self._named: set[str] = set()
        self._began = False

    @property
    def context(self) -> Context:
        """What the parsers of the poll see: every name that a pair of a followed contract may have."""
        self._renew()
        return self._context

    def take(self, frame: Frame) -> None:
        """Learn from a whole reply which pairs are there, and leave out what is not followed."""
        named = {event.key for event in frame.events}
        if not named <= self._named:
            self._named |= named
            self._follow()
        frame.events = [event for event in frame.events if event.key in self.followed]
        if not self._began:
            self._began = True
            followed = [pair.symbol for pair in self.followed.values()]
            self._outlet.retain(f"spot:{self._venue}", followed)  # leftovers of an earlier run

    def _renew(self) -> None:
        """Take over other contracts, if they have changed."""
        contracts = self._contracts()
        if contracts is self._made_from:
            return
        self._made_from = contracts
        by_turnover = sorted(contracts.instruments.values(), key=lambda item: -(item.turnover or 0.0))
        self._wanted = [pairs for item in by_turnover if (pairs := self._pairs_of(item))]
        names = {pair.name: pair for pairs in self._wanted for pair in pairs}
        self._context = Context(names, {})
        self._named &= {pair.key for pair in names.values()}
        self._follow()

    def _follow(self) -> None:
        """Follow the first pair of each contract that is there, and no other."""
        there = [next((pair for pair in pairs if pair.key in self._named), None) for pairs in self._wanted]
        followed = {pair.key: pair for pair in there if pair is not None}
        now = self._clock.now_ms()
        for key in followed.keys() - self.followed.keys():
            self._pipeline.follow(followed[key], {"spot": Upkeep(self._interval_ms, None, now)})
        for key in self.followed.keys() - followed.keys():
            self._pipeline.unfollow(key, now)
            self._outlet.remove(f"spot:{self._venue}", (self.followed[key].symbol,))
        self.followed = followed
        streamed = {pair.name: pair for pair in list(followed.values())[:STREAMED]}
        if streamed != self.streamed.instruments:
            self.streamed = Context(streamed, {})
            self.changed()
