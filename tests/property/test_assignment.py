"""Topics on connections: none overfull, as few as fit, and nothing moves."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.integration.toy_venue import ENDPOINT, topic

from microstream.spec.stream import Endpoint, Topic
from microstream.transport.assignment import assigned


def endpoint(capacity: int, *, by_length: bool) -> Endpoint:
    """Return an endpoint that counts topics, or the characters of their names."""
    return replace(ENDPOINT, capacity=capacity, cost=_length if by_length else _one)


def _one(_topic: Topic) -> int:
    return 1


def _length(item: Topic) -> int:
    return len(item.name)


names = st.sets(st.text("abcdefgh", min_size=1, max_size=9), max_size=60)


@given(names, names, st.integers(1, 40), st.booleans())
def test_assignment_holds_capacity_and_moves_nothing(
    before: set[str], after: set[str], capacity: int, by_length: bool
) -> None:
    """Every topic is carried once, no lane is overfull, and what was carried and still is stays where it was."""
    venue = endpoint(capacity, by_length=by_length)
    first = assigned({}, [topic(name) for name in sorted(before)], venue)
    second = assigned(first, [topic(name) for name in sorted(after)], venue)
    assert sorted(name for share in second.values() for name in share) == sorted(after)
    for share in second.values():
        cost = sum(map(venue.cost, share.values()))
        assert 0 < cost <= capacity or len(share) == 1
    for number, share in first.items():
        kept = before & after & set(share)
        assert kept <= set(second.get(number, {}))


@given(names, st.integers(1, 40))
def test_equal_costs_take_the_fewest_lanes(wanted: set[str], capacity: int) -> None:
    """Where topics cost alike, there are as many lanes as their number demands and no more."""
    share = assigned({}, [topic(name) for name in wanted], endpoint(capacity, by_length=False))
    assert len(share) == -(-len(wanted) // capacity)


@given(names, names, st.integers(10, 40))
def test_a_lane_is_opened_only_when_no_other_has_room(
    before: set[str], added: set[str], capacity: int
) -> None:
    """No two lanes could be one: the smallest topic of a new lane fits into none that was there."""
    venue = endpoint(capacity, by_length=True)
    first = assigned({}, [topic(name) for name in before], venue)
    second = assigned(first, [topic(name) for name in before | added], venue)
    costs = {number: sum(map(venue.cost, share.values())) for number, share in second.items()}
    for number in second.keys() - first.keys():
        least = min(map(venue.cost, second[number].values()))
        assert all(costs[other] + least > capacity for other in second if other < number)


def test_topics_take_over_what_they_are_about() -> None:
    """A topic of the same name whose contracts have changed stays, with its new contracts."""
    old, new = topic("t"), replace(topic("t"), contracts=("BTCUSDT",))
    assert assigned(assigned({}, [old], ENDPOINT), [new], ENDPOINT) == {0: {"t": new}}
