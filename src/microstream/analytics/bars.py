"""Bars: seconds of samples, folded into all timeframes, each published once when its time is over. Pure.

The longer bars are folds of closed shorter ones, so a sample costs the same however many timeframes there are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from microstream.analytics.fold import FIELDS, Cell, Fold, empty
from microstream.analytics.timeframes import FOLDED_FROM, SECOND_MS, TIMEFRAMES
from microstream.analytics.track import FAMILY_FIELDS, Track
from microstream.model.channels import Channel, channel
from microstream.model.messages import (
    VERSION,
    BarMessage,
    FundingMessage,
    MarkPriceMessage,
    Message,
    OpenInterestMessage,
    Range,
)

Offer = Callable[[Channel, Message], None]
PORTION = 40
"""Bars that are made in one go, before others have their turn: about a millisecond."""
ASLEEP_MS = 5_000
"""A pause between two ticks beyond which the service itself was not there: suspended, or out of time."""
MOST_SECONDS = 60
"""Seconds of a pause that are closed one by one; a longer one is passed over, and missing in the longer bars."""
Take = Callable[[Any, int, int], None]
_TAKERS: dict[type[Message], str] = {
    MarkPriceMessage: "take_mark_price",
    FundingMessage: "take_funding",
    OpenInterestMessage: "take_open_interest",
}
_NEXT = {shorter: [longer for longer, of in FOLDED_FROM.items() if of == shorter] for shorter in TIMEFRAMES}


@dataclass(frozen=True, slots=True)
class BarSettings:
    """Which bars are published, of which values; `lateness_ms` is how long after its end a bar waits for samples."""

    timeframes: frozenset[str] = frozenset(TIMEFRAMES)
    fields: frozenset[str] = frozenset(FIELDS)
    lateness_ms: int = 2_000


class _Ladder:
    """The bars in the making of one contract, and where they are published."""

    __slots__ = ("channels", "folds", "gone", "track")

    def __init__(self, track: Track, settings: BarSettings) -> None:
        self.track = track
        self.gone = False
        self.folds: dict[str, Fold] = {}
        self.channels = {
            name: channel("bars", f"{track.exchange}:{name}", track.symbol)
            for name in TIMEFRAMES
            if name in settings.timeframes
        }


class Bars:
    """The bars of all contracts.

    `families` are those that are published of each venue's contracts. Bars go to `offer`. Times are ms UTC and
    must not run backwards.
    """

    def __init__(self, settings: BarSettings, families: Mapping[str, frozenset[str]], offer: Offer) -> None:
        self.published = 0
        self.late = 0
        self._settings = settings
        self._families = families
        self._unfunded: set[str] = set()
        self._offer = offer
        self._shown = [name in settings.fields for name in FIELDS]
        self._ladders: dict[str, _Ladder] = {}
        self._takers: dict[str, Take] = {}
        self._ticked_at = 0
        self._dark = (0, 0)

    def take(self, where: Channel, message: Message, now: int) -> None:
        """Take a message of a contract; families that have no place in bars are passed over."""
        watermark = self._watermark(now)
        take = self._takers.get(where.name)
        if take is None:
            if type(message) not in _TAKERS:
                return
            take = self._takers[where.name] = self._taker(message, watermark)
        take(message, now, watermark)

    def leave_out_funding(self, key: str) -> None:
        """Learn that a contract never funds, so that its bars do not wait for a rate."""
        self._unfunded.add(key)

    def forget(self, key: str) -> None:
        """Make no further bars of a contract that was delisted."""
        ladder = self._ladders.pop(key, None)
        self._unfunded.discard(key)
        if ladder is not None:
            ladder.gone = True
            for family in FAMILY_FIELDS:
                where = channel(family, ladder.track.exchange, ladder.track.symbol)
                self._takers.pop(where.name, None)

    def tick(self, now: int) -> None:
        """Close and publish what is over."""
        for _ in self.ticking(now):
            pass

    def ticking(self, now: int) -> Iterator[None]:
        """Do the work of a tick in steps, so that others can do theirs in between."""
        if self._ticked_at and now - self._ticked_at > ASLEEP_MS:
            self._dark = (self._ticked_at, now - SECOND_MS)
        self._ticked_at = now
        watermark = self._watermark(now)
        begun = self.published
        behind = list(self._ladders.values())
        while behind:  # second by second, so that what is published together is of one time
            for ladder in behind:
                if not ladder.gone:
                    self._advance(ladder, watermark)
                if self.published - begun >= PORTION:
                    begun = self.published
                    yield
            behind = [ladder for ladder in behind if ladder.track.closed < watermark and not ladder.gone]

    def _watermark(self, now: int) -> int:
        """Return the end of the last second that is not waited for any more."""
        over = now - self._settings.lateness_ms
        return over - over % SECOND_MS

    def _taker(self, message: Message, watermark: int) -> Take:
        """Return what takes the messages of a channel."""
        track = self._track(f"{message.exchange}:{message.symbol}", message, watermark)
        taker: Take = getattr(track, _TAKERS[type(message)])
        return taker

    def _track(self, key: str, message: Message, watermark: int) -> Track:
        ladder = self._ladders.get(key)
        if ladder is None:
            expected = self._families[message.exchange] & FAMILY_FIELDS.keys()
            if key in self._unfunded:
                expected -= {"funding"}
            track = Track(message.exchange, message.symbol, message.instrument, watermark, expected)
            ladder = self._ladders[key] = _Ladder(track, self._settings)
        return ladder.track

    def _advance(self, ladder: _Ladder, watermark: int) -> None:
        """Close the next second up to the watermark."""
        track = ladder.track
        if watermark - track.closed > MOST_SECONDS * SECOND_MS:
            track.skip(watermark - MOST_SECONDS * SECOND_MS)
        if track.closed < watermark:
            end = track.closed + SECOND_MS
            dark_from, dark_to = self._dark
            second = track.close(end, dark=dark_from <= end - SECOND_MS < dark_to)
            self.late += second.late
            self._closed(ladder, "1s", second)

    def _closed(self, ladder: _Ladder, timeframe: str, bar: Fold) -> None:
        """Publish a bar, and fold it into the longer ones."""
        self._publish(ladder, timeframe, bar)
        end = bar.open_time + TIMEFRAMES[timeframe]
        for longer in _NEXT[timeframe]:
            length_ms = TIMEFRAMES[longer]
            fold = ladder.folds.get(longer)
            if fold is not None and bar.open_time >= fold.open_time + length_ms:
                del ladder.folds[longer]  # its end was passed over: the service was not there
                self._closed(ladder, longer, fold)
                fold = None
            if fold is None:
                fold = ladder.folds[longer] = empty(bar.open_time - bar.open_time % length_ms)
            fold.add(bar)
            if end == fold.open_time + length_ms:
                del ladder.folds[longer]
                self._closed(ladder, longer, fold)

    def _publish(self, ladder: _Ladder, timeframe: str, bar: Fold) -> None:
        where = ladder.channels.get(timeframe)
        if where is None or not bar.received_at:
            return  # not wanted, or before anything was known
        track, length_ms = ladder.track, TIMEFRAMES[timeframe]
        end = bar.open_time + length_ms
        shown = [
            _range(cell, end) if wanted else None for cell, wanted in zip(bar.cells, self._shown, strict=True)
        ]
        self.published += 1
        self._offer(
            where,
            BarMessage(
                VERSION,
                track.exchange,
                track.symbol,
                track.instrument,
                end,
                bar.received_at,
                bar.source,
                0,
                0,
                (),
                timeframe,
                bar.open_time,
                end,
                shown[0],
                shown[1],
                shown[2],
                shown[3],
                shown[4],
                shown[5],
                bar.live_ms / length_ms,
                bar.late,
            ),
        )


def _range(cell: Cell | None, end: int) -> Range | None:
    if cell is None:
        return None
    return Range(cell.open, cell.high, cell.low, cell.close, cell.samples, end - cell.at)
