"""Which linear and inverse contracts Bybit lists, odd kinds included."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from zlib import crc32

from microstream_sim.calendar_dates import ddmmmyy, month_code, quarter_ends
from microstream_sim.coins import Coin, coin, crypto_coins, tradfi_coins
from microstream_sim.contracts import HOUR_MS, Contract, with_decimals
from microstream_sim.waves import DAY_MS

ORDINARY = 500  # USDT perpetuals listed by default; with the rest more than one page of 500
FACTORS = {
    "PEPE": 1_000, "BONK": 1_000, "TURBO": 1_000, "FLOKI": 1_000, "LUNC": 1_000, "XEC": 1_000, "RATS": 1_000,
    "CAT": 1_000, "BTTC": 1_000, "X": 1_000, "SATS": 10_000, "NEX": 10_000, "MOG": 1_000_000,
    "BABYDOGE": 1_000_000, "CHEEMS": 1_000_000,
}  # fmt: skip
_BASES = {"NEIRO": ("1000NEIROCTO", 1_000), "SHIB": ("SHIB1000", 1_000)}
_ALWAYS = {
    "PEPE",
    "SATS",
    "NEX",
    "NEIRO",
    "SHIB",
    "1INCH",
    "0G",
    "2Z",
    "4",
    "B2",
    "API3",
    "C98",
}
_USDC_MARGINED = (
    "BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "SUI", "LINK", "ADA", "AVAX", "LTC", "NEAR", "ENA",
    "HYPE", "PEPE", "BONK", "ARB", "OP", "WIF", "AAVE",
)  # fmt: skip
_INVERSE = ("BTC", "ETH", "XRP", "SOL", "ADA", "DOT", "LTC")


def base_coin(contract: Contract) -> str:
    """Return `baseCoin` as Bybit writes it, multiplier included."""
    name = contract.coin.name
    if contract.multiplier == 1:
        return name
    return _BASES[name][0] if name in _BASES else f"{contract.multiplier}{name}"


def contracts(now: int, ordinary: int | None) -> list[Contract]:
    """Return all contracts; `ordinary` limits the plain USDT perpetuals, odd kinds always come on top."""
    wanted = ORDINARY if ordinary is None else ordinary
    listed = [one for one in crypto_coins() if _lists(one)]
    plain = [_perpetual(one) for i, one in enumerate(listed) if i < wanted or one.name in _ALWAYS]
    usdc = [_usdc_perpetual(name) for name in _USDC_MARGINED]
    tradfi = [_perpetual(of) for of in tradfi_coins() if of.name != "HOOD"]
    return [*plain, *usdc, *tradfi, *_dated(now), *_inverse(now), *_odd(now)]


def new_listing(symbol: str, now: int) -> Contract:
    """Return an ordinary perpetual of that symbol, listed at `now`."""
    if symbol.endswith("PERP"):
        return replace(_usdc_perpetual(symbol.removesuffix("PERP")), symbol=symbol, listed_at=now)
    return replace(_perpetual(coin(symbol.removesuffix("USDT"))), symbol=symbol, listed_at=now)


def category(contract: Contract) -> str:
    """Return the product category: linear or inverse."""
    return "inverse" if contract.inverse else "linear"


def _lists(one: Coin) -> bool:
    if one.name in {"币安人生", "BTCDOM", "USDC", "WHY"}:
        return False
    return one.oi_usd > 1e8 or one.name in _ALWAYS or crc32(f"bybit{one.name}".encode()) % 100 >= 8


def _perpetual(of: Coin, **settings: Any) -> Contract:
    base, factor = _BASES.get(of.name, (None, FACTORS.get(of.name, 1)))
    symbol = f"{base or (of.name if factor == 1 else f'{factor}{of.name}')}USDT"
    draw = crc32(symbol.encode())
    interval = (8, 4, 8, 4, 4, 2, 1, 4, 8, 4)[draw % 10] if of.oi_usd < 2e8 else 8
    cap = (
        Decimal("0.005")
        if of.oi_usd > 2e8
        else (Decimal("0.02"), Decimal("0.01"), Decimal("0.015"))[draw % 3]
    )
    defaults: dict[str, Any] = {
        "venue": "bybit", "symbol": symbol, "kind": "perpetual", "coin": of, "quote": "USDT",
        "settle": "USDT", "status": "Trading", "live": True, "multiplier": factor, "interval_h": interval,
        "cap": cap, "floor": -cap, "share": 0.65, "listed_at": 1_583_020_800_000 + draw % 2_000 * DAY_MS,
    }  # fmt: skip
    return with_decimals(Contract(**{**defaults, **settings}))


def _usdc_perpetual(name: str) -> Contract:
    of = coin(name)
    factor = FACTORS.get(name, 1)
    symbol = f"{name if factor == 1 else f'{factor}{name}'}PERP"
    return _perpetual(of, symbol=symbol, quote="USDC", settle="USDC", share=0.05, interval_h=8)


def _dated(now: int) -> list[Contract]:
    made = []
    for name in ("BTC", "ETH"):
        for end in quarter_ends(now, 3):
            for quote, symbol in (("USDT", f"{name}USDT-{ddmmmyy(end)}"), ("USDC", f"{name}-{ddmmmyy(end)}")):
                made.append(
                    _perpetual(
                        coin(name), symbol=symbol, kind="future", live=False, interval_h=None, quote=quote,
                        settle=quote, delivers_at=end, share=0.02,
                    )
                )  # fmt: skip
    return made


def _inverse(now: int) -> list[Contract]:
    settings: dict[str, Any] = {"quote": "USD", "inverse": True, "share": 0.06}
    perpetuals = [_perpetual(coin(n), symbol=f"{n}USD", settle=n, **settings) for n in _INVERSE]
    end = quarter_ends(now, 1)[0]
    dated = [
        _perpetual(
            coin(name), symbol=f"{name}USD{month_code(end)}", settle=name, kind="future", live=False,
            interval_h=None, delivers_at=end, **settings,
        )
        for name in ("BTC", "ETH")
    ]  # fmt: skip
    return [*perpetuals, *dated]


def _odd(now: int) -> list[Contract]:
    """Return the contracts that break simple readers, each for one reason."""
    leaves_at = (now + 2 * DAY_MS) // DAY_MS * DAY_MS + 8 * HOUR_MS
    gone = {"status": "Closed", "live": False}
    return [
        _perpetual(coin("PREMARKETA"), status="PreLaunch", live=False, listed_at=now + DAY_MS),
        _perpetual(coin("PREMARKETB"), status="PreLaunch", live=False, listed_at=now + 2 * DAY_MS),
        _perpetual(coin("GONEC"), status="Delivering", live=False, delivers_at=now - HOUR_MS),
        _perpetual(coin("GONEA"), delivers_at=now - 20 * DAY_MS, **gone),
        _perpetual(coin("GONEB"), delivers_at=now - 200 * DAY_MS, **gone),
        _perpetual(coin("LEAVER"), delivers_at=leaves_at),
        _perpetual(coin("TESTNEW"), rule="innovation"),
    ]
