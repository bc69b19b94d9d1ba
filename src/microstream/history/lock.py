"""One backfill at a time: two would ask twice, and spend the venue's limits twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from microstream.errors import StoreChanged, StoreDown

NAME = "backfill.lock"


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Hold the right to fill a history in a folder; an object store has no such lock.

    Raises `StoreChanged` when another process holds it; it ends with the process, however that ends.
    """
    if "://" in url:
        yield
        return
    path = Path(url) / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+")
    except OSError as error:
        raise StoreDown(f"{path}: {error}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise StoreChanged(
                f"{url}: another backfill (process {holder}) is at work there; wait for its end"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
