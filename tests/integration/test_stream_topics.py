"""A stream feed against a venue of the tests' own: what is asked for, answered, refused, renewed and given up."""

from collections.abc import Awaitable, Callable

import pytest
from tests.integration.toy_venue import Script, play, topic, topics

Eventually = Callable[..., Awaitable[None]]


async def test_everything_wanted_is_subscribed_and_delivered(eventually: Eventually) -> None:
    """All topics are confirmed on the fewest connections, and their frames arrive stamped and named."""
    async with play(topics(250)) as on:
        await eventually(lambda: len(on.notes.on) == 250 and len(on.notes.frames) == 250)
        assert sorted(len(client.subscribed) for client in on.venue.here) == [50, 100, 100]
        assert {frame.topic for frame in on.notes.frames} == {item.name for item in topics(250)}
        assert {(frame.feed, frame.source) for frame in on.notes.frames} == {("toy", "ws")}
        state = on.feed.state
        assert (state.topics_wanted, state.topics_confirmed, state.topics_pending) == (250, 250, 0)
        assert (state.connections_open, state.connections_wanted, state.attempts) == (3, 3, 3)
        assert state.frames == 250 + 5  # and five answers
        assert state.bytes > 250 * 20


@pytest.mark.parametrize("names_culprit", [False, True], ids=["the whole request", "the topic"])
async def test_refused_topics_do_not_take_others_along(
    eventually: Eventually, *, names_culprit: bool
) -> None:
    """Bad topics are reported alone, whether the venue refuses them or the request; all others are subscribed."""
    script = Script(bad={"t7", "t8", "t49"}, names_culprit=names_culprit)
    async with play(topics(60), script=script) as on:
        await eventually(lambda: len(on.notes.on) == 57)
        await eventually(lambda: len(on.notes.no) == 3)
        assert {name for name, _ in on.notes.no} == script.bad
        assert on.feed.state.topics_refused == 3
        assert on.venue.handshakes == 1


async def test_a_successor_does_not_ask_for_what_was_refused(eventually: Eventually) -> None:
    """Refused topics are left out on the next connection too, and its readiness does not wait for them."""
    async with play(topics(20), script=Script(bad={"t7"})) as on:
        await eventually(lambda: len(on.notes.on) == 19 and len(on.notes.no) == 1)
        on.feed.reconnect("for the test")
        await eventually(lambda: on.venue.clients[0].gone)
        asked = [name for request in on.venue.clients[1].requests for name in request["topics"]]
        assert sorted(asked) == sorted({item.name for item in topics(20)} - {"t7"})
        assert (len(on.notes.no), on.feed.state.topics_refused, on.notes.gone) == (1, 1, [])


async def test_never_acknowledged_but_speaking_is_confirmed(eventually: Eventually) -> None:
    """Data of a topic is its confirmation."""
    async with play(topics(5), script=Script(acks=False)) as on:
        await eventually(lambda: len(on.notes.on) == 5)
        assert on.feed.state.topics_pending == 0


async def test_never_answered_is_a_broken_connection(
    eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither answer nor data: the connection is given up and the next one asks again."""
    monkeypatch.setattr("microstream.transport.subscriptions.ANSWER_S", 0.1)
    async with play(topics(5), script=Script(acks=False, speaks=False)) as on:
        await eventually(lambda: on.venue.handshakes >= 2)
        assert "no_answer" in (on.feed.state.last_error or "")
        assert not on.notes.gone  # nothing was confirmed, so nothing is lost
        on.venue.script.acks = True
        await eventually(lambda: len(on.notes.on) == 5)


async def test_more_and_fewer_topics_reconnect_nothing(eventually: Eventually) -> None:
    """New topics join the connection, those that are given up are unsubscribed, the others are left alone."""
    async with play(topics(10)) as on:
        await eventually(lambda: len(on.notes.on) == 10)
        on.feed.want(topics(10)[3:] + topics(4, "new"))
        await eventually(lambda: len(on.notes.on) == 14)
        await eventually(lambda: not on.venue.clients[0].subscribed & {"t0", "t1", "t2"})
        assert on.venue.handshakes == 1
        asked = [name for request in on.venue.clients[0].requests for name in request["topics"]]
        assert sorted(asked) == sorted(
            [*(f"t{n}" for n in range(10)), "t0", "t1", "t2", *(f"new{n}" for n in range(4))]
        )
        assert not on.notes.gone


async def test_a_topic_without_room_gets_a_new_connection(eventually: Eventually) -> None:
    """What does not fit on the connections that are there opens another, and only that."""
    async with play(topics(99)) as on:
        await eventually(lambda: len(on.notes.on) == 99)
        on.feed.want(topics(102))
        await eventually(lambda: len(on.notes.on) == 102)
        assert [len(client.subscribed) for client in on.venue.here] == [100, 2]


async def test_nothing_wanted_closes_all_and_wanting_again_opens(eventually: Eventually) -> None:
    """With nothing to carry the connections are closed politely; the feed goes on and opens one when asked."""
    async with play(topics(150)) as on:
        await eventually(lambda: len(on.notes.on) == 150)
        on.feed.want([])
        await eventually(lambda: not on.venue.here)
        assert all(client.said_goodbye for client in on.venue.clients)
        assert on.feed.state.connections_wanted == 0
        on.feed.want(topics(1))
        await eventually(lambda: len(on.notes.on) == 151)
        assert not on.notes.gone


async def test_renew_unsubscribes_and_subscribes_one_topic(eventually: Eventually) -> None:
    """One topic is dropped and, after the answer, asked for again; a second wish within a second is passed over."""
    async with play(topics(5)) as on:
        await eventually(lambda: len(on.notes.on) == 5)
        on.feed.renew("t2")
        on.feed.renew("t2")
        await eventually(lambda: on.notes.on.count("t2") == 2)
        on.feed.renew("t2")
        on.feed.renew("unheard of")
        on.feed.renew("t3")
        await eventually(lambda: on.notes.on.count("t3") == 2)
        asked = [(request["op"], request["topics"]) for request in on.venue.clients[0].requests[1:]]
        assert asked == [(op, [name]) for name in ("t2", "t3") for op in ("unsubscribe", "subscribe")]


async def test_a_desynced_topic_is_renewed_at_once(eventually: Eventually) -> None:
    """A delta without its snapshot subscribes its topic anew, once a second however many come."""
    async with play(topics(3)) as on:
        await eventually(lambda: len(on.notes.on) == 3)
        for _ in range(50):
            on.venue.clients[0].say(desync="t1")
        await eventually(lambda: on.notes.on.count("t1") == 2)
        assert len(on.venue.clients[0].requests) == 3
        assert (on.feed.state.desyncs, on.feed.state.renewals, on.venue.handshakes) == (50, 1, 1)


async def test_a_desynced_connection_is_given_up(eventually: Eventually) -> None:
    """Where no topic is named, nothing of the connection is believed any more."""
    async with play(topics(3)) as on:
        await eventually(lambda: len(on.notes.on) == 3)
        on.venue.clients[0].say(desync=None)
        await eventually(lambda: len(on.notes.on) == 6)
        assert on.notes.gone == [(["t0", "t1", "t2"], "a delta without its snapshot")]


async def test_client_messages_keep_to_the_limit(eventually: Eventually) -> None:
    """Requests and pings together never exceed what the endpoint takes in a time, and all topics get through."""
    limits = {"requests": 4, "requests_s": 0.2, "batch": 5}
    async with play(topics(60), **limits) as on:
        await eventually(lambda: len(on.notes.on) == 60)
        at = on.venue.clients[0].at
        assert len(at) == 12
        assert all(later - earlier > 0.19 for earlier, later in zip(at, at[4:], strict=False))


async def test_refusal_that_names_nothing_counts_for_the_only_request(eventually: Eventually) -> None:
    """A venue that does not say what it refuses means the request that waits for its answer."""
    async with play(script=Script(acks=False, speaks=False)) as on:
        on.feed.want([topic("odd")])
        await eventually(lambda: bool(on.venue.clients and on.venue.clients[0].requests))
        on.venue.clients[0].say(no=None, code="2")
        await eventually(lambda: on.notes.no == [("odd", "2")])
        assert on.feed.state.last_error == "2: invalid"
