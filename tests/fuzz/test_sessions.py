"""Mangled frames into every session: an error class of ours, and the connection still reads what follows."""

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
from microstream.spec.rest import Context
from microstream.spec.stream import Acked, Closing, Pong, Refused

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = 1795320930000
RECORDINGS = [
    pytest.param(venue, path, id=f"{venue}/{path.name}")
    for venue in venues.REGISTRY
    for path in sorted((FIXTURES / venue).glob("ws-*.jsonl"))
]
Mangled = Callable[[bytes], st.SearchStrategy[bytes]]
fuzzed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("venue", "path"), RECORDINGS)
def test_session(venue: str, path: Path, mangled: Mangled) -> None:
    """One frame of a recording is mangled: nothing but our errors, no number that is none, before it or after it."""
    spec = venues.load(venue)
    lines = path.read_bytes().splitlines()

    @fuzzed
    @given(st.data())
    def run(data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(lines) - 1))
        names = Names(spec, None)
        session, frame = spec.session(), Frame("ws", AT, "ws")
        for line in [*lines[:place], data.draw(mangled(lines[place])), *lines[place + 1 :]]:
            with suppress(MicrostreamError):
                answer = session.on_frame(line, Context(names, names.indexes), frame)
                assert answer is None or isinstance(answer, Acked | Refused | Pong | Closing)
                assert frame.stamp is None or FIRST_MS <= frame.stamp < LAST_MS
        for event in frame.events:
            for name, value in msgspec.structs.asdict(event).items():
                assert not isinstance(value, float) or math.isfinite(value), (name, value)

    run()


@pytest.mark.parametrize(("venue", "path"), RECORDINGS)
def test_decoded_lines(venue: str, path: Path, mangled: Mangled, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a recording holds, every line that is printed is JSON with its channel first and finite numbers."""
    spec = venues.load(venue)

    @fuzzed
    @given(mangled(path.read_bytes()))
    def run(data: bytes) -> None:
        for line in Decoder(spec, Names(spec, None), AT).frames(data):
            payload = json.loads(line, parse_constant=pytest.fail)
            assert next(iter(payload)) == "channel"

    run()
    capsys.readouterr()
