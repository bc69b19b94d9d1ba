"""Where a replay may write: not where a live publisher does, as far as that can be seen."""

from structlog import get_logger

from microstream.errors import ConfigError
from microstream.sinks.connection import place
from microstream.sinks.publisher import Publisher, live_publisher

TIMEOUT_S = 5.0

log = get_logger(__name__)


async def check_target(url: str, configured: str) -> None:
    """Look at the server that is to be written to, and at the configured one where that is another database of it.

    Raises `ConfigError` where a live publisher is found, `SinkDown` where the target cannot be asked.
    """
    found = await live_publisher(url, TIMEOUT_S)
    if found is not None:
        raise ConfigError(
            f"a live publisher writes to this server ({_told(found)}): what is replayed would mix with it; name"
            " another server with --redis, or stop the service"
        )
    server, database = place(url)
    beside, theirs = place(configured)
    if server != beside or database == theirs:
        return
    found = await live_publisher(configured, TIMEOUT_S)
    if found is not None:
        raise ConfigError(
            f"a live publisher writes to database {theirs} of this server ({_told(found)}): Pub/Sub knows no"
            f" databases, so who has subscribed there would get what is replayed in {database}; name another server"
        )
    log.warning(
        "Pub/Sub knows no databases: subscribers of the configured database get what is replayed here",
        configured=theirs,
        target=database,
    )


def _told(found: Publisher) -> str:
    return f"{found.stream}, {found.age_ms / 1000:.1f} s ago"
