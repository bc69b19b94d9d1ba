"""Deliveries to a real web hook through the notification library."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import structlog
from msgspec.structs import replace
from tests.unit.alerts.hook import Hook, listening
from tests.unit.alerts.made import START, S, rule

from microstream.alerts import services
from microstream.alerts.delivery import Delivery
from microstream.alerts.lane import MAX_HANGING, Lane, Persistence, Target
from microstream.alerts.notification import Entry, Notification
from microstream.alerts.rule import Rule, Severity
from microstream.alerts.services import service
from microstream.alerts.wording import sample
from microstream.errors import ConfigError
from microstream.model.hours import DailyHours
from microstream.model.messages import AlertMessage

Eventually = Callable[..., Awaitable[None]]
SWIFT = Persistence(attempts=3, timeout_s=5.0, first_pause_s=0.01, longest_pause_s=0.02, max_queued=3)


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = START

    def now_ms(self) -> int:
        """Return the time that was set."""
        return self.ms

    def monotonic(self) -> float:
        """Return the same in seconds."""
        return self.ms / 1000


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A web hook that takes everything."""
    with listening() as running:
        yield running


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What is logged."""
    with structlog.testing.capture_logs() as entries:
        yield entries


def target(url: str, severity: Severity = "warning", name: str = "hook") -> Target:
    """Return a target behind an URL."""
    send = service(url)
    assert send is not None
    return Target(name, severity, send)


def alert(of: Rule, number: int = 0) -> AlertMessage:
    """Return an alert of a rule."""
    return replace(sample(of, START), subject=f"okx:c{number}")


def notification(of: Rule | None = None, number: int = 0) -> Notification:
    """Return a notification of one alert."""
    return Notification((Entry(START, alert(of or rule(), number)),))


@asynccontextmanager
async def running(*parts: Delivery | Lane) -> AsyncIterator[None]:
    """Run deliveries or lanes, and cancel them at the end."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_an_alert_arrives_at_once(hook: Hook, eventually: Eventually) -> None:
    """With title, text and kind."""
    of = rule(text="{subject} is <high> & *low*")
    delivery = Delivery([target(hook.url)], [of], Clock(), Random(1), SWIFT)
    async with running(delivery):
        delivery.offer(replace(alert(of), text="it is <high> & *low*"))
        await eventually(lambda: delivery.lanes[0].sent == 1)
    (body,) = hook.bodies
    assert (body["title"], body["message"], body["type"]) == (
        "squeeze of okx:c0: warning",
        "it is <high> & *low*",
        "warning",
    )


async def test_every_target_gets_what_is_urgent_enough(hook: Hook, eventually: Eventually) -> None:
    """And one that fails holds up no other."""
    with listening(500) as broken, listening() as critical:
        targets = [
            target(broken.url, name="broken"),
            target(critical.url, "critical", "critical"),
            target(hook.url, "info", "all"),
        ]
        rules = [rule(name="a", severity="info"), rule(name="b", severity="critical")]
        delivery = Delivery(targets, rules, Clock(), Random(1), SWIFT)
        async with running(delivery):
            for of in rules:
                delivery.offer(alert(of))
            await eventually(lambda: [lane.sent + lane.failed for lane in delivery.lanes] == [1, 1, 2])
        assert critical.titles == ["b of okx:c0: critical"]
        assert hook.titles == ["a of okx:c0: info", "b of okx:c0: critical"]
        assert broken.titles == ["b of okx:c0: critical"] * SWIFT.attempts


async def test_what_fails_is_tried_again(eventually: Eventually, logged: list[Any]) -> None:
    """Told once when it begins and once when it ends, with the name of the delivery and never its URL."""
    with listening(503, 500, 200) as hook:
        lane = Lane(target(hook.url), SWIFT, Random(1))
        async with running(lane):
            lane.put(notification())
            await eventually(lambda: lane.sent == 1)
        assert (lane.retried, lane.failed, len(hook.bodies)) == (2, 0, 3)
    assert [(entry["event"], entry["delivery"]) for entry in logged] == [
        ("alerts cannot be delivered, retrying", "hook"),
        ("alerts are delivered again", "hook"),
    ]
    assert logged[0]["why"] == "the service answers with HTTP status 503"
    assert "s3cret" not in str(logged)


async def test_what_fails_for_ever_is_given_up(eventually: Eventually, logged: list[Any]) -> None:
    """Counted and logged; the next one is tried all the same."""
    with listening(404) as hook:
        lane = Lane(target(hook.url), SWIFT, Random(1))
        async with running(lane):
            lane.put(notification(number=1))
            lane.put(notification(number=2))
            await eventually(lambda: lane.failed == 2)
        assert hook.titles == [f"squeeze of okx:c{number}: warning" for number in (1, 1, 1, 2, 2, 2)]
    assert [entry["event"] for entry in logged] == [
        "alerts cannot be delivered, retrying",
        "alert is given up",
        "alert is given up",
    ]
    assert "s3cret" not in str(logged)


async def test_a_service_that_is_away_is_said_to_be(logged: list[Any], free_port: int) -> None:
    """Nobody listens there."""
    lane = Lane(target(f"json://127.0.0.1:{free_port}/s3cret"), SWIFT, Random(1))
    assert await lane.deliver(notification()) == "the service cannot be reached"
    assert "s3cret" not in str(logged)


async def test_a_service_that_does_not_answer_blocks_nothing(hook: Hook, eventually: Eventually) -> None:
    """The loop goes on, an attempt ends by itself, and no more threads hang than may."""
    hook.open.clear()
    impatient = Persistence(attempts=5, timeout_s=0.05, first_pause_s=0.01, longest_pause_s=0.02)
    lane = Lane(target(hook.url), impatient, Random(1))
    turns = 0
    given_up = asyncio.create_task(lane.deliver(notification()))
    while not given_up.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 5
    assert given_up.result() == "earlier attempts still wait for an answer"
    assert lane.failed == 1
    assert len(hook.bodies) == MAX_HANGING
    hanging = [thread for thread in threading.enumerate() if thread.name == "delivery hook"]
    assert len(hanging) == MAX_HANGING
    assert all(thread.daemon for thread in hanging)
    hook.open.set()
    await eventually(lambda: not any(thread.is_alive() for thread in hanging))
    assert await lane.deliver(notification()) is None


async def test_a_slow_service_gets_them_in_order(hook: Hook, eventually: Eventually) -> None:
    """One after the other; beyond the queue the oldest are dropped and counted."""
    hook.open.clear()
    lane = Lane(target(hook.url), SWIFT, Random(1))
    async with running(lane):
        lane.put(notification(number=0))
        await eventually(lambda: len(hook.bodies) == 1)
        for number in range(1, 6):
            lane.put(notification(number=number))
        assert (len(lane), lane.dropped) == (4, 2)
        hook.open.set()
        await eventually(lambda: lane.sent == 4)
    assert hook.titles == [f"squeeze of okx:c{number}: warning" for number in (0, 3, 4, 5)]
    assert len(lane) == 0


async def test_a_library_that_raises_is_a_failure(logged: list[Any]) -> None:
    """Its text is not shown: it may hold the URL."""

    def send(_: Notification) -> str | None:
        raise KeyError("tgram://s3cret")

    lane = Lane(Target("bad", "info", send), SWIFT, Random(1))
    assert await lane.deliver(notification()) == "the library fails (KeyError)"
    assert "s3cret" not in str(logged)


async def test_groups_and_quiet_hours_go_out_by_the_clock(hook: Hook, eventually: Eventually) -> None:
    """One notification for many alerts, when it is due."""
    grouped = rule(name="grouped", group_ms=60 * S)
    quiet = rule(name="quiet", quiet_hours=(DailyHours.parse("00:00-01:00"),))
    clock = Clock()
    delivery = Delivery([target(hook.url)], [grouped, quiet], clock, Random(1), SWIFT)
    async with running(delivery):
        for number in range(3):
            delivery.offer(alert(grouped, number))
            delivery.offer(alert(quiet, number))
        await asyncio.sleep(0)
        assert (len(delivery.gather), hook.bodies) == (6, [])
        clock.ms += 60 * S
        await eventually(lambda: len(hook.bodies) == 1)
        clock.ms += 3_600 * S
        await eventually(lambda: len(hook.bodies) == 2)
    assert hook.titles == ["grouped: 3 raised", "quiet: 3 raised"]


async def test_a_stop_sends_what_waits_and_what_is_held_back(hook: Hook) -> None:
    """Within its deadline."""
    of = rule(quiet_hours=(DailyHours.parse("00:00-01:00"),))
    delivery = Delivery([target(hook.url)], [of], Clock(), Random(1), SWIFT)
    async with running(delivery):
        delivery.offer(alert(of))
        delivery.offer(alert(rule(name="unknown")))
        assert await delivery.drain(5.0) == 0
    assert sorted(hook.titles) == ["squeeze of okx:c0: warning", "unknown of okx:c0: warning"]


async def test_a_stop_does_not_wait_for_a_service_that_hangs(hook: Hook, eventually: Eventually) -> None:
    """What is left is counted, and the tasks end when they are cancelled."""
    hook.open.clear()
    delivery = Delivery([target(hook.url)], [], Clock(), Random(1), SWIFT)
    async with running(delivery):
        delivery.offer(alert(rule()))
        await eventually(lambda: len(hook.bodies) == 1)
        delivery.offer(alert(rule(), 1))
        assert await delivery.drain(0.05) == 2
    assert len(hook.bodies) == 1


async def test_a_stop_before_the_start_waits_for_nothing(hook: Hook) -> None:
    """Nobody would send it."""
    delivery = Delivery([target(hook.url)], [], Clock(), Random(1), SWIFT)
    delivery.offer(alert(rule()))
    assert await delivery.drain(60.0) == 1


async def test_without_targets_nothing_is_kept() -> None:
    """Alerts are published all the same."""
    delivery = Delivery([], [rule(group_ms=S)], Clock(), Random(1), SWIFT)
    delivery.offer(alert(rule()))
    assert (len(delivery), len(delivery.gather)) == (0, 0)


@pytest.mark.parametrize("url", ["", "nonsense", "tgram://x", "foo://s3cret", "json://"])
def test_an_url_of_no_service_is_none(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing of it is printed or logged."""
    assert service(url) is None
    assert "".join(capfd.readouterr()) == ""


def test_the_library_logs_nowhere() -> None:
    """Neither do its own: their texts hold parts of URLs."""
    service("json://127.0.0.1/s3cret")
    for name in ("apprise", "urllib3"):
        assert not logging.getLogger(name).propagate


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz0123456789/12345",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "slack://TokenA000/TokenB000/TokenC00000000000000000AB/#alerts",
        "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz0123456789",
        "mailtos://user:password@smtp.example.com:465?from=a@example.com&to=b@example.com",
        "jsons://hooks.example.com/path?+Authorization=Bearer%20token",
    ],
)
def test_the_examples_of_the_documents_are_read(url: str) -> None:
    """Their forms, not these tokens, are what docs/alerts.md shows."""
    assert service(url) is not None


def test_a_missing_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not among the service's own requirements."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(ConfigError, match=r'pip install "p9-microstream\[alerts\]"'):
        services.service("json://127.0.0.1/")
