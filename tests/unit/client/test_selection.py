"""Which channels and contracts a pattern means."""

import pytest

from microstream.client.selection import EVERY_CHANNEL, Selection
from microstream.errors import ConfigError
from microstream.model.channels import PREFIXES, channel


def test_no_pattern_means_every_channel_of_the_service() -> None:
    """Each family but the bars is covered by the default, and every contract is wanted."""
    selection = Selection.parse(())
    assert selection.channels == EVERY_CHANNEL
    for family in PREFIXES:
        assert selection.wants_channel(channel(family, "okx", "sol-usdt").name) == (family != "bars")
    assert selection.wants_contract("*", None)


@pytest.mark.parametrize(
    ("pattern", "symbol", "instrument", "wanted"),
    [
        ("SOL*", "solusdt", "SOL/USDT:USDT", True),
        ("btcusdt", "btcusdt", "BTC/USDT:USDT", True),
        ("btcusdt", "btc-usdt", "BTC/USDT:USDT", True),
        ("SOL/USDT", "sol-usdt", "SOL/USDT:USDT", True),
        ("SOL-USDT", "solusdt", "SOL/USDT:USDT", True),
        ("SOL/USDT:USDT", "solusdt", "SOL/USDT:USDT", True),
        ("*/USDC:*", "solusdc", "SOL/USDC:USDC", True),
        ("*/USDC:*", "solusdt", "SOL/USDT:USDT", False),
        ("SOL", "solvusdt", "SOLV/USDT:USDT", False),
        ("sol", "solusdt", "SOL/USDT:USDT", True),
        ("solusdt", "solusdt", None, True),
        ("pepe", "1000pepeusdt", "PEPE/USDT:USDT", True),
        ("sol", "*", None, False),
    ],
)
def test_a_name_fits_every_spelling_of_its_contract(
    pattern: str, symbol: str, instrument: str | None, wanted: bool
) -> None:
    """Symbol, instrument, pair and base coin are all accepted, whatever the case."""
    selection = Selection.parse([pattern])
    assert selection.channels == EVERY_CHANNEL
    assert selection.wants_contract(symbol, instrument) is wanted


def test_names_filter_within_the_channels() -> None:
    """Channel globs choose the channels, names choose the contracts on them."""
    selection = Selection.parse(["funding:*:*", "sol", "meta:oi:binance:*"])
    assert selection.channels == ("funding:*:*", "meta:oi:binance:*")
    assert not selection.wants_channel("meta:oi:okx:sol-usdt")
    assert selection.wants_contract("sol-usdt", "SOL/USDT:USDT")
    assert not selection.wants_contract("btc-usdt", "BTC/USDT:USDT")


def test_a_backward_range_is_refused() -> None:
    """The error names the pattern."""
    with pytest.raises(ConfigError, match=r"funding:\[z-a\]"):
        Selection.parse(["funding:[z-a]"])


@pytest.mark.parametrize(
    ("glob", "prefix", "possible"),
    [
        ("funding:*:*", "funding:okx:", True),
        ("funding:*:*", "meta:oi:okx:", False),
        ("funding:okx:sol-usdt", "funding:okx:", True),
        ("funding:okx:sol-usdt", "funding:bybit:", False),
        ("*", "meta:oi:okx:", True),
        ("f[u]nding:*", "funding:okx:", True),
    ],
)
def test_groups_that_cannot_be_wanted_are_passed_over(glob: str, prefix: str, possible: bool) -> None:
    """Only the fixed beginning of a glob can exclude a group; in doubt it is read."""
    assert Selection.parse([glob]).may_want(prefix) is possible
