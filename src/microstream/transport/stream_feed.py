"""The life of one WebSocket endpoint: as many connections as its topics need, kept open."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from microstream.clock import Clock
from microstream.spec.rest import Context
from microstream.spec.stream import Endpoint, Topic
from microstream.transport.assignment import assigned
from microstream.transport.budget import Budget
from microstream.transport.lane import Lane
from microstream.transport.stream_outlet import Blockade, StreamInlet, StreamOutlet, Tap
from microstream.transport.stream_state import StreamState, StreamTally
from microstream.transport.turns import Turns


class StreamFeed:
    """Keeps topics subscribed and hands every frame to the outlet, from the socket's callback.

    `url` is the whole address; `connects` has a quota of that name, which all feeds of the venue share. `context()`
    is asked for every frame. `tap`, if there is one, sees each frame as it came. Feeds with the same `turns` share the
    time that frames may take in one pass of the loop.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        url: str,
        venue: str,
        connects: Budget,
        context: Callable[[], Context],
        outlet: StreamOutlet,
        clock: Clock,
        random: Random,
        tap: Tap | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._tally = StreamTally()
        blockade = Blockade(outlet)
        self._inlet = StreamInlet(
            endpoint,
            url,
            venue,
            connects,
            context,
            outlet,
            clock,
            self._tally,
            blockade,
            turns or Turns(clock),
            tap,
        )
        self._random = random
        self._lanes: dict[int, Lane] = {}
        self._group: asyncio.TaskGroup | None = None

    def want(self, topics: Sequence[Topic]) -> None:
        """Carry exactly these topics from now on; connections that need no change get none. At any time."""
        carried = {number: lane.topics for number, lane in self._lanes.items()}
        wanted = assigned(carried, topics, self.endpoint)
        for number in [number for number in self._lanes if number not in wanted]:
            self._lanes.pop(number).retire()
        for number, share in wanted.items():
            lane = self._lanes.get(number)
            if lane is None:
                self._open(number, Lane(self._inlet, share, self._random, self._look))
            elif share != lane.topics:
                lane.want(share)
        self._look()

    def renew(self, topic_name: str) -> None:
        """Unsubscribe and subscribe one topic again, at most once a second; nothing for one that is not carried."""
        for lane in self._lanes.values():
            if topic_name in lane.topics:
                lane.renew(topic_name)

    def reconnect(self, reason: str) -> None:
        """Replace every connection by a new one; the old ones serve until these are ready."""
        for lane in self._lanes.values():
            lane.replace(reason)

    async def run(self) -> None:
        """Serve until cancelled; connections are then closed within a second. Raises what is a bug."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in self._lanes.values():
                group.create_task(lane.run())
            try:
                await asyncio.get_running_loop().create_future()  # new lanes join the group
            finally:
                self._group = None

    @property
    def state(self) -> StreamState:
        """How the feed is doing now."""
        clock, tally, lanes = self._inlet.clock, self._tally, self._lanes.values()
        living = [connection for lane in lanes for connection in lane.connections]
        wanted = sum(len(lane.topics) for lane in lanes)
        confirmed = sum(lane.confirmed() for lane in lanes)
        refused = sum(len(lane.refusals) for lane in lanes)
        return StreamState(
            connections_open=sum(lane.is_open for lane in lanes),
            connections_wanted=len(lanes),
            attempts=tally.attempts,
            reconnects=tally.reconnects,
            frames=tally.frames + sum(item.frames for item in living),
            bytes=tally.bytes + sum(item.bytes for item in living),
            binary=tally.binary + sum(item.binary for item in living),
            mismatches=tally.mismatches + sum(item.mismatches for item in living),
            desyncs=tally.desyncs,
            renewals=tally.renewals,
            topics_wanted=wanted,
            topics_confirmed=confirmed,
            topics_refused=refused,
            topics_pending=max(wanted - confirmed - refused, 0),
            last_error=tally.last_error,
            last_error_at=tally.last_error_at,
            failing_since=tally.failing_since,
            up_since=tally.up_since,
            uptime_s=0.0 if tally.up_since is None else (clock.now_ms() - tally.up_since) / 1000,
            round_trip_s=tally.round_trips.last,
            least_round_trip_s=tally.round_trips.least(clock.monotonic()),
        )

    def _open(self, number: int, lane: Lane) -> None:
        self._lanes[number] = lane
        if self._group is not None:
            self._group.create_task(lane.run())

    def _look(self) -> None:
        """Note whether every lane has its connection."""
        lanes = self._lanes.values()
        if lanes and all(lane.is_open for lane in lanes):
            self._tally.failing_since = None
            if self._tally.up_since is None:
                self._tally.up_since = self._inlet.clock.now_ms()
        else:
            self._tally.up_since = None
