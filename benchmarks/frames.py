"""WebSocket frames made of REST bodies: one of each kind, for the readers alone.

Shapes are those of the venues' documents: Binance `!markPrice@arr`, Bybit `tickers` snapshot and delta, OKX's
public channels, one row a push.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Frames = dict[str, list[bytes]]

_encode = msgspec.json.encode
_MARK_PRICE_UPDATE = {
    "time": "E",
    "symbol": "s",
    "markPrice": "p",
    "indexPrice": "i",
    "estimatedSettlePrice": "P",
    "lastFundingRate": "r",
    "nextFundingTime": "T",
}
"""Names in the REST row and in the event."""
_DELTA = {
    name: name
    for name in ("symbol", "markPrice", "indexPrice", "singleOpenInterest", "singleOpenInterestValue")
}
"""What a delta of a quiet moment carries of the fields that are read."""


def frames_of(venue: str, replies: Mapping[str, bytes]) -> Frames:
    """Return frames by name, as one connection gets them for all contracts."""
    return _MAKERS[venue](replies)


def _binance(replies: Mapping[str, bytes]) -> Frames:
    rows = [
        {"e": "markPriceUpdate", "st": 1, **_picked(row, _MARK_PRICE_UPDATE)}
        for row in msgspec.json.decode(replies["premiumIndex"])
    ]
    return {"!markPrice@arr": [_encode({"stream": "!markPrice@arr@1s", "data": rows})]}


def _bybit(replies: Mapping[str, bytes]) -> Frames:
    body = msgspec.json.decode(replies["tickers"])
    rows = body["result"]["list"]
    snapshots = [_ticker("snapshot", row, body["time"]) for row in rows]
    deltas = [_ticker("delta", _picked(row, _DELTA), body["time"]) for row in rows]
    return {"tickers snapshot": snapshots, "tickers snapshot + delta": snapshots + deltas}


def _ticker(kind: str, row: dict[str, Any], time: int) -> bytes:
    return _encode({"topic": f"tickers.{row['symbol']}", "type": kind, "data": row, "cs": 1, "ts": time})


def _okx(replies: Mapping[str, bytes]) -> Frames:
    channels = ("funding-rate", "mark-price", "index-tickers", "open-interest")
    return {
        channel: [_push(channel, row) for row in msgspec.json.decode(replies[channel])["data"]]
        for channel in channels
    }


def _push(channel: str, row: dict[str, Any]) -> bytes:
    return _encode({"arg": {"channel": channel, "instId": row["instId"]}, "data": [row]})


def _picked(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields that a row has of those named, under their new names."""
    return {new: row[old] for old, new in names.items() if old in row}


_MAKERS: dict[str, Callable[[Mapping[str, bytes]], Frames]] = {
    "binance": _binance,
    "bybit": _bybit,
    "okx": _okx,
}
