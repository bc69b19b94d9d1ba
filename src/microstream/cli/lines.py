"""A message as one line: for people, and as JSON for programs."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import json

from microstream.cli import figures
from microstream.cli.alert import NO_ALERT, compared, read_alert
from microstream.cli.bar import NO_SPAN, read_bar
from microstream.cli.signal_lines import shortened, signal_text
from microstream.cli.signal_values import NO_SIGNAL, read_signal
from microstream.client.arrival import Arrival, Payload
from microstream.model.messages import Message

CHANNEL_WIDTH = 34
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


def _bars(arrival: Arrival, now_ms: int) -> str:
    bar = read_bar(arrival.raw)
    if bar is None:
        return _any_values(arrival, now_ms)
    mark, basis, rate, value = (
        span or NO_SPAN for span in (bar.mark, bar.basis_bps, bar.funding_rate, bar.open_value)
    )
    prices = " ".join(
        f"{name} {figures.price(price)}"
        for name, price in (("high", mark.high), ("low", mark.low), ("close", mark.close))
    )
    return (
        f"to {figures.moment(bar.close_time, now_ms)}  mark {figures.price(mark.open)} {prices}"
        f"  basis {figures.basis_points(basis.close)}  rate {figures.per_cent(rate.close)}"
        f"  OI {figures.amount(value.close)} USD"
        f"  covered {figures.UNKNOWN if bar.coverage is None else f'{bar.coverage:.0%}'}"
        f"{f'  {bar.late} late' if bar.late else ''}"
    )


def _signal(arrival: Arrival, now_ms: int) -> str:
    signal = read_signal(arrival.raw)
    if signal is NO_SIGNAL:
        return _any_values(arrival, now_ms)
    return signal_text(arrival.exchange, signal, now_ms)


def _alert(arrival: Arrival, now_ms: int) -> str:
    alert = read_alert(arrival.raw)
    if alert is NO_ALERT:
        return _any_values(arrival, now_ms)
    state = alert.severity if alert.state == "raised" else alert.state
    return (
        f"{state or '-'} since {figures.moment(alert.since, now_ms)}: {figures.sentence(alert.text)}"
        f" ({compared(alert.value)}, threshold {compared(alert.threshold)})"
    )


def _any_values(arrival: Arrival, _: int) -> str:
    """Return the keys of a family that this page does not know, shortened."""
    values = json.decode(arrival.raw, type=dict[str, object])
    return shortened({key: value for key, value in values.items() if key not in _COMMON_KEYS})


_VALUES: dict[str, Callable[[Arrival, int], str]] = {
    "funding": _funding,
    "mark_price": _mark_price,
    "oi": _oi,
    "instrument": _instrument,
    "quality": _quality,
    "bars": _bars,
    "signal": _signal,
    "alert": _alert,
}
