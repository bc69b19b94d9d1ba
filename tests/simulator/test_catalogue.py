"""Which contracts exist: sizes, overlap, and every odd kind that the venues' pages name."""

import re

from microstream_sim.contracts import Contract

Catalogue = dict[str, dict[str, Contract]]


def test_sizes(catalogue: Catalogue) -> None:
    """Several hundred contracts a venue; Bybit has more tradable linear ones than fit one page."""
    assert 520 <= len(catalogue["binance"]) <= 600
    assert 300 <= len(catalogue["okx"]) <= 400
    trading = [c for c in catalogue["bybit"].values() if c.status == "Trading" and not c.inverse]
    assert len(trading) > 500


def test_bases_overlap_without_being_equal(catalogue: Catalogue) -> None:
    """Venues share most coins, and each has some of its own."""
    coins = {venue: {c.coin.name for c in rows.values()} for venue, rows in catalogue.items()}
    assert len(coins["binance"] & coins["bybit"] & coins["okx"]) > 150
    for venue, own in coins.items():
        others = set[str]().union(*(names for other, names in coins.items() if other != venue))
        assert own - others, venue


def test_multipliers_differ_between_venues(catalogue: Catalogue) -> None:
    """1000SATS on Binance is 10000SATS on Bybit and plain SATS with a large contract on OKX."""
    assert catalogue["binance"]["1000SATSUSDT"].multiplier == 1_000
    assert catalogue["bybit"]["10000SATSUSDT"].multiplier == 10_000
    assert catalogue["okx"]["SATS-USDT-SWAP"].multiplier == 1
    assert catalogue["okx"]["SATS-USDT-SWAP"].contract_size >= 1_000_000
    assert catalogue["binance"]["1MBABYDOGEUSDT"].multiplier == 1_000_000
    assert catalogue["binance"]["1000000MOGUSDT"].multiplier == 1_000_000
    assert catalogue["bybit"]["SHIB1000USDT"].multiplier == 1_000
    assert catalogue["bybit"]["1000NEIROCTOUSDT"].coin.name == "NEIRO"


def test_digits_that_are_no_multiplier(catalogue: Catalogue) -> None:
    """1INCH, 0G, 2Z and 4 are names."""
    assert catalogue["binance"]["1INCHUSDT"].multiplier == 1
    assert {"1INCHUSDT", "0GUSDT", "2ZUSDT", "4USDT", "B2USDT", "API3USDT", "C98USDT"} <= set(
        catalogue["bybit"]
    )


def test_odd_kinds_of_binance(catalogue: Catalogue) -> None:
    """Every odd kind of Binance is there."""
    rows = catalogue["binance"]
    assert "币安人生USDT" in rows
    assert "BTCUSDC" in rows
    assert {"PENDING_TRADING", "SETTLING", "CLOSE"} <= {c.status for c in rows.values()}
    assert any(re.fullmatch(r"BTCUSDT_\d{6}", symbol) for symbol in rows)
    assert any(c.live and c.delivers_at for c in rows.values()), "announced delisting"
    assert {"TRADIFI_PERPETUAL", "EMPTY_TYPE", "COIN_M"} <= {c.rule for c in rows.values()}
    assert {c.index_shown for c in rows.values()} == {"value", "empty", "missing"}
    assert {c.interval_h for c in rows.values()} == {8, 4, 1, None}


def test_odd_kinds_of_bybit(catalogue: Catalogue) -> None:
    """Every odd kind of Bybit is there."""
    rows = catalogue["bybit"]
    assert {"BTCPERP", "1000PEPEPERP", "BTCUSD"} <= set(rows)
    assert {"PreLaunch", "Trading", "Delivering", "Closed"} == {c.status for c in rows.values()}
    assert {"stock", "commodity", "forex"} <= {c.coin.category for c in rows.values()}
    assert any(re.fullmatch(r"BTCUSDT-\d{1,2}[A-Z]{3}\d\d", symbol) for symbol in rows)
    assert any(re.fullmatch(r"BTC-\d{1,2}[A-Z]{3}\d\d", symbol) for symbol in rows)
    assert any(c.live and c.delivers_at for c in rows.values())
    assert {c.interval_h for c in rows.values()} == {8, 4, 2, 1, None}


def test_odd_kinds_of_okx(catalogue: Catalogue) -> None:
    """Every odd kind of OKX is there."""
    rows = catalogue["okx"]
    assert {"BTC-USDT-SWAP", "BTC-USDC-SWAP", "BTC-USD_UM-SWAP", "BTC-USD-SWAP"} <= set(rows)
    assert rows["BTC-USD_UM_XPERP-310404"].kind == "xperp"
    assert rows["BTC-USD_UM-SWAP"].settle == "USDⓈ"
    assert {"live", "preopen", "suspend", "post_only", "rebase", "test"} == {c.status for c in rows.values()}
    assert {"stock", "commodity", "forex"} <= {c.coin.category for c in rows.values()}
    assert any(c.kind == "perpetual" and c.live and c.delivers_at for c in rows.values())
    assert {c.interval_h for c in rows.values()} == {8, 6, 4, 2, 1, None}
