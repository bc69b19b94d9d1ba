"""The arithmetic behind published values. Everyone can recompute them from this page; docs/payloads names them.

Rates are fractions per interval, intervals hours, prices quote currency. Unknown in, unknown out.
"""

HOURS_PER_YEAR = 8760


def funding_rate_8h(rate: float | None, interval_h: float | None) -> float | None:
    """Return the rate normalised to eight hours: rate * 8 / interval."""
    if rate is None or not interval_h:
        return None
    return rate * 8 / interval_h


def funding_apr(rate: float | None, interval_h: float | None) -> float | None:
    """Return the simple annual rate as a fraction: rate * 8760 / interval. A unit conversion, not a forecast."""
    if rate is None or not interval_h:
        return None
    return rate * HOURS_PER_YEAR / interval_h


def basis(mark: float | None, index: float | None) -> float | None:
    """Return mark - index."""
    if mark is None or index is None:
        return None
    return mark - index


def basis_bps(mark: float | None, index: float | None) -> float | None:
    """Return (mark - index) / index * 10,000."""
    if mark is None or not index:
        return None
    return (mark - index) / index * 10_000


def mid(bid: float | None, ask: float | None) -> float | None:
    """Return (bid + ask) / 2."""
    if bid is None or ask is None:
        return None
    return (bid + ask) / 2


def coins(contracts: float | None, contract_size: float | None, multiplier: float) -> float | None:
    """Return coins behind linear contracts: contracts * contract size * coins per base unit."""
    if contracts is None or contract_size is None:
        return None
    return contracts * contract_size * multiplier


def linear_value(units: float | None, mark: float | None) -> float | None:
    """Return the quote value of linear contracts: base units * mark (both per 1000 coins on a 1000X contract)."""
    if units is None or mark is None:
        return None
    return units * mark


def inverse_value(contracts: float | None, contract_size: float | None) -> float | None:
    """Return the dollar value of inverse contracts: contracts * dollars per contract."""
    if contracts is None or contract_size is None:
        return None
    return contracts * contract_size


def inverse_coins(value_usd: float | None, mark: float | None) -> float | None:
    """Return the coins behind inverse contracts: dollar value / mark."""
    if value_usd is None or not mark:
        return None
    return value_usd / mark
