"""The parts of the recorder that only compute: positions, numbers, presence."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.integration.recorded import message

from microstream.config import Config
from microstream.history.ledger import Subject
from microstream.history.numbering import Missing, Numbering
from microstream.history.positions import packed, unpacked
from microstream.history.presence import Presence
from microstream.history.recording import kept_s
from microstream.model.past import Span

G = "funding:okx"
S = Subject("okx", "*", "funding")
Heard = tuple[str, bytes, int, object]


def _said(at: int, seq: int, run: int = 1, item: bytes = b"sol", **keys: object) -> Heard:
    return G, item, at, message("funding", "sol", run=run, seq=seq, **keys)


@given(st.lists(st.tuples(st.integers(0, 2**42), st.integers(0, 2**20 - 1)), min_size=1))
def test_places_survive_as_numbers_and_keep_their_order(places: list[tuple[int, int]]) -> None:
    """Any id of this millennium fits into what a table notes."""
    assert [unpacked(packed(place)) for place in places] == places
    assert all(packed(one) <= packed(other) < 2**63 for one, other in pairwise(sorted(places)))


def test_holes_in_numbers_are_summed_up_by_group() -> None:
    """A repeated number and a new run are none; a channel that is new may begin anywhere."""
    numbering = Numbering()
    assert not numbering.knows(G)
    first = [_said(10, 7), _said(11, 8), _said(11, 8), _said(12, 1, item=b"btc")]
    assert numbering.take(first) == []  # type: ignore[arg-type]
    assert numbering.knows(G)
    then = [_said(20, 11), _said(21, 3, item=b"btc"), _said(22, 1, run=2)]
    assert numbering.take(then) == [Missing(G, Span(11, 21), 3)]  # type: ignore[arg-type]
    numbering.forget({G})
    assert numbering.take([_said(30, 9, run=2)]) == []  # type: ignore[arg-type]


def test_presence_goes_on_over_short_pauses_and_is_told_once() -> None:
    """Stale messages are no presence; a silence of more than 90 s ends a span."""
    presence = Presence()
    presence.resume(S, 500)
    presence.take(S, [_said(90_000, 1), _said(170_000, 2), _said(200_000, 3, flags=("stale",))])  # type: ignore[list-item]
    assert presence.due() == [(S, Span(500, 170_001))]
    assert presence.due() == []
    presence.take(S, [_said(200_000, 4), _said(300_000, 5)])  # type: ignore[list-item]
    assert presence.due() == [(S, Span(170_001, 200_001)), (S, Span(300_000, 300_001))]


def test_brief_logs_are_known() -> None:
    """Signals and one-second bars are kept for a shorter time."""
    config = Config()
    groups = ("signal:basis", "bars:okx:1s", "bars:okx:1m", "oi:okx")
    assert [kept_s(config, group) for group in groups] == [120, 120, 600, 600]


def test_presence_that_was_read_late_is_joined() -> None:
    """The ledger may be readable only after the first messages."""
    presence = Presence()
    presence.take(S, [_said(90_000, 1)])  # type: ignore[list-item]
    presence.resume(S, 500)
    assert presence.due() == [(S, Span(500, 90_001))]
