"""A message as one line: for people, and as JSON for programs."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import json

from microstream.cli import figures
from microstream.client.arrival import Arrival, Payload
from microstream.model.messages import Message

CHANNEL_WIDTH = 34
LONGEST_VALUE = 40
_COMMON_KEYS = frozenset(Message.__struct_fields__)


def json_line(arrival: Arrival) -> bytes:
    """Return the payload untouched, with the channel as its first key, and a newline.

    The message must be readable (`problem` is None), so a JSON object.
    """
    body = arrival.raw.strip()
    if b"\n" in body:
        body = json.format(body, indent=-1)
    rest = body[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"channel":' + json.encode(arrival.channel) + comma + rest + b"\n"


def plain_line(arrival: Arrival, now_ms: int) -> str:
    """Return time of receipt (UTC), channel and the values that matter, with units."""
    payload = arrival.payload
    if arrival.problem is not None:
        values = f"unreadable: {arrival.problem}"
    else:
        values = _VALUES.get(arrival.family, _any_values)(arrival, now_ms)
    notes = [*payload.flags]
    if not arrival.live:
        notes.append("last value")
    if arrival.missing:
        notes.append(f"{arrival.missing} missing before")
    suffix = f"  [{', '.join(notes)}]" if notes else ""
    return (
        f"{_time(payload.received_at or now_ms, now_ms)}  {arrival.channel:<{CHANNEL_WIDTH}} {values}{suffix}"
    )


def _time(ms: int, now_ms: int) -> str:
    """Return the time of day, or for another day the date and the minute, in the same width."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    if ms // figures.MS_PER_DAY == now_ms // figures.MS_PER_DAY:
        return f"{moment:%H:%M:%S}.{ms % 1000:03}Z"
    return f"{moment:%m-%d %H:%M}Z "


def _funding(arrival: Arrival, now_ms: int) -> str:
    payload = arrival.payload
    if payload.funding_rate is None and payload.settled_rate is not None:
        return f"settled {figures.per_cent(payload.settled_rate)}"
    rate = f"{figures.per_cent(payload.funding_rate):>8} per {figures.interval(payload.funding_interval_hours):<3}"
    left = figures.countdown(payload.next_funding_time, now_ms)
    mark = figures.price(payload.mark_price)
    return f"{rate}  APR {figures.annual(payload.funding_apr):>8}  paid in {left:>7}  mark {mark}"


def _mark_price(arrival: Arrival, _: int) -> str:
    payload = arrival.payload
    mark, index = figures.price(payload.mark_price), figures.price(payload.index_price)
    return f"mark {mark:>10}  index {index:>10}  basis {figures.basis_points(payload.basis_bps):>8}"


def _oi(arrival: Arrival, _: int) -> str:
    payload = arrival.payload
    value, coins = figures.amount(payload.open_value), figures.amount(payload.open_interest_base)
    return f"open interest {value:>6} USD  {coins:>6} {_coin(payload)}"


def _coin(payload: Payload) -> str:
    return payload.instrument.partition("/")[0] if payload.instrument else "coins"


def _instrument(arrival: Arrival, _: int) -> str:
    payload = arrival.payload
    changes = ", ".join(f"{key} was {old}" for key, old in payload.changed.items())
    return f"{payload.instrument or '-'} {payload.status or '-'}{f'; {changes}' if changes else ''}"


def _quality(arrival: Arrival, _: int) -> str:
    payload = arrival.payload
    state = payload.severity if payload.state == "raised" else payload.state
    return f"{state or '-'} {payload.kind or '-'}: {payload.detail or '-'}"


def _any_values(arrival: Arrival, _: int) -> str:
    """Return the keys of a family that this page does not know, shortened."""
    values = json.decode(arrival.raw, type=dict[str, object])
    shown = ((key, json.encode(value).decode()) for key, value in values.items() if key not in _COMMON_KEYS)
    return "  ".join(f"{key}={text[:LONGEST_VALUE]}" for key, text in shown)


_VALUES: dict[str, Callable[[Arrival, int], str]] = {
    "funding": _funding,
    "mark_price": _mark_price,
    "oi": _oi,
    "instrument": _instrument,
    "quality": _quality,
}
