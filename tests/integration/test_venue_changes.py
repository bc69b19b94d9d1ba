"""What a venue changes while we follow it: contracts come, go and stop, terms change, clocks and caches disagree."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from tests.integration.followed import FEEDS, now_ms, where
from tests.integration.oracle import FAMILIES
from tests.integration.stage import Recorder, Service, Simulator

CHANGES = (
    {"kind": "drop_symbol", "venue": "binance", "symbol": "DOGEUSDT"},
    {"kind": "list_symbol", "venue": "binance", "symbol": "NEWCOMERUSDT"},
    {"kind": "list_symbol", "venue": "okx", "symbol": "NEWCOMER-USDT-SWAP"},
    {"kind": "change", "venue": "bybit", "symbol": "DOGEUSDT", "field": "status", "value": "Delivering"},
    {"kind": "change", "venue": "okx", "symbol": "DOGE-USDT-SWAP", "field": "status", "value": "suspend"},
    {"kind": "change", "venue": "binance", "symbol": "PEPEUSDT", "field": "interval_h", "value": 1},
    {"kind": "change", "venue": "bybit", "symbol": "XRPUSDT", "field": "interval_h", "value": 1},
    {"kind": "change", "venue": "okx", "symbol": "XRP-USDT-SWAP", "field": "interval_h", "value": 1},
    {"kind": "change", "venue": "bybit", "symbol": "SOLUSDT", "field": "cap", "value": "0.0042"},
    {"kind": "change", "venue": "okx", "symbol": "SOL-USDT-SWAP", "field": "cap", "value": "0.0123"},
    {"kind": "old_cache", "venue": "okx", "path": "*mark-price", "seconds": 3, "probability": 0.5},
)


class Changed:
    """A service that follows all, while its venues change; `began` is when."""

    def __init__(self, sim: Simulator, recorder: Recorder, began: float) -> None:
        self.sim = sim
        self.recorder = recorder
        self.began = began

    def instrument(self, exchange: str, symbol: str) -> dict[str, Any]:
        """Return what was said of a changed contract: once."""
        heard = self.recorder.of("instrument", exchange, symbol, since=self.began)
        assert len(heard) == 1, heard
        return heard[0]


@pytest.fixture(scope="module")
def changed(new_service: Callable[..., Service], valkey_server: str) -> Iterator[Changed]:
    """All changes at once, for long enough that the lists have been read again."""
    with Simulator(8) as sim, Recorder(valkey_server) as recorder:
        recorder.client.flushall()
        settings = {"symbols": "all", "instruments": {"refresh": "10s"}}
        with new_service(sim.urls, valkey_server, **settings):
            recorder.until(lambda: all(recorder.of(f, *where(v, "DOGE")) for f in FAMILIES for v in FEEDS), 8)
            began = now_ms()
            sim.put(*CHANGES)
            recorder.until(
                lambda: (
                    recorder.of("funding", "binance", "newcomerusdt")
                    and recorder.of("oi", "okx", "newcomer-usdt")
                    and recorder.of("instrument", "bybit", "dogeusdt", since=began)
                ),
                15,
            )
            recorder.during(1.5)
        yield Changed(sim, recorder, began)


def test_a_delisted_contract_leaves(changed: Changed) -> None:
    """Told as an instrument, taken out of the last values; nothing is published of it any more."""
    told = changed.instrument("binance", "dogeusdt")
    assert (told["status"], told["changed"]["status"]) == ("delisted", "live")
    assert told["delisted_at"] is not None
    for family in (*FAMILIES, "instrument"):
        assert "dogeusdt" not in changed.recorder.last(family, "binance")
    for family in FAMILIES:
        assert not changed.recorder.of(family, "binance", "dogeusdt", since=changed.began + 1100)


@pytest.mark.parametrize(("venue", "symbol"), [("binance", "newcomerusdt"), ("okx", "newcomer-usdt")])
def test_a_listed_contract_joins(changed: Changed, venue: str, symbol: str) -> None:
    """Told as an instrument that had no status before; all its families follow."""
    told = changed.instrument(venue, symbol)
    assert (told["status"], told["changed"]) == ("live", {"status": None})
    for family in FAMILIES:
        assert changed.recorder.of(family, venue, symbol)
        assert symbol in changed.recorder.last(family, venue)


@pytest.mark.parametrize(("venue", "status"), [("bybit", "settling"), ("okx", "suspended")])
def test_a_contract_that_stops_keeps_its_last_values_flagged(
    changed: Changed, venue: str, status: str
) -> None:
    """No rate that means nothing any more, no quality alarm for what the venue has announced."""
    _, symbol = where(venue, "DOGE")
    told = changed.instrument(venue, symbol)
    assert (told["status"], told["changed"]["status"]) == (status, "live")
    for family in FAMILIES:
        last = changed.recorder.last(family, venue)[symbol]
        assert last["flags"] == ["stale"], family
    assert changed.recorder.last("funding", venue)[symbol]["funding_rate"] is not None


@pytest.mark.parametrize(("venue", "symbol"), [("bybit", "xrpusdt"), ("okx", "xrp-usdt")])
def test_another_interval_counts_at_once_where_rows_state_it(
    changed: Changed, venue: str, symbol: str
) -> None:
    """The first row with it is normalised with it; no row pairs one interval's rate with another's hours."""
    told = changed.instrument(venue, symbol)
    assert (told["funding_interval_hours"], told["changed"]) == (1, {"funding_interval_hours": 8})
    for payload in changed.recorder.of("funding", venue, symbol, since=changed.began - 3000):
        new = payload["received_at"] > changed.began + 1100
        if new or payload["received_at"] < changed.began:
            assert payload["funding_interval_hours"] == (1 if new else 8)
        hours, rate = payload["funding_interval_hours"], payload["funding_rate"]
        assert payload["funding_apr"] == rate * 8760 / hours


def test_another_cap_counts_at_once(changed: Changed) -> None:
    """And is told as a change of the contract."""
    for venue, cap in (("bybit", 0.0042), ("okx", 0.0123)):
        exchange, symbol = where(venue, "SOL")
        assert changed.recorder.of("funding", exchange, symbol)[-1]["rate_cap"] == cap
        heard = changed.recorder.of("instrument", exchange, symbol, since=changed.began)
        assert heard[-1]["rate_cap"] == cap
        assert "rate_cap" in heard[0]["changed"]


def test_an_older_cache_is_never_published(changed: Changed) -> None:
    """Every second reply comes from a cache of three seconds ago: times never run backwards."""
    count = 0
    for name, heard in changed.recorder.channels.items():
        if name.startswith("meta:mark_price:okx"):
            times = [one.payload["timestamp"] for one in heard]
            assert times == sorted(times)
            count += len(times)
    assert count > 100


def test_a_venue_whose_clock_is_wrong_is_flagged_and_published(
    new_service: Callable[..., Service], valkey: str
) -> None:
    """Ahead by 90 s, behind by 5 s: values go on with the venue's own time, the difference is told."""
    offsets = {"binance": 90_000, "bybit": -5_000}
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        sim.put(*({"kind": "clock_offset", "venue": v, "milliseconds": ms} for v, ms in offsets.items()))
        with new_service(sim.urls, valkey, symbols="BTC/USDT") as service:
            recorder.until(
                lambda: all(len(recorder.of(f, *where(v, "BTC"))) > 1 for f in FAMILIES for v in FEEDS), 8
            )
            recorder.until(lambda: len(recorder.quality(kind="clock_skew")) == 2)
            for venue in FEEDS:
                for family in FAMILIES:
                    last = recorder.of(family, *where(venue, "BTC"))[-1]
                    assert last["flags"] == (["clock_skew"] if venue in offsets else []), (venue, family)
                    offset = offsets.get(venue, 0)
                    assert abs(last["timestamp"] - last["received_at"] - offset) < 5000
            for venue, offset in offsets.items():
                [told] = recorder.quality(venue, kind="clock_skew")
                assert (told["symbol"], told["state"]) == ("*", "raised")
                assert abs(told["observed"] - offset / 1000) < 0.1
                assert abs(service.metrics()["clock_offset_seconds", venue] - offset / 1000) < 0.1
            sim.clear()
            recorder.until(lambda: recorder.quality("bybit", kind="clock_skew", state="cleared"))


def test_terms_that_cannot_be_read_are_unknown_and_not_assumed(
    new_service: Callable[..., Service], valkey: str
) -> None:
    """Binance's list of intervals is away, OKX's rows lack a time: no 8 hours out of the air, no rate per year."""
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        sim.put(
            {"kind": "status", "status": 500, "venue": "binance", "path": "*fundingInfo"},
            {"kind": "hang", "venue": "binance", "path": "*ticker/24hr"},
            {"kind": "set", "venue": "okx", "path": "*funding-rate", "field": "nextFundingTime", "value": ""},
        )
        with new_service(sim.urls, valkey, symbols="BTC/USDT"):
            recorder.until(lambda: all(recorder.of(f, *where(v, "BTC")) for f in FAMILIES for v in FEEDS), 6)
            for venue in ("binance", "okx"):
                for payload in recorder.of("funding", *where(venue, "BTC")):
                    assert payload["funding_rate"] is not None
                    for key in ("funding_interval_hours", "funding_rate_8h", "funding_apr"):
                        assert payload[key] is None, (venue, key)
            assert recorder.of("funding", "bybit", "btcusdt")[-1]["funding_interval_hours"] == 8


def test_an_index_that_hangs_holds_up_no_mark(new_service: Callable[..., Service], valkey: str) -> None:
    """Requests of one round wait for one another for a moment only."""
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        with new_service(sim.urls, valkey, symbols="okx:BTC/USDT", http={"timeout": "10s"}) as service:
            recorder.until(lambda: recorder.of("mark_price", "okx", "btc-usdt"), 8)
            sim.put({"kind": "hang", "venue": "okx", "path": "*index-tickers"})
            recorder.during(3.8)
            service.stop()
        heard = recorder.channels["meta:mark_price:okx:btc-usdt"]
        gaps = [after.at - before.at for before, after in pairwise(heard)]
        assert max(gaps) < 2000
        assert not any("stale" in one.payload["flags"] for one in heard)
