"""Config -> recorder and its upkeep."""

from microstream.config import Config
from microstream.history.recorder import Recorder
from microstream.history.store import Store
from microstream.history.upkeep import Upkeep
from microstream.sinks.bus import is_brief


def recording(config: Config, url: str) -> tuple[Recorder, Upkeep]:
    """Return what records a server to the store of a configuration, and what looks after the tables.

    They have tables of their own, because a table that is read again for one would hide from the other what third
    parties have written.
    """
    history = config.history
    recorder = Recorder(
        url,
        Store(history.url),
        flush_s=history.flush,
        kept_s=lambda group: kept_s(config, group),
    )
    return recorder, Upkeep(Store(history.url), keep_s=history.keep, max_total=history.max_total)


def kept_s(config: Config, group: str) -> float:
    """Return how long the log of a group is kept."""
    redis = config.redis
    return min(redis.brief_max_age, redis.stream_max_age) if is_brief(group) else redis.stream_max_age
