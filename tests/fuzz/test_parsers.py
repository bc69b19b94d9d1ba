"""Mangled replies into every parser, verdict and instrument list: an error class of ours, never a crash or a lie."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microstream import venues
from microstream.cli.decode import Decoder, Names
from microstream.errors import MicrostreamError
from microstream.model.frame import Frame
from microstream.model.units import FIRST_MS, LAST_MS
from microstream.spec.rest import Context, Request, Response

FIXTURES = Path(__file__).parents[1] / "fixtures"
LISTS = json.loads((FIXTURES / "expected" / "lists.json").read_text())
AT = 1795320930000
FEEDS = [
    pytest.param(venue, feed, id=f"{venue}/{feed}")
    for venue in venues.REGISTRY
    for feed in venues.load(venue).feeds
]
Mangled = Callable[[bytes], st.SearchStrategy[bytes]]
fuzzed = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)


def check_frame(frame: Frame, venue: str) -> None:
    """No number that is none, no time outside our age, no contract of another venue, no reject without end."""
    for event in frame.events:
        assert event.key.startswith(f"{venue}:")
        for name, value in msgspec.structs.asdict(event).items():
            assert not isinstance(value, float) or math.isfinite(value), (name, value)
            if name in {"timestamp", "settles_at", "settled_at"} and value is not None:
                assert FIRST_MS <= value < LAST_MS
    assert frame.server_time is None or FIRST_MS <= frame.server_time < LAST_MS
    assert all(len(reject.observed) <= 80 and len(reject.symbol) <= 80 for reject in frame.rejects)


@pytest.mark.parametrize(("venue", "feed"), FEEDS)
def test_parser_and_verdict(venue: str, feed: str, mangled: Mangled) -> None:
    """A parser fills the frame with what is sound or raises an error of ours."""
    spec = venues.load(venue)
    sample = (FIXTURES / venue / f"rest-{feed.replace('/', '-')}-1.json").read_bytes()

    @fuzzed
    @given(mangled(sample), st.sampled_from([200, 200, 200, 400, 403, 418, 429, 500]))
    def run(body: bytes, status: int) -> None:
        error = spec.verdict(Request(feed, feed), Response(status, {}, body, AT, AT))
        assert error is None or isinstance(error, MicrostreamError)
        names = Names(spec, None)
        frame = Frame(feed, AT, "rest")
        with suppress(MicrostreamError):
            spec.feeds[feed].parse(body, Context(names, names.indexes), frame)
        check_frame(frame, venue)

    run()


@pytest.mark.parametrize(("venue", "feed"), FEEDS)
def test_decoded_lines(venue: str, feed: str, mangled: Mangled, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a recorded body holds, every line that is printed is JSON with its channel first and finite numbers."""
    spec = venues.load(venue)
    sample = (FIXTURES / venue / f"rest-{feed.replace('/', '-')}-1.json").read_bytes()

    @fuzzed
    @given(mangled(sample))
    def run(body: bytes) -> None:
        for line in Decoder(spec, Names(spec, None), AT).body(feed, body):
            payload = json.loads(line, parse_constant=pytest.fail)
            assert next(iter(payload)) == "channel"

    run()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("venue", "feed"),
    [pytest.param(name, feed, id=f"{name}/{feed}") for name in LISTS for feed in LISTS[name]["replies"]],
)
def test_instrument_list(venue: str, feed: str, mangled: Mangled) -> None:
    """A list is read, or refused as a whole with an error of ours; contracts carry finite numbers."""
    source = venues.load(venue).instruments
    replies = {
        name: [(FIXTURES / venue / file).read_bytes() for file in files]
        for name, files in LISTS[venue]["replies"].items()
    }
    first = next(request for request in source.requests if request.feed == feed)

    @fuzzed
    @given(mangled(replies[feed][0]))
    def run(body: bytes) -> None:
        try:
            source.following(first, body)
            listed = source.build({**replies, feed: [body, *replies[feed][1:]]})
        except MicrostreamError:
            return
        for item in listed.instruments:
            for name, value in msgspec.structs.asdict(item).items():
                assert not isinstance(value, float) or math.isfinite(value), (name, value)
            assert item.funding_interval_hours is None or item.funding_interval_hours > 0
        assert all(math.isfinite(limit) and limit > 0 for limit in listed.limits.values())

    run()
