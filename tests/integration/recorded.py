"""What stands in logs and in tables, in a form that can be compared, and messages of every family to fill them with."""

from pathlib import Path
from typing import Any

import msgspec
import redis

from microstream.history.published import COLUMNS, channel_of
from microstream.history.store import Store
from microstream.model.channels import channel
from microstream.model.messages import PAYLOADS, Excluded, Input, Message, Range
from microstream.sinks import Buffer

Row = tuple[str, int, int, int, bytes]
"""Channel, both parts of the entry's id, place in the entry, payload."""

KEYS: dict[str, Any] = {
    "v": 1,
    "exchange": "okx",
    "instrument": None,
    "received_at": 5,
    "source": "ws",
    "run": 0,
    "seq": 0,
    "flags": (),
    "multiplier": 1000.0,
    "kind": "gap",
    "status": "live",
    "state": "raised",
    "severity": "info",
    "detail": "with \u00dcmlaut",
    "observed": 0.1,
    "since": 3,
    "base": "SOL",
    "quote": "USDT",
    "settle": "USDT",
    "changed": {"tick_size": 0.1, "status": None},
    "timeframe": "1m",
    "open_time": 0,
    "close_time": 60_000,
    "mark": Range(1.0, 2.0, 0.5, 1.5, 3, 7),
    "coverage": 1.0,
    "late": 0,
    "name": "basis",
    "formula": "1",
    "values": {"z": None, "bps": 0.30000000000000004},
    "inputs": [Input("mark", "okx", "sol-usdt", 1.5, None)],
    "excluded": [Excluded("okx", "sol-usdt", "stale")],
    "rule": "cap",
    "threshold": "high",
    "text": "a sentence",
    "evidence": {"deep": {"list": [1, 2.5, None]}},
}


def message(family: str, symbol: str, **keys: Any) -> Message:
    """Return a message of a family; keys that nobody gives are null."""
    whole = KEYS | {"symbol": symbol, "subject": symbol} | keys
    if family == "instrument":
        whole["kind"] = "perpetual"
    kind = PAYLOADS[family]
    fields = {name: whole.get(name) for name in kind.__struct_fields__}
    return msgspec.convert(msgspec.to_builtins(kind(**fields)), kind)


def offer(buffer: Buffer, round_: int, symbols: int = 5) -> int:
    """Offer a message of every family for every symbol; return how many."""
    for family in PAYLOADS:
        for number in range(symbols):
            one = message(family, f"coin{number}", timestamp=round_, mark_price=round_ + 0.1)
            buffer.offer(channel_of(one), one)
    return len(PAYLOADS) * symbols


def logged(url: str) -> list[Row]:
    """Return everything that the logs of a server have, by group in their order."""
    rows = []
    with redis.Redis.from_url(url, protocol=2) as client:
        for key in sorted(client.keys("stream:*")):
            group = key.decode().removeprefix("stream:")
            for raw, fields in client.xrange(key):
                ms, number = map(int, raw.split(b"-"))
                rows += [
                    (_name(group, item), ms, number, place, payload)
                    for place, (item, payload) in enumerate(fields.items())
                ]
    return sorted(rows)


def recorded(folder: Path) -> list[Row]:
    """Return everything that the tables have, as payloads."""
    rows = []
    for family, table in Store(str(folder)).published.items():
        frame = table.read(table.scan())
        messages = COLUMNS[family].structs(frame)
        for (ms, number, place), each in zip(
            frame.select("written_at", "entry", "place").iter_rows(), messages, strict=True
        ):
            rows.append((channel_of(each).name, ms, number, place, msgspec.json.encode(each)))
    return sorted(rows)


def _name(group: str, item: bytes) -> str:
    family, _, owner = group.partition(":")
    return channel(family, owner, item.decode()).name
