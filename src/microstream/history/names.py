"""Which contracts of a table a spelling means: a venue's name, the cross-venue name, a pair, a coin, a glob, `all`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import polars as pl
from msgspec.structs import replace

from microstream import venues
from microstream.errors import ConfigError
from microstream.model.instruments import Instrument
from microstream.model.symbols import ALL, Selection, nearest

_GLOB = re.compile(r"[*?\[]")
_NAME = re.compile(r"(?P<base>[^/]+)/(?P<quote>[^:]+)(?::(?P<settle>[^-]+)(?:-(?P<date>.+))?)?")
_LAST = "\x7f"
"""Comes after every letter of a name."""


class Contract(NamedTuple):
    """A contract as the rows of a table name it; `instrument` is None where no row says."""

    exchange: str
    symbol: str
    instrument: str | None


def venue_of(spelling: str) -> tuple[str | None, str]:
    """Return the venue that a spelling is limited to (`okx:BTC/USDT`), if it is, and the rest."""
    venue, separator, rest = spelling.strip().partition(":")
    return (venue.lower(), rest) if separator and "/" not in venue else (None, spelling.strip())


def candidates(spelling: str) -> pl.Expr:
    """Return a condition that takes every row that a spelling could mean, and few others.

    It compares columns with plain values, so that whole files and row groups are left out by their statistics.
    """
    venue, text = venue_of(spelling)
    of_venue = pl.lit(True) if venue is None else pl.col("exchange") == venue
    if text.lower() == ALL or _GLOB.search(text):
        return of_venue
    plain = re.sub(r"[/_\-]", "", text).upper()
    symbols = _begins("symbol", plain.lower()) | _begins("symbol", text.lower().removesuffix("-swap"))
    beginnings = {f"{plain}/", *(f"{plain[:at]}/{plain[at:]}" for at in range(1, len(plain)))}
    names = [_begins("instrument", beginning) for beginning in sorted(beginnings)] if ":" not in text else []
    return of_venue & pl.any_horizontal(symbols, pl.col("instrument") == text.upper(), *names)


def chosen(spelling: str, contracts: Iterable[Contract]) -> list[Contract]:
    """Return the contracts that a spelling means, by the rules of the configuration's `symbols`."""
    selection = Selection([spelling], tradfi=True)
    found: list[Contract] = []
    for _, group in groupby(sorted(set(contracts), key=_order), key=lambda each: each.exchange):
        of_venue = {instrument_of(each): each for each in group}
        found += [of_venue[item] for item in selection.chosen(list(of_venue))]
    return sorted(found, key=_order)


def unknown(spelling: str, contracts: Sequence[Contract], where: str) -> ConfigError:
    """Return the error of a spelling that no contract of a table answers to, with the nearest that do."""
    near = nearest(spelling, map(instrument_of, contracts))
    hint = f"nearest: {', '.join(near)}" if near else f"{len(contracts)} others are there"
    return ConfigError(f"'{spelling}' is not in {where}; {hint}")


def instrument_of(contract: Contract) -> Instrument:
    """Return a contract with all its spellings, as the naming rules of its venue have them."""
    guess = _guessed(contract.exchange, contract.symbol)
    name = contract.instrument or (guess.instrument if guess else contract.symbol.upper())
    parts = _NAME.fullmatch(name)
    base, quote, settle = (parts["base"], parts["quote"], parts["settle"] or "") if parts else (name, "", "")
    # Pairs of the spot family are found by the same spellings, so they count as what is meant without a date.
    kind = "future" if parts and parts["date"] and (guess is None or guess.kind == "future") else "perpetual"
    fallback = Instrument(
        exchange=contract.exchange,
        name=contract.symbol.upper(),
        symbol=contract.symbol,
        instrument=name,
        base=base,
        venue_base=base,
        quote=quote,
        settle=settle,
        kind="perpetual",
    )
    known = guess or fallback
    return replace(known, instrument=name, base=base, quote=quote, settle=settle, kind=kind, status="live")


def named(exchange: str, symbol: str) -> Contract:
    """Return the contract of a symbol, its cross-venue name by the naming rules of its venue."""
    guess = _guessed(exchange, symbol)
    return Contract(exchange, symbol, guess.instrument if guess else None)


def _guessed(exchange: str, symbol: str) -> Instrument | None:
    if exchange not in venues.REGISTRY:
        return None
    guess = venues.load(exchange).guess
    found = (guess(name) for name in (symbol.upper(), f"{symbol.upper()}-SWAP"))
    return next((item for item in found if item is not None and item.symbol == symbol), None)


def _begins(column: str, beginning: str) -> pl.Expr:
    return (pl.col(column) >= beginning) & (pl.col(column) < beginning + _LAST)


def _order(contract: Contract) -> tuple[str, str, str]:
    return contract.exchange, contract.symbol, contract.instrument or ""


def contracts_of(frame: pl.DataFrame) -> Iterator[Contract]:
    """Yield the rows of a frame with the columns exchange, symbol and instrument."""
    return (Contract(*row) for row in frame.select("exchange", "symbol", "instrument").iter_rows())
