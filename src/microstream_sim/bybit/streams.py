"""Bybit's side of a stream connection: one socket for each category, one answer for each request."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from microstream_sim.bybit.contracts import category as category_of
from microstream_sim.bybit.feeds import Feed, SpotTicker, Ticker, perpetual_book, spot_book
from microstream_sim.bybit.spot import pairs
from microstream_sim.contracts import Contract
from microstream_sim.streaming.api import StreamApi

if TYPE_CHECKING:
    from microstream_sim.streaming.connection import Connection
    from microstream_sim.streaming.hub import Hub
    from microstream_sim.view import View

_PATH = "/v5/public/"
_CATEGORIES = ("linear", "inverse", "spot")
_MOST_CHARACTERS = 21_000
_MOST_SPOT_ARGS = 10
_IDLE_MS = 600_000


class _Refusal(Exception):
    """A request that is refused as a whole, with the words of the refusal."""


def host(path: str) -> str | None:
    """Return the category of a path of streams: connections are counted for each."""
    category = path.removeprefix(_PATH)
    return category if category in _CATEGORIES and path != category else None


class BybitTalk:
    """One connection."""

    def __init__(self, hub: "Hub", connection: "Connection", _query: Mapping[str, str]) -> None:
        self._hub = hub
        self._connection = connection
        self._path = connection.path
        self._category = host(connection.path) or ""
        self._id = str(uuid4())
        self._updates = hub.counters.setdefault(connection.path, {})

    def begin(self, now: int) -> None:
        """Nothing is said."""

    def text(self, text: str, now: int) -> None:
        """Answer a request."""
        try:
            request = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            request = None
        if not isinstance(request, dict):
            self._reply({}, now, refusal="error:json decode error")
            return
        operation = request.get("op")
        if operation == "ping":
            self._reply(request, now, message="pong")
        elif operation not in {"subscribe", "unsubscribe"}:
            self._reply(request, now, refusal=f"error:handler not found,op:{operation}")
        else:
            self._change(request, subscribe=operation == "subscribe", now=now)

    def control(self, *, pong: bool, now: int) -> None:
        """Control frames mean nothing here."""

    def tend(self, now: int) -> None:
        """End a connection on which nothing was said for long."""
        if now - max(self._connection.heard_at, self._connection.sent_at) >= _IDLE_MS:
            self._connection.close(1000, "idle")

    def _change(self, request: dict[str, Any], *, subscribe: bool, now: int) -> None:
        try:
            args = self._topics(request.get("args"))
            feeds = self._feeds(args, now) if subscribe else []
        except _Refusal as refusal:
            self._reply(request, now, refusal=str(refusal))
            return
        self._reply(request, now, message="subscribe" if subscribe and self._category == "spot" else "")
        for feed in feeds:
            self._connection.subscriptions[feed.name] = None
            self._hub.subscribe(self._connection, self._path, feed, now)
        if not subscribe:
            for topic in args:
                self._connection.subscriptions.pop(topic, None)
                self._hub.unsubscribe(self._connection, self._path, topic)

    def _topics(self, args: Any) -> list[str]:
        if not isinstance(args, list) or not args or any(not isinstance(one, str) for one in args):
            raise _Refusal("error:args must be a list of topics")
        if self._category == "spot" and len(args) > _MOST_SPOT_ARGS:
            raise _Refusal(f"args size >{_MOST_SPOT_ARGS}")
        return args

    def _feeds(self, args: list[str], now: int) -> list[Feed]:
        """Return the feeds of all topics, or raise for the first that is wrong: then none is started."""
        held = self._connection.subscriptions
        if sum(map(len, held)) + sum(map(len, args)) > _MOST_CHARACTERS:
            raise _Refusal(f"error:args length over {_MOST_CHARACTERS}")
        view = self._hub.view(self._path, now)
        listed = pairs(view) if self._category == "spot" else {}
        feeds: dict[str, Feed] = {}
        for topic in args:
            if topic in held or topic in feeds:
                raise _Refusal(f"error:already subscribed,topic:{topic}")
            feed = self._feed(view, listed, topic)
            if self._hub.refuses(self._path, topic, feed.symbol, now)[0]:
                raise _Refusal(f"Invalid topic: {topic}")
            feeds[topic] = feed
        return list(feeds.values())

    def _feed(self, view: "View", listed: Mapping[str, Contract], topic: str) -> Feed:
        kind, _, symbol = topic.rpartition(".")
        if kind not in {"tickers", "orderbook.1"}:
            raise _Refusal(f"error:handler not found,topic:{topic}")
        if self._category == "spot":
            pair = listed.get(symbol)
            if pair is None:
                raise _Refusal(f"Invalid topic: {topic}")
            return SpotTicker(topic, pair) if kind == "tickers" else spot_book(topic, pair, self._updates)
        contract = view.contract(symbol)
        if contract is None or category_of(contract) != self._category or contract.status == "Closed":
            raise _Refusal(f"Invalid topic: {topic}")
        return Ticker(topic, symbol) if kind == "tickers" else perpetual_book(topic, contract, self._updates)

    def _reply(
        self, request: dict[str, Any], now: int, *, message: str = "", refusal: str | None = None
    ) -> None:
        body = {
            "success": refusal is None,
            "ret_msg": message if refusal is None else refusal,
            "conn_id": self._id,
            "req_id": request.get("req_id", ""),
            "op": request.get("op", ""),
        }
        self._connection.reply(body, now)


def _rows(body: Any) -> list[Any]:
    return [body["data"]]


STREAMS = StreamApi(
    host=host,
    connects=(500, 300_000),
    refused=403,
    most_open=1000,
    talk=BybitTalk,
    rows=_rows,
    key="symbol",
    notice=lambda _view, _connection: None,
)
