"""What history costs: recording the full market, a recorder that is killed, replay, a month of one among all."""

from collections.abc import Callable, Sequence

from benchmarks import history_month, history_recording, history_replay

PARTS: Sequence[Callable[[], None]] = (
    history_recording.rows,
    history_recording.kills,
    history_replay.main,
    history_month.main,
)


def main() -> None:
    """Run every part."""
    for part in PARTS:
        part()
