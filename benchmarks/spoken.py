"""A market said to the signals, with histories as long as they get."""

import os
from random import Random

from benchmarks.observe import memory_mb
from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.signals.signals import Signals
from microstream.analytics.timeframes import TIMEFRAMES
from microstream.model.channels import Channel
from microstream.model.messages import (
    VERSION,
    BarMessage,
    FundingMessage,
    InstrumentMessage,
    MarkPriceMessage,
    Message,
    OpenInterestMessage,
    Range,
)

COINS = 47
VENUES = ("binance", "bybit", "okx")
NOW = 1_790_000_000_000
MINUTE_MS = 60_000
FULL = 1_440


class FullHistories:
    """Signals whose histories are full; `memory_mb` is what they take beside the messages."""

    def __init__(self) -> None:
        self.made = 0
        self._signals = Signals(SignalSettings(), self._offer, lambda _group, _items: None)
        self._random = Random(1)
        self._contracts = [
            (venue, f"coin{coin}usdt", f"COIN{coin}/USDT:USDT") for coin in range(COINS) for venue in VENUES
        ]
        for venue, symbol, instrument in self._contracts:
            self._signals.take(_row(venue, symbol, instrument), 0)
        self.contracts = len(self._contracts)
        self._now = NOW
        self.round()
        before = memory_mb(os.getpid())["VmRSS"]
        self._fill()
        self.memory_mb = memory_mb(os.getpid())["VmRSS"] - before

    def round(self) -> None:
        """Say new values of every contract, and compute all signals."""
        self._now += 5_000
        self.made = 0
        for contract in self._contracts:
            for message in self._values(*contract):
                self._signals.take(message, self._now - 1)
        for _ in self._signals.ticking(self._now):
            pass

    def _offer(self, _where: Channel, _message: Message) -> None:
        self.made += 1

    def _fill(self) -> None:
        """Fill the histories with a minute a step, of rates, basis and bars alike."""
        for step in range(FULL):
            self._now += MINUTE_MS
            for venue, symbol, instrument in self._contracts:
                if step % 24 == 0:
                    self._signals.take(self._values(venue, symbol, instrument)[1], self._now - 1)
                for timeframe in ("1m",) if step >= 300 else SignalSettings().regime_timeframes:
                    self._signals.take(self._bar(venue, symbol, instrument, timeframe, step), self._now - 1)
            if step % 24 == 0:
                for _ in self._signals.ticking(self._now):
                    pass

    def _values(self, venue: str, symbol: str, instrument: str) -> tuple[Message, Message, Message]:
        at, noise = self._now, self._random.uniform(-1, 1)
        head = (VERSION, venue, symbol, instrument, at, at, "ws", 0, 0, ())
        price, rate = 100.0 + noise, 1e-4 * (1 + noise)
        return (
            MarkPriceMessage(*head, price, 100.0, noise, 100 * noise, at),
            FundingMessage(
                *head,
                rate,
                rate * 100,
                8.0,
                rate,
                rate * 1095,
                at + MINUTE_MS,
                None,
                None,
                0.003,
                -0.003,
                price,
                100.0,
            ),
            OpenInterestMessage(*head, 1e6, 1e6 + noise, 1e8 + noise, "USD", "venue"),
        )

    def _bar(self, venue: str, symbol: str, instrument: str, timeframe: str, step: int) -> BarMessage:
        length_ms = TIMEFRAMES[timeframe]
        begin, noise = NOW + step * length_ms, self._random.uniform(-1, 1)
        price, coins = (Range(value, value, value, value, 1, 0) for value in (100.0 + noise, 1e6 + noise))
        head = (VERSION, venue, symbol, instrument, begin, begin, "ws", 0, 0, ())
        values = (price, None, None, None, coins, None, 1.0, 0)
        return BarMessage(*head, timeframe, begin, begin + length_ms, *values)


def _row(venue: str, symbol: str, instrument: str) -> InstrumentMessage:
    head = (VERSION, venue, symbol, instrument, None, NOW, "rest", 0, 0, ())
    terms = ("USDT", "USDT", "perpetual", 1.0, 1.0, 0.01, 8.0, 0.003, -0.003, "live", None, None, {})
    return InstrumentMessage(*head, symbol, *terms)
