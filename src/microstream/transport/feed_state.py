"""How a feed is doing: what it has done, and which of its requests are failing."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from microstream.errors import MicrostreamError
from microstream.spec.rest import Request

Asked = tuple[str, object]
"""What tells the requests of a feed apart: name of the reply, and the contract or the parameters."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that is failing: `since` when (ms UTC), and why the last time."""

    since: int
    text: str


@dataclass(slots=True)
class FeedState:
    """Counters of a feed, and its failing requests: one good answer says nothing of the others. Times in seconds."""

    rounds: int = 0
    seconds: float = 0.0
    skipped: int = 0
    mismatches: Counter[str] = field(default_factory=Counter)
    """Replies that could not be read as a whole, by name."""
    failing: dict[Asked, Failure] = field(default_factory=dict)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def failed(self, request: Request, error: MicrostreamError, at: int) -> bool:
        """Note a failure; return whether it is news: the first of its kind since the reply was well."""
        asked = _asked(request)
        known = self.failing.get(asked)
        self.failing[asked] = Failure(known.since if known else at, str(error))
        kind = (request.feed, error.reason)
        is_news = kind not in self._told
        self._told.add(kind)
        return is_news

    def answered(self, request: Request) -> Failure | None:
        """Note a good answer; return the failure that it ends, if there was one."""
        return self.failing.pop(_asked(request), None) if self.failing else None

    def settled(self, feed: str) -> bool:
        """Return whether no request for this reply is failing any more; what fails next is news again."""
        if any(name == feed for name, _ in self.failing):
            return False
        self._told = {kind for kind in self._told if kind[0] != feed}
        return True

    def retain(self, symbols: frozenset[str]) -> None:
        """Drop the failures of contracts that are not asked for any more."""
        self.failing = {asked: failure for asked, failure in self.failing.items() if asked[1] in symbols}
        if not self.failing:
            self._told.clear()

    def complaints(self) -> Collection[str]:
        """Return one text for each reply that is failing."""
        return {name: failure.text for (name, _), failure in self.failing.items()}.values()


def _asked(request: Request) -> Asked:
    return request.feed, request.symbol or request.params
