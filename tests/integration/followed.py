"""A service that follows a few contracts of every venue, and what it takes to see it ill and well again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.integration.oracle import CHECKS, FAMILIES, Oracle, check_common, symbol_of
from tests.integration.stage import Recorder, Service, Simulator

from microstream.services import SERVICES

COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA")
FEEDS: dict[str, dict[str, tuple[str, ...]]] = {
    "binance": {"premiumIndex": ("mark_price", "funding"), "openInterest": ("oi",)},
    "bybit": {"tickers": FAMILIES},
    "okx": {"mark-price": ("mark_price",), "funding-rate": ("funding",), "open-interest": ("oi",)},
}
"""Which families a reply carries."""


def now_ms() -> float:
    """Return the time."""
    return time.time() * 1000


def logged_at(line: dict[str, Any]) -> float:
    """Return the time of a log line in ms."""
    return datetime.fromisoformat(line["timestamp"]).timestamp() * 1000


def name_of(exchange: str, coin: str) -> str:
    """Return the venue's name of a coin's USDT perpetual."""
    return f"{coin}-USDT-SWAP" if exchange == "okx" else f"{coin}USDT"


def where(exchange: str, coin: str) -> tuple[str, str]:
    """Return venue and our symbol."""
    return exchange, symbol_of(exchange, name_of(exchange, coin))


@dataclass
class Stage:
    """Simulator, service and subscriber that the tests of this file share; every test leaves them well."""

    sim: Simulator
    service: Service
    recorder: Recorder
    oracle: Oracle
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def missing(
        self, exchange: str, families: tuple[str, ...] = FAMILIES, *, since: float
    ) -> list[tuple[str, str]]:
        """Return the values of a venue in these families that have had no news."""
        return [
            (family, coin)
            for family in families
            for coin in COINS
            if not self.recorder.of(family, *where(exchange, coin), since=since)
        ]

    def fresh(self, exchange: str, families: tuple[str, ...] = FAMILIES, *, since: float) -> bool:
        """Return whether every contract of a venue has news in these families."""
        return not self.missing(exchange, families, since=since)

    def ill(self, since: float) -> list[object]:
        """Return what is wrong: values without news, and open quality conditions."""
        missing = [(venue, *one) for venue in FEEDS for one in self.missing(venue, since=since)]
        metrics = self.service.metrics()
        return [*missing, *(key for key, value in metrics.items() if key[0] == "quality_open" and value)]

    def get_well(self, since: float) -> None:
        """Wait until everything has news and nothing is wrong."""
        self.recorder.until(lambda: not self.ill(since), 15, lambda: self.ill(since))

    def failures(self) -> dict[tuple[str, ...], float]:
        """Return what has failed so far, by venue, feed and reason."""
        return {
            key[1:]: value
            for key, value in self.service.metrics().items()
            if key[0] in {"http_failures_total", "body_mismatches_total"}
        }

    def check_all_true(self, since: float) -> int:
        """Hold everything that was published since then against the truth."""
        count = 0
        for (exchange, symbol), row in self.rows.items():
            for family in FAMILIES:
                for payload in self.recorder.of(family, exchange, symbol, since=since):
                    check_common(payload, exchange, row, flags=("stale", "recovered", "out_of_range"))
                    CHECKS[family](payload, row, self.oracle)
                    count += 1
        return count


@contextmanager
def staged(new_service: Callable[..., Service], valkey: str) -> Iterator[Stage]:
    """Run simulator, subscriber and service for the length of a block, every interval 1 s."""
    with Simulator(8) as sim, Recorder(valkey) as recorder:
        recorder.client.flushall()
        settings = {
            "symbols": [f"{coin}/USDT" for coin in COINS],
            "services": {
                **{name: {"poll_interval": "1s"} for name in SERVICES},
                "spot_reference": {"enabled": False},  # a host of its own, as far as contracts are concerned
            },
            "http": {"timeout": "800ms", "max_body": "2MB"},
            "exchanges": {venue: {"weight_share": 1.0} for venue in FEEDS},
        }
        with new_service(sim.urls, valkey, **settings) as service:
            rows = {
                (venue, symbol_of(venue, row["symbol"])): row
                for venue in FEEDS
                for row in sim.control(f"/contracts?venue={venue}")
                if row["symbol"] in {name_of(venue, coin) for coin in COINS}
            }
            yield Stage(sim, service, recorder, Oracle(8, price_age_ms=16_000), rows)
