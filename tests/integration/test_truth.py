"""What is published equals the simulated market's truth to the last digit; what is not followed is not published."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.oracle import CHECKS, FAMILIES, Oracle, check_common, symbol_of
from tests.integration.stage import Recorder, Service, Simulator

from microstream_sim.venues import VENUES


@dataclass
class Run:
    """A service that follows everything, and what it published in some seconds."""

    sim: Simulator
    recorder: Recorder
    oracle: Oracle
    live: dict[str, dict[str, dict[str, Any]]]
    streams: dict[str, list[dict[str, bytes]]]
    last: dict[str, dict[str, bytes]]


def live_rows(sim: Simulator, *, tradfi: bool = False) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what `all` means, by venue and our symbol."""
    return {
        venue: {symbol_of(venue, row["symbol"]): row for row in sim.live(venue, tradfi=tradfi)}
        for venue in VENUES
    }


def missing(recorder: Recorder, live: dict[str, dict[str, dict[str, Any]]]) -> list[tuple[str, str, str]]:
    """Return which values have not been heard at all."""
    return [
        (family, venue, symbol)
        for venue, rows in live.items()
        for symbol in rows
        for family in FAMILIES
        if not recorder.of(family, venue, symbol)
    ]


@pytest.fixture(scope="module")
def run(
    new_service: Callable[..., Service],
    valkey_server: str,
) -> Iterator[Run]:
    """Three seconds of all contracts of a small market."""
    with Simulator(8) as sim, Recorder(valkey_server) as recorder:
        recorder.client.flushall()
        with new_service(sim.urls, valkey_server) as service:
            live = live_rows(sim)
            recorder.until(lambda: not missing(recorder, live), 10)
            recorder.during(3)
            service.stop()
        recorder.pull(0.1)
        streams, last = {}, {}
        for group in {one.channel for one in recorder.all}:
            head, _, _ = group.rpartition(":")
            name = head.removeprefix("meta:")
            entries: Any = recorder.client.xrange(f"stream:{name}")
            streams[name] = [{k.decode(): v for k, v in fields.items()} for _, fields in entries]
            fields: Any = recorder.client.hgetall(f"last:{name}")
            last[name] = {key.decode(): value for key, value in fields.items()}
        yield Run(sim, recorder, Oracle(8), live, streams, last)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("venue", list(VENUES))
def test_every_published_value_is_the_true_one(run: Run, venue: str, family: str) -> None:
    """Each message of each contract, against the market at the message's own time."""
    count = 0
    for symbol, row in run.live[venue].items():
        for payload in run.recorder.of(family, venue, symbol):
            check_common(payload, venue, row)
            CHECKS[family](payload, row, run.oracle)
            count += 1
    least = (
        1 if (venue, family) == ("binance", "oi") else 3
    )  # one request each, at intervals that the limits allow
    assert count >= least * len(run.live[venue])


def test_nothing_else_is_published(run: Run) -> None:
    """No dated, prelaunch, suspended, settling, COIN-M, inverse Bybit or stock contract has a value. Spot is apart."""
    heard = {
        (one.payload["exchange"], one.payload["symbol"])
        for one in run.recorder.all
        if one.channel.split(":")[-3] not in {"instrument", "spot"} and not one.channel.startswith("quality")
    }
    assert heard == {(venue, symbol) for venue, rows in run.live.items() for symbol in rows}
    assert run.recorder.quality() == []


def test_sequence_numbers_have_no_hole_and_one_run(run: Run) -> None:
    """From 1 on every channel, in order."""
    assert len({one.payload["run"] for one in run.recorder.all}) == 1
    for name, heard in run.recorder.channels.items():
        assert [one.payload["seq"] for one in heard] == list(range(1, len(heard) + 1)), name


def test_the_three_forms_agree(run: Run) -> None:
    """Pub/Sub, stream and last value hold the same bytes in the same order."""
    published: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for one in run.recorder.all:
        head, _, item = one.channel.rpartition(":")
        published[head.removeprefix("meta:")][item].append(one.raw)
    for group, items in published.items():
        logged: dict[str, list[bytes]] = defaultdict(list)
        for entry in run.streams[group]:
            for item, raw in entry.items():
                logged[item].append(raw)
        assert logged == items, group
        assert run.last[group] == {item: raws[-1] for item, raws in items.items()}, group


def test_all_contracts_of_the_venues_are_there_within_five_seconds(
    new_service: Callable[..., Service],
    valkey: str,
) -> None:
    """Of the whole catalogue, at default intervals; all first values are true, and a repeated one is no change."""
    with Simulator(None) as sim, Recorder(valkey) as recorder:
        live, oracle = live_rows(sim), Oracle(None)
        assert sum(map(len, live.values())) > 1300
        with new_service(sim.urls, valkey, services={}) as service:
            recorder.until(lambda: not missing(recorder, live), 8, lambda: missing(recorder, live)[:5])
            took_s = (recorder.all[-1].at - service.started_at) / 1000
        for venue, rows in live.items():
            for symbol, row in rows.items():
                for family in FAMILIES:
                    for payload in recorder.of(family, venue, symbol):
                        check_common(payload, venue, row)
                        CHECKS[family](payload, row, oracle)
        assert took_s < 5, took_s
        assert json.loads(recorder.all[0].raw)["seq"] == 1


def test_a_named_dated_contract_has_prices_and_open_interest_but_no_funding(
    run: Run,
    new_service: Callable[..., Service],
    valkey: str,
) -> None:
    """So do named contracts that are not live yet, or no longer: what they have, and no invented rate."""
    sim = run.sim
    dated = {
        venue: next(
            row["symbol"] for row in sim.control(f"/contracts?venue={venue}") if row["kind"] == "future"
        )
        for venue in VENUES
    }
    names = [f"{venue}:{name}" for venue, name in dated.items()] + [
        "bybit:GONECUSDT",
        "binance:SOONLISTEDUSDT",
    ]
    with Recorder(valkey) as recorder, new_service(sim.urls, valkey, symbols=names) as service:
        wanted = [(family, venue, name) for family in ("mark_price", "oi") for venue, name in dated.items()]
        recorder.until(
            lambda: all(recorder.of(f, v, symbol_of(v, name)) for f, v, name in wanted),
            8,
            lambda: (sorted(recorder.channels), service.text),
        )
        recorder.until(lambda: service.ready()[0])
        for family, venue, name in wanted:
            [row] = [one for one in sim.control(f"/contracts?venue={venue}") if one["symbol"] == name]
            for payload in recorder.of(family, venue, symbol_of(venue, name)):
                check_common(payload, venue, row)
                CHECKS[family](payload, row, run.oracle)
        assert not [name for name in recorder.channels if name.startswith("funding:")]
        assert not [name for name in recorder.channels if name.endswith("mark_price:bybit:gonecusdt")]


def test_tradfi_perpetuals_join_when_wanted(
    run: Run,
    new_service: Callable[..., Service],
    valkey: str,
) -> None:
    """With `tradfi: true` stocks, commodities and currencies are followed beside all others."""
    live = live_rows(run.sim, tradfi=True)
    settings = {"symbols": "all", "tradfi": True, "services": {"open_interest_poller": {"enabled": False}}}
    with Recorder(valkey) as recorder, new_service(run.sim.urls, valkey, **settings):
        wanted = {(venue, symbol) for venue, rows in live.items() for symbol in rows}
        recorder.until(lambda: all(recorder.of("funding", *key) for key in wanted), 8)
        heard = {
            (one.payload["exchange"], one.payload["symbol"])
            for one in recorder.all
            if one.channel.startswith("funding:")
        }
        assert heard == wanted
        assert not [name for name in recorder.channels if name.startswith("meta:oi")]
