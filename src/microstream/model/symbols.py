"""Any accepted spelling of what to follow -> instruments, or the nearest matches.

A user writes a venue's own name (`BTCUSDT`, `BTC-USDT-SWAP`), a channel's symbol (`btc-usdt`), a cross-venue name
(`BTC/USDT:USDT`), a pair in any usual spelling (`BTC/USDT`, `BTC-USDT`, `BTC_USDT`, `BTCUSDT`), a bare asset (`BTC`), a
glob over cross-venue names (`*/USDT:USDT`), any of these for one venue (`okx:BTC/USDT`), or `all`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from microstream.model.instruments import Instrument

ALL = "all"
NEAREST = 3
ALIKE = 0.6
LEAST = 3
"""Letters that a shorter spelling needs for being taken as the beginning of a longer one: ETH of ETHEREUM."""
_GLOB = re.compile(r"[*?\[]")
_SET = re.compile(r"\[[^]]*\]")


class Selection:
    """What the configuration asks for. `tradfi` lets perpetuals on stocks, commodities and currencies join groups."""

    def __init__(self, names: Sequence[str], *, tradfi: bool = False) -> None:
        self.names = tuple(names)
        self._wishes = tuple(_Wish(name) for name in names)
        self._tradfi = tradfi

    def follows(self, instrument: Instrument) -> bool:
        """Return whether a contract is asked for. Names ask for any status, groups for what is live."""
        return any(wish.takes(instrument, self._tradfi) for wish in self._wishes)

    def chosen(self, instruments: Collection[Instrument]) -> list[Instrument]:
        """Return the contracts of one venue that are asked for.

        A spelling that is the symbol of one of them means that one: `btc-usd` is OKX's inverse perpetual, and not the
        others of the pair BTC/USD.
        """
        chosen: dict[str, Instrument] = {}
        for wish in self._wishes:
            named = [item for item in instruments if wish.names(item)]
            for item in named or instruments:
                if wish.takes(item, self._tradfi):
                    chosen[item.name] = item
        return list(chosen.values())

    def following_none(self, instruments: Collection[Instrument]) -> list[str]:
        """Return the names that contracts answer to, none of which is followed or live."""
        known = list(instruments)
        return [
            wish.name
            for wish in self._wishes
            if any(wish.answers(item) for item in known)
            and not any(wish.takes(item, self._tradfi) and item.status == "live" for item in known)
        ]

    def unmatched(self, instruments: Iterable[Instrument]) -> list[str]:
        """Return the names that no contract answers to."""
        known = list(instruments)
        return [wish.name for wish in self._wishes if not any(wish.answers(item) for item in known)]


def nearest(name: str, instruments: Iterable[Instrument]) -> list[str]:
    """Return the spellings that look most like an unknown name, best first."""
    spellings: dict[str, str] = {}
    for item in instruments:
        pairs = (item.base, f"{item.base}/{item.quote}") if item.kind == "perpetual" else ()
        for spelling in (*pairs, item.name, item.instrument):
            spellings.setdefault(_plain(spelling), spelling)
    _, text = _split(name)
    wanted = _plain(text)
    found = get_close_matches(wanted, spellings, n=NEAREST, cutoff=ALIKE)
    begun = [
        plain for plain in spellings.keys() - set(found) if len(plain) >= LEAST and wanted.startswith(plain)
    ]
    longest = sorted(begun, key=len)[-1:]
    return [spellings[plain] for plain in [*found[: NEAREST - len(longest)], *longest]]


def _split(name: str) -> tuple[str | None, str]:
    """Return the venue that a name is limited to, if it is, and the rest."""
    venue, separator, rest = name.strip().partition(":")
    return (venue.lower(), rest) if separator and "/" not in venue else (None, name.strip())


def _plain(text: str) -> str:
    return re.sub(r"[/_\-:]", "", text).upper()


class _Wish:
    """One name of the configuration, understood once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._venue, text = _split(name)
        self._all = text.lower() == ALL
        self._glob = text.upper() if _GLOB.search(text) else None
        self._exact = text.upper()
        self._plain = _plain(text) if ":" not in text else None

    def answers(self, instrument: Instrument) -> bool:
        """Return whether the name means this contract, whatever its status."""
        if self._venue is not None and instrument.exchange != self._venue:
            return False
        if self._all:
            return instrument.kind == "perpetual"
        if self._glob is not None:
            return self._matches_glob(instrument)
        return self.names(instrument) or (
            instrument.kind == "perpetual" and self._plain in _spellings(instrument)
        )

    def takes(self, instrument: Instrument, tradfi: bool) -> bool:
        """Return whether the contract is to be followed under this name."""
        if instrument.status == "delisted" or not self.answers(instrument):
            return False
        if self.names(instrument):
            return True
        group = self._all or self._glob is not None or self._plain not in _pairs(instrument)
        return instrument.status == "live" and not (group and instrument.tradfi and not tradfi)

    def names(self, instrument: Instrument) -> bool:
        """Return whether the name is one of the contract's own."""
        if self._venue is not None and instrument.exchange != self._venue:
            return False
        exact = self._exact
        return exact in (instrument.name.upper(), instrument.symbol.upper(), instrument.instrument.upper())

    def _matches_glob(self, instrument: Instrument) -> bool:
        assert self._glob is not None  # noqa: S101
        if instrument.kind == "future" and "-" not in _SET.sub("", self._glob):
            return False
        return fnmatchcase(instrument.instrument.upper(), self._glob)


def _pairs(instrument: Instrument) -> frozenset[str]:
    """Return the pair by the coin's name and by the name of the contract's unit."""
    return frozenset(_plain(base + instrument.quote) for base in (instrument.base, instrument.venue_base))


def _spellings(instrument: Instrument) -> frozenset[str]:
    """Return coin and pair, by the coin's name and by the name of the contract's unit."""
    return _pairs(instrument) | {_plain(instrument.base), _plain(instrument.venue_base)}
