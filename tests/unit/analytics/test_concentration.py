"""Concentration and weighted funding against the vectors of the definitions page, sections 3.5 and 3.11."""

import pytest

from microstream.analytics.concentration import effective_venues, hhi, oi_weighted_funding, shares


def test_three_venues() -> None:
    """Half, 30 and 20 per cent: 0.38, as concentrated as 2.63 equal ones."""
    parts = shares({"binance": 5e9, "bybit": 3e9, "okx": 2e9})
    assert parts == pytest.approx({"binance": 0.5, "bybit": 0.3, "okx": 0.2})
    index = hhi(parts.values())
    assert index == pytest.approx(0.38, rel=1e-12)
    assert effective_venues(index) == pytest.approx(2.63, abs=0.005)


def test_what_is_unknown_has_no_share() -> None:
    """A venue of nothing has one of 0; nothing at all is shared by nobody."""
    assert shares({"binance": 1.0, "bybit": None, "okx": 0.0}) == {"binance": 1.0, "okx": 0.0}
    assert shares({"binance": None}) == shares({"binance": 0.0}) == shares({}) == {}
    assert hhi([]) is None
    assert effective_venues(None) is None


def test_weighted_by_open_interest() -> None:
    """Three rates of 1 bp per 8 h, written per 8, 4 and 1 h, are 1 bp; a mean of what is written is not."""
    venues = [(1e-4, 8.0, 6e9), (5e-5, 4.0, 3e9), (1.25e-5, 1.0, 1e9)]
    assert oi_weighted_funding(venues) == pytest.approx(1e-4, rel=1e-12)
    naive = sum(rate * value for rate, _, value in venues) / 1e10
    assert naive == pytest.approx(7.625e-5)


@pytest.mark.parametrize("unknown", [(1e-3, None, 9e9), (None, 8.0, 9e9), (1e-3, 8.0, None)])
def test_what_is_not_wholly_known_does_not_count(
    unknown: tuple[float | None, float | None, float | None],
) -> None:
    """Neither above the line nor below it."""
    assert oi_weighted_funding([(1e-4, 8.0, 1e9), unknown, (3e-4, 8.0, 1e9)]) == pytest.approx(
        2e-4, rel=1e-12
    )
    assert oi_weighted_funding([unknown]) is None


def test_no_average_of_nothing() -> None:
    """Nobody holds anything."""
    assert oi_weighted_funding([(1e-4, 8.0, 0.0)]) is oi_weighted_funding([]) is None
