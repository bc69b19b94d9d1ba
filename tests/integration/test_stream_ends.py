"""How connections to streams can end, and all data with them: told once, polls take over, and all recovers."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from tests.integration.followed import COINS, FEEDS, now_ms
from tests.integration.stage import Service, Simulator
from tests.integration.streamed import FAMILIES, Streamed, at_all, at_stream, seconds_since, streaming

VENUES = tuple(FEEDS)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """The simulator of this file."""
    with Simulator(8) as sim:
        yield sim


@pytest.fixture
def fresh(sim: Simulator, new_service: Callable[..., Service], valkey: str) -> Iterator[Streamed]:
    """A service of a test's own, for faults of connections: each of these makes it wait longer for the next."""
    with streaming(new_service, sim, valkey) as stage:
        sim.clear()
        stage.get_well()
        yield stage
        sim.clear()


CUTS = {
    "in the middle of a frame": at_all("close", count=1),
    "without a word": at_all("disconnect"),
    "with code 1013": at_all("disconnect", code=1013, raw="try again later"),
}


@pytest.mark.slow
def test_a_cut_connection_is_told_once_and_comes_back(fresh: Streamed) -> None:
    """However it ends, one gap a venue, raised and cleared; polls bridge it if it takes long; no second connection."""
    for faults in CUTS.values():
        before = {venue: fresh.connects(venue) for venue in VENUES}
        began = fresh.now()
        fresh.sim.put(*faults)
        fresh.until_told("gap", began, "raised", "cleared", within_s=6)
        fresh.until_by("ws", VENUES, since=now_ms(), families=("mark_price",))
        for venue in VENUES:
            assert fresh.connects(venue) == before[venue] + 1
            assert len(fresh.connections(venue)) == 1
            for coin in COINS:
                heard = fresh.heard("mark_price", venue, coin, began)
                assert max(after.at - one.at for one, after in pairwise(heard)) < 3500, (venue, coin)
                assert "".join(fresh.turns("mark_price", venue, coin, began)) in {"ws", "wsrestws", "restws"}
        assert fresh.check_true(began) > 50
        fresh.check_order(began)


@pytest.mark.slow
def test_a_connection_that_ends_at_once_is_not_hammered(fresh: Streamed) -> None:
    """Polls serve meanwhile; later attempts wait longer, and it is logged once."""
    began, before = fresh.now(), {venue: fresh.connects(venue) for venue in VENUES}
    lines = len(fresh.service.log("stream has failed, retrying"))
    with fresh.sim.fault(*at_all("disconnect"), *at_all("close_on_connect")):
        fresh.until_by("rest", VENUES, since=began + 100, within_s=4)
        fresh.recorder.during(2)
        for venue in VENUES:
            assert 1 <= fresh.connects(venue) - before[venue] <= 12
            assert fresh.told(venue, "gap", began) == ["raised"]
    fresh.recorder.until(lambda: all("cleared" in fresh.told(v, "gap", began) for v in VENUES), 12)
    fresh.until_by("ws", VENUES, since=now_ms(), families=("mark_price",))
    for venue in VENUES:
        assert fresh.told(venue, "gap", began) == ["raised", "cleared"]
    assert len(fresh.service.log("stream has failed, retrying")) - lines <= len(VENUES)
    assert fresh.check_true(began) > 50
    fresh.check_order(began)


@pytest.mark.slow
def test_a_mute_connection_is_told_once_for_the_venue(fresh: Streamed) -> None:
    """All of a venue's topics at once: one message under `*`, polls serve, and a new connection is tried."""
    began, before = fresh.now(), fresh.connects("binance")
    with fresh.sim.fault(at_stream("mute", "binance")):
        fresh.recorder.until(lambda: fresh.told("binance", "silent", began), 8)
        assert 4 < seconds_since(began) < 7.5
        fresh.until_by("rest", ("binance",), since=began + 4000, families=("mark_price", "funding"))
        assert seconds_since(began) < 9
        fresh.recorder.until(lambda: fresh.connects("binance") > before, 3)
        fresh.recorder.during(1.2)
        assert fresh.told("binance", "silent", began) == ["raised"]
    fresh.until_by("ws", ("binance",), since=now_ms(), families=("mark_price", "funding"), within_s=12)
    fresh.recorder.until(
        lambda: fresh.told("binance", "silent", began, symbol="*") == ["raised", "cleared"], 4
    )
    assert fresh.told("bybit", "silent", began) == fresh.told("okx", "silent", began) == []
    assert fresh.check_true(began) > 50
    fresh.check_order(began)


def test_a_notice_is_followed_before_the_end(fresh: Streamed) -> None:
    """A successor is ready when the venue closes: no gap, no poll, never without a connection."""
    began, before = fresh.now(), fresh.connects("okx")
    fresh.sim.put(at_stream("notice", "okx", seconds=3))
    fresh.recorder.until(lambda: fresh.connects("okx") == before + 1, 3)
    fresh.recorder.until(lambda: len(fresh.connections("okx")) == 1, 4)
    fresh.recorder.during(0.5)
    assert fresh.told("okx", "gap", began) == []
    assert fresh.never_alone("okx", began)
    assert {turn for coin in COINS for turn in fresh.turns("mark_price", "okx", coin, began)} == {"ws"}
    assert fresh.check_true(began) > 20
    fresh.check_order(began)


@pytest.mark.slow
def test_rest_may_die_while_streams_live_and_the_streams_thereafter(fresh: Streamed) -> None:
    """First only what has no stream grows stale; then all, each value once; then all recovers."""
    began = fresh.now()
    dead = {"kind": "status", "status": 500, "over": "rest"}
    with fresh.sim.fault(dead):
        fresh.recorder.until(lambda: fresh.told("binance", "stale", began, about="oi"), 5)
        assert 2 < seconds_since(began) < 5
        for venue in VENUES:
            assert not fresh.not_by("ws", venue, ("mark_price",), COINS, began + 1000)
            assert [one for one in fresh.recorder.quality(venue, began) if one["about"] != "oi"] == []
        fresh.sim.put(*at_all("disconnect"), *at_all("close_on_connect"))
        cut = now_ms()
        fresh.recorder.until(lambda: not stale_is_missing(fresh), 9, lambda: stale_is_missing(fresh))
        assert seconds_since(cut) < 7
        assert not fresh.service.ready()[0]
    healed = now_ms()
    fresh.get_well(25)
    for venue in VENUES:
        for family in FAMILIES:
            for coin in COINS:
                heard = fresh.heard(family, venue, coin, healed)
                assert sum("recovered" in one.payload["flags"] for one in heard) == 1, (venue, family, coin)
        assert fresh.told(venue, "gap", began) == ["raised", "cleared"]
    assert fresh.check_true(began, index_ms=15_000) > 50  # an index is shown for so long
    fresh.check_order(began)


def stale_is_missing(fresh: Streamed) -> list[tuple[str, str, str]]:
    """Return the values whose last message is not flagged stale."""
    return [
        (venue, family, coin)
        for venue in VENUES
        for family in FAMILIES
        for coin in COINS
        if "stale" not in fresh.heard(family, venue, coin)[-1].payload["flags"]
    ]


CUTS_EACH = 17
MOST_A_MINUTE = 12
"""Connects of a venue: seven while the delays grow to 30 s, and a few a minute from there on."""


def connects_by_minute(fresh: Streamed) -> Counter[tuple[str, str, str, int]]:
    """Return what the venues count: by venue, event, host and minute."""
    rows = fresh.sim.control("/connections")["minutes"]
    return Counter({(row["venue"], row["event"], row["host"], row["minute"]): row["count"] for row in rows})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_cuts_are_told_one_by_one_and_within_the_limits(fresh: Streamed) -> None:
    """Each venue is cut again as soon as it is back: a gap each, all topics back, and ever fewer attempts."""
    topics = {venue: len(fresh.connections(venue)[0]["subscriptions"]) for venue in VENUES}
    others = connects_by_minute(fresh)  # of the tests before this one
    began, made = fresh.now(), {venue: fresh.connects(venue) for venue in VENUES}
    cuts = dict.fromkeys(VENUES, 0)

    def cut_again() -> bool:
        for venue in VENUES:
            told = fresh.told(venue, "gap", began)
            if told == ["raised", "cleared"] * cuts[venue] and cuts[venue] < CUTS_EACH:
                fresh.sim.put(at_stream("disconnect", venue, code=(None, 1001, 1012)[cuts[venue] % 3]))
                cuts[venue] += 1
        return all(fresh.told(venue, "gap", began) == ["raised", "cleared"] * CUTS_EACH for venue in VENUES)

    fresh.recorder.until(cut_again, 570, lambda: cuts)
    minutes = connects_by_minute(fresh)
    minutes.subtract(others)
    assert not [key for key, count in minutes.items() if count and key[1] == "refused"]
    for venue in VENUES:
        assert fresh.connects(venue) == made[venue] + CUTS_EACH
        counts = [count for (name, event, *_), count in minutes.items() if (name, event) == (venue, "made")]
        assert max(counts) <= MOST_A_MINUTE
        [connection] = fresh.connections(venue)
        assert len(connection["subscriptions"]) == topics[venue]
    fresh.check_order(began)
