"""`microstream backfill` from the simulated venues: equal to the truth, resumed where it was, nothing asked twice."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.integration.conftest import addresses
from tests.integration.stage import Simulator, wait_until

from microstream import venues
from microstream.history import History
from microstream.history.ledger import Subject
from microstream.history.store import Store
from microstream.model.past import ROWS, PastKind

HOUR = 3_600_000
PATHS = ("fundingRate", "Klines", "openInterestHist", "history", "kline", "open-interest", "candles")
VALUES: dict[PastKind, tuple[str, ...]] = {
    "funding": ("settled_rate",),
    "mark": ("open", "high", "low", "close"),
    "index": ("open", "high", "low", "close"),
    "premium": ("open", "high", "low", "close"),
    "oi": ("open_interest",),
}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """Simulated venues with a few contracts."""
    with Simulator() as sim:
        yield sim


class Filling:
    """The command with its tables."""

    def __init__(self, sim: Simulator, folder: Path, **history: Any) -> None:
        exchanges = {name: addresses(sim.urls, name) for name in venues.REGISTRY}
        settings = {
            "exchanges": exchanges,
            "history": {"url": str(folder / "tables"), "weight_share": 0.9, **history},
        }
        self.file = folder / "microstream.yaml"
        self.file.write_text(json.dumps(settings), "utf-8")
        self.store = Store(str(folder / "tables"))

    def start(self, *arguments: str, largest_file: int | None = None) -> subprocess.Popen[str]:
        """Start it; files that would become larger cannot be written, as on a full disk."""
        command = [sys.executable, "-m", "microstream", "backfill", "-c", str(self.file), *arguments]
        if largest_file is not None:
            command = ["prlimit", f"--fsize={largest_file}", *command]
        return subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_PROXY": "127.0.0.1"}
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run it to its end and return what it said."""
        process = self.start(*arguments)
        _, said = process.communicate(timeout=50)
        assert process.returncode == code, said
        return said

    def rows(self, kind: PastKind) -> pl.DataFrame:
        """Return all rows of a kind."""
        table = self.store.past[kind]
        return table.read(table.scan()).sort("exchange", "symbol", "timestamp")


@pytest.fixture
def filling(sim: Simulator, tmp_path: Path) -> Filling:
    """The command with no tables yet."""
    return Filling(sim, tmp_path)


def _until_lately(hours: int) -> tuple[str, ...]:
    """Return options for a span that is over: what the clock adds meanwhile is not in it."""
    end = round(time.time() * 1000) // 300_000 * 300_000 - 1_200_000
    return "--from", str(end - hours * HOUR), "--to", str(end)


def _asked(sim: Simulator) -> dict[tuple[str, str], int]:
    """Return how often each history path was asked for; all were answered well."""
    counts = sim.control("/requests")["counts"]
    asked = [row for row in counts if any(word in row["path"] for word in PATHS)]
    assert {row["status"] for row in asked} <= {200, 0}, asked
    return {(row["venue"], row["path"]): row["count"] for row in asked}


def _names(sim: Simulator, coins: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Return the venue's name of the contracts on some coins, by exchange and our symbol."""
    found = {}
    for venue in venues.REGISTRY:
        for row in sim.live(venue):
            if row["coin"] in coins and row["quote"] == "USDT":
                symbol = row["symbol"].lower().removesuffix("-swap")
                found[venue, symbol] = row["symbol"]
    return found


def _check(sim: Simulator, filling: Filling, names: dict[tuple[str, str], str]) -> int:
    """Compare every row that is there with the truth; return how many there are."""
    checked = 0
    filling.store.ledger.load()
    for kind in ROWS:
        rows = filling.rows(kind)
        assert rows.select("exchange", "symbol", "timestamp").is_duplicated().sum() == 0
        for (exchange, symbol), name in names.items():
            mine = rows.filter(pl.col("exchange") == exchange, pl.col("symbol") == symbol)
            [span] = [
                span
                for subject in filling.store.ledger.subjects()
                if subject == (exchange, symbol, kind)
                for span in filling.store.ledger.spans(subject, "answered")
            ]
            truth = sim.control(
                f"/past?venue={exchange}&symbol={name}&kind={kind}&start={span.start}&end={span.end}"
            )
            points = exchange == "okx" and kind == "premium"
            wanted = [
                (row[0], *([None] * 3 if points else []), *(float(text) for text in row[1:]))
                for row in truth
                if kind != "mark" or row[0] >= span.start
            ]
            assert mine.select("timestamp", *VALUES[kind]).rows() == wanted, (exchange, symbol, kind)
            checked += len(wanted)
    return checked


def test_everything_equals_the_truth_and_is_asked_for_once(sim: Simulator, filling: Filling) -> None:
    """All five kinds of three venues over more than a page; a repeat asks for nothing."""
    names = _names(sim, ("BTC", "PEPE"))
    assert len(names) == 6
    before = _asked(sim)
    span = _until_lately(4)
    said = filling.run(*span, "--symbols", "BTC/USDT,PEPE/USDT")
    asked = _asked(sim)
    rows = _check(sim, filling, names)
    assert f"{rows} rows written" in said
    assert rows > 6 * 3 * 200
    again = filling.run(*span, "--symbols", "BTC/USDT", "--symbols", "PEPE/USDT")
    assert "0 rows written, 0 requests" in again
    assert _asked(sim) == asked != before


def test_a_longer_span_asks_for_the_difference_only(sim: Simulator, filling: Filling) -> None:
    """What is there is left alone, on both sides of the gap."""
    now = round(time.time() * 1000) // HOUR * HOUR
    inner = ("--from", str(now - 4 * HOUR), "--to", str(now - 3 * HOUR))
    filling.run(*inner, "--symbols", "bybit:BTC/USDT", "--kinds", "mark")
    filling.run(
        "--from",
        str(now - 5 * HOUR),
        "--to",
        str(now - 2 * HOUR),
        "--symbols",
        "bybit:BTC/USDT",
        "--kinds",
        "mark",
    )
    recent = [row["query"] for row in sim.requests("bybit", "mark-price-kline")][-2:]
    starts = sorted(int(query.split("start=")[1].split("&")[0]) for query in recent)
    assert starts == [now - 5 * HOUR, now - 3 * HOUR]
    assert filling.rows("mark").height == 180


def test_killed_and_stopped_it_goes_on_where_it_was(sim: Simulator, tmp_path: Path) -> None:
    """Kill -9 and SIGINT at any point lose nothing and double nothing."""
    filling = Filling(sim, tmp_path, weight_share=0.25)  # slow enough to be interrupted
    arguments = (
        *_until_lately(26),
        "--symbols",
        "okx:BTC/USDT,bybit:BTC/USDT,binance:BTC/USDT",
        "--kinds",
        "funding,mark,index,oi",
    )
    for number in (signal.SIGKILL, signal.SIGINT):
        before = sum(_asked(sim).values())
        process = filling.start(*arguments)
        wait_until(lambda before=before: sum(_asked(sim).values()) > before + 4, 30)  # type: ignore[misc]
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        assert process.returncode == (-9 if number == signal.SIGKILL else 130), said
    assert "goes on where this one was" in said
    filling.run(*arguments)
    names = {(venue, symbol): name for (venue, symbol), name in _names(sim, ("BTC",)).items()}
    kinds = {kind: filling.rows(kind).height for kind in ROWS}
    assert kinds["premium"] == 0
    assert kinds["mark"] == kinds["index"] >= len(names) * 25 * 60
    asked = _asked(sim)
    filling.run(*arguments)
    assert _asked(sim) == asked


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed")
def test_a_full_disk_ends_it_and_loses_nothing(filling: Filling) -> None:
    """It says where it could not write; with room again it goes on, and nothing is there twice."""
    arguments = ("--from", "4h", "--symbols", "bybit:BTC/USDT", "--kinds", "mark,index")
    process = filling.start(*arguments, largest_file=3000)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1, said
    assert "venue/mark" in said
    assert "Traceback" not in said
    filling.run(*arguments)
    for kind in ("mark", "index"):
        rows = filling.rows(kind)
        assert rows.height == rows.select("symbol", "timestamp").unique().height >= 230


def test_a_venue_that_is_away_leaves_the_others_alone(sim: Simulator, filling: Filling) -> None:
    """What could not be asked is told and stays a gap; the exit code says so."""
    sim.put({"venue": "okx", "kind": "status", "status": 503})
    try:
        said = filling.run("--from", "2h", "--symbols", "BTC/USDT", "--kinds", "oi", code=1)
    finally:
        sim.clear()
    assert "okx" in said
    assert set(filling.rows("oi")["exchange"]) == {"binance", "bybit"}
    filling.run("--from", "2h", "--symbols", "BTC/USDT", "--kinds", "oi")
    assert set(filling.rows("oi")["exchange"]) == {"binance", "bybit", "okx"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--kinds", "fundng"), "fundng is no kind; there are funding, mark"),
        (("--from", "yesterday"), "--from yesterday is no time"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "is not before --to"),
        (("--from", "1h", "--symbols", "BTX/USDT"), "'BTX/USDT' is listed by none of"),
    ],
)
def test_mistakes_are_told(filling: Filling, arguments: tuple[str, ...], text: str) -> None:
    """Nothing is asked for and the exit code is 2."""
    assert text in filling.run(*arguments, code=2)


def test_bad_answers_are_asked_for_again(sim: Simulator, filling: Filling) -> None:
    """What the venues spoil for a moment is complete in the end, and equals the truth."""
    once = {"count": 1, "path": "*unding*"}
    sim.put(
        {"venue": "binance", "kind": "cut", **once},
        {"venue": "binance", "kind": "html", **once},
        {"venue": "binance", "kind": "status", "status": 429, "headers": {"Retry-After": "1"}, **once},
        {
            "venue": "bybit",
            "kind": "set",
            "field": "fundingRate",
            "value": "n/a",
            **once,
            "path": "*funding/history",
        },
        {
            "venue": "okx",
            "kind": "wrong_type",
            "field": "*",
            "type": "object",
            **once,
            "path": "*rate-history",
        },
        {"venue": "okx", "kind": "empty_body", **once, "path": "*rate-history"},
    )
    try:
        filling.run("--from", "2d", "--symbols", "BTC/USDT,ETH/USDT", "--kinds", "funding")
    finally:
        sim.clear()
    filling.store.ledger.load()
    for (exchange, symbol), name in _names(sim, ("BTC", "ETH")).items():
        [span] = filling.store.ledger.spans(Subject(exchange, symbol, "funding"), "answered")
        truth = sim.control(
            f"/past?venue={exchange}&symbol={name}&kind=funding&start={span.start}&end={span.end}"
        )
        mine = filling.rows("funding").filter(pl.col("exchange") == exchange, pl.col("symbol") == symbol)
        assert mine.select("timestamp", "settled_rate").rows() == [(at, float(rate)) for at, rate in truth]
        assert truth


def test_a_correction_is_found_and_kept_beside_what_was_said(sim: Simulator, filling: Filling) -> None:
    """`--again` learns what the venue now says otherwise; as of an earlier time the old word stands."""
    arguments = (*_until_lately(24), "--symbols", "bybit:BTC/USDT", "--kinds", "funding")
    sim.put(
        {
            "venue": "bybit",
            "kind": "set",
            "field": "fundingRate",
            "value": "0.0123",
            "path": "*funding/history",
        }
    )
    try:
        filling.run(*arguments)
    finally:
        sim.clear()
    before = filling.rows("funding").height
    assert "0 rows written, 0 requests" in filling.run(*arguments)
    said = filling.run(*arguments, "--again")
    assert f"{before} rows written, {before} of them corrections" in said
    history, then = History(filling.store.url), round(time.time() * 1000) - 3_600_000
    now_said = history.funding("BTC/USDT", start="2020-01-01")["settled_rate"]
    then_said = history.funding("BTC/USDT", start="2020-01-01", as_of=then)["settled_rate"]
    assert set(then_said) == {0.0123}
    assert 0.0123 not in set(now_said)
    assert len(now_said) == before


def test_an_empty_page_or_two_are_not_believed(sim: Simulator, filling: Filling) -> None:
    """A live contract has a candle every minute: what a venue leaves out once is there in the end."""
    span = _until_lately(3)
    sim.put({"venue": "binance", "kind": "empty_list", "path": "*markPriceKlines", "count": 1})
    sim.put({"venue": "okx", "kind": "empty_list", "path": "*mark-price-candles", "count": 2})
    sim.put({"venue": "okx", "kind": "empty_list", "path": "*rate-history", "count": 1})
    try:
        filling.run(*span, "--symbols", "binance:BTC/USDT,okx:BTC/USDT", "--kinds", "mark,funding")
    finally:
        sim.clear()
    marks, rates = filling.rows("mark"), filling.rows("funding")
    assert dict(marks.group_by("exchange").len().iter_rows()) == {"binance": 180, "okx": 180}
    assert set(rates["exchange"]) == {"binance", "okx"}
