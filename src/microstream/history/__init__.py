"""The past in Delta tables: what was published, what the venues tell of it, and what is known to be missing.

`published/{family}` has every message as it was written, `venue/{kind}` what a venue's own history says, `ledger` which
spans were recorded, asked for and lost. Any engine that reads Delta can query them; `History` does it from Python.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microstream.history.query import History

__all__ = ["History"]


def __getattr__(name: str) -> Any:
    """Import `History` when it is used: it needs the libraries of the extra `history`."""
    if name != "History":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from microstream.history.query import History  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"deltalake", "polars"}:
            raise
        raise ImportError(
            "history needs two more libraries: pip install 'p9-microstream[history]'"
        ) from error
    return History
