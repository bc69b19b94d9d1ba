"""A backfill of three venues, interrupted five times: against the simulator's truth, its limits, the fewest requests.

Every settlement, and of candles and open interest every contract over parts of the span, is compared with the truth.
Long (`--for 30d` is how much of the past is asked for): OKX gives a hundred minutes of an index five times a second.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.processes import fetch_json, simulator
from benchmarks.table import table
from microstream.history.store import Store
from microstream.model.past import ROWS, PastKind

DAY_MS = 86_400_000
CONTRACTS = 50
SHARE = 0.95
INTERRUPTIONS = 5
PAUSE_S = 5.0
"""Before it is started again, as a service manager would: the longest window of a limit of requests a second."""
VALUES: dict[PastKind, tuple[str, ...]] = {
    "funding": ("settled_rate",),
    "mark": ("open", "high", "low", "close"),
    "index": ("open", "high", "low", "close"),
    "premium": ("open", "high", "low", "close"),
    "oi": ("open_interest",),
}
PAGES = {
    "binance": {"funding": 1000, "mark": 1000, "index": 1000, "premium": 1000, "oi": 500},
    "bybit": {"funding": 200, "mark": 1000, "index": 1000, "premium": 1000, "oi": 200},
    "okx": {"funding": 400, "mark": 100, "index": 100, "premium": 100, "oi": 100},
}
PATHS = {
    "fundingRate": "funding",
    "markPriceKlines": "mark",
    "indexPriceKlines": "index",
    "premiumIndexKlines": "premium",
    "openInterestHist": "oi",
    "funding/history": "funding",
    "premium-index-price-kline": "premium",
    "index-price-kline": "index",
    "mark-price-kline": "mark",
    "market/open-interest": "oi",
    "funding-rate-history": "funding",
    "premium-history": "premium",
    "open-interest-history": "oi",
    "mark-price-candles": "mark",
    "index-candles": "index",
}
"""What the ends of the history paths are about, the longer ones first."""
WEIGHT_LIMIT = 2400
"""Binance's, a minute."""


def main(for_s: float = 2 * 86_400.0) -> None:
    """Fill, interrupt, resume, compare, repeat; print what came of it."""
    with simulator() as urls, tempfile.TemporaryDirectory() as folder:
        filling = _Filling(urls, Path(folder), for_s)
        began = time.monotonic()
        took_s = filling.interrupted()
        whole_s = time.monotonic() - began
        asked, statuses = filling.asked()
        repeat_s = filling.run()
        again, _ = filling.asked()
        rows, different = filling.compared()
        print(
            f"{for_s / 86_400:g} days, {len(filling.names)} contracts of three venues, {SHARE:.0%} of their limits:"
            f" {whole_s:.0f} s with {INTERRUPTIONS} interruptions (the last part {took_s:.0f} s);"
            f" {sum(rows.values())} rows"
        )
        table(
            ("venue", "kind", "rows", "requests", "fewest", "more"),
            [
                (
                    venue,
                    kind,
                    str(rows[venue, kind]),
                    str(asked[venue, kind]),
                    str(least),
                    f"{asked[venue, kind] / least - 1:+.1%}",
                )
                for venue, kinds in PAGES.items()
                for kind in kinds
                if (least := filling.fewest(venue, kind))
            ],
        )
        weight = max(
            (row["weight"] for row in filling.report()["weights"] if row["venue"] == "binance"), default=0
        )
        table(
            ("check", "found", "wanted"),
            [
                (
                    "answers other than 200",
                    str(sum(count for status, count in statuses.items() if status not in {0, 200})),
                    "0",
                ),
                ("requests that came too early", str(sum(filling.report()["early"].values())), "0"),
                ("Binance weight in its busiest minute", str(weight), f"<= {WEIGHT_LIMIT}"),
                ("rows that differ from the truth", str(different), "0"),
                ("rows that are there twice", str(filling.doubled()), "0"),
                ("requests of the repeat", str(sum(again.values()) - sum(asked.values())), "0"),
                ("seconds of the repeat", f"{repeat_s:.1f}", "-"),
            ],
        )


class _Filling:
    """The command, its simulator and its tables."""

    def __init__(self, urls: Mapping[str, str], folder: Path, for_s: float) -> None:
        self._control = urls["control"]
        now = round(time.time() * 1000)
        self._end = (
            (now - 20 * 60_000) // DAY_MS * DAY_MS if for_s >= 86_400 else now - now % 300_000 - 1_200_000
        )
        self._start = self._end - round(for_s * 1000)
        self._store = Store(str(folder / "tables"))
        self.names = self._contracts()
        settings = {
            "symbols": [f"{venue}:{symbol}" for venue, symbol in self.names],
            "exchanges": {venue: {"rest_url": urls[venue]} for venue in PAGES},
            "history": {"url": str(folder / "tables"), "weight_share": SHARE},
        }
        self._file = folder / "microstream.yaml"
        self._file.write_text(json.dumps(settings), "utf-8")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        command = [sys.executable, "-m", "microstream", "backfill", "-c", str(self._file)]
        command += ["--from", str(self._start), "--to", str(self._end)]
        return subprocess.Popen(command, env={**os.environ, "NO_PROXY": "127.0.0.1"})

    def run(self) -> float:
        """Run it to its end; return the seconds."""
        began = time.monotonic()
        code = self.start().wait()
        if code:
            raise SystemExit(f"the backfill ended with exit code {code}")
        return time.monotonic() - began

    def interrupted(self) -> float:
        """Kill or stop it at random times, then let it end; return the seconds of the last part."""
        expected = sum(self.fewest(venue, kind) for venue, kinds in PAGES.items() for kind in kinds)
        for number in range(INTERRUPTIONS):
            process = self.start()
            wanted = sum(self.asked()[0].values()) + random.uniform(0.5, 1) * expected / (INTERRUPTIONS + 2)
            while sum(self.asked()[0].values()) < wanted and process.poll() is None:
                time.sleep(0.5)
            process.send_signal(signal.SIGKILL if number % 2 == 0 else signal.SIGINT)
            process.wait()
            time.sleep(PAUSE_S)
        return self.run()

    def report(self) -> dict[str, Any]:
        """Return what the simulator has counted."""
        found: dict[str, Any] = fetch_json(f"{self._control}/requests")
        return found

    def asked(self) -> tuple[Counter[tuple[str, str]], Counter[int]]:
        """Return the history requests by venue and kind, and all answers by status."""
        kinds: Counter[tuple[str, str]] = Counter()
        statuses: Counter[int] = Counter()
        for row in self.report()["counts"]:
            statuses[row["status"]] += row["count"]
            kind = next((kind for path, kind in PATHS.items() if row["path"].endswith(path)), None)
            if kind is not None:
                kinds[row["venue"], kind] += row["count"]
        return kinds, statuses

    def fewest(self, venue: str, kind: str) -> int:
        """Return the fewest requests for a kind of all contracts: full pages, one at least for each contract."""
        step = {"funding": 8 * 3_600_000, "oi": 300_000}.get(kind, 60_000)
        kept = {("okx", "oi"): 1439 * 300_000, ("binance", "oi"): 30 * DAY_MS}.get(
            (venue, kind), 365 * DAY_MS
        )
        oldest = round(time.time() * 1000) - kept
        length = self._end - max(self._start, oldest)
        pages = max(0, -(-length // (step * PAGES[venue][kind])))
        return pages * sum(1 for exchange, _ in self.names if exchange == venue)

    def compared(self) -> tuple[Counter[tuple[str, str]], int]:
        """Return the rows by venue and kind, and how many of those that were compared differ from the truth."""
        counts: Counter[tuple[str, str]] = Counter()
        different = 0
        for kind in ROWS:
            found = self._store.past[kind]
            for venue, count in found.read(found.scan().group_by("exchange").len()).iter_rows():
                counts[venue, kind] = count
            for (venue, symbol), name in self.names.items():
                for start, end in self._parts(kind):
                    different += self._differ(kind, venue, symbol, name, start, end)
        return counts, different

    def _parts(self, kind: PastKind) -> Sequence[tuple[int, int]]:
        """Return the spans that are compared: all of settlements, some hours at random of what is denser."""
        if kind == "funding":
            return [(self._start, self._end)]
        length = min(3_600_000 * (12 if kind == "oi" else 2), self._end - self._start)
        starts = (random.randrange(self._start, self._end - length + 1) for _ in range(2))
        return [(start - start % 300_000, start - start % 300_000 + length) for start in starts]

    def _differ(self, kind: PastKind, venue: str, symbol: str, name: str, start: int, end: int) -> int:
        self._store.ledger.load()
        query = f"venue={venue}&symbol={name}&kind={kind}&start={start}&end={end}"
        points = [None] * 3 if venue == "okx" and kind == "premium" else []
        truth = {
            (row[0], *points, *map(float, row[1:])) for row in fetch_json(f"{self._control}/past?{query}")
        }
        found = self._store.past[kind]
        mine = found.read(
            found.scan()
            .filter(pl.col("exchange") == venue, pl.col("symbol") == symbol)
            .filter(pl.col("timestamp") >= start, pl.col("timestamp") < end)
            .select("timestamp", *VALUES[kind])
        )
        oldest = self._kept_from(venue, symbol, kind)
        return len(
            {row for row in truth if row[0] >= oldest} ^ {row for row in mine.rows() if row[0] >= oldest}
        )

    def _kept_from(self, venue: str, symbol: str, kind: PastKind) -> int:
        spans = [
            span.start
            for subject in self._store.ledger.subjects()
            if subject == (venue, symbol, kind)
            for span in self._store.ledger.spans(subject, "answered")
        ]
        return min(spans, default=self._end)

    def doubled(self) -> int:
        """Return how many rows share their key with another one."""
        total = 0
        for kind in ROWS:
            found = self._store.past[kind]
            keys = found.scan().group_by("exchange", "symbol", "timestamp").len().filter(pl.col("len") > 1)
            total += found.read(keys).height
        return total

    def _contracts(self) -> dict[tuple[str, str], str]:
        names = {}
        for venue in PAGES:
            rows = [
                row
                for row in fetch_json(f"{self._control}/contracts?venue={venue}")
                if row["live"]
                and row["kind"] == "perpetual"
                and row["quote"] == "USDT"
                and row["category"] == "crypto"
            ]
            for row in rows[:CONTRACTS]:
                names[venue, row["symbol"].lower().removesuffix("-swap")] = row["symbol"]
        return names
