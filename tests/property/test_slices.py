"""A round cut into parts: nothing lost, nothing twice, no contract in two."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from microstream.model.events import MarkPrice
from microstream.model.frame import Frame
from microstream.transport.rounds import SLICE, slices

KEYS = st.integers(0, 900)
RUNS = st.tuples(st.integers(0, 900), st.integers(0, 700))
"""First contract and number of contracts of a reply that lists many."""
NOON = 1_795_176_000_000


def frame(number: int, keys: list[int], rejects: int) -> Frame:
    """Return a reply with a mark of every key, each with a price of its own, and some rejects."""
    made = Frame(f"reply-{number}", NOON + number, "rest", server_time=NOON)
    for at, key in enumerate(keys):
        price = number * 1e6 + at + 1
        made.events.append(
            MarkPrice(
                key=f"okx:c{key}", timestamp=NOON, received_at=NOON + number, source="rest", price=price
            )
        )
    for at in range(rejects):
        made.reject(f"c{at}", "mark", "not_a_number", f"{number}-{at}")
    return made


ROUNDS = st.lists(st.tuples(st.lists(KEYS, max_size=20), RUNS, st.integers(0, 3)), max_size=4).map(
    lambda replies: [
        frame(number, [*keys, *range(run[0], run[0] + run[1])], rejects)
        for number, (keys, run, rejects) in enumerate(replies)
    ]
)


@given(ROUNDS)
def test_a_round_is_cut_on_contract_borders(frames: list[Frame]) -> None:
    """Every event and reject once, under its own reply; a contract in one part; parts of bounded size."""
    parts = [list(part) for part in slices(frames)]
    given_events = Counter((each.feed, event.key, event) for each in frames for event in each.events)
    cut_events = Counter(
        (piece.feed, event.key, event) for part in parts for piece in part for event in piece.events
    )
    assert cut_events == given_events
    given_rejects = Counter((each.feed, reject) for each in frames for reject in each.rejects)
    assert given_rejects == Counter(
        (piece.feed, reject) for part in parts for piece in part for reject in piece.rejects
    )
    contracts = [{event.key for piece in part for event in piece.events} for part in parts]
    assert all(len(keys) <= SLICE for keys in contracts)
    assert sum(map(len, contracts)) == len(set().union(*contracts))


@given(ROUNDS)
def test_the_order_of_a_contract_s_events_is_kept(frames: list[Frame]) -> None:
    """Within a part they come in the order of the replies, with their time of receipt."""
    order: dict[str, list[object]] = {}
    for each in frames:
        for event in each.events:
            order.setdefault(event.key, []).append(event)
    cut: dict[str, list[object]] = {}
    for part in slices(frames):
        for piece in part:
            assert all(event.received_at == piece.received_at for event in piece.events)
            for event in piece.events:
                cut.setdefault(event.key, []).append(event)
    assert cut == order
