"""Bars and signals of a service that streams, held against the very messages that it published."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.integration.stage import Heard, Recorder, Service, Simulator

from microstream.analytics.signals import NAMES

NewService = Callable[..., Service]
Payload = dict[str, Any]

SYMBOLS = {"binance": "solusdt", "bybit": "solusdt", "okx": "sol-usdt"}
SECOND = 1_000
PAYLOADS = Path(__file__).parents[2] / "docs" / "payloads"
SETTINGS: dict[str, Any] = {
    "symbols": ["SOL/USDT", "BTC/USDT"],
    "bars": {"enabled": True},
    "signals": {
        "enabled": True,
        "interval": "1s",
        "min_samples": 4,
        "basis_window": "6m",
        "funding_window": "1h",
        "regime_timeframes": ["5s"],
        "squeeze_timeframe": "1s",
    },
}


@pytest.fixture(scope="module")
def recorded(new_service: NewService, valkey_server: str) -> Iterator[tuple[Recorder, Service]]:
    """What a service has published in the time that a bar of 15 s takes, signals with all components included."""
    with (
        Simulator() as sim,
        Recorder(valkey_server) as recorder,
        new_service(sim.urls, valkey_server, mode="auto", spot=True, **SETTINGS) as service,
    ):
        recorder.until(lambda: all(whole_bars(recorder, venue, "15s") for venue in SYMBOLS), 45)
        recorder.until(
            lambda: all(
                signals(recorder, "squeeze", f"{venue}:{symbol}")[-1]["values"]["short_squeeze"] is not None
                for venue, symbol in SYMBOLS.items()
            ),
            30,
        )
        yield recorder, service


def bars(recorder: Recorder, venue: str, timeframe: str) -> list[Payload]:
    """Return the bars of a timeframe as they came."""
    heard = recorder.channels.get(f"bars:{venue}:{SYMBOLS[venue]}:{timeframe}", [])
    return [one.payload for one in heard]


def whole_bars(recorder: Recorder, venue: str, timeframe: str) -> list[Payload]:
    """Return the bars all of whose seconds were live."""
    return [bar for bar in bars(recorder, venue, timeframe) if bar["coverage"] == 1.0]


def signals(recorder: Recorder, name: str, subject: str) -> list[Payload]:
    """Return what was published of a signal; nothing as one empty word."""
    heard = recorder.channels.get(f"signal:{name}:{subject}", [])
    return [one.payload for one in heard] or [{"values": defaultdict(lambda: None)}]


def marks(recorder: Recorder, venue: str) -> dict[int, list[float]]:
    """Return the marks by the second of the venue's time, each once, in the order of that time."""
    said: dict[int, float] = {}
    one: Heard
    for one in recorder.channels[f"meta:mark_price:{venue}:{SYMBOLS[venue]}"]:
        if one.payload["mark_price"] is not None:
            said[one.payload["timestamp"]] = one.payload["mark_price"]
    seconds: dict[int, list[float]] = defaultdict(list)
    for at in sorted(said):
        seconds[at - at % SECOND].append(said[at])
    return seconds


@pytest.mark.parametrize("venue", SYMBOLS)
def test_seconds_are_what_was_published_in_them(recorded: tuple[Recorder, Service], venue: str) -> None:
    """Open, high, low and close of the messages whose time lies in the second; where none does, what stood."""
    recorder, _ = recorded
    said, compared, before = marks(recorder, venue), 0, None
    for bar in bars(recorder, venue, "1s"):
        prices = said.get(bar["open_time"])
        if prices and bar["late"] == 0 and bar["mark"] is not None:
            found = bar["mark"]
            assert (found["open"], found["close"]) == (prices[0], prices[-1])
            assert (found["high"], found["low"]) == (max(prices), min(prices))
            assert found["samples"] == len(prices)
            compared += 1
        elif before is not None and bar["mark"] is not None:
            assert bar["mark"]["open"] == bar["mark"]["close"] == before
            assert bar["mark"]["samples"] == 0
        before = bar["mark"]["close"] if bar["mark"] else before
    assert compared >= 10


@pytest.mark.parametrize("venue", SYMBOLS)
def test_bars_come_once_aligned_and_on_time(recorded: tuple[Recorder, Service], venue: str) -> None:
    """One after the other without a hole, each soon after its lateness."""
    recorder, _ = recorded
    for timeframe, length in (("1s", SECOND), ("5s", 5 * SECOND), ("15s", 15 * SECOND)):
        found = bars(recorder, venue, timeframe)
        times = [bar["open_time"] for bar in found]
        assert times == list(range(times[0], times[0] + length * len(times), length))
        assert all(at % length == 0 for at in times)
        assert all(bar["close_time"] - bar["open_time"] == length for bar in found)
    heard = recorder.channels[f"bars:{venue}:{SYMBOLS[venue]}:1s"]
    delays = sorted(one.at - one.payload["close_time"] for one in heard)
    assert delays[0] >= 2_000
    assert delays[len(delays) // 2] < 3_000


@pytest.mark.parametrize("venue", SYMBOLS)
def test_longer_bars_are_folds(recorded: tuple[Recorder, Service], venue: str) -> None:
    """What is published of 5 s is the fold of the five published seconds, for every value."""
    recorder, _ = recorded
    seconds = {bar["open_time"]: bar for bar in bars(recorder, venue, "1s")}
    whole = whole_bars(recorder, venue, "5s")
    assert whole
    for bar in whole:
        parts = [seconds[at] for at in range(bar["open_time"], bar["close_time"], SECOND)]
        for name in ("mark", "index", "basis_bps", "funding_rate", "open_interest", "open_value"):
            found, each = bar[name], [part[name] for part in parts]
            assert found["open"] == each[0]["open"]
            assert found["close"] == each[-1]["close"]
            assert found["high"] == max(part["high"] for part in each)
            assert found["low"] == min(part["low"] for part in each)
            assert found["samples"] == sum(part["samples"] for part in each)


@pytest.mark.parametrize("family", ["bars", "signal"])
def test_payloads_fit_their_schema(recorded: tuple[Recorder, Service], family: str) -> None:
    """Every message of the family, whatever it could not know."""
    recorder, _ = recorded
    schema = Draft202012Validator(json.loads((PAYLOADS / f"{family}.schema.json").read_text("utf-8")))
    found = [one.payload for one in recorder.all if one.channel.startswith(f"{family}:")]
    assert len(found) > 20
    for payload in found[-400:]:
        schema.validate(payload)


def test_the_spread_is_that_of_the_rates_beside_it(recorded: tuple[Recorder, Service]) -> None:
    """Carry, APR and costs recomputed from the inputs that the signal repeats."""
    recorder, _ = recorded
    signal = signals(recorder, "funding_spread", "sol")[-1]
    values = signal["values"]
    given = {(item["exchange"], item["name"]): item["value"] for item in signal["inputs"]}
    hourly = {
        venue: given[venue, "funding_rate"] / given[venue, "funding_interval_hours"] for venue in SYMBOLS
    }
    short, long = values["short"]["exchange"], values["long"]["exchange"]
    assert hourly[short] == max(hourly.values())
    assert hourly[long] == min(hourly.values())
    assert values["carry_per_hour"] == pytest.approx(hourly[short] - hourly[long], abs=1e-15)
    assert values["gross_apr"] == pytest.approx(values["carry_per_hour"] * 8760, abs=1e-12)
    fees = {"binance": 0.0005, "bybit": 0.00055, "okx": 0.0005}
    assert values["costs"] == pytest.approx(2 * (fees[short] + fees[long]))
    assert len(values["pairs"]) == 3


def test_every_signal_is_there_for_every_subject(recorded: tuple[Recorder, Service]) -> None:
    """By contract and by coin, as channel, last value and metric."""
    recorder, service = recorded
    contracts = {f"{venue}:{symbol}" for venue, symbol in SYMBOLS.items()}
    last = {name: {key.decode() for key in recorder.client.hkeys(f"last:signal:{name}")} for name in NAMES}
    for name in ("basis", "funding_anomaly", "oi_regime", "squeeze"):
        assert contracts <= last[name]
    for name in ("funding_spread", "liquidity"):
        assert last[name] == {"sol", "btc"}
    metrics = service.metrics()
    assert all(metrics["signals_total", name] > 0 for name in NAMES)
    assert metrics["messages_total", "bars"] > 0
    shares = signals(recorder, "liquidity", "sol")[-1]["values"]["shares"]
    assert sum(shares.values()) == pytest.approx(1.0)
    anomaly = signals(recorder, "funding_anomaly", "bybit:solusdt")[-1]["values"]
    assert anomaly["samples"] >= 4
    assert anomaly["distance_to_cap"] is not None
    basis = signals(recorder, "basis", "okx:sol-usdt")[-1]["values"]
    assert basis["perp_spot_bps"] is not None
    assert abs(basis["z_score"]) < 100


def test_no_number_is_missing(recorded: tuple[Recorder, Service]) -> None:
    """Bars and signals are numbered like everything else."""
    recorder, _ = recorded
    recorder.pull()
    for name, heard in recorder.channels.items():
        numbers = [one.payload["seq"] for one in heard]
        assert numbers == list(range(1, len(numbers) + 1)), name
