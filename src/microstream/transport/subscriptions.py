"""What one connection has asked for, and what became of it (pure; times are monotonic seconds)."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from microstream.spec.stream import Acked, Endpoint, Refused, Topic
from microstream.transport.batches import Batch, first_batch

ANSWER_S = 10.0
"""How long the venue may take to answer a request."""
REST_S = 1.0
"""How long the rest of a request may stay open once the venue has refused one topic of it."""
ASK_AGAIN_S = 600.0
"""After how long a refused topic is asked for once more."""
NO_ANSWER = "no_answer"
"""Code of the refusal of a topic that alone gets no answer while others do."""


class Stage(Enum):
    """How far a topic has come."""

    ASK = "to be asked for"
    ASKED = "asked for"
    ON = "confirmed"
    DROP = "to be dropped"
    DROPPED = "asked to be dropped"


@dataclass(slots=True)
class Pending:
    """A request without its whole answer, which is due at `due_at`.

    `names` are the topics that it is still about, of `asked` at first.
    """

    number: int
    drops: bool
    names: dict[str, None]
    asked: int
    sent_at: float
    due_at: float


@dataclass(slots=True)
class Outcome:
    """What an answer has changed."""

    confirmed: list[Topic] = field(default_factory=list)
    refused: list[tuple[Topic, Refused]] = field(default_factory=list)


class Subscriptions:
    """Keeps what the venue sends equal to what is wanted, with few requests.

    A topic is in one request at a time. A topic that is dropped and wanted again is asked for when the drop has been
    answered: some venues refuse a whole request for one topic that is already there. A refused request is split in
    halves until the culprits are alone; they join `refusals` (name, and when to ask again), which the next connection
    inherits.
    """

    def __init__(self, endpoint: Endpoint, refusals: dict[str, float]) -> None:
        self.confirmed = 0
        self.pending: dict[int, Pending] = {}
        self.refusals = refusals
        self._endpoint = endpoint
        self._wanted: dict[str, Topic] = {}
        self._stages: dict[str, Stage] = {}
        self._asks: dict[str, None] = {}
        self._parts: deque[tuple[str, ...]] = deque()
        self._drops: dict[str, Topic] = {}
        self._dropping: dict[str, Topic] = {}
        self._number = 0
        self._answered_at = float("-inf")

    def want(self, topics: Mapping[str, Topic]) -> list[Topic]:
        """Take what is wanted from now on; return the confirmed topics that no longer are."""
        gone = [topic for name, topic in self._wanted.items() if name not in topics]
        ended = [topic for topic in gone if self._stages.get(topic.name) is Stage.ON]
        self._wanted = dict(topics)
        for topic in gone:
            self.refusals.pop(topic.name, None)
            self._leave(topic)
        for name in topics:
            if name not in self._stages and name not in self.refusals:
                self._ask([name])
        return ended

    def renew(self, name: str) -> bool:
        """Drop a confirmed topic and ask for it anew; return whether that is done."""
        if self._stages.get(name) is not Stage.ON:
            return False
        self._leave(self._wanted[name])
        return True

    def next_request(self, now: float) -> bytes | None:
        """Return the text of the next request, which is taken as sent now; None when all is asked for."""
        self._pardon(now)
        if self._drops:
            topics = [self._drops[name] for name in self._drops]
            batch = first_batch(topics, self._endpoint, self._endpoint.unsubscribe, self._number + 1)
            for topic in batch.topics:
                self._dropping[topic.name] = self._drops.pop(topic.name)
            return self._sent(batch, Stage.DROPPED, now)
        names = list(self._asks)
        if not names:
            while self._parts and not names:
                names = [name for name in self._parts.popleft() if self._stages.get(name) is Stage.ASK]
        if not names:
            return None
        topics = [self._wanted[name] for name in names]
        batch = first_batch(topics, self._endpoint, self._endpoint.subscribe, self._number + 1)
        if self._asks:
            for topic in batch.topics:
                del self._asks[topic.name]
        elif len(batch.topics) < len(names):
            self._parts.appendleft(tuple(names[len(batch.topics) :]))
        return self._sent(batch, Stage.ASKED, now)

    @property
    def has_more(self) -> bool:
        """Whether there is something to send."""
        return bool(self._drops or self._asks or self._parts)

    @property
    def settled(self) -> bool:
        """Whether every wanted topic is confirmed or refused."""
        return not self.pending and not self.has_more

    def is_on(self, name: str) -> bool:
        """Say whether a topic is confirmed."""
        return self._stages.get(name) is Stage.ON

    def spoke(self, name: str, now: float) -> Outcome:
        """Take that a topic has sent data: so it was subscribed."""
        outcome = Outcome()
        if self._stages.get(name) is Stage.ASKED:
            self._answered_at = now
            self._confirm(name, outcome)
        return outcome

    def acked(self, ack: Acked, now: float) -> Outcome:
        """Take a confirmation: of one topic where it names one, else of a whole request."""
        outcome = Outcome()
        self._answered_at = now
        request = self.pending.get(ack.request) if ack.request is not None else None
        if ack.topic is not None:
            self._confirm(ack.topic, outcome)
        elif request is not None:
            for name in list(request.names):
                self._confirm(name, outcome)
        return outcome

    def refused(self, refusal: Refused, now: float) -> Outcome:
        """Take a refusal; one that names neither topic nor request is of the only pending one, if there is one."""
        outcome = Outcome()
        self._answered_at = now
        if refusal.topic is not None:
            self._refuse(refusal.topic, refusal, now, outcome)
            return outcome
        request = self.pending.get(refusal.request) if refusal.request is not None else self._only_pending()
        if request is not None:
            self._split(request, refusal, now, outcome)
        return outcome

    def overdue(self, now: float) -> tuple[Outcome, bool]:
        """Deal with requests that have no whole answer in time; return what that changed, and whether all is lost.

        All is lost when nothing was answered since the request was sent. Else what is left of it is asked for again
        if a part was answered, and treated as refused if none was.
        """
        outcome = Outcome()
        for request in [item for item in self.pending.values() if now >= item.due_at]:
            if self._answered_at < request.sent_at:
                return outcome, True
            if len(request.names) < request.asked and not request.drops:
                self._again(request, [tuple(request.names)])
                continue
            text = f"no answer within {ANSWER_S:g} s, while others were answered"
            self._split(request, Refused(NO_ANSWER, text, request=request.number), now, outcome)
        return outcome, False

    def due_in(self, now: float) -> float:
        """Return the seconds until something here wants to be looked at again."""
        dues = [request.due_at for request in self.pending.values()]
        dues += [at for at in self.refusals.values() if at > now]
        return min(dues, default=float("inf")) - now

    def _ask(self, names: Sequence[str], *, apart: bool = False) -> None:
        for name in names:
            self._stages[name] = Stage.ASK
        if apart:
            self._parts.append(tuple(names))
        else:
            self._asks.update(dict.fromkeys(names))

    def _pardon(self, now: float) -> None:
        """Ask once more for what was refused long ago, apart from the others."""
        again = [name for name, at in self.refusals.items() if at <= now and name in self._wanted]
        if again:
            for name in again:
                del self.refusals[name]
            self._ask(again, apart=True)

    def _leave(self, topic: Topic) -> None:
        """Drop a topic, or forget it if it was never sent for. One that is being asked for is dropped thereafter."""
        match self._stages.get(topic.name):
            case Stage.ON:
                self.confirmed -= 1
                self._stages[topic.name] = Stage.DROP
                self._drops[topic.name] = topic
            case Stage.ASK:
                del self._stages[topic.name]
                self._asks.pop(topic.name, None)
            case Stage.ASKED:
                self._dropping[topic.name] = topic

    def _sent(self, batch: Batch, stage: Stage, now: float) -> bytes:
        self._number += 1
        names = dict.fromkeys(topic.name for topic in batch.topics)
        for name in names:
            self._stages[name] = stage
        self.pending[self._number] = Pending(
            self._number, stage is Stage.DROPPED, names, len(names), now, now + ANSWER_S
        )
        return batch.text

    def _release(self, name: str) -> Pending | None:
        """Take a topic out of its request; an empty request is done."""
        for request in self.pending.values():
            if name in request.names:
                del request.names[name]
                if not request.names:
                    del self.pending[request.number]
                return request
        return None

    def _confirm(self, name: str, outcome: Outcome) -> None:
        request = self._release(name)
        if request is not None and request.drops:
            self._gone(name)
        elif (
            request is not None or self._stages.get(name) is Stage.ASK
        ):  # the latter: split before the answer came
            self._asks.pop(name, None)
            self._turn_on(name, outcome)

    def _turn_on(self, name: str, outcome: Outcome) -> None:
        self._stages[name] = Stage.ON
        self.confirmed += 1
        left = self._dropping.pop(name, None)
        if left is not None and name not in self._wanted:
            self._leave(left)
        elif name in self._wanted:
            outcome.confirmed.append(self._wanted[name])

    def _gone(self, name: str) -> None:
        """Note that a topic is not subscribed any more; ask for it if it is wanted."""
        self._dropping.pop(name, None)
        self._stages.pop(name, None)
        if name in self._wanted and name not in self.refusals:
            self._ask([name])

    def _refuse(self, name: str, refusal: Refused, now: float, outcome: Outcome) -> None:
        request = self._release(name)
        if request is not None and request.drops:
            self._gone(name)
            return
        if (
            request is not None
        ):  # the others have their answers now, or the venue has dropped the whole request
            request.due_at = min(request.due_at, now + REST_S)
        stage = self._stages.pop(name, None)
        if stage is Stage.ON:
            self.confirmed -= 1
        self._asks.pop(name, None)
        self._drops.pop(name, None)
        self._dropping.pop(name, None)
        if name in self._wanted and stage is not None:
            self.refusals[name] = now + ASK_AGAIN_S
            outcome.refused.append((self._wanted[name], refusal))

    def _split(self, request: Pending, refusal: Refused, now: float, outcome: Outcome) -> None:
        """Ask again for the halves of a refused request, or name the culprit."""
        names = list(request.names)
        if request.drops or len(names) == 1:
            for name in names:
                self._refuse(name, refusal, now, outcome)
            return
        middle = (len(names) + 1) // 2
        self._again(request, [names[:middle], names[middle:]])

    def _again(self, request: Pending, parts: Sequence[Sequence[str]]) -> None:
        """Ask for the topics of a request once more, each part by itself."""
        del self.pending[request.number]
        for part in parts:
            for name in part:
                if name not in self._wanted:
                    self._gone(name)
            if wanted := [name for name in part if name in self._wanted]:
                self._ask(wanted, apart=True)

    def _only_pending(self) -> Pending | None:
        return next(iter(self.pending.values())) if len(self.pending) == 1 else None
