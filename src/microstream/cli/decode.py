"""`microstream decode`: what a recorded body or frames would be published as."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from microstream import venues
from microstream.clock import SystemClock
from microstream.errors import ConfigError, MicrostreamError
from microstream.model.channels import Channel, channel
from microstream.model.events import AnyEvent
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.messages import Message
from microstream.model.state import Upkeep
from microstream.pipeline.check import QUIET
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES
from microstream.services.instrument_watcher import message
from microstream.spec.rest import Context, Listed, Request, Response
from microstream.spec.stream import Refused
from microstream.spec.venue import Venue

INTERVAL_MS = {"funding": 30_000, "mark_price": 10_000, "oi": 15_000}
WS = "ws"
MARK_LINE = '{"channel":"meta:mark_price:'
"""The mark of a settlement is part of the settled row, no mark price of its own."""


def command(
    exchange: Annotated[str, typer.Argument(help="binance, bybit or okx.")],
    feed: Annotated[str, typer.Argument(help="rest/<last path part>, or ws: one frame a line.")],
    file: Annotated[
        Path | None, typer.Argument(help="Recorded body or frames; default: standard input.")
    ] = None,
    instruments: Annotated[
        Path | None, typer.Option(help="The venue's own instrument list; else the naming rules serve.")
    ] = None,
    received_at: Annotated[
        int | None, typer.Option(help="When it was received, ms UTC; default: now.")
    ] = None,
) -> int:
    """Print the payloads that a recorded body or frames would be published as, one JSON a line, without network.

    What cannot be read is reported on standard error with line and reason; the exit code is then 1.
    """
    if exchange not in venues.REGISTRY:
        raise ConfigError(f"'{exchange}' is no venue; there are {', '.join(venues.REGISTRY)}")
    venue = venues.load(exchange)
    feeds = {f"rest/{name}": name for name in (*venue.feeds, venue.instruments.feed)}
    if feed != WS and feed not in feeds:
        raise ConfigError(f"'{feed}' is no feed of {exchange}; there are {', '.join([*feeds, WS])}")
    known = _listed(venue, instruments) if instruments else None
    at = received_at if received_at is not None else SystemClock().now_ms()
    decoder = Decoder(venue, Names(venue, known), at)
    data = _read(file)
    try:
        for line in decoder.lines(feeds.get(feed), data):
            typer.echo(line.encode())  # JSON is UTF-8, whatever the terminal's encoding
    except BrokenPipeError:  # whoever read the lines has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if decoder.complaints else 0


class Names(dict[str, Instrument]):
    """The contracts of a list, or, without one, whatever the naming rules make of a name."""

    def __init__(self, venue: Venue, known: Sequence[Instrument] | None) -> None:
        super().__init__({item.name: item for item in known or ()})
        self._venue = venue
        self._guesses = known is None
        self.indexes = _Indexes(self, venue, guesses=known is None)
        for item in known or ():
            if item.index:
                self.indexes.setdefault(item.index, []).append(item)

    def get(self, name: str, default: object = None) -> Instrument | None:  # type: ignore[override]
        """Return the contract of a name."""
        found = super().get(name)
        if found is None and self._guesses:
            found = self._venue.guess(name)
            if found is not None:
                self[name] = found
        return found


class _Indexes(dict[str, list[Instrument]]):
    def __init__(self, names: Names, venue: Venue, *, guesses: bool) -> None:
        super().__init__()
        self._names = names
        self._venue = venue
        self._guesses = guesses

    def get(self, name: str, default: object = ()) -> Sequence[Instrument]:  # type: ignore[override]
        """Return the contracts of an index."""
        if self._guesses:
            guessed = self._venue.guess_index(name)
            found = self._names.get(guessed.name) if guessed else None
            return [found] if found else []
        return super().get(name, [])


class Decoder:
    """Runs bodies through the parsers and the pipeline of the service, and gives what comes out as text lines."""

    def __init__(self, venue: Venue, names: Names, received_at: int) -> None:
        self.complaints = 0
        self._venue = venue
        self._names = names
        self._context = Context(names, names.indexes)
        self._at = received_at
        self._messages: list[tuple[Channel, Message]] = []
        self._seq: Counter[str] = Counter()
        self._pipeline = self._new_pipeline()
        self._encoder = msgspec.json.Encoder()

    def lines(self, feed: str | None, data: bytes) -> Iterator[str]:
        """Yield the lines of the body of a REST feed, or of frames where no feed is named."""
        if feed is None:
            return self.frames(data)
        return self.contracts(data) if feed == self._venue.instruments.feed else self.body(feed, data)

    def contracts(self, data: bytes) -> Iterator[str]:
        """Yield the registry rows of the venue's own instrument list."""
        try:
            listed = _list_of(self._venue, data)
        except MicrostreamError as error:
            self._complain(1, str(error))
            return
        for reject in listed.rejects:
            self._complain(1, f"{reject.symbol}: {reject.reason}: {reject.observed}")
        for item in listed.instruments:
            row = channel("instrument", item.exchange, item.symbol)
            yield self._text(row, message(item, {}, self._at))

    def body(self, feed: str, data: bytes) -> Iterator[str]:
        """Yield the lines of one REST body."""
        reader = self._venue.feeds[feed]
        frame = Frame(feed, self._at, "backfill" if reader.history else "rest")
        request = Request(feed, feed)
        try:
            error = self._venue.verdict(request, Response(200, {}, data, self._at, self._at))
            if error is not None:
                raise error
            reader.parse(data, self._context, frame)
        except MicrostreamError as error:
            self._complain(1, str(error))
        if reader.history:
            for _, rows in groupby(frame.events, key=lambda event: (event.key, event.timestamp)):
                self._pipeline = self._new_pipeline()
                row = Frame(feed, self._at, "backfill", list(rows))
                yield from (line for line in self._publish(1, row) if not line.startswith(MARK_LINE))
            frame.events = []
        yield from self._publish(1, frame)

    def frames(self, data: bytes) -> Iterator[str]:
        """Yield the lines of WebSocket frames of one connection, one a line."""
        session = self._venue.session()
        for number, line in enumerate(data.splitlines(), start=1):
            if not line.strip():
                continue
            frame = Frame(WS, self._at, "ws")
            try:
                answer = session.on_frame(line, self._context, frame)
            except MicrostreamError as error:
                self._complain(number, str(error))
            else:
                if isinstance(answer, Refused):
                    code = f", code {answer.code}" if answer.code else ""
                    self._complain(number, f"refused{code}: {answer.text}")
            yield from self._publish(number, frame)

    def _publish(self, line: int, frame: Frame) -> Iterator[str]:
        for reject in (item for item in frame.rejects if item.reason not in QUIET):
            self._complain(
                line, f"{reject.symbol}: {reject.kind or 'row'}: {reject.reason}: {reject.observed}"
            )
        samples = self._pipeline.rejects.samples
        samples.clear()
        for event in frame.events:
            self._follow(event)
        self._pipeline.push([frame], period_ms=max(INTERVAL_MS.values()))
        for sample in samples:
            if sample.reason not in QUIET:
                self._complain(line, f"{sample.symbol}: {sample.reason}: {sample.observed}")
        messages, self._messages = self._messages, []
        for where, what in messages:
            if what.family in INTERVAL_MS:
                yield self._text(where, what)

    def _text(self, where: Channel, what: Message) -> str:
        self._seq[where.name] += 1
        what.run, what.seq = self._at, self._seq[where.name]
        payload = self._encoder.encode(what).decode()
        return f'{{"channel":{self._encoder.encode(where.name).decode()},{payload[1:]}'

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(
            tuple(SERVICES.values()),
            lambda where, what: self._messages.append((where, what)),
            terms=lambda _instrument, _event, _interval: None,
            doubt=lambda _exchange: None,
        )

    def _follow(self, event: AnyEvent) -> None:
        if event.key not in self._pipeline.states:
            by_key = {item.key: item for item in self._names.values()}
            instrument = by_key[event.key]
            upkeep = {
                family: Upkeep(interval, self._lag_ms(family, event), self._at)
                for family, interval in INTERVAL_MS.items()
                if family != "funding" or instrument.kind == "perpetual"
            }
            self._pipeline.follow(instrument, upkeep)

    def _lag_ms(self, family: str, event: AnyEvent) -> int | None:
        if event.source == "backfill":  # history is old and not stale
            return None
        kinds = {service.family: service.value_kind for service in SERVICES.values()}
        lag_s = self._venue.refresh_s.get(kinds[family])
        return None if lag_s is None else round(lag_s * 1000)

    def _complain(self, line: int, text: str) -> None:
        self.complaints += 1
        print(f"line {line}: {text}", file=sys.stderr)


def _listed(venue: Venue, path: Path) -> Sequence[Instrument]:
    body = _read(path)
    try:
        instruments = _list_of(venue, body).instruments
    except MicrostreamError as error:
        raise ConfigError(f"{path}: not an instrument list of {venue.name}: {error}") from error
    if not instruments:
        raise ConfigError(f"{path}: no contract in this instrument list of {venue.name}")
    return instruments


def _list_of(venue: Venue, body: bytes) -> Listed:
    feed = venue.instruments.feed
    refusal = venue.verdict(Request(feed, feed), Response(200, {}, body, 0, 0))
    if refusal is not None:
        raise refusal
    return venue.instruments.build({feed: [body]})


def _read(path: Path | None) -> bytes:
    if path is None or str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
