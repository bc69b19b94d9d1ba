"""What the history commands need beyond the service's own libraries."""

from importlib.util import find_spec

from microstream.errors import ConfigError


def need_history() -> None:
    """Raise `ConfigError` when the libraries of the extra `history` are not installed."""
    if any(find_spec(name) is None for name in ("deltalake", "polars")):
        raise ConfigError("history needs two more libraries: pip install 'p9-microstream[history]'")
