"""Line: one subscription of a stream as the core sees it: whether it is sound, and what it last said."""

from msgspec import Struct


class Line(Struct, eq=False):
    """A topic of a venue's stream. Times are ms UTC by our clock.

    `whole`: each frame confirms everything that the topic provides of its contracts, since what a frame leaves out is
    unchanged; otherwise each row speaks for itself. `lively_ms` and `quiet_ms` are those of `spec.stream.Topic`.
    `asked_at` is since when its next first frame is awaited, None while it is not confirmed. `since` is when it became
    sound, None while it is not: not confirmed, lost, refused, or silent for too long. `heard_at` is when its last
    frame came, `stamp` the venue's time of that. `pause_ms` is about the longest pause that it has made lately,
    `seen_at` when the last frame had come at the last look, `lost_at` when it was last lost while it was sound.
    """

    exchange: str
    topic: str
    whole: bool
    lively_ms: int
    quiet_ms: int | None
    asked_at: int | None = None
    since: int | None = None
    heard_at: int = 0
    stamp: int | None = None
    pause_ms: int = 0
    seen_at: int = 0
    lost_at: int = 0
    deadline_ms: int = 0
    """Silence after which the line is not sound any more; of one that speaks on change alone, after which polls may
    write its values until it speaks again."""

    def __post_init__(self) -> None:
        """Begin with the patience that the quietest topics need."""
        if not self.deadline_ms:
            self.deadline_ms = self.lively_ms if self.quiet_ms is None else self.quiet_ms

    def watch(self, now: int) -> None:
        """Learn the pace of the topic: its deadline is a few of its own pauses, within the topic's limits."""
        if self.since is None or self.quiet_ms is None:
            return
        if self.heard_at != self.seen_at:  # a pause that goes on may be the end
            pause_ms = self.heard_at - self.seen_at if self.seen_at else 0
            self.pause_ms = max(pause_ms, self.pause_ms - self.pause_ms // PAUSE_FADES)
            self.seen_at = self.heard_at
        if self.pause_ms and now - self.since >= LEARNT_MS:
            self.deadline_ms = min(self.quiet_ms, max(self.lively_ms, PAUSES * self.pause_ms))

    def is_overdue(self, now: int) -> bool:
        """Whether a topic that should have spoken by now has not."""
        if self.since is not None:
            return self.quiet_ms is not None and now - self.heard_at > self.deadline_ms
        return self.asked_at is not None and now - self.asked_at > self.lively_ms

    def vouches_still(self, received_at: int) -> bool:
        """Whether this line has been sound since it brought a value at `received_at`."""
        return self.since is not None and received_at >= self.since

    def vouches(self, received_at: int, now: int) -> bool:
        """Whether a value that this line brought at `received_at` is still what the venue says."""
        if self.since is None or received_at < self.since:
            return False
        return now - (self.heard_at if self.whole else received_at) <= self.deadline_ms


PAUSES = 4
PAUSE_FADES = 100
"""Part of the longest pause that is forgotten at each look that finds a frame: one a second at most."""
LEARNT_MS = 60_000
"""How long a line is watched before its pace is believed."""
