"""Binance's side of a stream connection: routes, subscriptions, pings, limits and the 24-hour life."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from microstream_sim.binance.feeds import MARKET, PUBLIC, SPOT, feed_of
from microstream_sim.binance.spot import pairs
from microstream_sim.limits import SlidingWindow
from microstream_sim.streaming.api import StreamApi

if TYPE_CHECKING:
    from microstream_sim.streaming.connection import Connection
    from microstream_sim.streaming.hub import Hub
    from microstream_sim.view import View

_MOST_STREAMS = 1024
_ROUTES = {"market": MARKET, "public": PUBLIC, "spot": SPOT}
_PING_MS, _PONG_MS = 180_000, 600_000
_SPOT_PING_MS, _SPOT_PONG_MS = 20_000, 60_000


def host(path: str) -> str | None:
    """Return `futures` or `spot` for a path of streams; futures paths without a route are the old ones."""
    parts = path.split("/")[1:]
    route = parts.pop(0) if parts and parts[0] in _ROUTES else ""
    if not parts or parts[0] not in {"ws", "stream"}:
        return None
    return "spot" if route == "spot" else "futures"


def _route(path: str) -> str:
    """Return where the streams of a connection come from; the old URLs still deliver those of /public."""
    return _ROUTES.get(path.split("/")[1], PUBLIC)


class BinanceTalk:
    """One connection: raw under /ws, each push with its stream's name under /stream."""

    def __init__(self, hub: "Hub", connection: "Connection", query: Mapping[str, str]) -> None:
        self._hub = hub
        self._connection = connection
        self._route = _route(connection.path)
        spot = self._route == SPOT
        self._spot = spot
        self._window = SlidingWindow(5 if spot else 10, 1_000)
        self._ping_ms, self._pong_ms = (_SPOT_PING_MS, _SPOT_PONG_MS) if spot else (_PING_MS, _PONG_MS)
        self._pinged_at = connection.opened_at
        self._waits_since: int | None = None
        route, _, streams = connection.path.partition("/ws/")
        connection.wrapped = not streams and route.rstrip("/").endswith("/stream")
        listed = query.get("streams", "") if connection.wrapped else streams
        self._asked = [name for name in listed.split("/") if name]

    def begin(self, now: int) -> None:
        """Start the streams that the URL names, without a word."""
        self._start(self._asked[:_MOST_STREAMS], now)

    def text(self, text: str, now: int) -> None:
        """Answer a request."""
        if not self._window.spend(now):
            self._connection.close(1008, "Too many requests")
            return
        try:
            request = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as bad:
            self._refuse(3, f"Invalid JSON: {bad}", None, now)
            return
        if not isinstance(request, dict):
            self._refuse(2, "Invalid request: request must be an object", None, now)
            return
        self._answer(request, now)

    def control(self, *, pong: bool, now: int) -> None:
        """Count a control frame; a pong answers all pings before it."""
        if pong:
            self._waits_since = None
        if not self._window.spend(now):
            self._connection.close(1008, "Too many requests")

    def tend(self, now: int) -> None:
        """Ping, and end connections that do not answer or are a day old."""
        if now - self._connection.opened_at >= self._hub.life_ms:
            self._connection.close(1001, "24 hours")
        elif self._waits_since is not None and now - self._waits_since >= self._pong_ms:
            self._connection.close(1008, "Pong timeout")
        elif now - self._pinged_at >= self._ping_ms:
            self._pinged_at = now
            if self._waits_since is None:
                self._waits_since = now
            self._connection.ping()

    def _answer(self, request: dict[str, Any], now: int) -> None:
        number, method, params = request.get("id"), request.get("method"), request.get("params")
        known = number is not None if self._spot else isinstance(number, int) and number >= 0
        if not known or isinstance(number, bool):
            self._refuse(2, "Invalid request: request ID must be an unsigned integer", None, now)
        elif method == "LIST_SUBSCRIPTIONS":
            self._connection.reply({"result": list(self._connection.subscriptions), "id": number}, now)
        elif method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            self._refuse(2, f"Invalid request: unknown variant `{method}`", number, now)
        elif not isinstance(params, list) or not params or any(not isinstance(one, str) for one in params):
            self._refuse(2, "Invalid request: params must be a list of streams", number, now)
        elif method == "UNSUBSCRIBE":
            for name in params:
                self._connection.subscriptions.pop(name, None)
                self._hub.unsubscribe(self._connection, self._route, name)
            self._connection.reply({"result": None, "id": number}, now)
        elif len(self._connection.subscriptions.keys() | set(params)) > _MOST_STREAMS:
            self._refuse(2, f"Invalid request: more than {_MOST_STREAMS} streams", number, now)
        else:
            self._connection.reply({"result": None, "id": number}, now)
            self._start(params, now)

    def _start(self, names: list[str], now: int) -> None:
        """Start streams; unknown ones and those of another route are listed and never deliver."""
        spot = pairs(self._hub.view(self._route, now)) if self._spot else {}
        for name in names:
            if name in self._connection.subscriptions:
                continue
            self._connection.subscriptions[name] = None
            feed = feed_of(self._route, name, spot)
            if feed is not None and not self._hub.refuses(self._route, name, feed.symbol, now)[0]:
                self._hub.subscribe(self._connection, self._route, feed, now)

    def _refuse(self, code: int, message: str, number: object, now: int) -> None:
        error = {"code": code, "msg": message}
        # Some of the venue's gateways nest the error: here those behind /stream.
        self._connection.reply({"error": error, "id": number} if self._connection.wrapped else error, now)


def _rows(body: Any) -> list[Any]:
    return body if isinstance(body, list) else [body]


def _notice(view: "View", connection: "Connection") -> dict[str, Any] | None:
    """Return what spot says before it restarts; futures say nothing."""
    if host(connection.path) != "spot":
        return None
    return {"e": "serverShutdown", "E": view.clock}


STREAMS = StreamApi(
    host=host,
    connects=(300, 300_000),
    refused=429,
    talk=BinanceTalk,
    rows=_rows,
    key="s",
    notice=_notice,
)
