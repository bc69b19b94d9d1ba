"""`run` and `seq` of each channel -> repeats and holes (pure)."""


class Numbering:
    """Remembers the newest number of each channel.

    What came before the first message of a channel, or of a new run of the publisher, is unknown and no hole.
    At most `limit` channels are remembered; on further ones every message counts as new and without a hole.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._newest: dict[str, tuple[int, int]] = {}

    def missing_before(self, channel: str, run: int | None, seq: int | None) -> int | None:
        """Note a message; return how many numbers were skipped before it, or None if it was here already.

        Messages without `run` or `seq` are always new.
        """
        if run is None or seq is None:
            return 0
        known_run, known_seq = self._newest.get(channel, (None, 0))
        if known_run is None and len(self._newest) >= self._limit:
            return 0
        if run == known_run and seq <= known_seq:
            return None
        self._newest[channel] = (run, seq)
        return seq - known_seq - 1 if run == known_run else 0
