"""What a name of the configuration means, in every spelling of the contract's section 1."""

import pytest
from tests.unit.model.contracts import catalogue, contract

from microstream.model.symbols import Selection, nearest

BTC_USDT = {"binance:BTCUSDT", "bybit:BTCUSDT", "okx:BTC-USDT-SWAP"}
BTC_USDC = {"binance:BTCUSDC", "bybit:BTCPERP", "okx:BTC-USDC-SWAP"}
BTC_USD = {"okx:BTC-USD-SWAP", "okx:BTC-USD_UM-SWAP", "okx:BTC-USD_UM_XPERP-310404"}
DATED = {"binance:BTCUSDT_270326", "bybit:BTCUSDT-26MAR27", "okx:BTC-USDT-270326"}
SOL = {"binance:SOLUSDT", "bybit:SOLUSDT", "okx:SOL-USDT-SWAP"}
PEPE = {"binance:1000PEPEUSDT", "okx:PEPE-USDT-SWAP"}
STOCKS = {"binance:TSLAUSDT", "bybit:TSLAUSDT"}
EVERYTHING = {f"{item.exchange}:{item.name}" for item in catalogue()}


def followed(*names: str, tradfi: bool = False) -> set[str]:
    """Return what a selection follows of the catalogue."""
    selection = Selection(names, tradfi=tradfi)
    return {f"{item.exchange}:{item.name}" for item in catalogue() if selection.follows(item)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # a pair in any usual spelling: exactly that perpetual on every venue that has it
        *(
            (spelling, SOL)
            for spelling in ("SOL/USDT", "SOL-USDT", "SOL_USDT", "SOLUSDT", "sol/usdt", "solusdt")
        ),
        ("BTC/USDT", BTC_USDT),
        ("btc-usdt", BTC_USDT),
        ("BTC/USDC", BTC_USDC),
        ("BTC/USD", BTC_USD),
        # multiplier contracts by coin and by unit
        ("PEPE/USDT", PEPE),
        ("1000PEPE/USDT", {"binance:1000PEPEUSDT"}),
        ("1000PEPEUSDT", {"binance:1000PEPEUSDT"}),
        ("SATS", {"bybit:10000SATSUSDT"}),
        ("shib/usdt", {"bybit:SHIB1000USDT"}),
        ("BABYDOGE", {"binance:1MBABYDOGEUSDT"}),
        ("1INCH", {"binance:1INCHUSDT"}),
        # the venues' own names and the channels' symbols
        ("BTCPERP", {"bybit:BTCPERP"}),
        ("BTC-USDT-SWAP", {"okx:BTC-USDT-SWAP"}),
        ("btc-usd_um-swap", {"okx:BTC-USD_UM-SWAP"}),
        ("btc-usd_um", {"okx:BTC-USD_UM-SWAP"}),
        ("BTC-USD_UM_XPERP-310404", {"okx:BTC-USD_UM_XPERP-310404"}),
        ("币安人生USDT", {"binance:币安人生USDT"}),
        ("币安人生", {"binance:币安人生USDT"}),
        # cross-venue names
        ("BTC/USDT:USDT", BTC_USDT),
        ("BTC/USD:BTC", {"okx:BTC-USD-SWAP"}),
        ("BTC/USD:USD", {"okx:BTC-USD_UM-SWAP"}),
        ("BTC/USD:USD-310404", {"okx:BTC-USD_UM_XPERP-310404"}),
        # dated contracts only by name
        ("BTC/USDT:USDT-270326", DATED),
        ("BTCUSDT_270326", {"binance:BTCUSDT_270326"}),
        ("btcusdt-26mar27", {"bybit:BTCUSDT-26MAR27"}),
        ("BTC-USDT-270326", {"okx:BTC-USDT-270326"}),
        # a bare asset: all its perpetuals
        ("SOL", SOL),
        ("BTC", BTC_USDT | BTC_USDC | BTC_USD),
        # globs over cross-venue names
        ("*/USDC:USDC", BTC_USDC),
        ("BTC/*", BTC_USDT | BTC_USDC | BTC_USD),
        ("btc/usd*:btc", {"okx:BTC-USD-SWAP"}),
        (
            "[BS]*/USDT:USDT",
            BTC_USDT | SOL | {"binance:1MBABYDOGEUSDT", "bybit:SHIB1000USDT", "bybit:10000SATSUSDT"},
        ),
        ("[A-C]TC/USDT:USDT", BTC_USDT),
        ("*-270326", DATED),
        ("BTC/USDT:USDT-*", DATED),
        # one venue only
        ("okx:BTC/USDT", {"okx:BTC-USDT-SWAP"}),
        ("OKX:btc/usdt:usdt", {"okx:BTC-USDT-SWAP"}),
        ("bybit:SOL", {"bybit:SOLUSDT"}),
        ("bybit:*/USDC:USDC", {"bybit:BTCPERP"}),
        # nothing
        ("DOGE/USDT", set()),
        ("BTC/EUR", set()),
        ("kraken:BTC/USDT", set()),
    ],
)
def test_a_name_means_exactly(name: str, expected: set[str]) -> None:
    """Every spelling of the contract's first section."""
    assert followed(name) == expected


def test_all_is_every_live_perpetual() -> None:
    """Neither dated contracts nor stocks join by themselves; inverse contracts and X-Perps do."""
    assert followed("all") == EVERYTHING - DATED - STOCKS
    assert followed("ALL", tradfi=True) == EVERYTHING - DATED
    assert followed("okx:all") == {name for name in EVERYTHING - DATED if name.startswith("okx:")}


def test_stocks_join_groups_on_request_and_names_always() -> None:
    """`tradfi` is about `all`, coins and globs: who names a contract or its pair means it."""
    assert not followed("*/USDT:USDT") & STOCKS
    assert followed("*/USDT:USDT", tradfi=True) >= STOCKS
    assert not followed("TSLA")
    assert followed("TSLA", tradfi=True) == STOCKS
    for name in ("TSLA/USDT", "TSLAUSDT", "TSLA/USDT:USDT"):
        assert followed(name) == STOCKS, name


def test_a_symbol_means_its_own_contract_within_its_venue() -> None:
    """`btc-usd` is OKX's inverse perpetual; the pair BTC/USD is every perpetual of it."""
    okx = [item for item in catalogue() if item.exchange == "okx"]
    assert {item.symbol for item in Selection(["btc-usd"]).chosen(okx)} == {"btc-usd"}
    assert {item.symbol for item in Selection(["BTC/USD"]).chosen(okx)} > {"btc-usd", "btc-usd_um"}
    binance = [item for item in catalogue() if item.exchange == "binance"]
    assert {item.symbol for item in Selection(["SOL-USDT"]).chosen(binance)} == {"solusdt"}


def test_names_that_follow_nothing_live_are_found() -> None:
    """A contract that is suspended, and stocks that nobody asked for."""
    halted = [contract("bybit", "SOLUSDT", status="suspended")]
    assert Selection(["solusdt", "BTC"]).following_none(halted) == ["solusdt"]
    assert Selection(["TSLA"]).following_none(catalogue()) == ["TSLA"]
    assert Selection(["TSLA"], tradfi=True).following_none(catalogue()) == []


def test_names_add_up() -> None:
    """Several names follow what any of them means."""
    assert followed("SOL/USDT", "okx:BTC/USDT") == SOL | {"okx:BTC-USDT-SWAP"}


@pytest.mark.parametrize("status", ["prelaunch", "suspended", "settling"])
def test_groups_take_what_is_live_and_exact_names_anything(status: str) -> None:
    """A contract that is not live is followed by its own name only."""
    item = contract("bybit", "SOLUSDT", status=status)
    assert not Selection(["all"]).follows(item)
    assert not Selection(["SOL"]).follows(item)
    assert not Selection(["*/USDT:USDT"]).follows(item)
    assert Selection(["solusdt"]).follows(item)
    assert Selection(["SOL/USDT:USDT"]).follows(item)


@pytest.mark.parametrize("name", ["all", "SOL", "SOL/USDT", "SOLUSDT", "SOL/USDT:USDT", "*"])
def test_delisted_contracts_are_never_followed(name: str) -> None:
    """Not by any name."""
    assert not Selection([name]).follows(contract("bybit", "SOLUSDT", status="delisted"))


def test_unmatched_names_are_told() -> None:
    """A name is known when any contract answers to it, live or not."""
    listed = [contract("bybit", "SOLUSDT", status="suspended")]
    selection = Selection(["SOL", "SOL/USDT", "*/USDT:USDT", "all", "SOLL/USDT", "okx:SOL", "*-270326"])
    assert selection.unmatched(listed) == ["SOLL/USDT", "okx:SOL", "*-270326"]
    assert Selection(["all"]).unmatched([]) == ["all"]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("BTCUSTD", "BTC/USDT"),
        ("BTC/USTD", "BTC/USDT"),
        ("SOLL/USDT", "SOL/USDT"),
        ("okx:SOLL/USDT", "SOL/USDT"),
        ("SOLL/USDT:USDT", "SOL/USDT:USDT"),
        ("okx:SOLL/USDT:USDT", "SOL/USDT:USDT"),
        ("SOLL", "SOL"),
        ("ETHEREUM", "ETH"),
        ("BTC/USDT:USDT-270327", "BTC/USDT:USDT-270326"),
        ("pepe1000usdt", "PEPE/USDT"),
        ("币安人生USTD", "币安人生/USDT"),
    ],
)
def test_typos_are_answered_with_what_was_meant(typo: str, meant: str) -> None:
    """The nearest spellings, few, and the right one among them."""
    assert Selection([typo]).unmatched(catalogue()) == [typo]
    near = nearest(typo, catalogue())
    assert meant in near
    assert len(near) <= 3


def test_what_resembles_nothing_has_no_neighbours() -> None:
    """Better no hint than a wrong one."""
    assert nearest("QQQQQQQQ", catalogue()) == []
