"""What the recorder tells of itself: plain numbers, by family."""

from collections import Counter

from msgspec import Struct, field


class RecorderState(Struct):
    """Counts since the start.

    `rows` were written, `rejects` are payloads that do not fit, `lost` is how many messages (of a log that was cut off
    before it could be read: at least how many) never came. `lag_s` is how old the oldest entry is that is read and not
    written. `down` says of a family why its table cannot be written, `redis` why the server
    cannot be read: nothing while it can, None before the first attempt.
    """

    rows: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    lag_s: dict[str, float] = {}
    down: dict[str, str] = {}
    redis: str | None = None
