"""Are the names in the configuration names of anything? Asked once, at the start."""

import asyncio
from collections.abc import Sequence

import structlog

from microstream.app.book import InstrumentBook
from microstream.errors import ConfigError
from microstream.model.instruments import Instrument
from microstream.model.symbols import Selection, nearest

OPEN_S = 3.0
"""How long polling waits for slow lists when a name has not been found in the others."""
LONGEST_S = 15.0
"""How long the verdict on such a name waits for them."""

log = structlog.get_logger()


async def check_names(
    selection: Selection,
    books: Sequence[InstrumentBook],
    *,
    strict: bool,
    where: str,
    gate: asyncio.Event,
    open_s: float = OPEN_S,
    longest_s: float = LONGEST_S,
) -> None:
    """Open `gate` as soon as every name is known, or nobody can tell soon whether it is.

    Raises `ConfigError` when every venue has shown its list and a name is in none of them; without `strict` that is a
    warning. A venue that is away keeps no other waiting: its names are looked at when it comes back.
    """
    opener = asyncio.get_running_loop().call_later(open_s, gate.set)
    try:
        async with asyncio.timeout(longest_s):
            await _first_tries(selection, books, gate)
    except TimeoutError:
        pass
    finally:
        opener.cancel()
    missing = selection.unmatched(_known(books))
    if not _known(books):
        log.error(
            "no venue can be read; to try the service without internet: microstream demo, or run --simulate"
        )
    unread = [book.venue for book in books if not book.ready.is_set()]
    if missing and not unread:
        text = "\n".join(_unknown(name, books, where) for name in missing)
        if strict:
            raise ConfigError(text)
        log.warning("symbols that no venue lists are left out", names=missing, why=text)
    elif missing:
        log.warning("names not found yet", names=missing, unread=unread)
    gate.set()
    silent = selection.following_none(_known(books))
    if silent:
        log.warning(
            "names that follow nothing live: suspended, not launched yet, or waiting for tradfi", names=silent
        )
    if missing and unread:
        await asyncio.gather(*(book.ready.wait() for book in books))
        for name in selection.unmatched(_known(books)):
            log.error("symbol that no venue lists", why=_unknown(name, books, where))


async def _first_tries(selection: Selection, books: Sequence[InstrumentBook], gate: asyncio.Event) -> None:
    async def one(book: InstrumentBook) -> None:
        await book.first_try.wait()
        if not gate.is_set() and not selection.unmatched(_known(books)):
            gate.set()

    async with asyncio.TaskGroup() as group:
        for book in books:
            group.create_task(one(book))


def _known(books: Sequence[InstrumentBook]) -> list[Instrument]:
    return [item for book in books for item in book.known.values()]


def _unknown(name: str, books: Sequence[InstrumentBook], where: str) -> str:
    near = nearest(name, _known(books))
    hint = f"; nearest: {', '.join(near)}" if near else ""
    venues = ", ".join(book.venue for book in books)
    return f"{where}: symbols: '{name}' is listed by none of {venues}{hint}"
