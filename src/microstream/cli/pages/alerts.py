"""Page `alerts`: what is open now, the worst first, then what was over last."""

from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest

from microstream.cli import figures
from microstream.cli.alert import NO_ALERT, Alert, compared, read_alert
from microstream.cli.board import ROW_LIMIT
from microstream.cli.column import PLAIN, Column, Order
from microstream.cli.pages import severity
from microstream.cli.pages.published import PublishedPage, Record
from microstream.cli.pages.runs import EARLIER, Runs
from microstream.client.arrival import Arrival
from microstream.client.selection import spellings

CLEARED_SHOWN = 200


class AlertRow:
    """The newest alert of a rule for a subject."""

    __slots__ = ("_alert", "_of", "arrival", "rule", "subject")

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.rule = arrival.exchange
        self.subject = arrival.item
        self._of: Arrival | None = None
        self._alert = NO_ALERT

    @property
    def alert(self) -> Alert:
        """What the alert says; the payload is read when that is asked for the first time."""
        if self._of is not self.arrival:
            self._alert, self._of = read_alert(self.arrival.raw), self.arrival
        return self._alert

    @property
    def is_open(self) -> bool:
        """Whether the rule holds."""
        return self.alert.state == "raised"

    @property
    def told_at(self) -> int:
        """When the message behind it was received, ms UTC; 0 where that is unknown."""
        return self.arrival.payload.received_at or 0

    @property
    def key(self) -> tuple[str, ...]:
        """What orders rows that are equal in the column sorted by."""
        return (self.rule, self.subject)

    @property
    def names(self) -> set[str]:
        """Rule, subject, and every way to name the contract, in lower case."""
        parts = self.subject.lower().split(":")
        spelled = spellings(parts[-1], self.arrival.payload.instrument)
        return {self.rule.lower(), self.subject.lower(), *parts, *spelled}

    def late(self, now_ms: int) -> bool:
        """Return whether it is over."""
        return not self.is_open


class AlertsPage(PublishedPage[AlertRow]):
    """Open alerts by severity, the newest of each first; then the last that were cleared."""

    name = "alerts"
    about = "open alerts, the worst first, then what was cleared last"
    feeds = ("alert",)
    channels = ("alert:*",)
    sort = "state"

    def __init__(self, runs: Runs) -> None:
        self._rows: dict[str, AlertRow] = {}
        self._columns = _columns(runs)
        self._runs = runs

    def take(self, arrival: Arrival) -> None:
        """Keep the newest alert of a rule and subject as it came."""
        row = self._rows.get(arrival.channel)
        if row is not None:
            row.arrival = arrival
        elif len(self._rows) < ROW_LIMIT:
            self._rows[arrival.channel] = AlertRow(arrival)

    def columns(self, sort: str) -> Sequence[Column[AlertRow]]:
        """Return the columns."""
        return self._columns

    def open(self) -> list[AlertRow]:
        """Return the alerts that are open."""
        return [row for row in self._rows.values() if row.is_open]

    def rows(self) -> Iterable[AlertRow]:
        """Return the alerts that are open, and the last that were cleared."""
        over = (row for row in self._rows.values() if not row.is_open)
        return [*self.open(), *nlargest(CLEARED_SHOWN, over, key=lambda row: row.told_at)]

    def above(self, now_ms: int) -> Sequence[str]:
        """Return how many are open."""
        if not self._rows:
            return ()
        opened = self.open()
        counts = f"open: {severity.counted(row.alert.severity for row in opened)}"
        doubtful = sum(self._runs.is_earlier(row.arrival) for row in opened)
        return (counts, f"{doubtful} ?: {EARLIER}") if doubtful else (counts,)

    def nothing(self) -> str:
        """Return why there are no rows."""
        return "no alert: none was raised since the service started, or it has no rules (alerts in its configuration)"

    def record(self, row: AlertRow, now_ms: int) -> Record:
        """Return an alert for programs."""
        alert = row.alert
        return {
            "rule": row.rule,
            "subject": row.subject,
            "instrument": row.arrival.payload.instrument,
            "state": alert.state,
            "severity": alert.severity,
            "since": alert.since,
            "value": alert.value,
            "threshold": alert.threshold,
            "text": alert.text,
            "received_at": row.arrival.payload.received_at,
            "earlier_run": self._runs.is_earlier(row.arrival),
        }


def _state(row: AlertRow, runs: Runs) -> str:
    text = (row.alert.severity if row.is_open else row.alert.state) or figures.UNKNOWN
    return f"{text} ?" if row.is_open and runs.is_earlier(row.arrival) else text


def _worst_first(row: AlertRow, _: int) -> Order:
    if row.is_open:
        return (1.0, float(severity.rank(row.alert.severity)), float(row.alert.since or 0))
    return (0.0, float(row.told_at), 0.0)


def _compared_column(name: str, value: Callable[[Alert], str | float | None]) -> Column[AlertRow]:
    def number_of(row: AlertRow, _: int) -> float | None:
        found = value(row.alert)
        return None if isinstance(found, str) else found

    return Column(
        name=name,
        title=name,
        text=lambda row, _: compared(value(row.alert)),
        order=number_of,
        floor=9,
        ceiling=14,
        rank=60,
    )


def _columns(runs: Runs) -> tuple[Column[AlertRow], ...]:
    return (
        Column(
            name="state",
            title="state",
            text=lambda row, _: _state(row, runs),
            order=_worst_first,
            style=lambda row, _: severity.style(row.alert.severity) if row.is_open else PLAIN,
            floor=9,
            ceiling=10,
            rank=100,
            left=True,
        ),
        Column(
            name="since",
            title="since UTC",
            text=lambda row, now: figures.moment(row.alert.since, now),
            order=lambda row, _: row.alert.since,
            floor=11,
            ceiling=11,
            rank=90,
        ),
        Column(
            name="age",
            title="told",
            text=lambda row, now: figures.age(row.arrival.payload.received_at, now),
            order=lambda row, now: now - row.told_at if row.told_at else None,
            floor=5,
            ceiling=5,
            rank=40,
            ascending=True,
        ),
        Column(
            name="rule",
            title="rule",
            text=lambda row, _: row.rule,
            order=lambda row, _: row.rule,
            floor=8,
            ceiling=24,
            rank=80,
            left=True,
            ascending=True,
        ),
        Column(
            name="subject",
            title="subject",
            text=lambda row, _: row.subject,
            order=lambda row, _: row.subject,
            floor=10,
            ceiling=28,
            rank=95,
            left=True,
            ascending=True,
        ),
        _compared_column("value", lambda alert: alert.value),
        _compared_column("threshold", lambda alert: alert.threshold),
        Column(
            name="text",
            title="text",
            text=lambda row, _: figures.sentence(row.alert.text),
            order=lambda row, _: row.alert.text,
            floor=20,
            ceiling=160,
            rank=85,
            cut=True,
            left=True,
            ascending=True,
        ),
    )
