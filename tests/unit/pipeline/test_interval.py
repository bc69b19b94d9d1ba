"""Hours that a rate pays for, where rows do not state them."""

import pytest
from msgspec.structs import replace
from tests.unit.model.contracts import contract
from tests.unit.pipeline.bench import HOUR, MINUTE, NEXT, Bench, Payload, S

BTC = contract("binance", "BTCUSDT")
OKX = contract("okx", "BTC-USDT-SWAP")


def settles(bench: Bench, at: int, settles_at: int, rate: float = 0.0001) -> Payload:
    """Hear a rate for a settlement in a row that states no interval; return what is published."""
    return bench.one(BTC, at, rate={"rate": rate, "settles_at": settles_at})


def roll(bench: Bench, settled_at: int, hours: int) -> Payload:
    """Watch a settlement: a row a minute before it and one a minute after it that names the next."""
    settles(bench, settled_at - MINUTE, settled_at)
    return settles(bench, settled_at + MINUTE, settled_at + hours * HOUR)


@pytest.fixture
def btc(bench: Bench) -> Bench:
    """A bench that follows BTC/USDT, listed with eight hours."""
    bench.follow(BTC)
    return bench


def test_the_registry_s_interval_is_the_first(btc: Bench) -> None:
    """Before any settlement the list is all that is known."""
    payload = settles(btc, NEXT - HOUR, NEXT)
    assert payload["funding_interval_hours"] == 8.0
    assert payload["funding_apr"] == pytest.approx(0.1095)
    assert btc.doubts == {}


def test_flips_are_seen_at_the_settlement(btc: Bench) -> None:
    """8 -> 4 -> 1 -> 8 -> 4 hours: each from the roll on, whatever the list says, and learnt once."""
    at = NEXT
    for hours, apr in ((8, 0.1095), (4, 0.219), (4, 0.219), (1, 0.876), (1, 0.876), (8, 0.1095), (4, 0.219)):
        payload = roll(btc, at, hours)
        assert payload["funding_interval_hours"] == hours
        assert payload["funding_apr"] == pytest.approx(apr)
        at += hours * HOUR
    assert [interval for _, _, interval in btc.learnt] == [4.0, 1.0, 8.0, 4.0]
    assert btc.doubts == {"binance": 4}


def test_an_unwatched_roll_by_a_multiple_changes_nothing(btc: Bench) -> None:
    """Two settlements passed unseen at the known pace."""
    settles(btc, NEXT - HOUR, NEXT)
    payload = settles(btc, NEXT + 10 * HOUR, NEXT + 16 * HOUR)
    assert payload["funding_interval_hours"] == 8.0
    assert btc.doubts == {}


@pytest.mark.parametrize("hours", [4, 12, -3])
def test_an_unwatched_move_makes_the_interval_unknown(btc: Bench, hours: int) -> None:
    """It could be several settlements of a shorter interval, or a new time table."""
    settles(btc, NEXT - 3 * HOUR, NEXT)
    payload = settles(btc, NEXT + (-HOUR if hours < 0 else HOUR) * 3, NEXT + hours * HOUR)
    assert payload["funding_rate"] == 0.0001
    unknown = (payload["funding_interval_hours"], payload["funding_rate_8h"], payload["funding_apr"])
    assert unknown == (None, None, None)
    assert btc.doubts == {"binance": 1}


def test_the_registry_read_again_ends_the_doubt(btc: Bench) -> None:
    """With news or with the same row; until then the doubt is repeated."""
    settles(btc, NEXT - 3 * HOUR, NEXT)
    for minutes in (60, 61):
        payload = settles(btc, NEXT + minutes * MINUTE, NEXT + 4 * HOUR, rate=minutes * 1e-6)
        assert payload["funding_interval_hours"] is None
    assert btc.doubts == {"binance": 2}
    btc.pipeline.update(replace(BTC, funding_interval_hours=4.0), NEXT + 62 * MINUTE)
    assert settles(btc, NEXT + 63 * MINUTE, NEXT + 4 * HOUR)["funding_interval_hours"] == 4.0
    settles(btc, NEXT + 5 * HOUR, NEXT + 10 * HOUR)
    btc.pipeline.update(replace(BTC, funding_interval_hours=4.0), NEXT + 5 * HOUR)
    assert settles(btc, NEXT + 6 * HOUR, NEXT + 10 * HOUR)["funding_interval_hours"] == 4.0
    assert btc.doubts == {"binance": 3}


def test_a_new_registry_row_counts_at_once(btc: Bench) -> None:
    """A list that says something else is news even between settlements."""
    settles(btc, NEXT - 3 * HOUR, NEXT)
    btc.pipeline.update(replace(BTC, funding_interval_hours=1.0), NEXT - 2 * HOUR)
    assert settles(btc, NEXT - HOUR, NEXT)["funding_interval_hours"] == 1.0


def test_without_any_interval_none_is_assumed(bench: Bench) -> None:
    """A contract that no list knows has none until a settlement was watched."""
    bench.follow(replace(BTC, funding_interval_hours=None))
    payload = settles(bench, NEXT - HOUR, NEXT)
    assert (payload["funding_interval_hours"], payload["funding_apr"]) == (None, None)
    assert roll(bench, NEXT, 4)["funding_interval_hours"] == 4.0


def test_a_watched_roll_to_an_odd_time_is_unknown(btc: Bench) -> None:
    """No venue pays every three hours."""
    assert roll(btc, NEXT, 3)["funding_interval_hours"] is None


def test_rows_that_state_their_interval_are_believed(bench: Bench) -> None:
    """From the first such row on; the registry is told."""
    bench.follow(OKX)
    terms = {"rate": 0.0001, "interval_h": 2.0, "cap": 0.015, "floor": -0.015}
    payload = bench.one(OKX, NEXT - HOUR, rate=terms)
    assert (payload["funding_interval_hours"], payload["rate_cap"], payload["rate_floor"]) == (
        2.0,
        0.015,
        -0.015,
    )
    ((symbol, event, interval_h),) = bench.learnt
    assert (symbol, event.cap, event.floor, interval_h) == ("btc-usdt", 0.015, -0.015, 2.0)
    assert bench.doubts == {}


def test_terms_that_the_registry_has_are_not_told(bench: Bench) -> None:
    """Learning is for news."""
    bench.follow(replace(OKX, funding_interval_hours=2.0, rate_cap=0.015, rate_floor=-0.015))
    bench.one(OKX, NEXT - HOUR, rate={"rate": 0.0001, "interval_h": 2.0, "cap": 0.015, "floor": -0.015})
    bench.one(OKX, NEXT - HOUR + S, rate={"rate": 0.0002, "interval_h": 2.0})
    assert bench.learnt == []


def test_a_cap_learnt_does_not_end_a_doubt_about_the_interval(btc: Bench) -> None:
    """Only the list read again does."""
    settles(btc, NEXT - 3 * HOUR, NEXT)
    terms = {"rate": 0.0001, "settles_at": NEXT + 4 * HOUR, "cap": 0.02, "floor": -0.02}
    payload = btc.one(BTC, NEXT + HOUR, rate=terms)
    assert payload["funding_interval_hours"] is None


def test_a_changed_interval_is_published_though_the_rate_is_the_same(bench: Bench) -> None:
    """The same number pays for other hours now."""
    bench.follow(OKX)
    bench.one(OKX, NEXT - HOUR, rate={"rate": 0.0001, "interval_h": 8.0})
    payload = bench.one(OKX, NEXT - HOUR + S, rate={"rate": 0.0001, "interval_h": 4.0}, period_ms=S)
    assert payload["funding_apr"] == pytest.approx(0.219)
