"""Scripted faults: what can go wrong with a venue, when, how often, and for whom.

A script is a list of objects, in a YAML file or as JSON. Common keys: `kind`, `venue` (all if absent),
`over` (`rest` or `stream`; both if absent), `path` (a glob), `topic` (a glob; of streams alone), `symbol`,
`at` and `for` (seconds; from the start of the simulator for a file, from the request for a script that is
posted), `count` (so many replies or frames, then no more), `probability`.

The path of a stream is that of its connection; a Binance topic is on /market/stream, /public/stream or
/spot/stream, whichever way it was asked for. A topic is named as the venue names it, on OKX
`channel:instId`. Where a fault of REST replies can happen to a frame it does: `status` and
`hang` hit the handshake, `close` drops the connection in the middle of a frame.

Further keys by kind (`value` is any JSON, `raw` is text as it is to stand in the reply):

| kind | keys |
| --- | --- |
| `status` | `name` of a ready-made reply (see `ReadyMade`), `code`, `seconds`; or `status`, `body`, `headers` |
| `delay` | `seconds` |
| `hang`, `close`, `cut`, `html`, `empty_body`, `empty_list` | - |
| `refuse`, `not_gzip` | - (the whole port; REST only) |
| `huge` | `megabytes` |
| `set` | `field` of rows (or, without `symbol`, of the reply itself); `value`, `raw` or `missing: true` |
| `wrong_type` | `field`, `type`: object, list or number |
| `unknown_symbol_rows` | `rows`: how many |
| `drop_symbol`, `list_symbol` | `symbol` |
| `freeze` | `symbol` (without one: the whole venue), `field` (that field of rows alone) |
| `change` | `field`: interval_h, cap, floor, multiplier, contract_size, status, delivers_at; `value` |
| `market` | `symbol`, or `coin` for all contracts on it; `field`, `value`, `ramp`: see below |
| `stale_time` | - |
| `clock_offset` | `milliseconds` |
| `old_cache` | `seconds` that the cache lags behind, `probability` |

Of streams alone:

| kind | keys |
| --- | --- |
| `mute` | no frame of a topic (of none, without `topic` and `symbol`) goes out; acks and pongs do |
| `garbage` | `raw`: the text that goes out in place of a frame |
| `reorder` | frames of a topic change places two by two |
| `repeat` | `times` that each frame goes out (2) |
| `flood` | `rate`: so many further copies of last frames a second |
| `disconnect` | once, at the start: open connections end with `code`, or without a word if it is absent |
| `close_on_connect` | connections end with `code` (or without a word) as soon as they are made |
| `refuse_topic` | `topic` or `symbol`: subscriptions to it are refused; `batch: true` all that came with it |
| `notice` | once, at the start: the venue's word that it will close, and after `seconds` (60) it does |

A fault of kind `market` moves the market itself, so truth, replies, history and streams tell the same.
With `ramp` (seconds) the value is approached linearly from the start and left again before the end. It may
start in the past (`at` below 0). Ready-made ones are in `scenarios`. Its fields:

| field | value |
| --- | --- |
| `price_factor` | mark and index are multiplied by it, and with the index its spot pair and all contracts upon it |
| `premium` | the fraction by which the mark is above the index; counts in the mean that the funding rate follows |
| `funding_rate` | the estimate, per interval, which is also what is settled; within cap and floor |
| `open_interest_factor` | open interest is multiplied by it |
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from math import inf, isfinite, nan
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, get_args

import msgspec
import yaml

from microstream_sim.market import Change
from microstream_sim.moves import Field

Kind = Literal[
    "status", "delay", "hang", "close", "refuse", "cut", "html", "empty_body", "empty_list", "huge",
    "not_gzip", "set", "wrong_type", "unknown_symbol_rows", "drop_symbol", "list_symbol", "freeze",
    "change", "market", "stale_time", "clock_offset", "old_cache", "mute", "garbage", "reorder", "repeat", "flood",
    "disconnect", "close_on_connect", "refuse_topic", "notice",
]  # fmt: skip
ReadyMade = Literal[
    "rate_limited", "banned", "waf_403_html", "geo_451", "access_too_frequent", "okx_50011_200", "venue_code",
    "server_error",
]  # fmt: skip
Over = Literal["rest", "stream"]
_CHANGEABLE = {"interval_h", "cap", "floor", "multiplier", "contract_size", "status", "delivers_at"}
_MOVABLE: Final[tuple[Field, ...]] = get_args(Field)
_INTERVALS_H = (1, 2, 4, 6, 8)
_DECIMALS = {"cap", "floor", "contract_size"}
_NEEDS: dict[str, tuple[str, ...]] = {
    "delay": ("seconds",),
    "huge": ("megabytes",),
    "set": ("field",),
    "wrong_type": ("field", "type"),
    "drop_symbol": ("symbol", "venue"),
    "list_symbol": ("symbol", "venue"),
    "change": ("symbol", "venue", "field"),
    "market": ("field",),
    "clock_offset": ("milliseconds",),
    "old_cache": ("seconds",),
    "flood": ("rate",),
    "disconnect": ("venue",),
    "notice": ("venue",),
}


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"lasts": "for"}):
    """One entry of a script; see the table above."""

    kind: Kind
    venue: Literal["binance", "bybit", "okx"] | None = None
    over: Over | None = None
    path: str = "*"
    topic: str | None = None
    symbol: str | None = None
    coin: str | None = None
    at: float = 0.0
    lasts: float | None = None
    ramp: float = 0.0
    count: int | None = None
    probability: float = 1.0
    name: ReadyMade | None = None
    status: int | None = None
    code: int | None = None
    body: Any = None
    headers: dict[str, str] = {}
    seconds: float | None = None
    megabytes: float | None = None
    milliseconds: int | None = None
    field: str | None = None
    value: Any = msgspec.UNSET
    raw: str | None = None
    missing: bool = False
    type: Literal["object", "list", "number"] | None = None
    rows: int = 1
    times: int = 2
    rate: int | None = None
    batch: bool = False

    def __post_init__(self) -> None:
        for name in _NEEDS.get(self.kind, ()):
            if getattr(self, name) is None:
                raise ValueError(f"a fault of kind {self.kind} needs the key {name}")
        if self.kind == "status" and (self.name is None) == (self.status is None):
            raise ValueError("a fault of kind status needs either name or status")
        if self.kind == "change" and self.field not in _CHANGEABLE:
            raise ValueError(f"field of a change must be one of {', '.join(sorted(_CHANGEABLE))}")
        if self.kind == "change" and self.field == "interval_h" and self.value not in _INTERVALS_H:
            raise ValueError(f"interval_h must be one of {', '.join(map(str, _INTERVALS_H))}")
        if self.kind == "market":
            _check_market(self)
        elif self.coin is not None or self.ramp:
            raise ValueError("coin and ramp are keys of the kind market alone")
        if self.kind == "refuse_topic" and self.topic is None and self.symbol is None:
            raise ValueError("a fault of kind refuse_topic needs topic or symbol")
        if self.kind == "list_symbol" and self.venue == "okx" and (self.symbol or "").count("-") < 2:
            raise ValueError(f"okx lists symbols such as BTC-USDT-SWAP, not {self.symbol}")
        if self.topic is not None and self.over == "rest":
            raise ValueError("a topic is of a stream, so a fault cannot have it with over: rest")


class Active:
    """A fault with its place in time and the number of replies or frames that it has hit.

    `done` marks a fault that happens once and has happened; `held` are the values that a freeze of one field
    keeps, by symbol.
    """

    def __init__(self, number: int, fault: Fault, origin: int) -> None:
        self.number = number
        self.fault = fault
        self.start = origin + round(fault.at * 1000)
        self.end = None if fault.lasts is None else self.start + round(fault.lasts * 1000)
        self.hits = 0
        self.done = False
        self.held: dict[str, Any] = {}

    def is_on(self, now: int) -> bool:
        """Return whether the fault acts at `now`."""
        fault = self.fault
        in_time = self.start <= now and (self.end is None or now < self.end)
        return in_time and not self.done and (fault.count is None or self.hits < fault.count)

    def touches(self, path: str, topic: str | None = None) -> bool:
        """Return whether the fault is meant for a stream of that path (and topic)."""
        return _fits(self.fault, path, "stream", topic)

    def edges(self) -> Iterator[int]:
        """Yield the times at which it begins and ends."""
        yield self.start
        if self.end is not None:
            yield self.end


class FaultBook:
    """All faults of one simulator."""

    def __init__(self, seed: int = 0) -> None:
        self._active: list[Active] = []
        self._made = 0
        self._random = Random(f"{seed}:faults")

    def add(self, faults: Sequence[Fault], origin: int) -> list[Active]:
        """Add faults whose `at` counts from `origin` (ms)."""
        added = []
        for fault in faults:
            self._made += 1
            added.append(Active(self._made, fault, origin))
        self._active += added
        return added

    def clear(self) -> None:
        """Remove all faults; changes of contracts are undone as if they had never been."""
        self._active = []

    def all(self) -> list[Active]:
        """Return all faults, the oldest first."""
        return list(self._active)

    def acting(self, venue: str, now: int, *kinds: Kind) -> list[Active]:
        """Return the faults of those kinds that act on a venue at `now`."""
        return [
            one
            for one in self._active
            if one.fault.kind in kinds and one.fault.venue in {None, venue} and one.is_on(now)
        ]

    def drawn(
        self, venue: str, path: str, now: int, *kinds: Kind, over: Over = "rest", topic: str | None = None
    ) -> list[Active]:
        """Return the faults that act on one reply, or one frame of `topic`: it fits and the dice fall so."""
        return [
            one
            for one in self.acting(venue, now, *kinds)
            if _fits(one.fault, path, over, topic) and self._happens(one.fault.probability)
        ]

    def quiet(self, venue: str, now: int) -> bool:
        """Return whether no fault acts on a venue's streams now, those of contracts and market apart."""
        return not any(
            one.fault.kind not in {"change", "market"}
            and one.fault.over != "rest"
            and one.fault.venue in {None, venue}
            and one.is_on(now)
            for one in self._active
        )

    def changes(self) -> list[Change]:
        """Return the changes of contracts for the market."""
        return [
            Change(
                one.fault.venue or "", one.fault.symbol or "", one.start, one.end, one.fault.field or "",
                _changed_value(one.fault),
            )
            for one in self._active
            if one.fault.kind == "change"
        ]  # fmt: skip

    def _happens(self, probability: float) -> bool:
        return probability >= 1 or self._random.random() < probability


def read_script(text: str | bytes, source: str) -> list[Fault]:
    """Parse a script of faults (JSON is YAML too). Raises ValueError with source, entry and reason."""
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as bad:
        raise ValueError(f"{source}: not YAML: {bad}") from bad
    if not isinstance(entries, list):
        entries = [entries]
    faults = []
    for number, entry in enumerate(entries, start=1):
        try:
            faults.append(msgspec.convert(entry, Fault))
        except msgspec.ValidationError as bad:
            raise ValueError(f"{source}: fault {number}: {bad}") from bad
    return faults


def read_script_file(path: Path) -> list[Fault]:
    """Parse the script in a file. Raises ValueError or OSError."""
    return read_script(path.read_text(encoding="utf-8"), str(path))


def _fits(fault: Fault, path: str, over: Over, topic: str | None) -> bool:
    if fault.over not in {None, over} or not fnmatchcase(path, fault.path):
        return False
    return fault.topic is None or (topic is not None and fnmatchcase(topic, fault.topic))


def _number(value: Any) -> float | None:
    """Return a number, also from its text (to YAML 1e-4 is one); None for all else."""
    try:
        number = nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _check_market(fault: Fault) -> None:
    """Make the value a number; refuse what says nothing sensible about a market. Raises ValueError."""
    if fault.field not in _MOVABLE:
        raise ValueError(f"field of the market must be one of {', '.join(_MOVABLE)}")
    if (fault.symbol is None) == (fault.coin is None):
        raise ValueError("a fault of kind market needs either symbol or coin")
    if fault.symbol is not None and fault.venue is None:
        raise ValueError("a symbol needs its venue; with coin all venues move")
    fault.value = value = _number(fault.value)
    if value is None:
        raise ValueError(f"value of {fault.field} must be a number")
    least = -1 if fault.field == "premium" else 0
    if fault.field != "funding_rate" and value <= least:
        raise ValueError(f"value of {fault.field} must be above {least}, not {value:g}")
    if not 0 <= fault.ramp < inf or (fault.lasts is not None and fault.lasts < 2 * fault.ramp):
        raise ValueError("ramp must fit twice into for: the value is approached and left")
    narrowed = fault.over is not None or fault.topic is not None or fault.path != "*"
    if narrowed or fault.count is not None or fault.probability != 1:
        raise ValueError("a market moves for all who look: no over, path, topic, count or probability")


def _changed_value(fault: Fault) -> Any:
    return Decimal(str(fault.value)) if fault.field in _DECIMALS else fault.value
