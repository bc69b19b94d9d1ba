"""Which swaps, X-Perps and dated futures OKX lists, odd kinds included."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from math import floor, log10
from typing import Any
from zlib import crc32

from microstream_sim.calendar_dates import quarter_ends, yymmdd
from microstream_sim.coins import Coin, coin, crypto_coins, tradfi_coins
from microstream_sim.contracts import Contract, with_decimals
from microstream_sim.waves import DAY_MS

ORDINARY = 290  # USDT swaps listed by default
USD_STABLES = "USDⓈ"  # settlement currency of the USD-margined family: U+24C8
_ALWAYS = {"PEPE", "SATS", "1INCH"}  # however few are wanted
_USDC_MARGINED = (
    "BTC", "ETH", "SOL", "XRP", "DOGE", "PEPE", "SUI", "LTC",
)  # fmt: skip
_USD_MARGINED = ("BTC", "ETH", "SOL", "XRP")
_COIN_MARGINED = (
    "BTC", "ETH", "SOL", "XRP", "DOGE", "LTC", "ADA", "AVAX", "BCH", "DOT", "LINK", "TRX", "UNI",
    "1INCH",
)  # fmt: skip
_X_PERP_EXPIRY = round(datetime(2031, 4, 4, 8, tzinfo=UTC).timestamp() * 1000)
INST_CATEGORIES = {"crypto": "1", "stock": "3", "commodity": "4", "forex": "5"}


def underlying(contract: Contract) -> str:
    """Return `uly`, which is the name of the index: BTC-USDT, BTC-USD."""
    return f"{contract.coin.name}-{contract.quote}"


def family(contract: Contract) -> str:
    """Return `instFamily`: the underlying, with `_UM` for the USD-margined family."""
    return f"{underlying(contract)}_UM" if contract.settle == USD_STABLES else underlying(contract)


def inst_type(contract: Contract) -> str:
    """Return SWAP or FUTURES; X-Perps are FUTURES."""
    return "SWAP" if contract.kind == "perpetual" else "FUTURES"


def contracts(now: int, ordinary: int | None) -> list[Contract]:
    """Return all contracts; `ordinary` limits the plain USDT swaps, odd kinds always come on top."""
    wanted = ORDINARY if ordinary is None else ordinary
    listed = [one for one in crypto_coins() if _lists(one)]
    plain = [_swap(one) for i, one in enumerate(listed) if i < wanted or one.name in _ALWAYS]
    usdc = [_swap(coin(name), quote="USDC", settle="USDC", share=0.03) for name in _USDC_MARGINED]
    tradfi = [_swap(of) for of in tradfi_coins() if of.name not in {"AMZN", "CL"}]
    return [*plain, *usdc, *_usd_margined(), *_coin_margined(now), *tradfi, *_dated(now), *_odd(now)]


def new_listing(symbol: str, now: int) -> Contract:
    """Return an ordinary swap of that instrument id, listed at `now`."""
    base, quote, _ = symbol.split("-", 2)
    return replace(_swap(coin(base), quote=quote, settle=quote), symbol=symbol, listed_at=now)


def _lists(one: Coin) -> bool:
    if one.name in {"币安人生", "BTCDOM", "USDC", "NEX", "4", "B2", "C98"}:
        return False
    return one.oi_usd > 1e8 or one.name in _ALWAYS or crc32(f"okx{one.name}".encode()) % 100 >= 30


def _swap(of: Coin, **settings: Any) -> Contract:
    quote = settings.get("quote", "USDT")
    symbol = f"{of.name}-{quote}-SWAP"
    draw = crc32(symbol.encode())
    interval = (8, 4, 8, 4, 6, 2, 1, 4, 8, 4)[draw % 10] if of.oi_usd < 2e8 else 8
    cap = Decimal("0.00375") if of.oi_usd > 2e8 else Decimal("0.015")
    defaults: dict[str, Any] = {
        "venue": "okx", "symbol": symbol, "kind": "perpetual", "coin": of, "quote": "USDT", "settle": "USDT",
        "status": "live", "live": True, "contract_size": _contract_size(of),
        "interval_h": interval, "cap": cap, "floor": -cap,
        "formula": "withRate" if draw % 4 else "noRate", "rule": "normal", "share": 0.45,
        "listed_at": 1_577_836_800_000 + draw % 2_000 * DAY_MS,
    }  # fmt: skip
    return with_decimals(Contract(**{**defaults, **settings}), most=14)


def _contract_size(of: Coin) -> Decimal:
    """Return coins per contract: 0.01 BTC, 0.1 ETH, millions of a cheap coin."""
    if of.name in {"BTC", "ETH"}:
        return Decimal("0.01") if of.name == "BTC" else Decimal("0.1")
    return Decimal(10) ** floor(log10(30 / of.price))


def _usd_margined() -> list[Contract]:
    settings: dict[str, Any] = {"quote": "USD", "settle": USD_STABLES, "share": 0.02, "interval_h": 8}
    swaps = [_swap(coin(n), symbol=f"{n}-USD_UM-SWAP", **settings) for n in _USD_MARGINED]
    x_perps = [
        _swap(
            coin(name), symbol=f"{name}-USD_UM_XPERP-{yymmdd(_X_PERP_EXPIRY)}", kind="xperp", rule="xperp",
            delivers_at=_X_PERP_EXPIRY, **settings,
        )
        for name in _USD_MARGINED
    ]  # fmt: skip
    return [*swaps, *x_perps]


def _coin_margined(now: int) -> list[Contract]:
    def of(name: str, **more: Any) -> Contract:
        size = Decimal(100) if name == "BTC" else Decimal(10)
        settings = {"quote": "USD", "settle": name, "inverse": True, "contract_size": size, "share": 0.08}
        return _swap(coin(name), **{**settings, **more})

    end = quarter_ends(now, 1)[0]
    dated = [
        of(
            name, symbol=f"{name}-USD-{yymmdd(end)}", kind="future", live=False, interval_h=None,
            delivers_at=end,
        )
        for name in ("BTC", "ETH")
    ]  # fmt: skip
    return [*(of(name) for name in _COIN_MARGINED), *dated]


def _dated(now: int) -> list[Contract]:
    return [
        _swap(
            coin(name), symbol=f"{name}-USDT-{yymmdd(end)}", kind="future", live=False, interval_h=None,
            delivers_at=end, share=0.02,
        )
        for name in ("BTC", "ETH")
        for end in quarter_ends(now, 2)
    ]  # fmt: skip


def _odd(now: int) -> list[Contract]:
    """Return the contracts that break simple readers, each for one reason."""
    leaves_at = (now + 2 * DAY_MS) // DAY_MS * DAY_MS
    return [
        _swap(coin("PREOPENA"), status="preopen", live=False, listed_at=now + DAY_MS),
        _swap(coin("PREOPENB"), status="preopen", live=False, listed_at=now + 2 * DAY_MS),
        _swap(coin("HALTED"), status="suspend", live=False),
        _swap(coin("POSTING"), status="post_only", live=False),
        _swap(coin("RESCALED"), status="rebase", rule="rebase_contract", live=False),
        _swap(coin("TESTCOIN"), status="test", live=False),
        _swap(coin("PREMARKET"), rule="pre_market"),
        _swap(coin("LEAVER"), delivers_at=leaves_at),
    ]
