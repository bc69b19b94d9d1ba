"""How fast recorded history is published again: from the tables to the replies of a server.

Messages of 200 contracts, entries of 200 messages, as fast as can be; CPU of this process, and time on the clock.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import count

import polars as pl

from benchmarks.bus import funding
from benchmarks.processes import free_port
from benchmarks.table import table
from microstream.app.playback import Wishes, make_replay
from microstream.clock import SystemClock
from microstream.config import Config
from microstream.history.published import COLUMNS
from microstream.history.store import Store
from microstream.model.messages import MarkPriceMessage, Message
from microstream.model.past import Span
from microstream.sinks import EmbeddedServer

BEGIN = 1_795_608_000_000
CONTRACTS = 200
SECONDS = 600


def main() -> None:
    """Print what a replay of ten minutes costs."""
    try:
        import uvloop  # noqa: PLC0415 (absent on some platforms)
    except ImportError:
        asyncio.run(print_replay())
    else:
        uvloop.run(print_replay())


async def print_replay() -> None:
    """Print messages a second, as they are and with bars, signals and alerts made anew of them."""
    with tempfile.TemporaryDirectory() as folder:
        _record(Store(folder))
        rows = [
            ("as it was", *await _measured(folder, compute=False)),
            ("computed", *await _measured(folder, compute=True)),
        ]
    table(("replay", "messages", "cpu us/msg", "clock us/msg", "k msg/s", "k msg/s/core"), rows)


async def _measured(folder: str, *, compute: bool) -> tuple[str, ...]:
    span = Span(BEGIN, BEGIN + SECONDS * 1000)
    async with EmbeddedServer(free_port()) as server:
        wishes = Wishes(span=span, store=folder, speed=None, compute=compute)
        replay = make_replay(wishes, Config(symbols=["SOL"]), server.url, SystemClock())
        cpu, clock = time.process_time(), time.perf_counter()
        await replay.run()
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    sent = replay.progress.messages.total()
    each, busy = clock / sent, cpu / sent
    return f"{sent:,}", f"{busy * 1e6:.1f}", f"{each * 1e6:.1f}", f"{1e-3 / each:.0f}", f"{1e-3 / busy:.0f}"


def _record(store: Store) -> None:
    """Write a mark of every contract a second, and a rate every ten."""
    numbers = count(1)
    for family, every in (("mark_price", 1), ("funding", 10)):
        messages, times = [], []
        for second in range(0, SECONDS, every):
            at = BEGIN + second * 1000 + 20
            messages += [_numbered(message, next(numbers)) for message in _said(family, at)]
            times += [at] * CONTRACTS
        places = {
            "written_at": times,
            "entry": [0] * len(times),
            "place": list(range(CONTRACTS)) * (len(times) // CONTRACTS),
        }
        columns = COLUMNS[family].series(messages)
        store.published[family].append(pl.DataFrame(places).hstack(columns))


def _said(family: str, at: int) -> Iterator[Message]:
    for number in range(CONTRACTS):
        rate = funding(f"s{number:04}usdt")
        rate.timestamp, rate.received_at, rate.instrument = at - 5, at - 3, f"S{number:04}/USDT:USDT"
        if family == "funding":
            yield rate
            continue
        head = (1, rate.exchange, rate.symbol, rate.instrument, at - 5, at - 3, "ws", 0, 0, ())
        mark = 187.65432109 + (at // 1000 * 7 + number) % 97 / 100
        yield MarkPriceMessage(*head, mark, 187.63210987, mark - 187.63210987, 1.18377, at - 5)


def _numbered(message: Message, seq: int) -> Message:
    message.run, message.seq = BEGIN, seq
    return message
