"""What signals go by, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """Fees and slippage are fractions of the notional, per fill; windows and intervals ms."""

    interval_ms: int = 5_000
    fees: Mapping[str, float] = field(
        default_factory=lambda: {"binance": 0.0005, "bybit": 0.00055, "okx": 0.0005}
    )
    slippage: float = 0.0
    price_limit: float = 0.02
    basis_window_ms: int = 3_600_000
    funding_window_ms: int = 86_400_000
    min_samples: int = 30
    regime_timeframes: tuple[str, ...] = ("1m", "5m", "15m", "1h", "4h", "1d")
    price_dead_zone: float = 0.001
    oi_dead_zone: float = 0.0025
    squeeze_timeframe: str = "5m"
    squeeze_min_oi: float = 5_000_000.0
    constant_maturity_days: float = 90.0
