"""What history costs: recording the full market, and what a recorder that is killed leaves."""

from collections.abc import Callable, Sequence

from benchmarks import history_recording

PARTS: Sequence[Callable[[], None]] = (history_recording.rows, history_recording.kills)


def main() -> None:
    """Run every part."""
    for part in PARTS:
        part()
