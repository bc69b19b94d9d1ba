"""Which USD-M contracts Binance lists, odd kinds included."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from zlib import crc32

from microstream_sim.calendar_dates import quarter_ends, yymmdd
from microstream_sim.coins import Coin, coin, crypto_coins, tradfi_coins
from microstream_sim.contracts import HOUR_MS, Contract, with_decimals
from microstream_sim.waves import DAY_MS

ORDINARY = 500  # USDT perpetuals listed by default
NO_EXPIRY = 4_133_404_800_000
PREFIXES = {
    "PEPE": "1000", "SHIB": "1000", "BONK": "1000", "FLOKI": "1000", "SATS": "1000", "LUNC": "1000",
    "XEC": "1000", "RATS": "1000", "CAT": "1000", "CHEEMS": "1000", "WHY": "1000", "X": "1000",
    "BTTC": "1000", "MOG": "1000000", "BABYDOGE": "1M",
}  # fmt: skip
_FACTORS = {"1000": 1_000, "1000000": 1_000_000, "1M": 1_000_000}
_ALWAYS = {"PEPE", "SATS", "BABYDOGE", "1INCH", "币安人生"}  # however few are wanted
_USDC_MARGINED = (
    "BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "SUI", "LINK", "ADA", "AVAX", "LTC", "BCH", "NEAR",
    "ENA", "WLD", "PEPE", "SHIB", "BONK", "ARB", "TIA", "HBAR", "UNI", "AAVE", "WIF", "ORDI", "FIL",
)  # fmt: skip


def base_asset(contract: Contract) -> str:
    """Return the base asset as Binance writes it, multiplier prefix included."""
    return PREFIXES.get(contract.coin.name, "") + contract.coin.name


def contracts(now: int, ordinary: int | None) -> list[Contract]:
    """Return all contracts; `ordinary` limits the plain USDT perpetuals, odd kinds always come on top."""
    wanted = ORDINARY if ordinary is None else ordinary
    listed = [one for one in crypto_coins() if _lists(one)]
    plain = [_perpetual(one, "USDT") for i, one in enumerate(listed) if i < wanted or one.name in _ALWAYS]
    usdc = [_perpetual(coin(name), "USDC", share=0.12) for name in _USDC_MARGINED]
    return [*plain, *usdc, *_dated(now), *_tradfi(), *_odd(now), *_coin_margined()]


def new_listing(symbol: str, now: int) -> Contract:
    """Return an ordinary perpetual of that symbol, listed at `now`."""
    quote = "USDC" if symbol.endswith("USDC") else "USDT"
    base = symbol.removesuffix(quote)
    for prefix in ("1000000", "1000", "1M"):
        plain = base.removeprefix(prefix)
        if plain != base and PREFIXES.get(plain) == prefix:
            base = plain
            break
    return replace(_perpetual(coin(base), quote), symbol=symbol, listed_at=now)


def _lists(one: Coin) -> bool:
    return one.name not in {"NEX", "USDC"} and (
        one.oi_usd > 1e8 or crc32(f"binance{one.name}".encode()) % 100 >= 5
    )


def _perpetual(of: Coin, quote: str, **settings: Any) -> Contract:
    prefix = PREFIXES.get(of.name, "")
    symbol = f"{prefix}{of.name}{quote}"
    draw = crc32(symbol.encode())
    interval = (8, 4, 8, 4, 4, 8, 1, 4, 8, 4)[draw % 10] if of.oi_usd < 2e8 else 8
    adjusted = interval != 8 or draw % 3 == 0
    cap = Decimal("0.003") if of.oi_usd > 2e9 else Decimal("0.02")
    if adjusted and of.oi_usd < 2e8:
        cap = (Decimal("0.02"), Decimal("0.03"), Decimal("0.0075"))[draw % 3]
    defaults: dict[str, Any] = {
        "venue": "binance", "symbol": symbol, "kind": "perpetual", "coin": of, "quote": quote,
        "settle": quote, "status": "TRADING", "live": True, "multiplier": _FACTORS.get(prefix, 1),
        "interval_h": interval, "cap": cap, "floor": -cap, "caps_published": adjusted,
        "listed_at": 1_575_158_400_000 + draw % 2_000 * DAY_MS,
    }  # fmt: skip
    return with_decimals(Contract(**{**defaults, **settings}), most=7)


def _dated(now: int) -> list[Contract]:
    types = ("CURRENT_QUARTER", "NEXT_QUARTER")
    return [
        _perpetual(
            coin(name), "USDT", symbol=f"{name}USDT_{yymmdd(end)}", kind="future", live=False,
            interval_h=None, delivers_at=end, rule=rule, share=0.02,
        )
        for name in ("BTC", "ETH")
        for rule, end in zip(types, quarter_ends(now, 2), strict=True)
    ]  # fmt: skip


def _tradfi() -> list[Contract]:
    return [
        _perpetual(of, "USDT", rule="TRADIFI_PERPETUAL", interval_h=8, caps_published=True)
        for of in tradfi_coins()
        if of.name != "GBP"
    ]


def _odd(now: int) -> list[Contract]:
    """Return the contracts that break simple readers, each for one reason."""
    leaves_at = (now + 3 * DAY_MS) // DAY_MS * DAY_MS + 9 * HOUR_MS
    return [
        _perpetual(coin("SOONLISTED"), "USDT", status="PENDING_TRADING", live=False, listed_at=now + DAY_MS),
        _perpetual(coin("GONEA"), "USDT", status="SETTLING", live=False, delivers_at=now - HOUR_MS),
        _perpetual(coin("GONEB"), "USDT", status="CLOSE", live=False, delivers_at=now - 9 * DAY_MS),
        _perpetual(coin("LEAVER"), "USDT", delivers_at=leaves_at),
        _perpetual(coin("FADER"), "USDT", delivers_at=leaves_at),
        _perpetual(coin("BTCST"), "USDT", rule="EMPTY_TYPE"),
        _perpetual(coin("NOINDEX"), "USDT", index_shown="missing"),
        _perpetual(coin("VOIDINDEX"), "USDT", index_shown="empty"),
    ]


def _coin_margined() -> list[Contract]:
    """COIN-M perpetuals: since mid-2026 they may stand in bulk lists, but exchangeInfo does not name them."""
    return [
        _perpetual(
            coin(name), "USD", symbol=f"{name}USD_PERP", settle=name, live=False, inverse=True, rule="COIN_M"
        )
        for name in ("BTC", "ETH", "SOL")
    ]
