"""The simulator as a whole: three exchanges and a control port on loopback."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from microstream_sim.clock import system_time
from microstream_sim.contracts import Contract
from microstream_sim.control import ControlServer
from microstream_sim.exchange import Exchange
from microstream_sim.exchange_server import ExchangeServer
from microstream_sim.fault_effects import listed_through
from microstream_sim.faults import Active, Fault, FaultBook
from microstream_sim.market import STEP_MS, Market
from microstream_sim.port import Handler, Port
from microstream_sim.scenarios import Scenario
from microstream_sim.streaming.board import Board
from microstream_sim.streaming.hub import Hub
from microstream_sim.streaming.stream_server import StreamServer
from microstream_sim.targets import check_targets, moves_of
from microstream_sim.traffic import Traffic
from microstream_sim.venues import VENUES

if TYPE_CHECKING:
    from microstream_sim.exchange import Limiter

_FAR_S = 3600.0


@dataclass(frozen=True, slots=True)
class SimOptions:
    """How to run the simulator.

    `port` is the first of four, 0 takes free ones; `contracts` limits the ordinary perpetuals of each venue
    (odd kinds always come on top); `truth` is a file that gets a JSON line per reply; `clock` gives the
    time in ms, for tests that need a certain moment. `step_ms` is how long values stay as they are (a part
    of a second), `stream_life_s` the life of a connection to Binance's streams.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    contracts: int | None = None
    truth: Path | None = None
    faults: list[Fault] = field(default_factory=list)
    scenarios: list[Scenario] = field(default_factory=list)
    clock: Callable[[], int] = system_time
    step_ms: int = STEP_MS
    stream_life_s: float = 86_400.0


class SimServer:
    """A running simulator: `async with SimServer(options) as sim`, then `sim.urls`.

    The URLs named `*_ws` are the bases that the paths of the venues' WebSocket APIs are appended to;
    Binance's spot streams, which are another host's, have their own. `crashed` is set when a part of the
    simulator has died of a bug; leaving the context then raises what it died of.
    """

    def __init__(self, options: SimOptions | None = None) -> None:
        self.options = options or SimOptions()
        self.now = self.options.clock
        self.market = Market(self.options.seed, step_ms=self.options.step_ms)
        self.book = FaultBook(self.options.seed)
        self.traffic = Traffic()
        self.board = Board()
        self.streams: dict[str, StreamServer] = {}
        self.limiters: dict[str, Limiter] = {}
        self.urls: dict[str, str] = {}
        self.crashed = asyncio.Event()
        now = self.now()
        self._catalogue: dict[str, dict[str, Contract]] = {
            name: {one.symbol: one for one in venue.contracts(now, self.options.contracts)}
            for name, venue in VENUES.items()
        }
        self._ports: dict[str, Port] = {}
        self._stack = AsyncExitStack()
        self._faults_changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Listen on all four ports. Raises OSError when one is in use, UnknownTarget for a wrong script."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop all connections."""
        await self._stack.aclose()

    def listed(self, venue: str) -> dict[str, Contract]:
        """Return the contracts that a venue lists now."""
        return dict(listed_through(self.book, VENUES[venue], self._catalogue[venue], self.now()))

    def add_faults(self, faults: list[Fault]) -> list[Active]:
        """Start faults whose `at` counts from now. Raises UnknownTarget, and starts none then."""
        check_targets(faults, self.book.all(), self._catalogue)
        added = self.book.add(faults, self.now())
        self._follow_faults()
        return added

    def start_scenario(self, scenario: Scenario) -> list[Active]:
        """Start the faults of a scenario whose `at` counts from now. Raises UnknownTarget."""
        return self.add_faults(scenario.faults(self._catalogue))

    def clear_faults(self) -> None:
        """Remove all faults; changes of contracts and moves of the market are undone."""
        self.book.clear()
        self._follow_faults()

    async def _start(self) -> None:
        log = self._open_log()
        first = self.options.port
        for number, (name, exchange) in enumerate(VENUES.items()):
            face = ExchangeServer(
                exchange,
                market=self.market,
                listed=self._catalogue[name],
                book=self.book,
                traffic=self.traffic,
                clock=self.now,
                log=log,
                streams=self._stream_server(exchange),
            )
            self.limiters[name] = face.limiter
            await self._listen(name, face.handle, first + number if first else 0)
        await self._listen("control", ControlServer(self).handle, first + len(VENUES) if first else 0)
        for name in VENUES:
            self.urls[f"{name}_ws"] = self.urls[name].replace("http:", "ws:", 1)
        self.urls["binance_spot_ws"] = f"{self.urls['binance_ws']}/spot"
        self.add_faults(self.options.faults)
        for scenario in self.options.scenarios:
            self.start_scenario(scenario)
        self._keep_running(self._watch_refusals())

    def _stream_server(self, exchange: Exchange) -> StreamServer:
        hub = Hub(
            exchange,
            market=self.market,
            listed=self._catalogue[exchange.name],
            book=self.book,
            clock=self.now,
            life_ms=round(1000 * self.options.stream_life_s),
        )
        self._keep_running(hub.run())
        self.streams[exchange.name] = StreamServer(hub, self.board, self.now)
        return self.streams[exchange.name]

    def _keep_running(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda ended: None if ended.cancelled() else self.crashed.set())
        self._stack.push_async_callback(_cancelled, task)

    async def _listen(self, name: str, handler: Handler, port: int) -> None:
        listening = Port(self.options.host, port, handler)
        self._stack.push_async_callback(listening.close)
        await listening.open()
        self._ports[name] = listening
        self.urls[name] = listening.url

    def _open_log(self) -> TextIO | None:
        if self.options.truth is None:
            return None
        return self._stack.enter_context(self.options.truth.open("a", encoding="utf-8"))

    def _follow_faults(self) -> None:
        self.market.change(self.book.changes(), moves_of(self.book.all(), self._catalogue))
        self._faults_changed.set()

    async def _watch_refusals(self) -> None:
        """Close and reopen ports as `refuse` faults begin and end."""
        while True:
            self._faults_changed.clear()
            now = self.now()
            for name in VENUES:
                refusing = self.book.acting(name, now, "refuse")
                await (self._ports[name].close() if refusing else self._ports[name].open())
                for one in refusing:
                    one.hits = max(one.hits, 1)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_next_edge(now)):
                    await self._faults_changed.wait()

    def _seconds_to_next_edge(self, now: int) -> float:
        refusals = [one for one in self.book.all() if one.fault.kind == "refuse"]
        edges = [edge for one in refusals for edge in one.edges() if edge > now]
        return (min(edges) - now) / 1000 if edges else _FAR_S


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; raise what it died of, if it had died before."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
