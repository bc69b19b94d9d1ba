"""The control port: truth, contracts, faults and request counts. Not a venue; for tests and people."""

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import yaml
from aiohttp import web

from microstream_sim.contracts import Contract
from microstream_sim.exchange import Limiter, whole_number
from microstream_sim.faults import Active, Fault, FaultBook, read_script
from microstream_sim.market import Market
from microstream_sim.past import KINDS, true_past
from microstream_sim.scenarios import Scenario, described, read_scenario
from microstream_sim.streaming.board import Board
from microstream_sim.streaming.stream_server import StreamServer
from microstream_sim.traffic import Traffic
from microstream_sim.truth import true_state
from microstream_sim.venues import VENUES

if TYPE_CHECKING:
    from collections.abc import Callable


class Simulation(Protocol):
    """What the control port needs of the simulator."""

    market: Market
    book: FaultBook
    traffic: Traffic
    limiters: dict[str, Limiter]
    board: Board
    streams: dict[str, StreamServer]

    def now(self) -> int:
        """Return the simulator's time in ms."""
        ...

    def listed(self, venue: str) -> dict[str, Contract]:
        """Return the contracts that a venue lists now."""
        ...

    def add_faults(self, faults: list[Fault]) -> list[Active]:
        """Start faults now. Raises UnknownTarget."""
        ...

    def start_scenario(self, scenario: Scenario) -> list[Active]:
        """Start the faults of a scenario now. Raises UnknownTarget."""
        ...

    def clear_faults(self) -> None:
        """Remove all faults."""
        ...


class ControlError(Exception):
    """A request to the control port that cannot be answered; the text says why."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class ControlServer:
    """Answers GET /truth, /past, /contracts, /requests, /connections, GET, POST, DELETE /faults, GET, POST /scenarios.

    POST takes YAML or JSON; what it started is the answer, and goes with DELETE /faults.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._routes: dict[tuple[str, str], Callable[[dict[str, str], bytes], Any]] = {
            ("GET", "/truth"): self._truth,
            ("GET", "/past"): self._past,
            ("GET", "/contracts"): self._contracts,
            ("GET", "/requests"): self._requests,
            ("GET", "/connections"): self._connections,
            ("GET", "/faults"): self._list_faults,
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/scenarios"): lambda _query, _body: described(),
            ("POST", "/scenarios"): self._start_scenario,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        route = self._routes.get((request.method, request.path), self._nothing_here)
        try:
            value = route(dict(request.query), await request.read())
            status = 200
        except ControlError as error:
            value, status = {"error": str(error)}, error.status
        return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")

    def _nothing_here(self, _query: dict[str, str], _body: bytes) -> Any:
        known = ", ".join(f"{method} {path}" for method, path in self._routes)
        raise ControlError(f"not here; there are {known}", 404)

    def _truth(self, query: dict[str, str], _body: bytes) -> Any:
        """Return the true state of one contract at `at` (ms; now if absent)."""
        listed = self._venue(query)
        symbol = query.get("symbol", "")
        contract = listed.get(symbol)
        if contract is None:
            venue = query["venue"]
            raise ControlError(f"{venue} lists no {symbol!r}; GET /contracts?venue={venue} shows all", 404)
        text = query.get("at", "")
        at = whole_number(text) if text else self._simulation.now()
        if at is None:
            raise ControlError(f"at must be a time in milliseconds, not {text!r}")
        return true_state(self._simulation.market, contract, at)

    def _past(self, query: dict[str, str], _body: bytes) -> Any:
        """Return the true rows of a contract's past: `kind` between `start` and `end` (ms)."""
        listed = self._venue(query).get(query.get("symbol", ""))
        start, end = (whole_number(query.get(name, "")) for name in ("start", "end"))
        kind = query.get("kind", "")
        if listed is None or start is None or end is None or kind not in KINDS:
            raise ControlError(
                f"wanted: venue, symbol, kind ({', '.join(KINDS)}), start and end in milliseconds"
            )
        return true_past(self._simulation.market, listed, kind, start, end)

    def _contracts(self, query: dict[str, str], _body: bytes) -> Any:
        now, market = self._simulation.now(), self._simulation.market
        rows = []
        for one in self._venue(query).values():
            contract = market.at(one, now)
            rows.append(
                {
                    "symbol": contract.symbol,
                    "kind": contract.kind,
                    "category": contract.coin.category,
                    "status": contract.status,
                    "live": contract.live,
                    "coin": contract.coin.name,
                    "quote": contract.quote,
                    "settle": contract.settle,
                    "inverse": contract.inverse,
                    "multiplier": contract.multiplier,
                    "interval_hours": contract.interval_h,
                    "delivers_at": contract.delivers_at,
                }
            )
        return rows

    def _requests(self, query: dict[str, str], _body: bytes) -> Any:
        recent = whole_number(query.get("recent", "0"))
        if recent is None:
            raise ControlError(f"recent must be a number of requests, not {query['recent']!r}")
        now = self._simulation.now()
        used = {name: limiter.used(now) for name, limiter in self._simulation.limiters.items()}
        return {**self._simulation.traffic.report(recent), "used": used}

    def _connections(self, _query: dict[str, str], _body: bytes) -> Any:
        """Return the open stream connections with their subscriptions, counts by minute, and past ones."""
        faces = self._simulation.streams.values()
        return {
            "open": [row for face in faces for row in face.connections()],
            **self._simulation.board.report(),
        }

    def _list_faults(self, _query: dict[str, str], _body: bytes) -> Any:
        now = self._simulation.now()
        return [_fault_row(one, now) for one in self._simulation.book.all()]

    def _add_faults(self, _query: dict[str, str], body: bytes) -> Any:
        try:
            added = self._simulation.add_faults(read_script(body, "request body"))
        except ValueError as error:
            raise ControlError(str(error)) from error
        return self._started(added)

    def _start_scenario(self, _query: dict[str, str], body: bytes) -> Any:
        try:
            added = self._simulation.start_scenario(read_scenario(yaml.safe_load(body)))
        except (ValueError, yaml.YAMLError) as error:
            raise ControlError(str(error)) from error
        return self._started(added)

    def _started(self, added: list[Active]) -> Any:
        now = self._simulation.now()
        return [_fault_row(one, now) for one in added]

    def _clear_faults(self, _query: dict[str, str], _body: bytes) -> Any:
        self._simulation.clear_faults()
        return []

    def _venue(self, query: dict[str, str]) -> dict[str, Contract]:
        venue = query.get("venue", "")
        if venue not in VENUES:
            raise ControlError(f"venue must be one of {', '.join(VENUES)}, not {venue!r}")
        return self._simulation.listed(venue)


def _fault_row(one: Active, now: int) -> dict[str, Any]:
    return {
        "id": one.number,
        "start": one.start,
        "end": one.end,
        "acting": one.is_on(now),
        "hits": one.hits,
        "fault": {key: value for key, value in msgspec.to_builtins(one.fault).items() if value is not None},
    }
