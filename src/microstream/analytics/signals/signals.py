"""All signals: when each is computed, and when it is published. Pure."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf

from msgspec import Struct
from msgspec.json import encode

from microstream.analytics.known import Contract, Known
from microstream.analytics.signals import (
    NAMES,
    basis,
    funding_anomaly,
    funding_spread,
    liquidity,
    oi_regime,
    squeeze,
)
from microstream.analytics.signals.basis import Basis
from microstream.analytics.signals.changes import Changes
from microstream.analytics.signals.funding_anomaly import FundingAnomaly
from microstream.analytics.signals.funding_spread import FundingSpread
from microstream.analytics.signals.oi_regime import OiRegime
from microstream.analytics.signals.result import Result
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.signals.squeeze import SqueezeScore
from microstream.model.channels import Channel, channel
from microstream.model.messages import VERSION, BarMessage, InstrumentMessage, Message, SignalMessage

Offer = Callable[[Channel, Message], None]
Remove = Callable[[str, Iterable[str]], None]
"""Takes items out of the last values of a group."""
REPEAT_MS = 60_000
"""A signal that has not changed is published again after so long, so that silence means trouble."""
TICK_MS = 1_000
"""Time between two ticks."""
PORTION = 24
"""Signals that are made in one go, before others have their turn: a millisecond or two."""
WHOLE = "*"
FORMULAS = {
    "basis": basis.FORMULA,
    "funding_spread": funding_spread.FORMULA,
    "funding_anomaly": funding_anomaly.FORMULA,
    "oi_regime": oi_regime.FORMULA,
    "squeeze": squeeze.FORMULA,
    "liquidity": liquidity.FORMULA,
}


class _Said(Struct, gc=False):
    """What was last published of a signal, as bytes that no garbage collector looks into, and when."""

    content: bytes
    at: int


class Signals:
    """Computes every `interval_ms`, published where values have changed; regimes when their bars are finished.

    Signals go to `offer`; those of what is gone are taken out with `remove`.
    """

    def __init__(self, settings: SignalSettings, offer: Offer, remove: Remove) -> None:
        self.published = dict.fromkeys(NAMES, 0)
        self._settings = settings
        self._offer = offer
        self._remove = remove
        self._known = Known()
        self._changes = Changes(
            frozenset({*settings.regime_timeframes, settings.squeeze_timeframe}), settings.min_samples
        )
        self._basis = Basis(settings)
        self._anomaly = FundingAnomaly(settings)
        self._spread = FundingSpread(settings)
        self._regime = OiRegime(settings, self._changes)
        self._squeeze = SqueezeScore(settings, self._changes, self._basis, self._anomaly)
        self._said: dict[Channel, _Said] = {}
        self._channels: dict[tuple[str, str], Channel] = {}
        self._finished: dict[str, None] = {}
        self._due = 0
        self._held: deque[tuple[int, Message]] = deque()
        self._ticked_at, self._until = 0, inf

    def take(self, message: Message, now: int) -> None:
        """Take a message that is published now (ms UTC).

        One that comes when the next tick is due waits until that is done: so a tick, however late and long it is, goes
        by what was published before its time, and all its signals by the same.
        """
        if now < self._until or isinstance(message, BarMessage):
            self._take(message)
        else:
            self._held.append((now, message))

    def _take(self, message: Message) -> None:
        if isinstance(message, InstrumentMessage):
            self._learn(message)
        elif isinstance(message, BarMessage):
            key = f"{message.exchange}:{message.symbol}"
            if self._changes.take(key, message):
                self._finished[key] = None
        else:
            self._known.take(message)

    def ticking(self, now: int) -> Iterator[None]:
        """Compute what is due, in steps."""
        self._release(now if now > self._ticked_at else inf)  # time that stands still would hold all for ever
        self._ticked_at, self._until = now, -inf
        try:
            yield from self._regimes(now)
            if now >= self._due:
                yield from self._all(now)
        finally:
            self._until = now + TICK_MS
            self._release(now + TICK_MS)

    def _release(self, until: float) -> None:
        """Take what was published before a time."""
        while self._held and self._held[0][0] < until:
            self._take(self._held.popleft()[1])

    def _all(self, now: int) -> Iterator[None]:
        """Tell all signals but the regimes."""
        self._due = now - now % self._settings.interval_ms + self._settings.interval_ms
        count = 0
        for coin in list(self._known.coins):
            count += self._of_coin(coin, now)
            if count >= PORTION:
                count = 0
                yield

    def _regimes(self, now: int) -> Iterator[None]:
        """Tell the regimes of contracts whose bars have finished."""
        finished, self._finished = self._finished, {}
        for count, key in enumerate(finished, 1):
            contract = self._known.contracts.get(key)
            if contract is not None:
                self._tell("oi_regime", contract.key, contract, self._regime.of_contract(contract, now), now)
            if not count % PORTION:
                yield

    def _of_coin(self, coin: str, now: int) -> int:
        """Tell all signals of a coin and of its contracts; return how many were made."""
        known, subject = self._known, coin.lower()
        results = self._basis.of_coin(coin, known, now)
        for contract in known.coins.get(coin, ()):
            self._tell("basis", contract.key, contract, results.get(contract), now)
            self._tell(
                "funding_anomaly", contract.key, contract, self._anomaly.of_contract(contract, now), now
            )
            self._tell("squeeze", contract.key, contract, self._squeeze.of_contract(contract, now), now)
        self._tell("funding_spread", subject, None, self._spread.of_coin(coin, known, now), now)
        self._tell("liquidity", subject, None, liquidity.of_coin(coin, known, now), now)
        return 2 + 3 * len(known.coins.get(coin, ()))

    def _tell(
        self, name: str, subject: str, contract: Contract | None, result: Result | None, now: int
    ) -> None:
        """Publish a result that says something else than the last one, or is due again."""
        if result is None or result.newest is None:
            return
        where = self._channels.get((name, subject))
        if where is None:
            where = self._channels[name, subject] = channel("signal", name, subject)
        said, content = self._said.get(where), encode((result.values, result.excluded, result.reasons))
        if said is not None and now - said.at < REPEAT_MS and said.content == content:
            return
        self._said[where] = _Said(content, now)
        self.published[name] += 1
        self._offer(where, _message(name, subject, contract, result, result.newest))

    def _learn(self, row: InstrumentMessage) -> None:
        if row.status != "delisted":
            self._known.learn(row)
            return
        key = f"{row.exchange}:{row.symbol}"
        gone = self._known.forget(key)
        self._basis.forget(key)
        self._anomaly.forget(key)
        self._changes.forget(key)
        self._finished.pop(key, None)
        for name in ("basis", "funding_anomaly", "oi_regime", "squeeze"):
            self._withdraw(name, key)
        if gone is not None and gone.base not in self._known.coins:
            for name in ("funding_spread", "liquidity"):
                self._withdraw(name, gone.base.lower())

    def _withdraw(self, name: str, subject: str) -> None:
        """Take the signal of what is gone out of the last values."""
        where = self._channels.pop((name, subject), None)
        if where is not None:
            self._said.pop(where, None)
            self._remove(where.group, (subject,))


def _message(
    name: str, subject: str, contract: Contract | None, result: Result, newest: Message
) -> SignalMessage:
    return SignalMessage(
        VERSION,
        WHOLE if contract is None else contract.exchange,
        subject if contract is None else contract.symbol,
        None if contract is None else contract.instrument,
        None,
        newest.received_at,
        newest.source,
        0,
        0,
        tuple(result.reasons),
        name,
        subject,
        FORMULAS[name],
        result.values,
        result.inputs,
        result.excluded,
    )
