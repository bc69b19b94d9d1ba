"""Page `quality`: what is wrong with the values now, and how new they are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from microstream.cli import figures
from microstream.cli.alert import compared
from microstream.cli.board import ROW_LIMIT
from microstream.cli.column import Column
from microstream.cli.pages import severity
from microstream.cli.pages.condition import Condition
from microstream.cli.pages.plain import aligned
from microstream.cli.pages.published import PublishedPage, Record
from microstream.cli.pages.runs import EARLIER, Runs
from microstream.cli.tally import Tally
from microstream.client.arrival import Arrival

VALUES = ("funding", "mark_price", "oi", "spot")
"""The families whose age is shown."""

MISSED = "messages about it were missed: it may be over"

Key = tuple[str, str, str | None, str | None]
"""Venue, symbol, kind, and what it is about."""


class Newest:
    """The newest value of a family of a venue (or of a signal), and what did not come."""

    __slots__ = ("channels", "missing", "newest_ms")

    def __init__(self) -> None:
        self.channels = self.missing = self.newest_ms = 0


class QualityPage(PublishedPage[Condition]):
    """Open conditions; above them the age of the newest value of each venue and family, and holes in `seq`.

    Of what began before the reading, the newest message of each contract is known and no older one.
    """

    name = "quality"
    about = "open conditions per venue and contract (* is the whole venue)"
    feeds = ("quality",)
    channels = ("quality:*", "funding:*", "meta:mark_price:*", "meta:oi:*", "meta:spot:*")
    sort = "severity"

    def __init__(self, tally: Tally, runs: Runs) -> None:
        self._tally = tally
        self._runs = runs
        self._open: dict[Key, Condition] = {}
        self._columns = _columns(runs)

    def take(self, arrival: Arrival) -> None:
        """Take in a condition that began or ended."""
        payload = arrival.payload
        if arrival.missing:
            for condition in self._open.values():
                condition.missed |= condition.arrival.channel == arrival.channel
        key = (arrival.exchange, arrival.item, payload.kind, payload.about)
        if payload.state != "raised":
            self._open.pop(key, None)
        elif key in self._open or len(self._open) < ROW_LIMIT:
            self._open[key] = Condition(arrival)

    def columns(self, sort: str) -> Sequence[Column[Condition]]:
        """Return the columns."""
        return self._columns

    def rows(self) -> Iterable[Condition]:
        """Return the open conditions."""
        return self._open.values()

    def nothing(self) -> str:
        """Return why there are no rows."""
        return "nothing is wrong: no condition is open"

    def above(self, now_ms: int) -> Sequence[str]:
        """Return the counts of open conditions, and of each venue the age of the newest value per family."""
        return [*self._counts(), *self._ages(now_ms)]

    def _counts(self) -> Iterator[str]:
        conditions = list(self._open.values())
        kinds = Counter(condition.kind for condition in conditions).most_common()
        named = ", ".join(f"{count} {kind}" for kind, count in kinds)
        severities = severity.counted(condition.severity for condition in conditions)
        yield f"open: {severities}{f' ({named})' if named else ''}"
        for text, count in Counter(map(self._doubt, conditions)).items():
            if text:
                yield f"{count} ?: {text}"

    def _doubt(self, condition: Condition) -> str:
        if self._runs.is_earlier(condition.arrival):
            return EARLIER
        return MISSED if condition.missed else ""

    def _ages(self, now_ms: int) -> list[str]:
        newest = self.newest()
        venues = sorted({owner for family, owner in newest if family in VALUES})
        families = [family for family in VALUES if any((family, venue) in newest for venue in venues)]
        lines = [["newest value", *families, "contracts", "holes"]] if venues else []
        for venue in venues:
            of_venue = {family: newest[family, venue] for family in families if (family, venue) in newest}
            ages = (
                figures.age(of_venue[family].newest_ms, now_ms) if family in of_venue else figures.UNKNOWN
                for family in families
            )
            channels = max(found.channels for found in of_venue.values())
            missing = sum(found.missing for (_, owner), found in newest.items() if owner == venue)
            lines.append([venue, *ages, str(channels), str(missing)])
        return [*aligned(lines, left={0}), *_signal_ages(newest, now_ms)]

    def newest(self) -> dict[tuple[str, str], Newest]:
        """Return age and holes by family and venue, of signals by `signal` and name."""
        groups: dict[tuple[str, str], Newest] = {}
        for channel in list(self._tally.channels.values()):
            group = groups.setdefault((channel.family, channel.exchange), Newest())
            group.channels += 1
            group.missing += channel.missing
            group.newest_ms = max(group.newest_ms, channel.newest_ms)
        return groups

    def record(self, row: Condition, now_ms: int) -> Record:
        """Return a condition for programs."""
        payload = row.arrival.payload
        return {
            "row": "condition",
            "exchange": row.arrival.exchange,
            "symbol": row.arrival.item,
            "instrument": payload.instrument,
            "kind": payload.kind,
            "about": payload.about,
            "severity": payload.severity,
            "since": payload.since,
            "detail": payload.detail,
            "earlier_run": self._runs.is_earlier(row.arrival),
            "missed": row.missed,
        }

    def records(self, rows: Iterable[Condition], now_ms: int) -> Iterator[Record]:
        """Yield the conditions, then a record per family and venue that was heard."""
        yield from super().records(rows, now_ms)
        for (family, owner), found in sorted(self.newest().items()):
            yield {
                "page": self.name,
                "row": "newest",
                "family": family,
                "owner": owner,
                "channels": found.channels,
                "newest": found.newest_ms,
                "age_ms": now_ms - found.newest_ms,
                "missing": found.missing,
            }


def _signal_ages(newest: dict[tuple[str, str], Newest], now_ms: int) -> Iterator[str]:
    ages = [
        f"{owner} {figures.age(found.newest_ms, now_ms)}"
        for (family, owner), found in sorted(newest.items())
        if family == "signal"
    ]
    if ages:
        yield f"newest signal  {', '.join(ages)}"


def _severity(row: Condition, runs: Runs) -> str:
    doubtful = row.missed or runs.is_earlier(row.arrival)
    return f"{row.severity or figures.UNKNOWN}{' ?' if doubtful else ''}"


def _columns(runs: Runs) -> tuple[Column[Condition], ...]:
    return (
        Column(
            name="severity",
            title="severity",
            text=lambda row, _: _severity(row, runs),
            order=lambda row, _: (float(severity.rank(row.severity)), float(row.since or 0)),
            style=lambda row, _: severity.style(row.severity),
            floor=9,
            ceiling=10,
            rank=100,
            left=True,
        ),
        Column(
            name="since",
            title="since UTC",
            text=lambda row, now: figures.moment(row.since, now),
            order=lambda row, _: row.since,
            floor=11,
            ceiling=11,
            rank=90,
        ),
        Column(
            name="age",
            title="for",
            text=lambda row, now: figures.age(row.since, now),
            order=lambda row, now: None if row.since is None else now - row.since,
            floor=5,
            ceiling=5,
            rank=80,
        ),
        Column(
            name="venue",
            title="venue",
            text=lambda row, _: row.arrival.exchange,
            order=lambda row, _: row.arrival.exchange,
            floor=5,
            ceiling=10,
            rank=95,
            left=True,
            ascending=True,
        ),
        Column(
            name="symbol",
            title="symbol",
            text=lambda row, _: row.arrival.item,
            order=lambda row, _: row.arrival.item,
            floor=8,
            ceiling=24,
            rank=99,
            left=True,
            ascending=True,
        ),
        Column(
            name="kind",
            title="kind",
            text=lambda row, _: row.kind,
            order=lambda row, _: row.kind,
            floor=8,
            ceiling=14,
            rank=97,
            left=True,
            ascending=True,
        ),
        Column(
            name="about",
            title="about",
            text=lambda row, _: compared(row.arrival.payload.about),
            order=lambda row, _: row.arrival.payload.about,
            floor=6,
            ceiling=24,
            rank=70,
            left=True,
            ascending=True,
        ),
        Column(
            name="detail",
            title="detail",
            text=lambda row, _: figures.sentence(row.arrival.payload.detail),
            order=lambda row, _: row.arrival.payload.detail,
            floor=20,
            ceiling=160,
            rank=60,
            cut=True,
            left=True,
            ascending=True,
        ),
    )
