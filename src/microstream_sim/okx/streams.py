"""OKX's side of a stream connection: an answer for each argument, bare ping and pong, idle time, limits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from microstream_sim.contracts import Contract
from microstream_sim.limits import SlidingWindow
from microstream_sim.okx.feeds import Arg, Feed, Instruments, contract_feed, index_feed, spot_feed, topic_name
from microstream_sim.okx.instruments import indices, spot_pairs
from microstream_sim.streaming.api import StreamApi
from microstream_sim.streaming.frames import text_frame

if TYPE_CHECKING:
    from microstream_sim.streaming.connection import Connection
    from microstream_sim.streaming.hub import Hub
    from microstream_sim.view import View

_PUBLIC, _BUSINESS = "/ws/v5/public", "/ws/v5/business"
_IDLE_MS = 30_000
_REQUESTS_AN_HOUR = 480
_MOST_BYTES = 64 << 10
_ON_PUBLIC = ("funding-rate", "mark-price", "index-tickers", "open-interest", "tickers", "instruments")
_ON_BUSINESS = ("candle", "mark-price-candle", "index-candle", "trades-all")
_INST_TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")


class OkxTalk:
    """One connection."""

    def __init__(self, hub: "Hub", connection: "Connection", _query: Mapping[str, str]) -> None:
        self._hub = hub
        self._connection = connection
        self._path = connection.path
        self._id = _connection_id(connection)
        self._window = SlidingWindow(_REQUESTS_AN_HOUR, 3_600_000)
        self._subscribed = False

    def begin(self, now: int) -> None:
        """Nothing is said."""

    def text(self, text: str, now: int) -> None:
        """Answer a ping or a request."""
        if text == "ping":
            self._connection.queue(text_frame(b"pong"), now)
            return
        if len(text.encode()) > _MOST_BYTES:
            self._connection.close(1009, "request too large")
            return
        try:
            request = msgspec.json.decode(text)
        except msgspec.DecodeError:
            request = None
        if not isinstance(request, dict):
            self._refuse({}, "60012", f"Invalid request: {text[:200]}", now)
        elif not self._window.spend(now):
            self._refuse(request, "60014", "Requests too frequent.", now)
        elif request.get("op") not in {"subscribe", "unsubscribe"}:
            self._refuse(request, "60019", f"Invalid op: {request.get('op')}", now)
        else:
            self._change(request, text, now)

    def control(self, *, pong: bool, now: int) -> None:
        """Control frames keep nothing alive."""

    def tend(self, now: int) -> None:
        """End a connection without data, or without a subscription, for 30 s."""
        connection = self._connection
        unused = not self._subscribed and now - connection.opened_at >= _IDLE_MS
        if unused or now - connection.sent_at >= _IDLE_MS:
            connection.close(4004, "No data received in 30s.")

    def _change(self, request: dict[str, Any], text: str, now: int) -> None:
        args = request.get("args")
        if not isinstance(args, list) or not args or not all(map(_is_arg, args)):
            self._refuse(request, "60012", f"Invalid request: {text[:200]}", now)
        elif request["op"] == "subscribe":
            self._subscribe(request, args, now)
        else:
            for arg in args:
                name = topic_name(arg)
                self._connection.subscriptions.pop(name, None)
                self._hub.unsubscribe(self._connection, self._path, name)
                self._acknowledge(request, arg, now)

    def _subscribe(self, request: dict[str, Any], args: list[Arg], now: int) -> None:
        view = self._hub.view(self._path, now)
        spot, index = spot_pairs(view), indices(view)
        refused = []
        for arg in args:
            refusal, whole = self._hub.refuses(self._path, topic_name(arg), arg.get("instId"), now)
            if refusal and whole:
                self._refuse(request, "60018", _does_not_exist(arg), now)
                return
            refused.append(refusal)
        for arg, refusal in zip(args, refused, strict=True):
            misplaced = self._misplaced(arg["channel"])
            feed = None if misplaced or refusal else _feed(view, spot, index, arg)
            if misplaced is not None:
                self._refuse(request, *misplaced, now)
            elif feed is None:
                self._refuse(request, "60018", _does_not_exist(arg), now)
            else:
                self._subscribed = True
                self._acknowledge(request, arg, now)
                if feed.name not in self._connection.subscriptions:
                    self._connection.subscriptions[feed.name] = None
                    self._hub.subscribe(self._connection, self._path, feed, now)

    def _misplaced(self, channel: str) -> tuple[str, str] | None:
        """Return code and text for a channel of the other path."""
        if self._path == _BUSINESS and channel in _ON_PUBLIC:
            return "64002", f"{channel} is not on this path; please use {_PUBLIC}."
        if self._path == _PUBLIC and channel.startswith(_ON_BUSINESS):
            return "64001", f"{channel} has been migrated; please use {_BUSINESS}."
        return None

    def _acknowledge(self, request: dict[str, Any], arg: Arg, now: int) -> None:
        body = {"event": request["op"], "arg": arg, "connId": self._id}
        self._connection.reply(_with_id(request, body), now)

    def _refuse(self, request: dict[str, Any], code: str, message: str, now: int) -> None:
        body = {"event": "error", "code": code, "msg": message, "connId": self._id}
        self._connection.reply(_with_id(request, body), now)


def host(path: str) -> str | None:
    """Return `okx` for a path of streams: connections are counted for all of them together."""
    return "okx" if path in {_PUBLIC, _BUSINESS} else None


def _feed(view: "View", spot: Mapping[str, Contract], index: Mapping[str, Contract], arg: Arg) -> Feed | None:
    channel, name = arg["channel"], arg.get("instId", "")
    if channel == "instruments":
        return Instruments(arg) if arg.get("instType") in _INST_TYPES else None
    if channel == "index-tickers":
        return index_feed(arg, index[name]) if name in index else None
    if channel == "tickers" and name in spot:
        return spot_feed(arg, spot[name])
    contract = view.contract(name)
    return None if contract is None or contract.status == "preopen" else contract_feed(arg, contract)


def _is_arg(arg: Any) -> bool:
    return (
        isinstance(arg, dict)
        and "channel" in arg
        and all(isinstance(key, str) and isinstance(value, str) for key, value in arg.items())
    )


def _does_not_exist(arg: Arg) -> str:
    name = f"instId:{arg['instId']}" if "instId" in arg else f"instType:{arg.get('instType', '')}"
    return (
        f"Wrong URL or channel:{arg['channel']},{name} doesn't exist. "
        "Please use the correct URL, channel and parameters referring to API document."
    )


def _with_id(request: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return {"id": request["id"], **body} if "id" in request else body


def _connection_id(connection: "Connection") -> str:
    return f"{crc32(str(connection.number).encode()):08x}"


def _notice(_view: "View", connection: "Connection") -> dict[str, Any]:
    return {
        "event": "notice",
        "code": "64008",
        "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
        "connId": _connection_id(connection),
    }


def _rows(body: Any) -> list[Any]:
    rows: list[Any] = body["data"]
    return rows


STREAMS = StreamApi(
    host=host,
    connects=(3, 1_000),
    refused=429,
    talk=OkxTalk,
    rows=_rows,
    key="instId",
    notice=_notice,
    too_slow=4005,
)
