"""Whatever a venue refuses, all that it would take ends up subscribed, with few requests."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.toy_venue import ENDPOINT, topic, topics

from microstream.spec.stream import Acked, Endpoint, Refused
from microstream.transport.batches import first_batch
from microstream.transport.subscriptions import ASK_AGAIN_S, Outcome, Subscriptions


class Venue:
    """Takes a request whole or not at all; one that names a topic that is there already is refused too."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad
        self.on: set[str] = set()
        self.requests = 0
        self.doubles = 0

    def answer(self, text: bytes) -> Acked | Refused:
        """Answer one request."""
        request = json.loads(text)
        names = set(request["topics"])
        self.requests += 1
        if request["op"] == "unsubscribe":
            self.on -= names
            return Acked(request=request["id"])
        self.doubles += bool(names & self.on)
        if names & (self.bad | self.on):
            return Refused("invalid", "", request=request["id"])
        self.on |= names
        return Acked(request=request["id"])


def settle(subscriptions: Subscriptions, venue: Venue, now: float = 0.0) -> list[Outcome]:
    """Exchange requests and answers until nothing is left to ask."""
    outcomes = []
    while (text := subscriptions.next_request(now)) is not None:
        answer = venue.answer(text)
        done = (
            subscriptions.acked(answer, now)
            if isinstance(answer, Acked)
            else subscriptions.refused(answer, now)
        )
        outcomes.append(done)
    return outcomes


def on(subscriptions: Subscriptions, count: int) -> set[str]:
    """Return which of the first topics are confirmed."""
    return {item.name for item in topics(count) if subscriptions.is_on(item.name)}


@st.composite
def crowds(draw: st.DrawFn) -> tuple[int, set[str], int]:
    """Draw a number of topics, the bad ones among them, and how many go into one request."""
    count = draw(st.integers(1, 120))
    bad = draw(st.sets(st.integers(0, count - 1), max_size=min(count, 12)))
    return count, {f"t{number}" for number in bad}, draw(st.integers(1, 120))


@given(crowds())
def test_bisecting_finds_exactly_the_culprits(crowd: tuple[int, set[str], int]) -> None:
    """Every subset of bad topics is refused alone, all others are subscribed, in about 2 k log n requests."""
    count, bad, batch = crowd
    venue = Venue(bad)
    subscriptions = Subscriptions(replace(ENDPOINT, batch=batch, batch_bytes=1 << 20), {})
    subscriptions.want({item.name: item for item in topics(count)})
    outcomes = settle(subscriptions, venue)
    good = {item.name for item in topics(count)} - bad
    assert venue.on == good == on(subscriptions, count)
    assert sorted(item.name for outcome in outcomes for item in outcome.confirmed) == sorted(good)
    assert sorted(item.name for outcome in outcomes for item, _ in outcome.refused) == sorted(bad)
    assert set(subscriptions.refusals) == bad
    assert subscriptions.settled
    size = min(batch, count)
    assert venue.requests <= math.ceil(count / batch) + 2 * len(bad) * math.ceil(math.log2(size) + 1)
    assert venue.doubles == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["want", "renew", "answer"]), st.sets(st.integers(0, 12))), max_size=25
    ),
    st.sets(st.integers(0, 12), max_size=3),
)
def test_any_order_of_wishes_and_answers_ends_in_what_is_wanted(
    steps: Sequence[tuple[str, set[int]]], bad: set[int]
) -> None:
    """Topics come, go and are renewed while answers are on their way: in the end the venue sends what is wanted."""
    venue = Venue({f"t{number}" for number in bad})
    subscriptions = Subscriptions(replace(ENDPOINT, batch=4), {})
    wanted: set[str] = set()
    under_way: list[bytes] = []
    for step, numbers in steps:
        names = {f"t{number}" for number in numbers}
        if step == "want":
            wanted = names
            subscriptions.want({name: topic(name) for name in names})
        elif step == "renew":
            for name in names:
                subscriptions.renew(name)
        for text in under_way:
            answer = venue.answer(text)
            if isinstance(answer, Acked):
                subscriptions.acked(answer, 0.0)
            else:
                subscriptions.refused(answer, 0.0)
        under_way = []
        while (request := subscriptions.next_request(0.0)) is not None:
            under_way.append(request)
    for text in under_way:
        answer = venue.answer(text)
        if isinstance(answer, Acked):
            subscriptions.acked(answer, 0.0)
        else:
            subscriptions.refused(answer, 0.0)
    settle(subscriptions, venue)
    assert venue.on == wanted - venue.bad == on(subscriptions, 13)
    assert subscriptions.confirmed == len(venue.on)
    assert venue.doubles == 0


def test_what_was_refused_is_asked_once_more_after_its_time() -> None:
    """A refused topic is left alone for ten minutes, then asked for apart from all others."""
    venue = Venue({"t3"})
    subscriptions = Subscriptions(ENDPOINT, {})
    subscriptions.want({item.name: item for item in topics(5)})
    settle(subscriptions, venue, 0.0)
    assert subscriptions.next_request(ASK_AGAIN_S - 1) is None
    venue.bad.clear()
    settle(subscriptions, venue, ASK_AGAIN_S)
    assert "t3" in venue.on
    assert not subscriptions.refusals


def test_wanted_anew_is_asked_anew() -> None:
    """A refused topic that is given up and wanted again does not wait."""
    venue = Venue({"t1"})
    subscriptions = Subscriptions(ENDPOINT, {})
    both = {item.name: item for item in topics(2)}
    subscriptions.want(both)
    settle(subscriptions, venue)
    subscriptions.want({"t0": topic("t0")})
    venue.bad.clear()
    subscriptions.want(both)
    settle(subscriptions, venue)
    assert venue.on == {"t0", "t1"}


def test_nothing_answered_means_broken_and_one_topic_alone_is_refused() -> None:
    """Without any answer the connection is lost; where others are answered, the silent topic is the culprit."""
    subscriptions = Subscriptions(replace(ENDPOINT, batch=1), {})
    subscriptions.want({item.name: item for item in topics(2)})
    subscriptions.next_request(0.0)
    subscriptions.next_request(0.0)
    assert subscriptions.overdue(9.9) == (Outcome(), False)
    assert subscriptions.overdue(10.0)[1]
    subscriptions.acked(Acked(request=2), 1.0)
    outcome, is_lost = subscriptions.overdue(10.0)
    assert not is_lost
    assert [(item.name, refusal.code) for item, refusal in outcome.refused] == [("t0", "no_answer")]


def test_a_request_answered_in_part_is_asked_again_for_the_rest() -> None:
    """A venue that names the culprit and drops the rest without a word costs the innocent a second."""
    subscriptions = Subscriptions(ENDPOINT, {})
    subscriptions.want({item.name: item for item in topics(2)})
    subscriptions.next_request(0.0)
    refusal = Refused("60018", "", request=1, topic="t0")
    assert [item.name for item, _ in subscriptions.refused(refusal, 0.1).refused] == ["t0"]
    assert subscriptions.overdue(1.0) == (Outcome(), False)
    assert subscriptions.next_request(1.0) is None
    assert subscriptions.due_in(1.0) == pytest.approx(0.1)
    assert subscriptions.overdue(1.1) == (Outcome(), False)
    again = subscriptions.next_request(1.1)
    assert again is not None
    assert json.loads(again) == {"op": "subscribe", "id": 2, "topics": ["t1"]}


def test_data_confirms_its_topic_alone() -> None:
    """Data of a topic is its confirmation; the rest of the request still waits for its answer."""
    subscriptions = Subscriptions(ENDPOINT, {})
    subscriptions.want({item.name: item for item in topics(2)})
    subscriptions.next_request(0.0)
    assert [item.name for item in subscriptions.spoke("t1", 0.1).confirmed] == ["t1"]
    assert not subscriptions.is_on("t0")
    assert [item.name for item in subscriptions.acked(Acked(request=1), 0.2).confirmed] == ["t0"]


def test_a_refusal_without_a_name_is_of_the_only_request() -> None:
    """A refusal that names nothing is believed of the one pending request, and of none when there are several."""
    subscriptions = Subscriptions(replace(ENDPOINT, batch=1), {})
    subscriptions.want({item.name: item for item in topics(2)})
    subscriptions.next_request(0.0)
    subscriptions.next_request(0.0)
    assert not subscriptions.refused(Refused("2", "what"), 0.0).refused
    subscriptions.acked(Acked(request=1), 0.0)
    assert [item.name for item, _ in subscriptions.refused(Refused("2", "what"), 0.0).refused] == ["t1"]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(60, 1500))
def test_a_request_keeps_to_number_and_bytes(count: int, batch: int, size: int) -> None:
    """A request carries as many topics as fit, never more than allowed unless a single one is too long."""
    endpoint: Endpoint = replace(ENDPOINT, batch=batch, batch_bytes=size)
    wanted = topics(count, "a-rather-long-topic-name-")
    made = first_batch(wanted, endpoint, endpoint.subscribe, 7)
    assert list(made.topics) == wanted[: len(made.topics)]
    assert made.text == endpoint.subscribe(made.topics, 7)
    assert len(made.topics) <= batch
    assert len(made.text) <= size or len(made.topics) == 1
    if len(made.topics) < min(count, batch):
        assert len(endpoint.subscribe(wanted[: len(made.topics) + 1], 7)) > size
