"""A hole in what was recorded is filled from the venues, and asked for once."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from tests.integration.conftest import addresses
from tests.integration.stage import Simulator

from microstream import venues
from microstream.app.past import followed
from microstream.clock import SystemClock
from microstream.config import Config, load
from microstream.history.healing import KINDS, Healer
from microstream.history.ledger import Note, Subject
from microstream.history.store import Store
from microstream.model.past import Span

MINUTE = 60_000


def _config(sim: Simulator, folder: Path) -> Config:
    file = folder / "microstream.yaml"
    exchanges = {name: addresses(sim.urls, name) for name in venues.REGISTRY}
    file.write_text(json.dumps({"symbols": ["BTC/USDT"], "exchanges": exchanges}), "utf-8")
    return load(file, {}).config


async def test_a_hole_is_healed(tmp_path: Path) -> None:
    """Candles, open interest and settlements of the time that is missing, of this venue and this family alone."""
    now = round(time.time() * 1000)
    hole = Span((now - 90 * MINUTE) // MINUTE * MINUTE, (now - 30 * MINUTE) // MINUTE * MINUTE)
    store = Store(str(tmp_path / "tables"))
    for exchange, family in (("bybit", "mark_price"), ("okx", "oi"), ("okx", "mark_price")):
        spans = [Span(now - 300 * MINUTE, hole.start), Span(hole.end, now)]
        if (exchange, family) == ("okx", "mark_price"):
            spans = [Span(spans[0].start, now)]  # which misses nothing
        store.ledger.note([Note(Subject(exchange, "*", family), span, "recorded") for span in spans], now)
    with Simulator() as sim:
        clock = SystemClock()
        sources: Callable[..., object] = partial(followed, _config(sim, tmp_path), clock, Random(1))
        healer = Healer(store.url, tuple(venues.REGISTRY), KINDS, sources, 86_400_000, clock)  # type: ignore[arg-type]
        await healer.heal()
        marks, interest = (store.past[kind].read(store.past[kind].scan()) for kind in ("mark", "oi"))
        assert set(marks["exchange"]) == {"bybit"}
        assert sorted(marks["timestamp"]) == list(range(hole.start, hole.end, MINUTE))
        assert set(interest["exchange"]) == {"okx"}
        first = hole.start + -hole.start % (5 * MINUTE)
        assert sorted(interest["timestamp"])[-10:] == list(range(first, hole.end, 5 * MINUTE))[-10:]
        asked = sim.control("/requests")["total"]
        await healer.heal()
        assert sim.control("/requests")["total"] == asked
    assert (
        healer.rows
        == marks.height + interest.height + store.past["index"].read(store.past["index"].scan()).height * 2
    )
