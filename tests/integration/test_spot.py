"""Spot pairs of what is followed: true values, the right pairs, and no harm to anything else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.oracle import FAMILIES, symbol_of
from tests.integration.spot_truth import SpotOracle, multiplier_of, pairs_of
from tests.integration.stage import Recorder, Service, Simulator

from microstream_sim.venues import VENUES

PATHS = {
    "binance": "/api/v3/ticker/bookTicker",
    "bybit": "/v5/market/tickers",
    "okx": "/api/v5/market/tickers",
}
NewService = Callable[..., Service]


@dataclass
class Run:
    """What a service that follows everything published in some seconds."""

    recorder: Recorder
    expected: dict[str, set[str]]
    """The pairs that are to be published, by venue."""
    last: dict[str, dict[str, Any]]
    metrics: dict[tuple[str, ...], float]


def spot(recorder: Recorder, exchange: str) -> dict[str, list[dict[str, Any]]]:
    """Return the messages about spot of a venue by symbol."""
    prefix = f"meta:spot:{exchange}:"
    return {
        name.removeprefix(prefix): [one.payload for one in heard]
        for name, heard in recorder.channels.items()
        if name.startswith(prefix)
    }


@pytest.fixture(scope="module")
def run(new_service: NewService, valkey_server: str) -> Iterator[Run]:
    """Three seconds of all contracts of a small market, and what an earlier run has left behind."""
    with Simulator(40) as sim, Recorder(valkey_server) as recorder:
        recorder.client.flushall()
        recorder.client.hset("last:spot:okx", mapping={"gone-usdt": "{}", "btc-usdt": "{}"})
        listed = {venue: SpotOracle(40).quotes(venue, 1_795_176_000_000) for venue in VENUES}
        expected = {
            venue: set().union(*(pairs_of(venue, row) for row in sim.live(venue)))
            & {name.lower() for name in listed[venue]}
            for venue in VENUES
        }
        with new_service(sim.urls, valkey_server, spot=True) as service:
            recorder.until(
                lambda: all(spot(recorder, venue).keys() >= expected[venue] for venue in VENUES),
                15,
                lambda: {venue: expected[venue] - spot(recorder, venue).keys() for venue in VENUES},
            )
            recorder.during(3)
            metrics = service.metrics()
            service.stop()
        recorder.pull(0.1)
        last = {venue: recorder.last("spot", venue) for venue in VENUES}
        yield Run(recorder, expected, last, metrics)


@pytest.mark.parametrize("venue", list(VENUES))
def test_every_published_quote_is_a_true_one(run: Run, venue: str) -> None:
    """Bid, ask and last of each message, against the market at its time; the middle is between them."""
    oracle, count = SpotOracle(40), 0
    for symbol, heard in spot(run.recorder, venue).items():
        for payload in heard:
            assert (payload["bid"], payload["ask"], payload["last"]) in oracle.around(payload), symbol
            assert payload["mid"] == (payload["bid"] + payload["ask"]) / 2
            assert (payload["v"], payload["source"], payload["flags"]) == (1, "rest", [])
            assert (payload["timestamp"] is None) == (venue == "binance")
            assert payload["multiplier"] == multiplier_of(symbol)
            count += 1
    assert count > 2 * len(run.expected[venue])


@pytest.mark.parametrize("venue", list(VENUES))
def test_pairs_are_those_of_what_is_followed(run: Run, venue: str) -> None:
    """One for each followed coin and quote that the venue lists, on stocks and what is not listed none."""
    assert spot(run.recorder, venue).keys() == run.expected[venue]
    assert run.last[venue].keys() == run.expected[venue]
    assert len(run.expected[venue]) > 40


def test_multiplier_contracts_have_the_pair_of_the_coin(run: Run) -> None:
    """Binance's 1000PEPEUSDT has PEPEUSDT; a coin that is quoted in units in spot too has the multiplier with it."""
    for venue, symbol, instrument in (
        ("binance", "pepeusdt", "PEPE/USDT"),
        ("binance", "1mbabydogeusdt", "BABYDOGE/USDT"),
        ("bybit", "shibusdt", "SHIB/USDT"),
        ("bybit", "1000000babydogeusdt", "BABYDOGE/USDT"),
        ("bybit", "btcusdc", "BTC/USDC"),
    ):
        assert run.last[venue][symbol]["instrument"] == instrument
    assert not spot(run.recorder, "binance").keys() & {"1000pepeusdt", "babydogeusdt"}


def test_absent_pairs_are_no_trouble(run: Run) -> None:
    """Nothing that was never listed is missed."""
    assert not [one for one in run.recorder.quality() if one["about"] == "spot"]
    assert run.metrics["values", "okx", "spot", "waiting"] == 0
    assert run.metrics["values", "okx", "spot", "live"] == len(run.expected["okx"])


def test_one_bulk_request_a_round_serves_all(run: Run) -> None:
    """Counted beside the contracts' requests, under names of their own."""
    for venue, feed in (
        ("binance", "spot/bookTicker"),
        ("bybit", "spot/tickers"),
        ("okx", "spot/tickers"),
    ):
        assert 3 <= run.metrics["http_requests_total", venue, feed, "200"] <= 12
    assert run.metrics["quota_limit", "binance", "spot_weight"] == 6000
    assert run.metrics["quota_limit", "okx", "tickers"] == 20
    assert ("quota_limit", "bybit", "tickers") not in run.metrics


def test_a_spot_host_that_is_dead_from_the_start_harms_nothing(new_service: NewService, valkey: str) -> None:
    """All else is published and the service is ready; it is told once, about spot; then the host comes back."""
    faults = [
        {"kind": "close", "venue": "binance", "path": PATHS["binance"]},
        {"kind": "status", "status": 451, "venue": "okx", "path": PATHS["okx"]},
    ]
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        sim.put(*faults)
        with new_service(sim.urls, valkey, spot=True, symbols="BTC/USDT") as service:
            recorder.until(
                lambda: all(
                    recorder.of(family, venue, symbol_of(venue, "BTC-USDT" if venue == "okx" else "BTCUSDT"))
                    for family in FAMILIES
                    for venue in VENUES
                )
            )
            recorder.until(lambda: service.ready()[0])
            recorder.until(lambda: recorder.quality("binance", kind="silent", about="spot"), 6)
            recorder.until(lambda: recorder.quality("okx", kind="refused", about="spot"), 6)
            recorder.during(2)
            ready, body = service.ready()
            assert ready
            assert body["venues"]["binance"]["families"]["spot"]["followed"] == 0
            assert any("bookTicker" in text for text in body["venues"]["binance"]["failing"])
            told = recorder.quality()
            assert sorted((one["exchange"], one["symbol"], one["kind"], one["about"]) for one in told) == [
                ("binance", "*", "silent", "spot"),
                ("okx", "*", "refused", "spot"),
            ]
            assert spot(recorder, "bybit").keys() == {"btcusdt"}
            sim.clear()
            recorder.until(lambda: spot(recorder, "binance"), 8)
            recorder.until(lambda: recorder.quality("binance", kind="silent", state="cleared"))


@pytest.mark.slow
def test_a_pair_that_vanishes_grows_stale(new_service: NewService, valkey: str) -> None:
    """And recovers; its contract, of the same symbol, is not touched by it."""
    with (
        Simulator(8) as sim,
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, spot=True, symbols="binance:BTC/USDT,binance:ETH/USDT"),
    ):
        recorder.until(lambda: len(spot(recorder, "binance")) == 2, 8)
        fault = {"kind": "set", "venue": "binance", "path": PATHS["binance"], "symbol": "BTCUSDT"}
        with sim.fault({**fault, "field": "symbol", "value": "GONEUSDT"}):
            recorder.until(lambda: recorder.quality("binance", kind="stale", about="spot"), 8)
            [told] = recorder.quality()
            assert (told["symbol"], told["instrument"]) == ("btcusdt", "BTC/USDT")
            assert spot(recorder, "binance")["btcusdt"][-1]["flags"] == ["stale"]
            assert "stale" not in spot(recorder, "binance")["ethusdt"][-1]["flags"]
            assert recorder.of("mark_price", "binance", "btcusdt")[-1]["flags"] == []
        recorder.until(lambda: spot(recorder, "binance")["btcusdt"][-1]["flags"] == [])
        assert [one["flags"] for one in spot(recorder, "binance")["btcusdt"]].count(["recovered"]) == 1


@pytest.mark.slow
def test_a_spoilt_quote_is_kept_out(new_service: NewService, valkey: str) -> None:
    """The last good one stays, flagged, and the contract of the same symbol is not suspected."""
    with (
        Simulator(8) as sim,
        Recorder(valkey) as recorder,
        new_service(sim.urls, valkey, spot=True, symbols="bybit:BTC/USDT"),
    ):
        recorder.until(lambda: spot(recorder, "bybit"), 8)
        fault = {"kind": "set", "venue": "bybit", "path": PATHS["bybit"], "symbol": "BTCUSDT"}
        with sim.fault({**fault, "field": "bid1Price", "value": "9999999"}):
            recorder.until(lambda: recorder.quality("bybit", kind="out_of_range", about="spot"))
            recorder.until(
                lambda: spot(recorder, "bybit")["btcusdt"][-1]["flags"] == ["stale", "out_of_range"], 8
            )
        recorder.until(lambda: len(recorder.quality("bybit", state="cleared")) == 2)
        assert {one["about"] for one in recorder.quality()} == {"spot"}
        assert all(one["bid"] < 9e6 for one in spot(recorder, "bybit")["btcusdt"])
        assert recorder.of("mark_price", "bybit", "btcusdt")[-1]["flags"] == []


def test_a_configuration_for_spot_alone(new_service: NewService, valkey: str) -> None:
    """The contracts' lists are read, their values are not asked for."""
    services = {
        "funding_rate_aggregator": {"enabled": False},
        "mark_price_poller": {"enabled": False},
        "open_interest_poller": {"enabled": False},
        "spot_reference": {"poll_interval": "1s"},
    }
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        with new_service(sim.urls, valkey, spot=True, symbols="BTC", services=services) as service:
            recorder.until(lambda: all(spot(recorder, venue) for venue in VENUES), 8)
            assert service.ready()[0]
        families = {one.channel.removeprefix("meta:").partition(":")[0] for one in recorder.all}
        assert families == {"spot", "instrument"}
        assert spot(recorder, "okx").keys() == {"btc-usdt", "btc-usdc"}
