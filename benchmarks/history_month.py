"""A month of one contract's minutes, read from tables that hold all contracts of three venues.

    python -m benchmarks.history_month [--contracts 1400] [--days 30] [--folder FOLDER]

The table is made day by day, each day in the order that compaction with `sort` leaves. Cold is a fresh interpreter with
the files dropped from the page cache where the system lets us, warm the best of five in one that has read before.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from benchmarks.table import table
from microstream.history import History
from microstream.history.store import Store

CONTRACTS = 1_400
DAYS = 30
MINUTE = 60_000
DAY = 1_440 * MINUTE
T0 = 1_790_000_000_000 // DAY * DAY
GOAL_S = 0.5
QUERIES = {
    "a month of minutes": "mark('{coin}/USDT:USDT', start=T0, end=END)",
    "the same by the venue's name": "mark('{venue_name}', start=T0, end=END)",
    "the same of one venue": "mark('{coin}/USDT:USDT', exchange='binance', start=T0, end=END)",
    "an hour's candles of a month": "mark('{coin}/USDT:USDT', start=T0, end=END, every='1h')",
    "a day of minutes": "mark('{coin}/USDT:USDT', start=END - DAY, end=END)",
    "a month as known then": "mark('{coin}/USDT:USDT', start=T0, end=END, as_of=END)",
}
_COLD = """
import sys, time
sys.path[:0] = {path!r}
T0, END, DAY = {t0}, {end}, 86_400_000
from microstream.history import History
began = time.perf_counter()
found = History({folder!r}).{query}
print(time.perf_counter() - began, found.height)
"""


def main(contracts: int = CONTRACTS, days: int = DAYS, folder: str | None = None) -> None:
    """Make the table, time the queries, print them beside the goal, and delete what was made."""
    with _built(contracts, days, folder) as (url, build_s):
        files = Store(url).past["mark"].files()
        size = files["size_bytes"].sum() / 1e6
        print(
            f"venue/mark: {files['num_records'].sum():,} rows, {files.height} files, {size:,.0f} MB,"
            f" made in {build_s:.0f} s"
        )
        coin = f"C{contracts // 4:04d}"
        queries = {
            name: query.format(coin=coin, venue_name=f"{coin.lower()}usdt") for name, query in QUERIES.items()
        }
        rows = [_row(url, days, name, query) for name, query in queries.items()]
        table(("query", "rows", "cold, ms", "warm, ms", "goal, ms"), rows)


def _row(url: str, days: int, name: str, query: str) -> tuple[str, ...]:
    end = T0 + days * DAY
    cold_s, rows = _cold(url, query, end)
    history = History(url)
    warm_s = min(_timed(history, query, end) for _ in range(5))
    return name, f"{rows:,}", f"{1000 * cold_s:.0f}", f"{1000 * warm_s:.0f}", f"{1000 * GOAL_S:.0f}"


def _timed(history: History, query: str, end: int) -> float:
    began = time.perf_counter()
    eval(f"history.{query}", {"history": history, "T0": T0, "END": end, "DAY": DAY})  # noqa: S307
    return time.perf_counter() - began


def _cold(url: str, query: str, end: int) -> tuple[float, int]:
    """Return the seconds of a query in a new interpreter over files that are not in memory, and its rows."""
    for path in Path(url).rglob("*.parquet"):
        _forget(path)
    script = _COLD.format(path=sys.path, t0=T0, end=end, folder=url, query=query)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, rows = told.stdout.split()
    return float(seconds), int(rows)


def _forget(path: Path) -> None:
    """Let the system drop a file from its page cache; it need not."""
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


@contextmanager
def _built(contracts: int, days: int, folder: str | None) -> Iterator[tuple[str, float]]:
    """Give the table's place and the seconds that it took; one in a named folder is kept, and used again."""
    place = folder or tempfile.mkdtemp(prefix="history-month-")
    began = time.perf_counter()
    try:
        if not (Path(place) / "venue" / "mark").exists():
            build(place, contracts, days)
        yield place, time.perf_counter() - began
    finally:
        if folder is None:
            shutil.rmtree(place)


def build(url: str, contracts: int, days: int) -> None:
    """Write minute candles of many contracts, a day at a time, each day then sorted as the upkeep does it."""
    mark = Store(url).past["mark"]
    for number in range(days):
        frame = candles(contracts, T0 + number * DAY)
        mark.append(frame)
        mark.compact(frame["timestamp"].cast(pl.Datetime("ms")).dt.date()[0], sort=True)
        mark.clean(keep_hours=0)


def candles(contracts: int, start: int) -> pl.DataFrame:
    """Return a day of minute candles: a random walk in ticks, every contract of two venues in turn."""
    rows = contracts * 1_440
    number = pl.int_range(rows, eager=True) // 1_440
    coin = "C" + (number // 2).cast(pl.String).str.zfill(4)
    binance = number % 2 == 0
    walk = (pl.int_range(rows, eager=True).hash(start) % 4_001).cast(pl.Float64) - 2_000
    frame = pl.DataFrame({"number": number, "coin": coin, "binance": binance, "walk": walk})
    close = 1_000_000 + pl.col("walk").cum_sum().over("number")
    timestamp = start + pl.int_range(pl.len()).over("number") * MINUTE
    return frame.select(
        exchange=pl.when("binance").then(pl.lit("binance")).otherwise(pl.lit("okx")),
        symbol=pl.when("binance")
        .then(pl.col("coin").str.to_lowercase() + "usdt")
        .otherwise(pl.col("coin").str.to_lowercase() + "-usdt"),
        instrument=pl.col("coin") + "/USDT:USDT",
        timestamp=timestamp,
        open=(close - pl.col("walk")) / 100,
        high=(close + 2_500) / 100,
        low=(close - 2_500) / 100,
        close=close / 100,
        known_at=timestamp + MINUTE,
        fetched_at=pl.lit(start + DAY),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contracts", type=int, default=CONTRACTS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--folder", help="made there and kept; used again where it is there")
    options = parser.parse_args()
    main(options.contracts, options.days, options.folder)
