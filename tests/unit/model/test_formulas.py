"""The published arithmetic against the vectors of the definitions page, sections 3.1, 3.3 and 3.4."""

import pytest

from microstream.model import formulas


@pytest.mark.parametrize(
    ("interval_h", "rate_8h", "apr"),
    [(8, 0.0001, 0.1095), (4, 0.0002, 0.219), (2, 0.0004, 0.438), (1, 0.0008, 0.876)],
)
def test_one_basis_point_by_interval(interval_h: float, rate_8h: float, apr: float) -> None:
    """1 bp per interval as 8 h rate and as simple annual rate."""
    assert formulas.funding_rate_8h(0.0001, interval_h) == pytest.approx(rate_8h, rel=1e-12)
    assert formulas.funding_apr(0.0001, interval_h) == pytest.approx(apr, rel=1e-12)
    assert formulas.funding_apr(-0.0001, interval_h) == pytest.approx(-apr, rel=1e-12)


@pytest.mark.parametrize(("rate", "interval_h"), [(0.0001, None), (None, 8.0), (None, None), (0.0001, 0.0)])
def test_no_rate_without_interval(rate: float | None, interval_h: float | None) -> None:
    """Eight hours are never assumed."""
    assert formulas.funding_rate_8h(rate, interval_h) is None
    assert formulas.funding_apr(rate, interval_h) is None


def test_a_rate_of_zero_is_a_rate() -> None:
    """Zero is known; unknown is not zero."""
    assert formulas.funding_rate_8h(0.0, 8.0) == 0.0
    assert formulas.funding_apr(0.0, 8.0) == 0.0


@pytest.mark.parametrize(
    ("mark", "index", "basis", "bps"),
    [(50_100.0, 50_000.0, 100.0, 20.0), (49_900.0, 50_000.0, -100.0, -20.0), (1.0, 1.0, 0.0, 0.0)],
)
def test_basis(mark: float, index: float, basis: float, bps: float) -> None:
    """Mark minus index, and the same relative to the index."""
    assert formulas.basis(mark, index) == basis
    assert formulas.basis_bps(mark, index) == pytest.approx(bps, abs=1e-9)


@pytest.mark.parametrize(("mark", "index"), [(None, 1.0), (1.0, None), (None, None)])
def test_no_basis_of_one_price(mark: float | None, index: float | None) -> None:
    """Both sides must be known."""
    assert formulas.basis(mark, index) is None
    assert formulas.basis_bps(mark, index) is None


def test_no_relative_basis_to_nothing() -> None:
    """An index of zero divides nothing."""
    assert formulas.basis_bps(1.0, 0.0) is None


def test_linear_contracts_are_coins() -> None:
    """OKX: 2,660,239.59 contracts of 0.01 BTC."""
    assert formulas.coins(2_660_239.59, 0.01, 1.0) == pytest.approx(26_602.3959, rel=1e-12)


def test_inverse_contracts_are_dollars() -> None:
    """COIN-M: 15,004 contracts of 100 USD at 11,793.63."""
    value = formulas.inverse_value(15_004, 100.0)
    assert value == 1_500_400.0
    assert formulas.inverse_coins(value, 11_793.63) == pytest.approx(127.2212, abs=5e-5)


def test_a_multiplier_changes_coins_and_not_the_value() -> None:
    """1000SHIB: 1,000 coins a unit, priced per 1,000."""
    units, mark = 2_000_000.0, 0.0125
    coins = formulas.coins(units, 1.0, 1000.0)
    assert coins == 2_000_000_000.0
    assert formulas.linear_value(units, mark) == pytest.approx(coins * (mark / 1000.0), rel=1e-12)


def test_open_interest_of_unknown_parts_is_unknown() -> None:
    """Every missing input makes the result unknown."""
    assert formulas.coins(None, 1.0, 1.0) is None
    assert formulas.coins(1.0, None, 1.0) is None
    assert formulas.linear_value(None, 1.0) is None
    assert formulas.linear_value(1.0, None) is None
    assert formulas.inverse_value(None, 100.0) is None
    assert formulas.inverse_value(1.0, None) is None
    assert formulas.inverse_coins(None, 1.0) is None
    assert formulas.inverse_coins(1.0, None) is None
