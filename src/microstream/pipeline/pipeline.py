"""The order of the stages: check, state, views, offer. One call per reply or frame, one tick per second."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import nan
from operator import attrgetter

from msgspec.structs import replace

from microstream.model.channels import channel
from microstream.model.events import (
    BITS,
    AnyEvent,
    FundingRate,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    Source,
    SpotQuote,
)
from microstream.model.frame import Frame, Reject
from microstream.model.instruments import Instrument, key_of
from microstream.model.line import Line
from microstream.model.messages import Flag
from microstream.model.state import PRICE_LIFE_MS, State, Upkeep
from microstream.pipeline.canary import Canary, Finding
from microstream.pipeline.check import QUIET, check, limits, wrong_prices
from microstream.pipeline.followed import Family, Followed, followed, is_meant
from microstream.pipeline.freshness import TICK_MS, Freshness, is_due, is_late
from microstream.pipeline.frozen import WATCHED, Frozen
from microstream.pipeline.interval import interval_after
from microstream.pipeline.lines import Lines, Silent
from microstream.pipeline.outlier import Outliers
from microstream.pipeline.plain import CLOSER, HEARD, NEWS_SHIFT, PLAIN
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
CONDITIONS: dict[Flag, str] = {"frozen": "frozen", "outlier": "outlier", "disagrees": "outlier"}
"""What a comparison raises with each flag."""
NO_FLAGS: tuple[Flag, ...] = ()
QUIET_MS = 4_000
"""A topic that has said nothing for so long is behind a poll that says something else, and confirmed by one that does
not: the newest word of the venue counts."""
BAD_MS = 30_000
"""After so long without a further bad value a good one of any source ends it."""

Heard = list[tuple[str, AnyEvent]]
"""Events of one contract with the name of the reply or stream that each came in."""
Terms = Callable[[Instrument, FundingRate, float | None], None]
"""Told when a row states another interval, cap or floor than the registry has."""
Doubt = Callable[[str], None]
"""Told the venue whose registry must be read again."""


class Pipeline:
    """All followed instruments and what is known of them.

    `offer` takes every message, `tell` those about quality where they go another way; `terms` and `doubt` report what
    rows say about the registry; `silent` is told the streams that say less than they should. `lines` are the streams'
    subscriptions. `polled` and `streamed` are kinds that only polls, or only streams, may write; of the others a stream
    is in charge as long as it is sound, and polls compare.
    """

    def __init__(
        self,
        services: Sequence[Service],
        offer: Offer,
        terms: Terms,
        doubt: Doubt,
        *,
        tell: Offer | None = None,
        silent: Silent = lambda _exchange, _topic, _anew: None,
        polled: frozenset[Kind] = frozenset(),
        streamed: frozenset[Kind] = frozenset(),
    ) -> None:
        self.services = services
        self.states: dict[str, State] = {}
        self.quality = Quality(tell or offer)
        self.lines = Lines(self.quality, silent)
        self.rejects = Rejects()
        self.offsets: dict[str, int] = {}
        self._followed: dict[str, Followed] = {}
        self._tallies: dict[str, list[int]] = {}
        self._skewed: set[str] = set()
        self._freshness = Freshness(services, self.quality, self._publish, streamed)
        self._canary = Canary()
        self._frozen = Frozen(self._judge_frozen)
        self._outliers = Outliers(self._judge_outlier)
        self._changed = False
        self._venues: dict[str, list[Followed]] = {}
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
            for kinds, count in enumerate(tally):
                for kind, bit in BITS.items():
                    if count and kinds & bit:
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
        tally = self._tallies.setdefault(instrument.exchange, [0] * (HEARD + 1))
        self.states[instrument.key] = state
        self._followed[instrument.key] = followed(state, self.services, state.channels, tally)
        self._changed = True

    def unfollow(self, key: str, now: int) -> None:
        """Forget a contract that was delisted or is no longer wanted."""
        state = self.states.pop(key, None)
        if state is not None:
            del self._followed[key]
            state.gone = True
            self.quality.forget(state.instrument, now)
            for kind in BITS:
                self._canary.forget(key, kind)
            self._outliers.forget(key)
            self._frozen.forget(key)
            self._changed = True

    def update(self, instrument: Instrument, now: int) -> None:
        """Take a contract's new row; one that is no longer live keeps its last values, flagged stale."""
        one = self._followed[instrument.key]
        state = one.state
        was = state.instrument
        state.instrument = instrument
        state.rate_cap = state.rate_floor = nan
        state.calm = False
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
        key = events[0].key
        if len(events) == 1:
            one = self._followed.get(key)
            if one is not None:
                self._take_one(one, frame.feed, events[0])
            return
        if events[-1].key == key:
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
                self._reject(exchange, frame.feed, reject, frame.received_at, frame.source)

    def clock(self, exchange: str, offset_ms: int, error_ms: int, now: int) -> None:
        """Take a measurement of a venue's clock: ahead of ours by `offset_ms`, give or take `error_ms`."""
        self.offsets[exchange] = offset_ms
        if abs(offset_ms) - error_ms > SKEW_MS:
            self._skewed.add(exchange)
            self._look_closely(exchange)
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

    def _look_closely(self, exchange: str) -> None:
        """Let the next value of every contract of a venue be looked at closely."""
        for state in self.states.values():
            if state.instrument.exchange == exchange:
                state.calm = False

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
        for _ in self.ticking(now):
            pass

    def ticking(self, now: int) -> Iterator[None]:
        """Do the work of a tick in steps of a millisecond or two, so that frames can be taken in between."""
        if self._changed:
            self._changed = False
            self._outliers.follow(self.states.values())
            self._venues = {}
            for one in self._followed.values():
                self._venues.setdefault(one.state.instrument.exchange, []).append(one)
        yield from self.lines.ticking(now)
        for exchange, known in list(self._venues.items()):
            yield from self._freshness.ticking(exchange, known, now)
            for kind in WATCHED:
                yield from self._frozen.ticking(kind, [one.state for one in known], now)
        yield from self._outliers.ticking(now)

    def _take_one(self, one: Followed, feed: str, event: AnyEvent) -> None:
        """Do what `_take` and `_say` do for the only event of a frame: half of all frames are such."""
        state = one.state
        said = PLAIN[type(event)](state, event) if state.calm else CLOSER
        if not said:
            self._closely(one, [(feed, event)], TICK_MS)
            return
        heard, now = said & HEARD, event.received_at
        one.tally[heard] += 1
        for family, own in one.routes[heard]:
            upkeep = family.upkeep
            if own:
                upkeep.confirmed_at = now
            if said != heard or is_due(upkeep, now, TICK_MS):
                message = family.view(state, NO_FLAGS, now)
                if message is not None:
                    upkeep.published_at = now
                    self._offer(family.channel, message)

    def _take(self, one: Followed, feed: str, events: Sequence[AnyEvent]) -> None:
        """Take what a frame says of one contract: the quick way as long as it is what is normally heard."""
        state = one.state
        said = 0
        if state.calm:
            for event in events:
                plain = PLAIN[type(event)](state, event)
                if not plain:
                    break
                said |= plain
            else:
                self._say(one, said & HEARD, said >> NEWS_SHIFT, events[0].received_at)
                return
            events = events[events.index(event) :]
        self._closely(one, [(feed, event) for event in events], TICK_MS, said & HEARD, said >> NEWS_SHIFT)

    def _say(self, one: Followed, heard: int, news: int, now: int) -> None:
        """Publish what plain values touch; nothing is open against them, so there are no flags."""
        state = one.state
        one.tally[heard] += 1
        for family, own in one.routes[heard]:
            upkeep = family.upkeep
            if own:
                upkeep.confirmed_at = now
            if news & family.touches or is_due(upkeep, now, TICK_MS):
                message = family.view(state, NO_FLAGS, now)
                if message is not None:
                    upkeep.published_at = now
                    self._offer(family.channel, message)

    def _closely(self, one: Followed, said: Heard, period_ms: int, heard: int = 0, news: int = 0) -> None:
        """Take what was said of one contract, with every check; `heard` and `news` were taken before."""
        state = one.state
        instrument = state.instrument
        offset = self.offsets.get(instrument.exchange, 0)
        accepted: dict[Kind, AnyEvent] = {}
        for feed, event in said:
            kind = event.kind
            if not is_meant(instrument, kind) or not self._may_write(one, event):
                continue
            reason = check(state, event, accepted.get(kind) or state.value(kind), offset)
            if reason is None:
                accepted[kind] = event
            else:
                self._refuse(state, feed, kind, reason, event)
        if "mark" in accepted or "index" in accepted:
            for wrong in wrong_prices(state, accepted.get("mark"), accepted.get("index")):
                event = accepted.pop(wrong)
                feed = next(name for name, other in said if other is event)
                self._refuse(state, feed, wrong, "mark_index_apart", event)
        if accepted or heard:
            self._accept(one, accepted, period_ms, heard, news)
        state.calm = self._is_calm(one)

    def _is_calm(self, one: Followed) -> bool:
        """Whether nothing is open against a contract, told or not: a flag may wait for the next message."""
        state = one.state
        if state.bad or state.doubts or state.instrument.status != "live":
            return False
        if state.instrument.exchange in self._skewed:
            return False
        return not any(item.upkeep.flags or self._flags(state, item) for item in one.families)

    def _may_write(self, one: Followed, event: AnyEvent) -> bool:
        """Whether a value may be written by the way it came: one writer at a time."""
        state, kind = one.state, event.kind
        offset = self.offsets.get(state.instrument.exchange)
        if event.source == "ws":
            if kind in self._polled or self._is_stuck(state, event):
                return False
            return not (is_late(state, event, offset) and _is_polled(one, event))
        if kind in self._streamed:
            return False
        own = state.value(kind)
        if own is None or not state.is_vouched(own, event.received_at):
            self._note_missed(state, own, event)
            return True
        if kind in state.stuck and state.stuck[kind] != SAID[kind](event):
            return True
        if is_late(state, own, offset):
            return True
        if check(state, event, None, offset or 0) is not None:
            return True  # to be refused with its reason
        line = state.lines[kind]
        if event.received_at - (line.heard_at if line.whole else own.received_at) <= QUIET_MS:
            return self._compared(state, own, event)
        if SAID[kind](own) == SAID[kind](event):
            self._confirmed_by_poll(one, own, event)
            return False
        self._note_missed(state, own, event)
        return True

    def _confirmed_by_poll(self, one: Followed, own: AnyEvent, polled: AnyEvent) -> None:
        """Give a value of a quiet stream the time at which a poll has confirmed it, and say it again if it is due."""
        now, stamps = polled.received_at, [at for at in (own.timestamp, polled.timestamp) if at is not None]
        setattr(one.state, own.kind, replace(own, received_at=now, timestamp=max(stamps, default=None)))
        for family, is_own in one.routes[own.bit]:
            if is_own:
                family.upkeep.confirmed_at = now
                if is_due(family.upkeep, now, family.upkeep.interval_ms):
                    self._publish(one.state, family, now)

    def _is_open_to(self, state: State, kind: Kind, now: int, source: Source) -> bool:
        """Whether values of a kind are to come this way now: the other way may be in charge."""
        if source == "ws":
            return kind not in self._polled
        if kind in self._streamed:
            return False
        own = state.value(kind)
        if own is None or not state.is_vouched(own, now):
            return True
        return is_late(state, own, self.offsets.get(state.instrument.exchange))

    def _is_stuck(self, state: State, event: AnyEvent) -> bool:
        """Whether a stream still repeats the value that it was found frozen at; a move ends that."""
        kind = event.kind
        if kind not in state.stuck:
            return False
        if state.stuck[kind] == SAID[kind](event):
            return True
        del state.stuck[kind]
        now, detail, instrument = event.received_at, f"{kind} moves again", state.instrument
        self._settle(state, kind, "frozen", now, detail)
        self.quality.cleared(instrument.exchange, instrument, "frozen", kind, now=now, detail=detail)
        return False

    def _note_missed(self, state: State, own: AnyEvent | None, polled: AnyEvent) -> None:
        """Take a line for silent that has kept back several changes that polls have found."""
        line = state.lines.get(polled.kind)
        if line is None or line.since is None or not line.whole or own is None or polled.kind in state.stuck:
            return
        idle_ms = polled.received_at - line.heard_at
        if idle_ms <= QUIET_MS or SAID[polled.kind](own) == SAID[polled.kind](polled):
            return
        if line.has_missed() and idle_ms > line.lively_ms:
            said, asked = _observed(own, ""), _observed(polled, "")
            why = f"{polled.kind} was {said} and is {asked}, as the poll says"
            self.lines.mute(line, polled.received_at, why)

    def _compared(self, state: State, own: AnyEvent, polled: AnyEvent) -> bool:
        """Compare a polled value with that of the stream in charge; return whether the poll must take over."""
        finding = self._canary.compare(state, polled)
        now, kind = polled.received_at, polled.kind
        if finding is Finding.UNSURE:
            return False
        said, asked = _observed(own, ""), _observed(polled, "")
        if finding is Finding.AGREES:
            self._settle(state, kind, "disagrees", now, "poll and stream agree again")
        elif finding is Finding.DISAGREES:
            detail = f"the stream says {said} for {kind}, the poll {asked}"
            self._suspect(state, kind, "disagrees", now, detail, expected=asked, observed=said)
        elif finding is Finding.FROZEN:
            detail = f"the stream says {said} for {kind} again and again while polls have moved to {asked}"
            self._suspect(state, kind, "frozen", now, detail, expected=asked, observed=said)
            state.stuck[kind] = SAID[kind](own)
            return True
        return False

    def _accept(
        self, one: Followed, accepted: dict[Kind, AnyEvent], period_ms: int, heard: int, news: int
    ) -> None:
        state = one.state
        taken = [event for kind, bit in BITS.items() if heard & bit and (event := state.value(kind))]
        now = max([event.received_at for event in (*taken, *accepted.values())])
        for kind, event in accepted.items():
            last = state.value(kind)
            heard |= event.bit
            is_news = last is None or SAID[kind](last) != SAID[kind](event)
            if self._takes_over(state, last, event) or is_news:
                news |= event.bit
            self._keep(state, kind, event, now)
        one.tally[heard] += 1
        for family, own in one.routes[heard]:
            turned = bool(own) and self._confirm(state, family)
            if turned or news & family.touches or is_due(family.upkeep, now, period_ms):
                self._publish(state, family, now)

    def _takes_over(self, state: State, last: AnyEvent | None, event: AnyEvent) -> bool:
        """Forget what a poll said against a stream whose value it replaces; return whether a flag ends by that."""
        if event.source == "ws" or last is None or last.source != "ws":
            return False
        self._canary.forget(event.key, event.kind)
        detail = "the poll has taken over from the stream"
        return self._lift(state, event.kind, "disagrees", event.received_at, detail)

    def _confirm(self, state: State, family: Family) -> bool:
        own = state.value(family.service.value_kind)
        offset = self.offsets.get(state.instrument.exchange)
        return own is not None and self._freshness.confirm(state, family.service, own, offset)

    def _keep(self, state: State, kind: Kind, event: AnyEvent, now: int) -> None:
        """Make an accepted event the newest of its kind."""
        instrument = state.instrument
        if isinstance(event, FundingRate):
            self._learn(state, event)
        setattr(state, kind, event)
        if kind in state.stuck and event.source != "ws" and state.stuck[kind] != SAID[kind](event):
            self._drop_flag(
                state, kind, "frozen"
            )  # the poll's value moves; that the stream does not stays told
        if kind in state.bad and self._is_well(state, event):
            state.bad.discard(kind)
            detail = f"{kind} is in range again"
            self.quality.cleared(
                instrument.exchange, instrument, "out_of_range", kind, now=now, detail=detail
            )

    def _is_well(self, state: State, event: AnyEvent) -> bool:
        """Whether a good value ends what a bad one began: that of a stream, or any when none was bad for a while."""
        rejected_at, source = state.rejected_at.get(event.kind, (0, event.source))
        since_ms = event.received_at - rejected_at
        return since_ms > 0 and (source != "ws" or event.source == "ws" or since_ms > BAD_MS)

    def _drop_flag(self, state: State, kind: Kind, flag: Flag) -> None:
        flags = state.doubts.get(kind)
        if flags is not None:
            flags.discard(flag)
            if not flags:
                del state.doubts[kind]

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
        state.rate_floor, state.rate_cap = limits(state, event) if interval_h is not None else (nan, nan)

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
        state.calm = False
        self.quality.raised(
            instrument.exchange,
            instrument,
            CONDITIONS[flag],
            kind,
            now=now,
            detail=detail,
            since=since,
            expected=expected,
            observed=observed,
        )
        self._publish_touched(state, kind, now)

    def _settle(self, state: State, kind: Kind, flag: Flag, now: int, detail: str) -> None:
        """End a suspicion, if there is one, and publish what it was about without the flag."""
        if self._lift(state, kind, flag, now, detail):
            self._publish_touched(state, kind, now)

    def _lift(self, state: State, kind: Kind, flag: Flag, now: int, detail: str) -> bool:
        """Take a flag away, and tell it unless another stands for the same condition; return whether it was there."""
        flags = state.doubts.get(kind)
        if flags is None or flag not in flags:
            return False
        flags.discard(flag)
        if not any(CONDITIONS[other] == CONDITIONS[flag] for other in flags):
            instrument = state.instrument
            self.quality.cleared(
                instrument.exchange, instrument, CONDITIONS[flag], kind, now=now, detail=detail
            )
        if not flags:
            del state.doubts[kind]
        return True

    def _publish_touched(self, state: State, kind: Kind, now: int) -> None:
        for family in self._followed[state.instrument.key].families:
            if kind in family.service.touches:
                self._publish(state, family, now)

    def _judge_frozen(self, state: State, kind: Kind, is_frozen: bool, since: int, now: int) -> None:
        if not is_frozen:
            if kind not in state.stuck:
                self._settle(state, kind, "frozen", now, f"{kind} moves again")
            return
        seconds = round((now - since) / 1000)
        detail = f"{kind} of {state.instrument.symbol} is confirmed again and again, but has not moved for {seconds} s"
        self._suspect(state, kind, "frozen", now, detail, since=since)
        event = state.value(kind)
        if event is not None and event.source == "ws":
            state.stuck[kind] = SAID[kind](event)

    def _judge_outlier(self, state: State, is_outlier: bool, common: float, price: float, now: int) -> None:
        if not is_outlier:
            self._settle(state, "mark", "outlier", now, "the mark is with those of the other venues again")
            return
        part = (price / common - 1) * 100
        detail = (
            f"the mark of {state.instrument.symbol} is {part:+.2f} % from that of the other venues, per coin"
        )
        self._suspect(state, "mark", "outlier", now, detail, expected=common, observed=price)

    def _refuse(self, state: State, feed: str, kind: Kind, reason: str, event: AnyEvent) -> None:
        instrument = state.instrument
        reject = Reject(instrument.symbol, kind, reason, _observed(event, reason))
        self._reject(instrument.exchange, feed, reject, event.received_at, event.source)

    def _reject(self, exchange: str, feed: str, reject: Reject, now: int, source: Source) -> None:
        self.rejects.add(exchange, feed, reject.symbol, reject.reason, reject.observed, now)
        state = self.states.get(key_of(exchange, reject.symbol, is_spot=reject.kind == "spot"))
        if state is None or reject.kind is None or not is_meant(state.instrument, reject.kind):
            return
        if reject.reason in QUIET or not self._is_open_to(state, reject.kind, now, source):
            return
        state.calm = False
        state.rejected_at[reject.kind] = (now, source)
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


def _is_polled(one: Followed, event: AnyEvent) -> bool:
    """Whether polls have a value of this kind that is not old."""
    own = one.state.value(event.kind)
    if own is None or own.source == "ws":
        return False
    lives = [family.upkeep.max_age_ms for family in one.families if family.touches & event.bit]
    return event.received_at - own.received_at <= max(lives, default=PRICE_LIFE_MS)


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
