"""A service that streams a few contracts of every venue with polls as its net, and what tells how it fares."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from tests.integration.followed import COINS, FEEDS, name_of, now_ms, where
from tests.integration.oracle import FAMILIES, Oracle
from tests.integration.stage import Heard, Recorder, Service, Simulator

ENDPOINTS = {"binance": "market", "bybit": "linear", "okx": "public"}
STREAMED = {(venue, family) for venue in FEEDS for family in FAMILIES if (venue, family) != ("binance", "oi")}
"""What comes by streams: Binance has none of open interest."""
FIELDS = {
    "funding": {"funding_rate": "funding_rate"},
    "mark_price": {"mark_price": "mark_price", "index_price": "index_price"},
    "oi": {"open_interest": "open_interest_single"},
}
"""Values of a payload, and what they are called in the truth."""
SLOW_MS = {"mark_price": 1_500, "index_price": 1_500, "open_interest": 9_000, "funding_rate": 100_000}
"""How long after it was true a value may come: OKX's funding rate is pushed every 30 to 90 s at best."""


@dataclass
class Streamed:
    """Simulator, service and subscriber; every test leaves them well."""

    sim: Simulator
    service: Service
    recorder: Recorder
    oracle: Oracle

    def now(self) -> float:
        """Take what has come until now, and return the time."""
        self.recorder.pull()
        return now_ms()

    def heard(self, family: str, venue: str, coin: str, since: float = 0) -> list[Heard]:
        """Return what arrived of one value after `since`."""
        head = {"funding": "funding", "mark_price": "meta:mark_price", "oi": "meta:oi"}[family]
        channel = "{}:{}:{}".format(head, *where(venue, coin))
        return [one for one in self.recorder.channels.get(channel, []) if one.at > since]

    def not_by(
        self, source: str, venue: str, families: tuple[str, ...], coins: tuple[str, ...], since: float
    ) -> list[tuple[str, str]]:
        """Return the values whose last message since then is not from a source, or that had none."""
        return [
            (family, coin)
            for family in families
            for coin in coins
            if (venue, family) in STREAMED and self.last_source(family, venue, coin, since) != source
        ]

    def last_source(self, family: str, venue: str, coin: str, since: float) -> str | None:
        """Return where the newest live value received since then is from."""
        payloads = [one.payload for one in self.heard(family, venue, coin, since)]
        live = [one for one in payloads if one["received_at"] > since and "stale" not in one["flags"]]
        return live[-1]["source"] if live else None

    def until_by(
        self,
        source: str,
        venues: tuple[str, ...],
        *,
        since: float,
        families: tuple[str, ...] = FAMILIES,
        coins: tuple[str, ...] = COINS,
        within_s: float = 10.0,
    ) -> float:
        """Wait until all these values come from a source; return the seconds since then."""

        def missing() -> list[object]:
            return [
                (venue, one) for venue in venues for one in self.not_by(source, venue, families, coins, since)
            ]

        self.recorder.until(lambda: not missing(), within_s, lambda: (missing(), self.open_conditions()))
        return (now_ms() - since) / 1000

    def open_conditions(self) -> list[tuple[str, ...]]:
        """Return the open quality conditions by venue and kind."""
        return [
            key[1:] for key, value in self.service.metrics().items() if key[0] == "quality_open" and value
        ]

    def get_well(self, within_s: float = 15.0) -> None:
        """Wait until every topic speaks and nothing is wrong."""

        def ill() -> list[object]:
            ready, what = self.service.ready()
            bad: list[object] = [] if ready else ["not ready"]
            for venue, state in what["venues"].items():
                [stream] = state["streams"].values()
                if stream["sound"] != stream["wanted"] or state["failing"]:
                    bad.append((venue, stream, state["failing"]))
            return bad + list(self.open_conditions())

        self.recorder.until(lambda: not ill(), within_s, ill)

    def connections(self, venue: str = "") -> list[dict[str, Any]]:
        """Return the open stream connections, of one venue where named."""
        rows: list[dict[str, Any]] = self.sim.control("/connections")["open"]
        return [row for row in rows if venue in {"", row["venue"]}]

    def connects(self, venue: str) -> int:
        """Return how many connections to a venue's streams were made or refused so far."""
        return sum(
            row["count"]
            for row in self.sim.control("/connections")["minutes"]
            if row["venue"] == venue and row["event"] in {"made", "refused"}
        )

    def never_alone(self, venue: str, since: float) -> bool:
        """Return whether each connection to a venue that has ended since then had its successor by that time."""
        ended = [one for one in self.sim.control("/connections")["ended"] if one["venue"] == venue]
        begun = sorted(one["opened"] for one in [*ended, *self.connections(venue)])
        return all(
            any(one["opened"] < at <= one["ended"] for at in begun) for one in ended if one["ended"] > since
        )

    def told(self, venue: str, kind: str, since: float, **wanted: object) -> list[str]:
        """Return begins and ends of a condition, in order."""
        return [one["state"] for one in self.recorder.quality(venue, since=since, kind=kind, **wanted)]

    def until_told(self, kind: str, since: float, *states: str, within_s: float) -> None:
        """Wait until a condition of every venue has gone through these states, and through no other."""
        self.recorder.until(
            lambda: all(self.told(venue, kind, since) == list(states) for venue in FEEDS),
            within_s,
            lambda: [self.told(venue, kind, since) for venue in FEEDS],
        )

    def check_true(self, since: float, slow_ms: float = 0, index_ms: float = 0) -> int:
        """Hold every value that came since then against the truth of the moments before it was received.

        `slow_ms` is how much later than usual values may come, `index_ms` how much older an index may be than its mark.
        """
        slow = {key: usual + slow_ms for key, usual in SLOW_MS.items()}
        slow["index_price"] += index_ms
        count = 0
        for venue in FEEDS:
            for coin in COINS:
                for family in FAMILIES:
                    for one in self.heard(family, venue, coin, since):
                        count += self._check(family, venue, coin, one, slow)
        return count

    def _check(self, family: str, venue: str, coin: str, one: Heard, slow: dict[str, float]) -> int:
        payload, at = one.payload, round(one.at)
        for key, name in FIELDS[family].items():
            since = round(payload["received_at"] - slow[key])
            true = self.oracle.seen(venue, name_of(venue, coin), name, since, at)
            assert payload[key] in true, (payload, sorted(true, key=str))
        return 1

    def check_order(self, since: float) -> None:
        """Numbers without a hole; the mark's own time never runs backwards; one source after the other."""
        for venue in FEEDS:
            for coin in COINS:
                for family in FAMILIES:
                    heard = self.heard(family, venue, coin, since)
                    assert all(b.payload["seq"] - a.payload["seq"] == 1 for a, b in pairwise(heard))
                    if family == "mark_price":
                        times = [one.payload["timestamp"] for one in heard]
                        assert times == sorted(times), (venue, coin)

    def turns(self, family: str, venue: str, coin: str, since: float) -> list[str]:
        """Return the sources of a value in turn: one that is heard many times in a row counts once."""
        return [
            source
            for source, _ in groupby(one.payload["source"] for one in self.heard(family, venue, coin, since))
        ]


@contextmanager
def streaming(
    new_service: Callable[..., Service], sim: Simulator, valkey: str, **settings: Any
) -> Iterator[Streamed]:
    """Run subscriber and service for the length of a block, every interval 1 s."""
    with Recorder(valkey) as recorder:
        recorder.client.flushall()
        plain = {
            "symbols": [f"{coin}/USDT" for coin in COINS],
            "http": {"timeout": "800ms"},
            "exchanges": {venue: {"weight_share": 1.0} for venue in FEEDS},
        }
        with new_service(sim.urls, valkey, **{"mode": "auto", **plain, **settings}) as service:
            yield Streamed(sim, service, recorder, Oracle(8))


def seconds_since(began: float) -> float:
    """Return the seconds since a time in ms."""
    return time.time() - began / 1000


def at_stream(kind: str, venue: str, **more: object) -> dict[str, Any]:
    """Return a fault of streams alone."""
    return {"kind": kind, "venue": venue, "over": "stream", **more}


def at_all(kind: str, **more: object) -> list[dict[str, Any]]:
    """Return a fault of the streams of all venues."""
    return [at_stream(kind, venue, **more) for venue in FEEDS]
