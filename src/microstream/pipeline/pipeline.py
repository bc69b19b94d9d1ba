"""The order of the stages: check, state, views, offer. One call per reply, one tick per second."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from microstream.model.channels import channel
from microstream.model.events import (
    AnyEvent,
    FundingRate,
    FundingSettled,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    SpotQuote,
)
from microstream.model.frame import Frame, Reject
from microstream.model.instruments import Instrument, key_of
from microstream.model.messages import Flag
from microstream.model.state import State, Upkeep
from microstream.pipeline.check import QUIET, check, wrong_prices
from microstream.pipeline.freshness import Freshness
from microstream.pipeline.interval import interval_after
from microstream.pipeline.quality import SKEW_MS, Offer, Quality
from microstream.pipeline.rejects import Rejects
from microstream.services import Service

KINDS: dict[type, Kind] = {
    MarkPrice: "mark",
    IndexPrice: "index",
    FundingRate: "funding",
    FundingSettled: "settled",
    OpenInterest: "open_interest",
    SpotQuote: "spot",
}
SAID: dict[Kind, Callable[[AnyEvent], object]] = {
    "mark": attrgetter("price"),
    "index": attrgetter("price"),
    "funding": attrgetter("rate", "settles_at", "interval_h", "cap", "floor"),
    "settled": attrgetter("rate", "settled_at"),
    "open_interest": attrgetter("contracts", "base", "value"),
    "spot": attrgetter("bid", "ask", "last"),
}
"""What an event says apart from when: what must differ for it to be news."""
SLACK = 1.02
"""A confirmed value is repeated early rather than late: polls arrive with some jitter."""

Terms = Callable[[Instrument, FundingRate, float | None], None]
"""Told when a row states another interval, cap or floor than the registry has."""
Doubt = Callable[[str], None]
"""Told the venue whose registry must be read again."""


class Pipeline:
    """All followed instruments and what is known of them.

    `offer` takes every message; `terms` and `doubt` report what rows say about the registry.
    `events` counts accepted values by exchange and kind, read at scrape time.
    """

    def __init__(self, services: Sequence[Service], offer: Offer, terms: Terms, doubt: Doubt) -> None:
        self.services = services
        self.states: dict[str, State] = {}
        self.quality = Quality(offer)
        self.rejects = Rejects()
        self.events: Counter[tuple[str, str]] = Counter()
        self.offsets: dict[str, int] = {}
        self._freshness = Freshness(services, self.states, self.quality, self._publish)
        self._offer = offer
        self._terms = terms
        self._doubt = doubt

    def follow(self, instrument: Instrument, upkeep: Mapping[str, Upkeep]) -> None:
        """Begin to accept events of a contract; `upkeep` has an entry for each family that it can have."""
        self.states[instrument.key] = State(
            instrument=instrument,
            upkeep=dict(upkeep),
            channels={family: channel(family, instrument.exchange, instrument.symbol) for family in upkeep},
            interval_h=instrument.funding_interval_hours,
        )

    def unfollow(self, key: str, now: int) -> None:
        """Forget a contract that was delisted or is no longer wanted."""
        state = self.states.pop(key, None)
        if state is not None:
            self.quality.forget(state.instrument, now)

    def update(self, instrument: Instrument, now: int) -> None:
        """Take a contract's new row; one that is no longer live keeps its last values, flagged stale."""
        state = self.states[instrument.key]
        was = state.instrument
        state.instrument = instrument
        if state.interval_h is None or instrument.funding_interval_hours != was.funding_interval_hours:
            state.interval_h = instrument.funding_interval_hours
        if was.priced and not instrument.priced:
            self._freshness.suspend(state, now)
        elif instrument.status == "live" != was.status:
            self._freshness.resume(state, now)

    def push(self, frames: Sequence[Frame], period_ms: int = 0) -> None:
        """Take what one round of replies says: check each value, keep the good ones, publish what they touch.

        `period_ms` is when the same values will be heard again: an unchanged value is repeated when it could not
        wait until then (once per interval of its service).
        """
        groups: dict[str, list[tuple[str, AnyEvent]]] = {}
        for frame in frames:
            for event in frame.events:
                groups.setdefault(event.key, []).append((frame.feed, event))
        for key, heard in groups.items():
            state = self.states.get(key)
            if state is not None:
                self._take(state, heard, period_ms)

    def reject(self, exchange: str, frames: Iterable[Frame]) -> None:
        """Count what the parsers could not use, and tell it on the quality channel where the contract is known."""
        for frame in frames:
            for reject in frame.rejects:
                self._reject(exchange, frame.feed, reject, frame.received_at)

    def clock(self, exchange: str, offset_ms: int, error_ms: int, now: int) -> None:
        """Take a measurement of a venue's clock: ahead of ours by `offset_ms`, give or take `error_ms`."""
        self.offsets[exchange] = offset_ms
        if abs(offset_ms) - error_ms > SKEW_MS:
            detail = f"the clock of {exchange} and ours differ by {offset_ms} ms; check this machine's clock"
            self.quality.raised(
                exchange,
                None,
                "clock_skew",
                None,
                now=now,
                detail=detail,
                expected=0.0,
                observed=offset_ms / 1000,
            )
        elif abs(offset_ms) + error_ms < SKEW_MS or abs(offset_ms) < SKEW_MS // 2:
            self.quality.cleared(exchange, None, "clock_skew", None, now=now, detail="the clocks agree again")

    def tick(self, now: int) -> None:
        """Do what silence must do: mark what has grown stale."""
        self._freshness.tick(now)

    def _take(self, state: State, heard: list[tuple[str, AnyEvent]], period_ms: int) -> None:
        instrument = state.instrument
        offset = self.offsets.get(instrument.exchange, 0)
        accepted: dict[Kind, AnyEvent] = {}
        for feed, event in heard:
            kind = KINDS[type(event)]
            if not _is_meant(instrument, kind):
                continue
            reason = check(state, event, accepted.get(kind) or getattr(state, kind), offset)
            if reason is None:
                accepted[kind] = event
            else:
                self._refuse(state, feed, kind, reason, event)
        if "mark" in accepted or "index" in accepted:
            for wrong in wrong_prices(state, accepted.get("mark"), accepted.get("index")):
                event = accepted.pop(wrong)
                feed = next(name for name, one in heard if one is event)
                self._refuse(state, feed, wrong, "mark_index_apart", event)
        if accepted:
            self._apply(state, accepted, period_ms)

    def _apply(self, state: State, accepted: dict[Kind, AnyEvent], period_ms: int) -> None:
        now = max([event.received_at for event in accepted.values()])
        changed: set[Kind] = set()
        for kind, event in accepted.items():
            last: AnyEvent | None = getattr(state, kind)
            if last is None or SAID[kind](last) != SAID[kind](event):
                changed.add(kind)
            self._keep(state, kind, event, now)
        for service in self.services:
            upkeep = state.upkeep.get(service.family)
            if upkeep is None or service.touches.isdisjoint(accepted):
                continue
            own = accepted.get(service.value_kind)
            offset = self.offsets.get(state.instrument.exchange, 0)
            turned = own is not None and self._freshness.confirm(state, service, own, offset)
            waited = now - upkeep.published_at if upkeep.published_at is not None else None
            due = waited is None or waited + period_ms > SLACK * upkeep.interval_ms
            if due or turned or not service.touches.isdisjoint(changed):
                self._publish(state, service, now)

    def _keep(self, state: State, kind: Kind, event: AnyEvent, now: int) -> None:
        """Make an accepted event the newest of its kind."""
        instrument = state.instrument
        self.events[instrument.exchange, kind] += 1
        if isinstance(event, FundingRate):
            self._learn(state, event)
        setattr(state, kind, event)
        if kind in state.bad and event.received_at > state.rejected_at.get(kind, 0):
            state.bad.discard(kind)
            detail = f"{kind} is in range again"
            self.quality.cleared(
                instrument.exchange, instrument, "out_of_range", kind, now=now, detail=detail
            )

    def _learn(self, state: State, event: FundingRate) -> None:
        """Take the interval of a funding row; tell the registry where it says something else."""
        instrument = state.instrument
        interval_h, doubtful = interval_after(state, event)
        if doubtful:
            self._doubt(instrument.exchange)
        stated = (
            (interval_h, instrument.funding_interval_hours),
            (event.cap, instrument.rate_cap),
            (event.floor, instrument.rate_floor),
        )
        if any(new is not None and new != old for new, old in stated):
            self._terms(instrument, event, interval_h)
        state.interval_h = interval_h

    def _publish(self, state: State, service: Service, now: int) -> None:
        upkeep = state.upkeep[service.family]
        message = service.view(state, self._flags(state, service, upkeep), now)
        if message is not None:
            upkeep.published_at = now
            upkeep.recovered = False
            self._offer(state.channels[service.family], message)

    def _flags(self, state: State, service: Service, upkeep: Upkeep) -> tuple[Flag, ...]:
        flags: list[Flag] = []
        if upkeep.stale_since is not None:
            flags.append("stale")
        if not service.touches.isdisjoint(state.bad):
            flags.append("out_of_range")
        own: AnyEvent | None = getattr(state, service.value_kind)
        exchange = state.instrument.exchange
        ahead = own is not None and own.timestamp is not None and own.timestamp - own.received_at > SKEW_MS
        if ahead or self.quality.is_open(exchange, "*", "clock_skew", None):
            flags.append("clock_skew")
        if upkeep.recovered:
            flags.append("recovered")
        return tuple(flags)

    def _refuse(self, state: State, feed: str, kind: Kind, reason: str, event: AnyEvent) -> None:
        instrument = state.instrument
        reject = Reject(instrument.symbol, kind, reason, _observed(event, reason))
        self._reject(instrument.exchange, feed, reject, event.received_at)

    def _reject(self, exchange: str, feed: str, reject: Reject, now: int) -> None:
        self.rejects.add(exchange, feed, reject.symbol, reject.reason, reject.observed, now)
        state = self.states.get(key_of(exchange, reject.symbol, is_spot=reject.kind == "spot"))
        if state is None or reject.kind is None or not _is_meant(state.instrument, reject.kind):
            return
        if reject.reason in QUIET:
            return
        state.rejected_at[reject.kind] = now
        if reject.kind not in state.bad:
            state.bad.add(reject.kind)
            self._doubt(exchange)
        detail = f"{reject.kind} of {reject.symbol} from {feed} kept out: {reject.reason} ({reject.observed})"
        self.quality.raised(
            exchange,
            state.instrument,
            "out_of_range",
            reject.kind,
            now=now,
            detail=detail,
            observed=reject.observed,
        )


def _is_meant(instrument: Instrument, kind: Kind) -> bool:
    """Return whether a value of this kind means anything: contracts that do not fund or trade say what is no value."""
    return instrument.funds if kind in {"funding", "settled"} else instrument.priced


def _observed(event: AnyEvent, reason: str) -> str:
    """Return the part of an event that a reason is about, for the person who reads it."""
    if reason == "time_in_future":
        return str(event.timestamp)
    if reason == "settlement_out_of_range" and isinstance(event, FundingRate):
        return str(event.settles_at)
    if isinstance(event, OpenInterest):
        amounts = (("contracts", event.contracts), ("coins", event.base), ("value", event.value))
        return ", ".join(f"{name} {amount:g}" for name, amount in amounts if amount is not None)
    if isinstance(event, SpotQuote):
        return f"bid {event.bid}, ask {event.ask}, last {event.last}"
    return str(event.price if isinstance(event, MarkPrice | IndexPrice) else event.rate)
