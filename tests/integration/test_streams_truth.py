"""What streams publish, held against the simulated market's truth at sampled moments, and message by message."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.followed import FEEDS, now_ms
from tests.integration.oracle import CHECKS, FAMILIES, Oracle, check_common, symbol_of
from tests.integration.stage import Recorder, Service, Simulator
from tests.integration.streamed import FIELDS, STREAMED

NewService = Callable[..., Service]
Rows = dict[str, dict[str, dict[str, Any]]]

WITHIN_MS = {"binance": 1_500, "bybit": 500, "okx": 1_000}
"""How long after the truth has moved its mark may be the last value: the pace of each venue's stream, and a little."""
OWN_PACE_MS = {"index_price": 1_500, "open_interest": 4_500, "funding_rate": 1_500}
OKX_FUNDING_MS = 95_000
"""OKX pushes a funding rate every 30 to 90 s."""
SLOW = ("okx", "funding")
"""Between two pushes polls have newer rates, and write them."""
SAMPLES = 6
LAG_S = 0.010


@dataclass
class Run:
    """A service that streams everything, what it published, and its last values at sampled moments."""

    sim: Simulator
    recorder: Recorder
    oracle: Oracle
    live: Rows
    samples: list[tuple[float, dict[tuple[str, str], dict[str, dict[str, Any]]]]]


def live_rows(sim: Simulator) -> Rows:
    """Return what `all` means, by venue and our symbol."""
    return {venue: {symbol_of(venue, row["symbol"]): row for row in sim.live(venue)} for venue in FEEDS}


def not_streamed(recorder: Recorder, live: Rows) -> list[tuple[str, str, str]]:
    """Return the values that no stream has brought yet."""
    return [
        (family, venue, symbol)
        for venue, family in STREAMED
        for symbol in live[venue]
        if family in FAMILIES and "ws" not in {one["source"] for one in recorder.of(family, venue, symbol)}
    ]


def sample(recorder: Recorder) -> tuple[float, dict[tuple[str, str], dict[str, dict[str, Any]]]]:
    """Return all last values, and when they were read."""
    found = {(venue, family): recorder.last(family, venue) for venue in FEEDS for family in FAMILIES}
    return now_ms(), found


@pytest.fixture(scope="module")
def run(new_service: NewService, valkey_server: str) -> Iterator[Run]:
    """Some seconds of all contracts of a small market, so many that Binance's come in one stream for all."""
    with Simulator(20) as sim, Recorder(valkey_server) as recorder:
        recorder.client.flushall()
        live = live_rows(sim)
        with new_service(sim.urls, valkey_server, mode="auto"):
            recorder.until(lambda: not not_streamed(recorder, live), 15, lambda: not_streamed(recorder, live))
            samples = []
            for _ in range(SAMPLES):
                recorder.during(0.63)
                samples.append(sample(recorder))
            topics = [row["subscriptions"] for row in sim.control("/connections")["open"]]
        assert ["!markPrice@arr@1s"] in topics
        yield Run(sim, recorder, Oracle(20), live, samples)


@pytest.mark.parametrize(("venue", "family"), sorted(STREAMED))
def test_last_values_are_the_truth_of_a_moment_ago(run: Run, venue: str, family: str) -> None:
    """Of every contract at every sampled moment, from the stream, and no older than the venue's pace allows."""
    count = 0
    for at, found in run.samples:
        for symbol, row in run.live[venue].items():
            payload = found[venue, family][symbol]
            assert payload["source"] == "ws" or (venue, family) == SLOW
            for key, name in FIELDS[family].items():
                within = WITHIN_MS[venue] if key == "mark_price" else OWN_PACE_MS[key]
                if (venue, key) == ("okx", "funding_rate"):
                    within = OKX_FUNDING_MS
                true = run.oracle.seen(venue, row["symbol"], name, round(at) - within, round(at))
                assert payload[key] in true, (symbol, key, payload[key], sorted(true, key=str))
                count += 1
    assert count >= SAMPLES * len(run.live[venue])


def test_open_interest_of_binance_is_polled(run: Run) -> None:
    """It has no stream of it; what polls say is the truth."""
    _, found = run.samples[-1]
    assert set(found["binance", "oi"]) == set(run.live["binance"])
    for symbol, row in run.live["binance"].items():
        for payload in run.recorder.of("oi", "binance", symbol):
            check_common(payload, "binance", row)
            CHECKS["oi"](payload, row, run.oracle)


def test_every_mark_is_the_true_one_of_its_own_time(run: Run) -> None:
    """Message by message; times never run backwards, numbers have no hole, and nothing is wrong."""
    for venue, rows in run.live.items():
        for symbol, row in rows.items():
            payloads = run.recorder.of("mark_price", venue, symbol)
            times = [one["timestamp"] for one in payloads]
            assert times == sorted(times)
            assert [one["seq"] for one in payloads] == list(range(1, len(payloads) + 1))
            known = [one for one in payloads if one["mark_price"] is not None]
            assert known == payloads[-len(known) :]  # an index may come before the first mark
            for payload in known:
                assert payload["mark_price"] == float(
                    run.oracle.at(venue, row["symbol"], payload["timestamp"]).mark_price
                )
    assert [(one["symbol"], one["kind"], one["state"], one["detail"]) for one in run.recorder.quality()] == []


def test_sources_are_not_interleaved(run: Run) -> None:
    """Polls may come first; once a stream speaks, it alone writes."""
    for venue, family in STREAMED - {SLOW}:
        for symbol in run.live[venue]:
            sources = [one["source"] for one in run.recorder.of(family, venue, symbol)]
            assert sources == sorted(sources), (venue, family, symbol)  # rest before ws


@pytest.mark.slow
def test_the_whole_catalogue_streams_and_the_loop_is_free(new_service: NewService, valkey: str) -> None:
    """Frames of some 600 rows a second beside all the rest: live in eight seconds, timers late by less than 10 ms."""
    with Simulator(None) as sim, Recorder(valkey) as recorder:
        live = live_rows(sim)
        assert len(live["binance"]) > 450
        settings = {"services": {}, "exchanges": {"bybit": {"enabled": False}, "okx": {"enabled": False}}}
        with new_service(sim.urls, valkey, mode="auto", **settings) as service:
            prices = {"binance": live["binance"]}
            recorder.until(
                lambda: all(
                    "ws" in {one["source"] for one in recorder.of("mark_price", venue, symbol)[-1:]}
                    for venue, rows in prices.items()
                    for symbol in rows
                ),
                8,
            )
            before = service.metrics()
            recorder.during(4)
            after = service.metrics()
        late_s = after["loop_lag_seconds_sum",] - before["loop_lag_seconds_sum",]
        assert late_s / (after["loop_lag_seconds_count",] - before["loop_lag_seconds_count",]) < LAG_S
