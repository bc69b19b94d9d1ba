"""The stream's subscriptions of all venues: which are sound, and which have fallen silent."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.model.state import PORTION
from microstream.pipeline.delays import Delay
from microstream.pipeline.quality import Quality

Silent = Callable[[str, str, bool], None]
"""Told venue and topic that say less than they should, and whether to subscribe anew."""

RENEWED_MS = 30_000
"""A topic that stays silent is subscribed anew no more often."""
TOGETHER = 0.5
"""Part of a venue's lines that fall silent at once: told once, for the venue."""
SEVERAL = 3
STREAMS = "streams"
"""What quality messages about all streams of a venue are about."""


class Lines:
    """Lines by venue and topic; bounded by what is subscribed to."""

    def __init__(self, quality: Quality, silent: Silent) -> None:
        self.of: dict[str, dict[str, Line]] = {}
        self._quality = quality
        self._silent = silent
        self._contracts: dict[tuple[str, str], tuple[Instrument, ...]] = {}
        self._renewed: dict[tuple[str, str], int] = {}
        self.delays: dict[str, Delay] = {}
        self._looked_at = 0
        self._why: dict[tuple[str, str], str] = {}

    def add(self, line: Line, contracts: Iterable[Instrument]) -> None:
        """Begin to watch a line; `contracts` are what it is about, none where it is about the whole venue."""
        self.of.setdefault(line.exchange, {})[line.topic] = line
        self._contracts[line.exchange, line.topic] = tuple(contracts)

    def remove(self, line: Line, now: int) -> None:
        """End the watch of a line that is no longer wanted; it vouches for nothing any more."""
        self._clear(line, now, "it is no longer wanted")
        line.since = line.asked_at = None
        self.of[line.exchange].pop(line.topic, None)
        self._contracts.pop((line.exchange, line.topic), None)
        self._renewed.pop((line.exchange, line.topic), None)

    def confirmed(self, exchange: str, topic: str, now: int) -> None:
        """Note that the venue has acknowledged a subscription: its first frame is awaited from now on."""
        line = self.of.get(exchange, {}).get(topic)
        if line is not None and line.since is None and line.asked_at is None:
            line.asked_at = now

    def heard(self, line: Line, now: int, stamp: int | None) -> None:
        """Note a frame of a line that was not sound."""
        line.heard_at, line.stamp = now, stamp
        if line.since is None:
            line.since = now
            line.asked_at = None
            line.pause_ms, line.paced_at = 0, now
            self._clear(line, now, "it speaks again")

    def lost(self, exchange: str, topics: Iterable[str], now: int = 0) -> None:
        """Note that no connection carries these topics now."""
        lines = self.of.get(exchange, {})
        for topic in topics:
            line = lines.get(topic)
            if line is not None:
                line.lost_at = now if line.since is not None else line.lost_at
                line.since = line.asked_at = None

    def refused(self, exchange: str, topic: str, text: str, code: str, now: int) -> None:
        """Note that the venue refuses a topic; polls have its values for themselves."""
        self.lost(exchange, [topic], now)
        line = self.of.get(exchange, {}).get(topic)
        if line is not None:
            self._clear(line, now, "it is refused", ("silent",))
        for instrument in self._contracts.get((exchange, topic)) or (None,):
            self._quality.raised(
                exchange,
                instrument,
                "refused",
                topic,
                now=now,
                detail=f"{exchange} refuses the stream {topic}: {text}",
                observed=code,
            )

    def mute(self, line: Line, now: int, why: str) -> None:
        """Take a line for silent: it keeps back what the venue says elsewhere.

        The next look tells it: by then it is known whether it is this line or the whole venue.
        """
        _fall_silent(line, now)
        self._why[line.exchange, line.topic] = why
        self._subscribe_anew(line, now)

    def ticking(self, now: int) -> Iterator[None]:
        """Learn the pace of each line, and find those that should have spoken; a step for each venue."""
        for exchange, lines in list(self.of.items()):
            self.delays.setdefault(exchange, Delay()).look(lines.values(), now, self._looked_at)
            overdue, silent = [], []
            for number, line in enumerate(list(lines.values()), 1):
                if number % PORTION == 0:
                    yield
                line.watch(now)
                if line.is_suspect(now):
                    self._silent(exchange, line.topic, False)
                if line.is_overdue(now):
                    overdue.append(line)
                    _fall_silent(line, now)
                if line.silent_since is not None:
                    silent.append(line)
            silent = [line for line in silent if lines.get(line.topic) is line]
            overdue = [line for line in overdue if lines.get(line.topic) is line]
            if silent or self._quality.open:
                self._tell_all(exchange, silent, len(lines), now)
            for line in overdue:
                self._subscribe_anew(line, now)
            yield
        self._looked_at = now

    def _tell_all(self, exchange: str, silent: list[Line], lines: int, now: int) -> None:
        """Tell what is silent now: most of a venue's lines once, for the venue, else each for its contracts."""
        if len(silent) > max(SEVERAL, TOGETHER * lines):
            self._quality.raised(
                exchange,
                None,
                "silent",
                STREAMS,
                now=now,
                since=min(line.silent_since or now for line in silent),
                detail=f"{len(silent)} of {lines} streams of {exchange} say nothing",
                severity="critical",
            )
            return
        for line in silent:
            self._tell(line, now)
        detail = f"the streams of {exchange} speak again"
        self._quality.cleared(exchange, None, "silent", STREAMS, now=now, detail=detail)

    def _tell(self, line: Line, now: int) -> None:
        since = line.silent_since or now
        why = self._why.get((line.exchange, line.topic), "no frame came in time")
        for instrument in self._contracts.get((line.exchange, line.topic)) or (None,):
            self._quality.raised(
                line.exchange,
                instrument,
                "silent",
                line.topic,
                now=now,
                since=since,
                detail=f"the stream {line.topic} of {line.exchange} is confirmed and silent: {why}",
                expected=line.deadline_ms / 1000,
                observed=(now - since) / 1000,
            )

    def _subscribe_anew(self, line: Line, now: int) -> None:
        place = (line.exchange, line.topic)
        anew = now - self._renewed.get(place, 0) >= RENEWED_MS
        if anew:
            self._renewed[place] = now
        self._silent(*place, anew)

    def _clear(self, line: Line, now: int, detail: str, kinds: Sequence[str] = ("silent", "refused")) -> None:
        line.silent_since = None
        if self._why:
            self._why.pop((line.exchange, line.topic), None)
        if not self._quality.open:
            return
        for instrument in self._contracts.get((line.exchange, line.topic)) or (None,):
            for kind in kinds:
                self._quality.cleared(line.exchange, instrument, kind, line.topic, now=now, detail=detail)


def _fall_silent(line: Line, now: int) -> None:
    """Note that a line is not sound any more; it is looked at again when a new subscription should have spoken."""
    if line.silent_since is None:
        line.silent_since = line.heard_at or line.asked_at or now
    line.since, line.asked_at = None, now
