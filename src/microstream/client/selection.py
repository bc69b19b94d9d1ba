"""Which messages a reader wants: channel globs, and names of contracts within them."""

import re
from collections.abc import Iterable
from fnmatch import translate

from msgspec import Struct

from microstream.model.channels import PREFIXES
from microstream.model.globs import channel_regex, literal_head

UNASKED = tuple(family for family in PREFIXES if family != "bars")
"""The families that are read where no channel is named: bars of fifteen timeframes are for those who ask for them."""
EVERY_CHANNEL = tuple(f"{PREFIXES[family]}:*" for family in UNASKED)


def spellings(symbol: str, instrument: str | None) -> set[str]:
    """Return every way to name a contract, in lower case.

    The venue's symbol with and without dash, the instrument, its pair (`sol/usdt`, `sol-usdt`, `solusdt`) and
    its base coin.
    """
    names = {symbol, symbol.replace("-", "")}
    if instrument:
        pair = instrument.lower().partition(":")[0]
        base = pair.partition("/")[0]
        names |= {instrument.lower(), pair, pair.replace("/", "-"), pair.replace("/", ""), base}
    return names


class Selection(Struct, frozen=True):
    """A message is wanted if its channel matches one of `channels` and its contract one of `names`.

    `channels` are globs as Redis takes them. `names` is None where every contract is wanted.
    """

    channels: tuple[str, ...] = EVERY_CHANNEL
    names: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> "Selection":
        """Sort patterns into channel globs and names.

        A pattern with a `/` is an instrument (`SOL/USDT:USDT`, `*/USDC:*`); else one with a `:` is a channel
        glob (`funding:*:*`); the rest are names (`SOL`, `btcusdt`, `SOL*`), case does not matter. Raises
        `ConfigError` for a channel glob that cannot be read.
        """
        channels: list[str] = []
        names: list[str] = []
        for pattern in patterns:
            is_channel = ":" in pattern and "/" not in pattern
            (channels if is_channel else names).append(pattern)
        for glob in channels:
            channel_regex(glob)
        return cls(tuple(dict.fromkeys(channels)) or EVERY_CHANNEL, any_name(names) if names else None)

    def wants_channel(self, channel: str) -> bool:
        """Return whether a subscription to this selection delivers the channel."""
        return any(channel_regex(glob).fullmatch(channel) for glob in self.channels)

    def may_want(self, prefix: str) -> bool:
        """Return False where no channel that begins with the prefix can be wanted."""
        heads = map(literal_head, self.channels)
        return any(head.startswith(prefix) or prefix.startswith(head) for head in heads)

    def wants_contract(self, symbol: str, instrument: str | None) -> bool:
        """Return whether the contract goes by one of the names."""
        return self.names is None or any(map(self.names.fullmatch, spellings(symbol, instrument)))


def any_name(globs: Iterable[str]) -> re.Pattern[str]:
    """Return the regular expression for lower-case names that match one of the globs."""
    return re.compile("|".join(translate(glob.lower()) for glob in globs))
