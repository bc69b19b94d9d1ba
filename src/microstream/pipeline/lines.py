"""The stream's subscriptions of all venues: which are sound, and which have fallen silent."""

from collections.abc import Callable, Collection, Iterable

from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.pipeline.delays import Delay
from microstream.pipeline.quality import Quality

Silent = Callable[[str, str, bool], None]
"""Told venue and topic that have fallen silent, and whether the subscription is to be made anew."""

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

    def add(self, line: Line, contracts: Iterable[Instrument]) -> None:
        """Begin to watch a line; `contracts` are what it is about, none where it is about the whole venue."""
        self.of.setdefault(line.exchange, {})[line.topic] = line
        self._contracts[line.exchange, line.topic] = tuple(contracts)

    def remove(self, line: Line, now: int) -> None:
        """End the watch of a line that is no longer wanted."""
        self._clear(line, now, "it is no longer wanted")
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
            line.pause_ms = line.seen_at = 0
            self._clear(line, now, "it speaks again")

    def lost(self, exchange: str, topics: Iterable[str], now: int) -> None:
        """Note that no connection carries these topics now."""
        lines = self.of.get(exchange, {})
        for topic in topics:
            line = lines.get(topic)
            if line is not None:
                if line.since is not None:
                    line.lost_at = now
                line.since = line.asked_at = None

    def refused(self, exchange: str, topic: str, text: str, code: str, now: int) -> None:
        """Note that the venue refuses a topic; polls have its values for themselves."""
        self.lost(exchange, [topic], now)
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
        """Take a line for silent: it keeps back what the venue says elsewhere."""
        self._fall_silent(line, now, why, self._contracts.get((line.exchange, line.topic)) or (None,))

    def tick(self, now: int) -> None:
        """Learn the pace of each line, and find those that should have spoken."""
        for exchange, lines in self.of.items():
            self.delays.setdefault(exchange, Delay()).look(lines.values(), now, self._looked_at)
            overdue = []
            for line in lines.values():
                line.watch(now)
                if line.is_overdue(now):
                    overdue.append(line)
            if overdue:
                self._overdue(exchange, overdue, len(lines), now)
            elif self._quality.is_open(exchange, "*", "silent", STREAMS) and _most_speak(lines.values()):
                self._quality.cleared(
                    exchange,
                    None,
                    "silent",
                    STREAMS,
                    now=now,
                    detail=f"the streams of {exchange} speak again",
                )

        self._looked_at = now

    def _overdue(self, exchange: str, overdue: list[Line], lines: int, now: int) -> None:
        together = len(overdue) > _many(lines)
        if together:
            self._quality.raised(
                exchange,
                None,
                "silent",
                STREAMS,
                now=now,
                since=min(line.heard_at or line.asked_at or now for line in overdue),
                detail=f"{len(overdue)} of {lines} streams of {exchange} say nothing",
                severity="critical",
            )
        for line in overdue:
            idle_s = round((now - (line.heard_at or line.asked_at or now)) / 1000, 1)
            known = self._contracts.get((exchange, line.topic)) or (None,)
            self._fall_silent(line, now, f"no frame for {idle_s:g} s", () if together else known)

    def _fall_silent(self, line: Line, now: int, why: str, contracts: Iterable[Instrument | None]) -> None:
        since = line.heard_at or line.asked_at or now
        line.since, line.asked_at = None, None
        for instrument in contracts:
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
        place = (line.exchange, line.topic)
        anew = now - self._renewed.get(place, 0) >= RENEWED_MS
        if anew:
            self._renewed[place] = now
        self._silent(*place, anew)

    def _clear(self, line: Line, now: int, detail: str) -> None:
        if not self._quality.open:
            return
        for instrument in self._contracts.get((line.exchange, line.topic)) or (None,):
            for kind in ("silent", "refused"):
                self._quality.cleared(line.exchange, instrument, kind, line.topic, now=now, detail=detail)


def _many(lines: int) -> float:
    """Return how many of so many lines may be silent before it is the venue that is."""
    return max(SEVERAL, TOGETHER * lines)


def _most_speak(lines: Collection[Line]) -> bool:
    return sum(1 for line in lines if line.since is None) <= _many(len(lines))
