"""Mangled replies and frames into the spot readers of every venue: an error class of ours, no number that is none."""

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.model.contracts import NAMES, contract

from microstream import venues
from microstream.errors import MicrostreamError
from microstream.model.events import SpotQuote
from microstream.model.frame import Frame
from microstream.spec.rest import Context

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = 1795320930000
Mangled = Callable[[bytes], st.SearchStrategy[bytes]]
fuzzed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_venue = pytest.mark.parametrize("venue", venues.REGISTRY)


def context(venue: str) -> Context:
    """Return the pairs of some contracts."""
    spot = venues.load(venue).spot
    assert spot is not None
    pairs = [pair for name in NAMES[venue] for pair in spot.pairs(contract(venue, name))]
    return Context({pair.name: pair for pair in pairs}, {})


def check(frame: Frame, venue: str) -> None:
    """Quotes of spot pairs of this venue alone, in finite numbers."""
    for event in frame.events:
        assert isinstance(event, SpotQuote)
        assert event.key.startswith(f"{venue}:spot:")
        prices = [price for price in (event.bid, event.ask, event.last) if price is not None]
        assert prices
        assert all(math.isfinite(price) for price in prices)


@every_venue
def test_parser(venue: str, mangled: Mangled) -> None:
    """A parser fills the frame with what is sound or raises an error of ours."""
    spot = venues.load(venue).spot
    assert spot is not None
    ((name, feed),) = spot.feeds.items()
    known = context(venue)

    @fuzzed
    @given(mangled((FIXTURES / venue / "spot-rest-1.json").read_bytes()))
    def run(body: bytes) -> None:
        frame = Frame(name, AT, "rest")
        with suppress(MicrostreamError):
            feed.parse(body, known, frame)
        check(frame, venue)

    run()


@every_venue
def test_session(venue: str, mangled: Mangled) -> None:
    """One frame is mangled: nothing but our errors before it or after it."""
    spot = venues.load(venue).spot
    assert spot is not None
    lines = (FIXTURES / venue / "spot-ws-1.jsonl").read_bytes().splitlines()
    known = context(venue)

    @fuzzed
    @given(st.data())
    def run(data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(lines) - 1))
        session, frame = spot.endpoints[0].session(), Frame("ws", AT, "ws")
        for line in [*lines[:place], data.draw(mangled(lines[place])), *lines[place + 1 :]]:
            with suppress(MicrostreamError):
                session.on_frame(line, known, frame)
        check(frame, venue)

    run()
