"""Regime: the table of the definitions page, section 3.8."""

import pytest

from microstream.analytics.regime import divergence, regime


@pytest.mark.parametrize(
    ("price", "oi", "expected"),
    [
        (0.01, 0.02, "long_build_up"),
        (-0.01, 0.02, "short_build_up"),
        (0.01, -0.02, "short_covering"),
        (-0.01, -0.02, "long_unwinding"),
        (0.0009, 0.02, "neutral"),
        (-0.0009, -0.02, "neutral"),
        (0.01, 0.0024, "neutral"),
        (-0.01, -0.0024, "neutral"),
        (0.0, 0.0, "neutral"),
        (0.001, 0.0025, "long_build_up"),
        (-0.001, -0.0025, "long_unwinding"),
    ],
)
def test_price_and_open_interest(price: float, oi: float, expected: str) -> None:
    """Up or down, each outside its dead zone; the edge of a zone is outside."""
    assert regime(price, oi) == expected


def test_dead_zones_are_the_callers() -> None:
    """Such as a part of the usual range of the bar."""
    assert regime(0.01, 0.02, price_dead_zone=0.02) == "neutral"
    assert regime(0.01, 0.02, oi_dead_zone=0.03) == "neutral"
    assert regime(0.0001, 0.0001, 0.0, 0.0) == "long_build_up"


@pytest.mark.parametrize(("price", "oi"), [(None, 0.02), (0.01, None), (None, None)])
def test_no_regime_of_one_side(price: float | None, oi: float | None) -> None:
    """What is unknown is not neutral."""
    assert regime(price, oi) is divergence(price, oi) is None


def test_divergence() -> None:
    """Open interest grew by 3 %, the price by 1 %."""
    assert divergence(0.01, 0.03) == pytest.approx(0.02)
    assert divergence(0.01, -0.03) == pytest.approx(-0.04)
