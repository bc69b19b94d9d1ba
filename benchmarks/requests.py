"""Requests and weight a minute at each simulated venue, with `symbols: all` at default settings.

Counted by the simulator over full minutes after the first, beside what the venues' limits and documents make the
least for these values at these intervals.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.processes import fetch_json, free_port, service, simulator, venue_states, wait_until_ready
from benchmarks.table import table

Path = tuple[str, str]
"""Venue and path."""
Rows = Sequence[Mapping[str, Any]]

MINUTE_MS = 60_000
MINUTES = 2
READY_S = 60.0
BULK = {
    ("binance", "/fapi/v1/premiumIndex"): 6.0,
    ("binance", "/fapi/v1/time"): 0.0,
    ("binance", "/api/v3/ticker/bookTicker"): 12.0,
    ("bybit", "/v5/market/tickers"): 18.0,
    ("okx", "/api/v5/public/funding-rate"): 2.0,
    ("okx", "/api/v5/public/mark-price"): 12.0,
    ("okx", "/api/v5/market/index-tickers"): 18.0,
    ("okx", "/api/v5/public/open-interest"): 8.0,
    ("okx", "/api/v5/market/tickers"): 12.0,
    ("okx", "/api/v5/public/time"): 0.0,
}
"""Requests a minute for funding at 30 s, mark and index at 10 s, open interest at 15 s, spot at 5 s, in bulk."""
WEIGHTS = {("binance", "/fapi/v1/premiumIndex"): 10.0, ("binance", "/api/v3/ticker/bookTicker"): 4.0}
"""What a request counts where that is not 1."""
OPEN_INTEREST = ("binance", "/fapi/v1/openInterest")
"""One contract a request, weight 1: the 100 most traded every 15 s, the others every 2 minutes."""
TOP = 100
LIMITS = {
    "binance": "2400 weight, spot 6000",
    "bybit": "7200 requests",
    "okx": "300 to 600 requests per path",
}
"""What the venues allow one address a minute."""


def main() -> None:
    """Print what was asked, by path, then the totals by venue."""
    with simulator() as urls, service(urls, {"MICROSTREAM_REDIS__PORT": str(free_port())}) as (_, status_url):
        wait_until_ready(status_url, READY_S)
        first = _now_ms() // MINUTE_MS + 1
        end = (first + MINUTES) * MINUTE_MS
        time.sleep((end - _now_ms()) / 1000 + 0.5)
        report = fetch_json(f"{urls['control']}/requests")
        followed = venue_states(status_url)["binance"]["families"]["oi"]["followed"]
    minutes = {(first + number) * MINUTE_MS for number in range(MINUTES)}
    least = {**BULK, OPEN_INTEREST: 4.0 * min(TOP, followed) + max(0, followed - TOP) / 2}
    _print_paths(report["minutes"], minutes, least)
    _print_venues(report, minutes, least)


def _print_paths(counted: Rows, minutes: set[int], least: Mapping[Path, float]) -> None:
    asked: Counter[Path] = Counter()
    for row in counted:
        if row["minute"] in minutes:
            asked[row["venue"], row["path"]] += row["count"]
    table(
        ("path", "requests/min", "least"),
        [
            (" ".join(path), f"{asked[path] / MINUTES:.1f}", f"{least[path]:.1f}" if path in least else "-")
            for path in sorted({*asked, *least})
        ],
    )


def _print_venues(report: Mapping[str, Rows], minutes: set[int], least: Mapping[Path, float]) -> None:
    rows = []
    for venue, limit in LIMITS.items():
        own = {path: count for path, count in least.items() if path[0] == venue}
        rows.append(
            (
                venue,
                f"{_per_minute(report['minutes'], venue, minutes, 'count'):.1f}",
                f"{sum(own.values()):.1f}",
                f"{_per_minute(report['weights'], venue, minutes, 'weight'):.1f}",
                f"{sum(count * WEIGHTS.get(path, 1.0) for path, count in own.items()):.1f}",
                limit,
            )
        )
    table(("venue", "requests/min", "least", "weight/min", "least", "limit a minute"), rows)


def _per_minute(rows: Rows, venue: str, minutes: set[int], what: str) -> float:
    total: int = sum(row[what] for row in rows if row["venue"] == venue and row["minute"] in minutes)
    return total / MINUTES


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
