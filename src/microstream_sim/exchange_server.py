"""Answers the HTTP requests of one exchange: limits, faults, handler, encoding."""

import asyncio
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TextIO

import msgspec
from aiohttp import web

from microstream_sim.contracts import Contract
from microstream_sim.delivery import Answer, deliver
from microstream_sim.exchange import Charge, Exchange, Limiter, Query, VenueError
from microstream_sim.fault_effects import spoil, view_through
from microstream_sim.fault_replies import ready_made
from microstream_sim.faults import Active, FaultBook, Kind
from microstream_sim.market import Market
from microstream_sim.streaming.stream_server import StreamServer
from microstream_sim.traffic import Traffic
from microstream_sim.view import View

_BYBIT_BAN_S = 600.0
_WHOLE_REPLY: tuple[Kind, ...] = ("status", "html", "empty_body", "huge", "hang", "close", "cut", "not_gzip")


class ExchangeServer:
    """The HTTP face of one exchange; `handle` is the request handler of its port."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        market: Market,
        listed: Mapping[str, Contract],
        book: FaultBook,
        traffic: Traffic,
        clock: Callable[[], int],
        log: TextIO | None,
        streams: StreamServer,
    ) -> None:
        self.exchange = exchange
        self.limiter: Limiter = exchange.limiter()
        self._market = market
        self._listed = listed
        self._book = book
        self._traffic = traffic
        self._clock = clock
        self._log = log
        self._streams = streams

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or serve one stream connection to its end."""
        if self._streams.serves(request.path):
            return await self._streams.handle(request)
        now = self._clock()
        path, query = request.path, dict(request.query)
        name = self.exchange.name
        self._traffic.arrived(name, now)
        charge = self.limiter.charge(path, query, now)
        for one in self._book.drawn(name, path, now, "delay"):
            one.hits += 1
            await asyncio.sleep(one.fault.seconds or 0)
        fault = self._whole_reply_fault(path, query, now)
        if fault is not None and fault.fault.kind == "hang":
            self._note(request, 0, charge, None)
            await asyncio.Event().wait()
        view = view_through(
            self._book, self.exchange, self._market, self._listed, path=path, now=self._clock()
        )
        answer = self._answer(request, query, view, charge, fault)
        if view.offset or view.ceiling is not None:
            answer.headers["Date"] = formatdate(view.clock / 1000, usegmt=True)
        self._note(request, answer.status, charge, view, _stop_seconds(name, answer))
        return await deliver(request, answer, None if fault is None else fault.fault)

    def _whole_reply_fault(self, path: str, query: Query, now: int) -> Active | None:
        asked = _symbol_of(query)
        for one in self._book.drawn(self.exchange.name, path, now, *_WHOLE_REPLY):
            if one.fault.symbol in {None, asked}:
                one.hits += 1
                return one
        return None

    def _answer(
        self, request: web.BaseRequest, query: Query, view: View, charge: Charge, fault: Active | None
    ) -> Answer:
        path = request.path
        try:
            if charge.refusal is not None:
                raise charge.refusal
            if fault is not None and fault.fault.kind == "status":
                raise ready_made(fault.fault, self.exchange.name, view.now)
            handler = self.exchange.routes.get(path) if request.method == "GET" else None
            if handler is None:
                raise self.exchange.unknown_path(path, view.clock)
            body = handler(view, query)
        except VenueError as refusal:
            return _refused(refusal, charge)
        spoil(self._book, self.exchange, body, path=path, symbol=_symbol_of(query), now=view.now)
        return Answer(200, msgspec.json.encode(body), dict(charge.headers))

    def _note(
        self,
        request: web.BaseRequest,
        status: int,
        charge: Charge,
        view: View | None,
        stop_s: float | None = None,
    ) -> None:
        known = request.path if request.path in self.exchange.routes else "other"
        now = self._clock()
        text = request.query_string
        name = self.exchange.name
        self._traffic.answered(name, known, text, status, now, weight=charge.weight, stop_s=stop_s)
        if self._log is None:
            return
        step = None if view is None else self._market.step_of(view.at)
        row = {
            "time": now, "venue": name, "path": request.path, "query": text, "status": status, "step": step
        }  # fmt: skip
        self._log.write(msgspec.json.encode(row).decode() + "\n")
        self._log.flush()


def _symbol_of(query: Query) -> str | None:
    """Return the symbol that a request names in whatever parameter."""
    return query.get("symbol") or query.get("instId") or query.get("pair")


def _refused(refusal: VenueError, charge: Charge) -> Answer:
    headers = {**charge.headers, **refusal.headers}
    if isinstance(refusal.body, str):
        return Answer(refusal.status, refusal.body.encode(), headers, "text/html")
    body = b"" if refusal.body is None else msgspec.json.encode(refusal.body)
    return Answer(refusal.status, body, headers)


def _stop_seconds(venue: str, answer: Answer) -> float | None:
    """Return how long an answer told the client to stay away."""
    if "Retry-After" in answer.headers:
        return float(answer.headers["Retry-After"])
    banned = venue == "bybit" and answer.status == 403 and answer.content_type == "application/json"
    return _BYBIT_BAN_S if banned else None
