"""How each venue writes its numbers: decimals, trailing zeros, units of open interest.

Replies and the truth service both take their text from here, so they can be compared character by character.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from zlib import crc32

from microstream_sim.contracts import Contract, decimal_text, trimmed


def price_text(contract: Contract, value: float) -> str:
    """Return a mark or index price: Binance 8 decimals, Bybit the tick's, OKX the tick's without zeros."""
    if contract.venue == "binance":
        return f"{value:.8f}"
    if contract.venue == "bybit":
        return f"{value:.{contract.tick_decimals}f}"
    return trimmed(value, contract.tick_decimals)


def rate_text(venue: str, rate: float) -> str:
    """Return a funding rate or premium: Binance 8 decimals, Bybit up to 8, OKX 16."""
    if venue == "okx":
        return f"{rate:.16f}"
    rate = round(rate, 8) + 0.0  # no minus before a zero
    return f"{rate:.8f}" if venue == "binance" else trimmed(rate, 8)


def cap_text(venue: str, cap: Decimal) -> str:
    """Return a cap or floor: Binance 8 decimals, the others as short as they are."""
    return f"{cap:.8f}" if venue == "binance" else decimal_text(cap)


@dataclass(frozen=True, slots=True)
class OpenInterestText:
    """Open interest as one venue spells it.

    `venue` is the figure of the venue's main field and unit, `single` the same with one side counted,
    `coins` one side in single coins, `usd` the venue's own dollar value of one side or None.
    `both_value` and `single_value` are Bybit's value fields, `units` OKX's `oiCcy`.
    """

    venue: str
    single: str
    coins: str
    usd: str | None
    both_value: str | None = None
    single_value: str | None = None
    units: str | None = None


def open_interest_text(contract: Contract, units: float, mark: float) -> OpenInterestText:
    """Spell `units`, the one-sided open interest in base units of the contract, at that mark price."""
    if contract.venue == "binance":
        return _binance(contract, units)
    if contract.venue == "bybit":
        return _bybit_inverse(units, mark) if contract.inverse else _bybit_linear(contract, units, mark)
    return _okx(contract, units, mark)


def _binance(contract: Contract, units: float) -> OpenInterestText:
    text = f"{units:.{contract.size_decimals}f}"
    coins = decimal_text(Decimal(text) * contract.multiplier)
    return OpenInterestText(venue=text, single=text, coins=coins, usd=None)


def _bybit_linear(contract: Contract, units: float, mark: float) -> OpenInterestText:
    single = Decimal(f"{units:.{contract.size_decimals}f}")
    price = Decimal(price_text(contract, mark))
    usd = f"{single * price:.2f}"
    return OpenInterestText(
        venue=decimal_text(2 * single),
        single=decimal_text(single),
        coins=decimal_text(single * contract.multiplier),
        usd=usd,
        both_value=f"{2 * single * price:.2f}",
        single_value=usd,
    )


def _bybit_inverse(units: float, mark: float) -> OpenInterestText:
    dollars = Decimal(round(units * mark))
    coins = f"{dollars / Decimal(str(mark)):.4f}"
    return OpenInterestText(
        venue=decimal_text(2 * dollars),
        single=decimal_text(dollars),
        coins=coins,
        usd=decimal_text(dollars),
        both_value=f"{2 * dollars / Decimal(str(mark)):.4f}",
        single_value=coins,
    )


def _okx(contract: Contract, units: float, mark: float) -> OpenInterestText:
    price = Decimal(price_text(contract, mark))
    with localcontext() as context:
        context.rounding = ROUND_HALF_EVEN
        if contract.inverse:
            contracts = Decimal(round(units * mark / float(contract.contract_size)))
            usd = contracts * contract.contract_size
            coins = round(usd / price, 16)
        else:
            contracts = Decimal(f"{units / float(contract.contract_size):.2f}") + _float_residue(contract)
            coins = contracts * contract.contract_size
            usd = round(coins * price, 12)
    text = decimal_text(contracts)
    return OpenInterestText(
        venue=text, single=text, coins=decimal_text(coins), usd=decimal_text(usd), units=decimal_text(coins)
    )


def _float_residue(contract: Contract) -> Decimal:
    """Return the digits that summing in binary leaves on some of OKX's figures (2216113.01000000309)."""
    draw = crc32(contract.symbol.encode())
    return Decimal(draw % 1000) * Decimal("1e-11") if draw % 3 == 0 else Decimal(0)
