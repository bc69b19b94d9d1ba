"""Frame: what one reply or one WebSocket frame says, good and bad."""

from itertools import pairwise

from msgspec import Struct

from microstream.model.events import (
    AnyEvent,
    FundingRate,
    FundingSettled,
    IndexPrice,
    Kind,
    MarkPrice,
    OpenInterest,
    Source,
    SpotQuote,
)
from microstream.model.instruments import Instrument
from microstream.model.units import BadNumber, Text, millis, number

EMPTY = "empty"
"""Reason of a reject that stands for no value at all."""
LATE = "sequence_back"
"""Reason of a reject that stands for a push which came after a newer one of its topic."""
SHOWN = 80
"""Characters of a refused value, and of the name that it came under, that are kept."""


class Reject(Struct, frozen=True, gc=False):
    """A value that was carried and cannot be used.

    `symbol` is ours where the contract is known, else the venue's text; `kind` is None where a whole row is meant.
    """

    symbol: str
    kind: Kind | None
    reason: str
    observed: str


class Frame(Struct, gc=False):
    """What a parser makes of one body.

    `feed` names the reply or stream. `server_time` is the venue's clock as the reply states it (not the time of a
    value), ms UTC. Of a push `topic` is the subscription that it belongs to and `stamp` the venue's time of it.
    """

    feed: str
    received_at: int
    source: Source
    events: list[AnyEvent] = []
    rejects: list[Reject] = []
    server_time: int | None = None
    topic: str | None = None
    stamp: int | None = None

    def reject(self, symbol: str, kind: Kind | None, reason: str, observed: object) -> None:
        """Note a value that cannot be used."""
        self.rejects.append(Reject(symbol[:SHOWN], kind, reason, str(observed)[:SHOWN]))

    def blank(self, instrument: Instrument, kind: Kind, observed: object) -> None:
        """Note that a live contract has nothing where this value belongs, unless it was refused already.

        Rows of history and of contracts that are not live may be empty.
        """
        expected = instrument.funds if kind == "funding" else instrument.status == "live"
        noted = self.rejects and (self.rejects[-1].symbol, self.rejects[-1].kind) == (instrument.symbol, kind)
        if expected and self.source != "backfill" and not noted:
            self.reject(instrument.symbol, kind, EMPTY, observed)

    def number(self, instrument: Instrument, kind: Kind | None, raw: Text) -> float | None:
        """Return a number; a malformed one is noted as a reject and counts as unknown."""
        try:
            return number(raw)
        except BadNumber:
            self.reject(instrument.symbol, kind, "not_a_number", raw)
            return None

    def millis(self, instrument: Instrument, kind: Kind | None, raw: Text) -> int | None:
        """Return a time in ms UTC; a malformed one is noted as a reject and counts as unknown."""
        try:
            return millis(raw)
        except BadNumber:
            self.reject(instrument.symbol, kind, "not_a_time", raw)
            return None

    def hours(self, instrument: Instrument, raw: Text) -> float | None:
        """Return a funding interval in hours; 0 is nothing, a negative one is noted as a reject."""
        interval_h = self.number(instrument, "funding", raw)
        if interval_h is not None and interval_h < 0:
            self.reject(instrument.symbol, "funding", "not_an_interval", raw)
            return None
        return interval_h or None

    def clock(self, raw: Text) -> int | None:
        """Take the venue's clock as the reply states it and return it; a malformed one is noted as a reject."""
        try:
            self.server_time = millis(raw)
        except BadNumber:
            self.reject("*", None, "not_a_time", raw)
        return self.server_time

    def mark(self, instrument: Instrument, timestamp: int | None, raw: Text) -> None:
        """Add a mark price, if there is one."""
        price = self.number(instrument, "mark", raw)
        if price is None:
            self.blank(instrument, "mark", raw)
        else:
            self.events.append(
                MarkPrice(
                    key=instrument.key,
                    timestamp=timestamp,
                    received_at=self.received_at,
                    source=self.source,
                    price=price,
                )
            )

    def index(self, instrument: Instrument, timestamp: int | None, raw: Text) -> None:
        """Add an index price, if there is one."""
        price = self.number(instrument, "index", raw)
        if price is None:
            self.blank(instrument, "index", raw)
        else:
            self.events.append(
                IndexPrice(
                    key=instrument.key,
                    timestamp=timestamp,
                    received_at=self.received_at,
                    source=self.source,
                    price=price,
                )
            )

    def funding(
        self,
        instrument: Instrument,
        timestamp: int | None,
        *,
        rate: float | None,
        settles_at: int | None,
        interval_h: float | None = None,
        cap: float | None = None,
        floor: float | None = None,
    ) -> None:
        """Add what is known of the coming funding payment."""
        self.events.append(
            FundingRate(
                key=instrument.key,
                timestamp=timestamp,
                received_at=self.received_at,
                source=self.source,
                rate=rate,
                settles_at=settles_at,
                interval_h=interval_h,
                cap=cap,
                floor=floor,
            )
        )

    def settled(
        self, instrument: Instrument, timestamp: int | None, *, rate: float, settled_at: int | None
    ) -> None:
        """Add a funding payment that was made."""
        self.events.append(
            FundingSettled(
                key=instrument.key,
                timestamp=timestamp,
                received_at=self.received_at,
                source=self.source,
                rate=rate,
                settled_at=settled_at,
            )
        )

    def open_interest(
        self,
        instrument: Instrument,
        timestamp: int | None,
        *,
        contracts: float | None,
        base: float | None = None,
        value: float | None = None,
        value_ccy: str | None = None,
    ) -> None:
        """Add open interest, one side counted, unless nothing of it is known."""
        if contracts is None and base is None:
            self.blank(instrument, "open_interest", contracts)
            return
        self.events.append(
            OpenInterest(
                key=instrument.key,
                timestamp=timestamp,
                received_at=self.received_at,
                source=self.source,
                contracts=contracts,
                base=base,
                value=value,
                value_ccy=value_ccy,
            )
        )

    def spot(
        self, instrument: Instrument, timestamp: int | None, *, bid: Text, ask: Text, last: Text = None
    ) -> None:
        """Add the quote of a spot pair, unless nothing of it is known or a part of it cannot be read."""
        refused = len(self.rejects)
        prices = [self.number(instrument, "spot", raw) for raw in (bid, ask, last)]
        if len(self.rejects) > refused:
            return
        if prices == [None, None, None]:
            self.blank(instrument, "spot", bid)
            return
        self.events.append(
            SpotQuote(
                key=instrument.key,
                timestamp=timestamp,
                received_at=self.received_at,
                source=self.source,
                bid=prices[0],
                ask=prices[1],
                last=prices[2],
            )
        )


def parts_of(frame: Frame, size: int) -> list[Frame]:
    """Cut a frame in which the events of a contract stand together: at least `size` events a part, no contract in two.

    The first part has all else that the frame says.
    """
    events = frame.events
    borders, at = [0], size
    while at < len(events):
        key = events[at - 1].key
        while at < len(events) and events[at].key == key:
            at += 1
        borders.append(at)
        at += size
    if borders[-1] < len(events):
        borders.append(len(events))
    parts = [
        Frame(frame.feed, frame.received_at, frame.source, events[begin:end])
        for begin, end in pairwise(borders)
    ]
    if not parts:
        return [frame]
    frame.events = parts[0].events
    return [frame, *parts[1:]]
