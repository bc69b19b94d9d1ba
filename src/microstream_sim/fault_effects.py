"""What active faults do to the view of the market and to the body of a reply."""

from collections.abc import Mapping
from copy import copy
from typing import Any, Final

import msgspec

from microstream_sim.contracts import Contract
from microstream_sim.exchange import Exchange
from microstream_sim.fault_replies import HTML_ERROR
from microstream_sim.faults import Active, Fault, FaultBook, Kind, Over
from microstream_sim.market import Market
from microstream_sim.view import View

ROW_FAULTS: Final[tuple[Kind, ...]] = (
    "set", "wrong_type", "empty_list", "unknown_symbol_rows", "freeze",
)  # fmt: skip
TEXT_FAULTS: Final[tuple[Kind, ...]] = ("garbage", "html", "cut", "empty_body", "huge")
_GARBAGE = "upstream connect error or disconnect/reset before headers"
_OTHER_TYPES: dict[str, Any] = {"object": {"unexpected": True}, "list": [1, 2], "number": 12345}


def view_through(
    book: FaultBook,
    exchange: Exchange,
    market: Market,
    listed: Mapping[str, Contract],
    *,
    path: str,
    now: int,
    over: Over = "rest",
    topic: str | None = None,
) -> View:
    """Return what the venue shows now, through the faults that bend its clock, its values and its list."""
    name = exchange.name
    at, offset, ceiling = now, 0, None
    for one in book.drawn(name, path, now, "clock_offset", "stale_time", "old_cache", over=over, topic=topic):
        one.hits += 1
        if one.fault.kind == "clock_offset":
            offset += one.fault.milliseconds or 0
        elif one.fault.kind == "stale_time":
            ceiling = one.start if ceiling is None else min(ceiling, one.start)
        else:
            at = min(at, now - round(1000 * (one.fault.seconds or 0)))
    frozen: dict[str, int] = {}
    for one in book.drawn(name, path, now, "freeze", over=over, topic=topic):
        if one.fault.field is not None:
            continue
        one.hits += 1
        key = one.fault.symbol or "*"
        frozen[key] = min(one.start, frozen.get(key, one.start))
    shown = listed_through(book, exchange, listed, now)
    return View(market, shown, now, at, offset, ceiling, frozen)


def listed_through(
    book: FaultBook, exchange: Exchange, listed: Mapping[str, Contract], now: int
) -> Mapping[str, Contract]:
    """Return the contracts listed now, with scripted listings and delistings."""
    events = book.acting(exchange.name, now, "drop_symbol", "list_symbol")
    if not events:
        return listed
    shown = dict(listed)
    for one in events:
        symbol = one.fault.symbol or ""
        if one.fault.kind == "drop_symbol":
            shown.pop(symbol, None)
        elif symbol not in shown:
            shown[symbol] = exchange.new_listing(symbol, one.start)
    return shown


def spoil(book: FaultBook, exchange: Exchange, body: Any, *, path: str, symbol: str | None, now: int) -> None:
    """Change the rows of a reply in place as the faults say; `symbol` is the one that was asked for."""
    active = book.drawn(exchange.name, path, now, *ROW_FAULTS)
    rows = exchange.rows(body) if active else None
    if rows is not None:
        spoil_rows(active, exchange.name, exchange.key, body, rows, symbol)


def spoil_rows(
    active: list[Active], venue: str, key: str, body: Any, rows: list[Any], symbol: str | None
) -> None:
    """Change the rows of a body; `key` is the field with a row's symbol, `symbol` that of rows without."""
    for one in active:
        if one.fault.kind == "empty_list":
            rows.clear()
            one.hits += 1
        elif one.fault.kind == "unknown_symbol_rows":
            _add_unknown(one, venue, key, rows)
        elif one.fault.kind == "freeze":
            _hold_field(one, key, symbol, rows)
        else:
            named_rows = rows if one.fault.symbol or not isinstance(body, dict) else [*rows, body]
            _spoil_rows(one, key, symbol, named_rows)


def spoil_text(active: list[Active], text: bytes) -> bytes:
    """Change the text of a frame."""
    for one in active:
        one.hits += 1
        kind = one.fault.kind
        if kind == "garbage":
            text = (_GARBAGE if one.fault.raw is None else one.fault.raw).encode()
        elif kind == "html":
            text = HTML_ERROR.format(title="Welcome").encode()
        elif kind == "cut":
            whole = text.decode()
            text = whole[: len(whole) // 2].encode()
        else:
            text = b"" if kind == "empty_body" else b" " * round((one.fault.megabytes or 1) * 2**20) + text
    return text


def _hold_field(one: Active, key: str, symbol: str | None, rows: list[Any]) -> None:
    """Keep a field of rows at the value that it had when the fault first saw it."""
    field = one.fault.field
    for row in rows:
        if field is None or not isinstance(row, dict) or field not in row:
            continue
        name = row.get(key, symbol)
        if one.fault.symbol in {None, name}:
            row[field] = one.held.setdefault(str(name), row[field])
            one.hits += 1


def _add_unknown(one: Active, venue: str, key: str, rows: list[Any]) -> None:
    named = [row for row in rows if isinstance(row, dict) and key in row]
    if not named:
        return
    for number in range(one.fault.rows):
        row = copy(named[0])
        name = f"NEVERHEARDOF{number}"
        row[key] = f"{name}-USDT-SWAP" if venue == "okx" else f"{name}USDT"
        rows.append(row)
    one.hits += 1


def _spoil_rows(one: Active, key: str, asked: str | None, rows: list[Any]) -> None:
    fault = one.fault
    wanted, field = fault.symbol, fault.field or ""
    hit = False
    for row in rows:
        if not isinstance(row, dict) or field not in row:
            continue
        if wanted is not None and row.get(key, asked) != wanted:
            continue
        if fault.missing:
            del row[field]
        else:
            row[field] = _new_value(fault)
        hit = True
    one.hits += hit


def _new_value(fault: Fault) -> Any:
    if fault.kind == "wrong_type":
        return _OTHER_TYPES[fault.type or "object"]
    if fault.raw is not None:
        return msgspec.Raw(fault.raw.encode())
    return None if fault.value is msgspec.UNSET else fault.value
