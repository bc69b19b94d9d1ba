"""The order of the stages: check, state, views, offer. One call per reply or frame, one tick per second."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from microstream.model.channels import channel
from microstream.model.events import (
    BITS,
    AnyEvent,
    FundingRate,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    SpotQuote,
)
from microstream.model.frame import Frame, Reject
from microstream.model.instruments import Instrument
from microstream.model.line import Line
from microstream.model.messages import Flag
from microstream.model.state import State, Upkeep
from microstream.pipeline.canary import Canary, Finding
from microstream.pipeline.check import QUIET, check, limits, wrong_prices
from microstream.pipeline.followed import Family, Followed, followed, is_meant, shut
from microstream.pipeline.freshness import TICK_MS, Freshness, is_due
from microstream.pipeline.frozen import Frozen
from microstream.pipeline.interval import interval_after
from microstream.pipeline.lines import Lines, Silent
from microstream.pipeline.outlier import Outliers
from microstream.pipeline.plain import NEWS, PLAIN
from microstream.pipeline.quality import SKEW_MS, Offer, Quality
from microstream.pipeline.rejects import Rejects
from microstream.services import Service

SAID: dict[Kind, Callable[[AnyEvent], object]] = {
    "mark": attrgetter("price"),
    "index": attrgetter("price"),
    "funding": attrgetter("rate", "settles_at", "interval_h", "cap", "floor"),
    "settled": attrgetter("rate", "settled_at"),
    "open_interest": attrgetter("contracts", "base", "value"),
    "spot": attrgetter("bid", "ask", "last"),
}
"""What an event says apart from when: what must differ for it to be news."""
NO_FLAGS: tuple[Flag, ...] = ()

Heard = list[tuple[str, AnyEvent]]
"""Events of one contract with the name of the reply or stream that each came in."""
Terms = Callable[[Instrument, FundingRate, float | None], None]
"""Told when a row states another interval, cap or floor than the registry has."""
Doubt = Callable[[str], None]
"""Told the venue whose registry must be read again."""


class Pipeline:
    """All followed instruments and what is known of them.

    `offer` takes every message; `terms` and `doubt` report what rows say about the registry; `silent` is told the
    streams that have fallen silent. `lines` are the streams' subscriptions. `polled` and `streamed` are kinds that only
    polls, or only streams, may write; of the others a stream is in charge as long as it is sound, and polls compare.
    """

    def __init__(
        self,
        services: Sequence[Service],
        offer: Offer,
        terms: Terms,
        doubt: Doubt,
        *,
        silent: Silent = lambda _exchange, _topic, _anew: None,
        polled: frozenset[Kind] = frozenset(),
        streamed: frozenset[Kind] = frozenset(),
    ) -> None:
        self.services = services
        self.states: dict[str, State] = {}
        self.quality = Quality(offer)
        self.lines = Lines(self.quality, silent)
        self.rejects = Rejects()
        self.offsets: dict[str, int] = {}
        self._followed: dict[str, Followed] = {}
        self._tallies: dict[str, dict[int, int]] = {}
        self._skewed: set[str] = set()
        self._freshness = Freshness(services, self._followed, self.quality, self._publish)
        self._canary = Canary()
        self._frozen = Frozen(self._judge_frozen)
        self._outliers = Outliers(self._judge_outlier)
        self._changed = False
        self._offer = offer
        self._terms = terms
        self._doubt = doubt
        self._polled = polled
        self._streamed = streamed

    @property
    def events(self) -> Counter[tuple[str, str]]:
        """Accepted values by exchange and kind."""
        counts: Counter[tuple[str, str]] = Counter()
        for exchange, tally in self._tallies.items():
            for kinds, count in tally.items():
                for kind, bit in BITS.items():
                    if kinds & bit:
                        counts[exchange, kind] += count
        return counts

    def follow(self, instrument: Instrument, upkeep: Mapping[str, Upkeep]) -> None:
        """Begin to accept events of a contract; `upkeep` has an entry for each family that it can have."""
        state = State(
            instrument=instrument,
            upkeep=dict(upkeep),
            channels={family: channel(family, instrument.exchange, instrument.symbol) for family in upkeep},
            interval_h=instrument.funding_interval_hours,
        )
        tally = self._tallies.setdefault(instrument.exchange, {})
        self.states[instrument.key] = state
        self._followed[instrument.key] = followed(state, self.services, state.channels, tally)
        self._changed = True

    def unfollow(self, key: str, now: int) -> None:
        """Forget a contract that was delisted or is no longer wanted."""
        state = self.states.pop(key, None)
        if state is not None:
            del self._followed[key]
            self.quality.forget(state.instrument, now)
            self._canary.forget(key)
            self._frozen.forget(key)
            self._changed = True

    def update(self, instrument: Instrument, now: int) -> None:
        """Take a contract's new row; one that is no longer live keeps its last values, flagged stale."""
        one = self._followed[instrument.key]
        state = one.state
        was = state.instrument
        state.instrument = instrument
        state.rate_cap = state.rate_floor = 0.0
        one.shut = shut(instrument)
        if state.interval_h is None or instrument.funding_interval_hours != was.funding_interval_hours:
            state.interval_h = instrument.funding_interval_hours
        if was.priced and not instrument.priced:
            self._freshness.suspend(one, now)
        elif instrument.status == "live" != was.status:
            self._freshness.resume(state, now)

    def attach(self, line: Line, instruments: Iterable[Instrument], kinds: Iterable[Kind]) -> None:
        """Let a line bring these kinds of values of contracts."""
        wanted = [kind for kind in kinds if kind not in self._polled]
        for instrument in instruments:
            state = self.states.get(instrument.key)
            if state is not None:
                state.lines.update(dict.fromkeys(wanted, line))

    def push(self, frames: Sequence[Frame], period_ms: int = 0) -> None:
        """Take what one round of replies says: check each value, keep the good ones, publish what they touch.

        `period_ms` is when the same values will be heard again: an unchanged value is repeated when it could not
        wait until then (once per interval of its service).
        """
        groups: dict[str, Heard] = {}
        for frame in frames:
            for event in frame.events:
                groups.setdefault(event.key, []).append((frame.feed, event))
        for key, heard in groups.items():
            one = self._followed.get(key)
            if one is not None:
                self._closely(one, heard, period_ms)

    def push_frame(self, frame: Frame) -> None:
        """Take one frame of a stream. The events of a contract stand together in it."""
        events = frame.events
        if not events:
            return
        first = events[0]
        key = first.key
        if len(events) == 1 or events[-1].key == key:
            one = self._followed.get(key)
            if one is not None:
                self._take(one, frame.feed, events)
            return
        begin = 0
        for end, event in enumerate(events):
            if event.key != key:
                one = self._followed.get(key)
                if one is not None:
                    self._take(one, frame.feed, events[begin:end])
                begin, key = end, event.key
        one = self._followed.get(key)
        if one is not None:
            self._take(one, frame.feed, events[begin:])

    def reject(self, exchange: str, frames: Iterable[Frame]) -> None:
        """Count what the parsers could not use, and tell it on the quality channel where the contract is known."""
        for frame in frames:
            for reject in frame.rejects:
                self._reject(exchange, frame.feed, reject, frame.received_at)

    def clock(self, exchange: str, offset_ms: int, error_ms: int, now: int) -> None:
        """Take a measurement of a venue's clock: ahead of ours by `offset_ms`, give or take `error_ms`."""
        self.offsets[exchange] = offset_ms
        if abs(offset_ms) - error_ms > SKEW_MS:
            self._skewed.add(exchange)
            detail = f"the clock of {exchange} and ours differ by {offset_ms} ms: {self._whose(exchange, offset_ms)}"
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
            self._skewed.discard(exchange)
            self.quality.cleared(exchange, None, "clock_skew", None, now=now, detail="the clocks agree again")

    def _whose(self, exchange: str, offset_ms: int) -> str:
        """Return whose clock is wrong, as far as the other venues tell."""
        others = [offset for name, offset in self.offsets.items() if name != exchange]
        if not others:
            return "check this machine's clock"
        if all(abs(offset - offset_ms) < SKEW_MS for offset in others):
            return "the other venues say the same, so it is this machine's that is wrong; set it (NTP)"
        if all(abs(offset) < SKEW_MS for offset in others):
            return "the other venues agree with ours, so it is the venue's that is wrong"
        return "no two clocks agree; check this machine's first"

    def tick(self, now: int) -> None:
        """Do what silence must do: mark what has grown stale, and compare what should move together."""
        self.lines.tick(now)
        self._freshness.tick(now)
        if self._changed:
            self._changed = False
            self._outliers.follow(self.states.values())
        self._outliers.tick(now)
        by_venue: dict[str, list[State]] = {}
        for state in self.states.values():
            by_venue.setdefault(state.instrument.exchange, []).append(state)
        for states in by_venue.values():
            self._frozen.tick(states, now)

    def _take(self, one: Followed, feed: str, events: Sequence[AnyEvent]) -> None:
        """Take what a frame says of one contract: the quick way if all of it is what is normally heard."""
        state = one.state
        heard = news = 0
        for event in events:
            said = PLAIN[type(event)](state, event)
            if not said:
                heard = 0
                break
            heard |= event.bit
            if said == NEWS:
                news |= event.bit
        if not heard or heard & one.shut or state.bad:
            self._closely(one, [(feed, event) for event in events], TICK_MS)
            return
        for event in events:
            setattr(state, event.kind, event)
        self._say(one, heard, news, events[0].received_at)

    def _say(self, one: Followed, heard: int, news: int, now: int) -> None:
        """Publish what plain values touch: without flags, unless something is open against the family."""
        state = one.state
        one.tally[heard] = one.tally.get(heard, 0) + 1
        calm = not (state.doubts or self._skewed)
        for family in one.families:
            if not heard & family.touches:
                continue
            upkeep = family.upkeep
            well = upkeep.stale_since is None and not upkeep.recovered
            if heard & family.own:
                if well:
                    upkeep.confirmed_at = now
                elif upkeep.stale_since is not None:
                    self._confirm(state, family)
            if not (news & family.touches or upkeep.recovered or is_due(upkeep, now, TICK_MS)):
                continue
            if not (well and calm) or upkeep.flags:
                self._publish(state, family, now)
            elif (message := family.view(state, NO_FLAGS, now)) is not None:
                upkeep.published_at = now
                self._offer(family.channel, message)

    def _closely(self, one: Followed, heard: Heard, period_ms: int) -> None:
        """Take what was heard of one contract, with every check."""
        state = one.state
        instrument = state.instrument
        offset = self.offsets.get(instrument.exchange, 0)
        accepted: dict[Kind, AnyEvent] = {}
        for feed, event in heard:
            kind = event.kind
            if not is_meant(instrument, kind) or not self._may_write(state, event):
                continue
            reason = check(state, event, accepted.get(kind) or state.value(kind), offset)
            if reason is None:
                accepted[kind] = event
            else:
                self._refuse(state, feed, kind, reason, event)
        if "mark" in accepted or "index" in accepted:
            for wrong in wrong_prices(state, accepted.get("mark"), accepted.get("index")):
                event = accepted.pop(wrong)
                feed = next(name for name, other in heard if other is event)
                self._refuse(state, feed, wrong, "mark_index_apart", event)
        if accepted:
            self._accept(one, accepted, period_ms)

    def _may_write(self, state: State, event: AnyEvent) -> bool:
        """Whether a value may be written by the way it came: one writer at a time."""
        kind = event.kind
        if event.source == "ws":
            return kind not in self._polled
        if kind in self._streamed:
            return False
        own = state.value(kind)
        if own is None or not state.is_vouched(own, event.received_at):
            return True
        return self._compared(state, own, event)

    def _compared(self, state: State, own: AnyEvent, polled: AnyEvent) -> bool:
        """Compare a polled value with that of the stream in charge; return whether the poll must take over."""
        finding = self._canary.compare(state, polled)
        now = polled.received_at
        if finding is Finding.AGREES:
            self._settle(state, polled.kind, "disagrees", "outlier", now, "poll and stream agree again")
        elif finding is Finding.DISAGREES:
            said, asked = _observed(own, ""), _observed(polled, "")
            detail = f"the stream says {said} for {polled.kind}, the poll {asked}"
            self._suspect(
                state, polled.kind, "disagrees", "outlier", now, detail, expected=asked, observed=said
            )
        elif finding is Finding.BEHIND:
            said, asked = _observed(own, ""), _observed(polled, "")
            why = f"its last word for {polled.kind} is {said}, and the poll says {asked}"
            self.lines.mute(state.lines[polled.kind], now, why)
            return True
        return False

    def _accept(self, one: Followed, accepted: dict[Kind, AnyEvent], period_ms: int) -> None:
        state = one.state
        now = max([event.received_at for event in accepted.values()])
        heard = news = 0
        for kind, event in accepted.items():
            last = state.value(kind)
            heard |= event.bit
            if last is None or SAID[kind](last) != SAID[kind](event):
                news |= event.bit
            self._keep(state, kind, event, now)
        one.tally[heard] = one.tally.get(heard, 0) + 1
        for family in one.families:
            if not heard & family.touches:
                continue
            turned = bool(heard & family.own) and self._confirm(state, family)
            if turned or news & family.touches or is_due(family.upkeep, now, period_ms):
                self._publish(state, family, now)

    def _confirm(self, state: State, family: Family) -> bool:
        own = state.value(family.service.value_kind)
        offset = self.offsets.get(state.instrument.exchange, 0)
        return own is not None and self._freshness.confirm(state, family.service, own, offset)

    def _keep(self, state: State, kind: Kind, event: AnyEvent, now: int) -> None:
        """Make an accepted event the newest of its kind."""
        instrument = state.instrument
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
        # while the interval is unknown every row asks the registry again
        state.rate_floor, state.rate_cap = limits(state, event) if interval_h is not None else (0.0, 0.0)

    def _publish(self, state: State, family: Family, now: int) -> None:
        upkeep = family.upkeep
        upkeep.flags = self._flags(state, family)
        message = family.view(state, upkeep.flags, now)
        if message is not None:
            upkeep.published_at = now
            upkeep.recovered = False
            self._offer(family.channel, message)

    def _flags(self, state: State, family: Family) -> tuple[Flag, ...]:
        upkeep, service = family.upkeep, family.service
        own = state.value(service.value_kind)
        ahead = own is not None and own.timestamp is not None and own.timestamp - own.received_at > SKEW_MS
        well = upkeep.stale_since is None and not upkeep.recovered and not ahead
        if well and not (state.bad or state.doubts or self._skewed):
            return NO_FLAGS
        flags: list[Flag] = []
        if upkeep.stale_since is not None:
            flags.append("stale")
        if not service.touches.isdisjoint(state.bad):
            flags.append("out_of_range")
        if ahead or state.instrument.exchange in self._skewed:
            flags.append("clock_skew")
        if upkeep.recovered:
            flags.append("recovered")
        doubted = {flag for kind in service.touches for flag in state.doubts.get(kind, ())}
        flags += sorted(doubted)
        return tuple(flags)

    def _suspect(
        self,
        state: State,
        kind: Kind,
        flag: Flag,
        condition: str,
        now: int,
        detail: str,
        *,
        since: int | None = None,
        expected: str | float | None = None,
        observed: str | float | None = None,
    ) -> None:
        """Flag a value that a comparison speaks against, tell it, and publish what it is part of with the flag."""
        if flag in state.doubts.get(kind, ()):
            return
        instrument = state.instrument
        state.doubts.setdefault(kind, set()).add(flag)
        self.quality.raised(
            instrument.exchange,
            instrument,
            condition,
            kind,
            now=now,
            detail=detail,
            since=since,
            expected=expected,
            observed=observed,
        )
        self._publish_touched(state, kind, now)

    def _settle(self, state: State, kind: Kind, flag: Flag, condition: str, now: int, detail: str) -> None:
        """End a suspicion, if there is one."""
        flags = state.doubts.get(kind)
        if flags is None or flag not in flags:
            return
        flags.discard(flag)
        if not flags:
            del state.doubts[kind]
        instrument = state.instrument
        self.quality.cleared(instrument.exchange, instrument, condition, kind, now=now, detail=detail)
        self._publish_touched(state, kind, now)

    def _publish_touched(self, state: State, kind: Kind, now: int) -> None:
        for family in self._followed[state.instrument.key].families:
            if kind in family.service.touches:
                self._publish(state, family, now)

    def _judge_frozen(self, state: State, kind: Kind, is_frozen: bool, since: int, now: int) -> None:
        if not is_frozen:
            self._settle(state, kind, "frozen", "frozen", now, f"{kind} moves again")
            return
        seconds = round((now - since) / 1000)
        detail = f"{kind} of {state.instrument.symbol} is confirmed again and again, but has not moved for {seconds} s"
        self._suspect(state, kind, "frozen", "frozen", now, detail, since=since)

    def _judge_outlier(self, state: State, is_outlier: bool, common: float, price: float, now: int) -> None:
        if not is_outlier:
            self._settle(
                state, "mark", "outlier", "outlier", now, "the mark is with those of the other venues again"
            )
            return
        part = (price / common - 1) * 100
        detail = (
            f"the mark of {state.instrument.symbol} is {part:+.2f} % from that of the other venues, per coin"
        )
        self._suspect(state, "mark", "outlier", "outlier", now, detail, expected=common, observed=price)

    def _refuse(self, state: State, feed: str, kind: Kind, reason: str, event: AnyEvent) -> None:
        instrument = state.instrument
        reject = Reject(instrument.symbol, kind, reason, _observed(event, reason))
        self._reject(instrument.exchange, feed, reject, event.received_at)

    def _reject(self, exchange: str, feed: str, reject: Reject, now: int) -> None:
        self.rejects.add(exchange, feed, reject.symbol, reject.reason, reject.observed, now)
        state = self.states.get(f"{exchange}:{reject.symbol}")
        if state is None or reject.kind is None or not is_meant(state.instrument, reject.kind):
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
