"""Line: one subscription of a stream as the core sees it: whether it is sound, and what it last said."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Line:
    """A topic of a venue's stream. Times are ms UTC by our clock.

    `whole`: each frame confirms everything that the topic provides of its contracts, since what a frame leaves out is
    unchanged; otherwise each row speaks for itself. `lively_ms` and `quiet_ms` are those of `spec.stream.Topic`.
    `asked_at` is since when its next first frame is awaited, None while it is not confirmed. `since` is when it became
    sound, None while it is not: not confirmed, lost, refused, or silent for too long. `heard_at` is when its last
    frame came, `stamp` the venue's time of that, `lost_at` when it was last cut off while it was sound. `silent_since`
    is since when it has said nothing although it should have, None unless that is so. `pause_ms` is about the longest
    pause that it has made lately, `paced_at` the frame up to which its pauses are known. `missed` counts the changes
    that polls have found since the frame at `missed_at`.
    """

    exchange: str
    topic: str
    whole: bool
    lively_ms: int
    quiet_ms: int | None
    asked_at: int | None = None
    since: int | None = None
    heard_at: int = 0
    lost_at: int = 0
    stamp: int | None = None
    silent_since: int | None = None
    pause_ms: int = 0
    paced_at: int = 0
    deadline_ms: int = 0
    """Silence after which the line is not sound any more; of one that speaks on change alone, after which it does not
    vouch for its values any more."""
    patience_ms: int = 0
    """Silence after which polls are asked early: a few of its own pauses."""
    suspected_at: int = 0
    """The frame after which they were asked."""
    missed: int = 0
    missed_at: int = 0

    def __post_init__(self) -> None:
        """Begin with the patience that the quietest topics need."""
        if not self.deadline_ms:
            self.deadline_ms = self.lively_ms if self.quiet_ms is None else self.quiet_ms

    def limit(self, lively_ms: int, quiet_ms: int | None) -> None:
        """Take the limits of a topic that has changed: a contract that was launched may not be silent any more."""
        if (lively_ms, quiet_ms) != (self.lively_ms, self.quiet_ms):
            self.lively_ms, self.quiet_ms = lively_ms, quiet_ms
            self.deadline_ms = lively_ms if quiet_ms is None else quiet_ms

    def watch(self, now: int) -> None:
        """Learn the pace of the topic: its deadline is many of its own pauses, within its limits, its patience a few.

        A pause counts when it has ended: else a silence would put off its own deadline.
        """
        if self.since is None:
            return
        self.pause_ms -= self.pause_ms // PAUSE_FADES
        if self.heard_at > self.paced_at:
            self.pause_ms = max(self.heard_at - self.paced_at, self.pause_ms)
            self.paced_at = self.heard_at
        if now - self.since < LEARNT_MS:
            self.patience_ms = self.deadline_ms
            return
        self.patience_ms = max(self.lively_ms, FEW * self.pause_ms)
        if self.quiet_ms is not None:
            self.deadline_ms = min(self.quiet_ms, max(self.lively_ms, MANY * self.pause_ms))

    def is_suspect(self, now: int) -> bool:
        """Whether it has been quiet for longer than is its way; told once for each silence."""
        if (
            self.since is None
            or now - self.heard_at <= self.patience_ms
            or self.suspected_at == self.heard_at
        ):
            return False
        self.suspected_at = self.heard_at
        return True

    def has_missed(self) -> bool:
        """Count a change that a poll has found; return whether there were several since the last frame."""
        if self.missed_at != self.heard_at:
            self.missed_at, self.missed = self.heard_at, 0
        self.missed += 1
        return self.missed >= SEVERAL

    def is_overdue(self, now: int) -> bool:
        """Whether a topic that should have spoken by now has not."""
        if self.since is not None:
            return self.quiet_ms is not None and now - self.heard_at > self.deadline_ms
        return self.asked_at is not None and now - self.asked_at > self.lively_ms

    def vouches(self, received_at: int, now: int) -> bool:
        """Whether a value that this line brought at `received_at` is still what the venue says."""
        if self.since is None or received_at < self.since:
            return False
        return now - (self.heard_at if self.whole else received_at) <= self.deadline_ms


FEW, MANY = 3, 8
"""Pauses; those of a contract that trades by chance vary by this much."""
PAUSE_FADES = 600
"""Part of the longest pause that is forgotten at each look: one a second."""
LEARNT_MS = 60_000
"""How long a line is watched before its pace is believed."""
SEVERAL = 2
"""Changes that a silent line must have missed to be told: one may be on its way."""
