"""A small market of several venues, said to the signals message by message."""

from collections.abc import Iterable
from typing import Any

from msgspec import json
from tests.unit.analytics.said import NOON, funding, instrument, mark_price, open_interest

from microstream.analytics.signals.settings import SignalSettings
from microstream.analytics.signals.signals import Signals
from microstream.model.channels import Channel, channel
from microstream.model.messages import BarMessage, Message, Range, SignalMessage, SpotMessage

HOUR = 3_600_000
NAMES = {"binance": "{}usdt", "bybit": "{}usdt", "okx": "{}-usdt"}


class Market:
    """Signals, what they publish, and what they take out of the last values."""

    def __init__(self, **settings: Any) -> None:
        self.made: list[SignalMessage] = []
        self.removed: list[tuple[str, str]] = []
        self.signals = Signals(SignalSettings(**settings), self._offer, self._remove)
        self.now = NOON

    def _offer(self, where: Channel, message: Message) -> None:
        assert isinstance(message, SignalMessage)
        assert where == channel("signal", message.name, message.subject)
        json.encode(message)
        self.made.append(message)

    def _remove(self, group: str, items: Iterable[str]) -> None:
        self.removed += [(group, item) for item in items]

    def say(self, *messages: Message) -> None:
        """Publish messages."""
        for message in messages:
            self.signals.take(message, self.now)

    def list_contract(self, exchange: str, coin: str = "sol", **row: Any) -> dict[str, Any]:
        """Let the registry have a perpetual in USDT; return the keys that its messages begin with."""
        keys = {"exchange": exchange, "symbol": NAMES[exchange].format(coin)}
        keys["instrument"] = row.pop("instrument", f"{coin.upper()}/USDT:USDT")
        keys["symbol"] = row.pop("symbol", keys["symbol"])
        self.say(instrument(**keys, base=coin.upper(), **row))
        return keys

    def perpetual(
        self,
        exchange: str,
        *,
        rate: float | None = 0.0001,
        hours: float | None = 8.0,
        mark: float = 100.0,
        value: float | None = 1e9,
        settles_at: int | None = NOON + HOUR,
        flags: tuple[str, ...] = (),
        row: dict[str, Any] | None = None,
        **keys: Any,
    ) -> None:
        """Say everything of a perpetual."""
        known = self.list_contract(exchange, **(row or {}))
        rate_8h = None if rate is None or not hours else rate * 8 / hours
        apr = None if rate is None or not hours else rate * 8760 / hours
        said = {"funding_interval_hours": hours, "funding_rate_8h": rate_8h, "funding_apr": apr}
        said |= {"next_funding_time": settles_at, "flags": flags} | keys
        self.say(
            mark_price(self.now, mark, mark, **known),
            funding(self.now, rate, **known, **said),
            open_interest(self.now, 5.0, value, **known),
        )

    def tick(self, now: int | None = None) -> None:
        """Let the signals be computed."""
        self.now = self.now if now is None else now
        for _ in self.signals.ticking(self.now):
            pass

    def of(self, name: str, subject: str) -> list[SignalMessage]:
        """Return what was published of a signal."""
        return [message for message in self.made if (message.name, message.subject) == (name, subject)]

    def newest(self, name: str, subject: str) -> SignalMessage:
        """Return the last word on a signal."""
        return self.of(name, subject)[-1]

    def bar(
        self, timeframe: str, open_time: int, length_ms: int, close: float, coins: float, **keys: Any
    ) -> None:
        """Finish a bar of the Bybit contract."""

        def whole(value: float) -> Range:
            return Range(value, value, value, value, 1, 10)

        head: dict[str, Any] = {
            "v": 1,
            "exchange": "bybit",
            "symbol": "solusdt",
            "instrument": "SOL/USDT:USDT",
            "timestamp": open_time + length_ms,
            "received_at": open_time + length_ms,
            "source": "ws",
            "run": 0,
            "seq": 0,
            "flags": (),
            "timeframe": timeframe,
            "open_time": open_time,
            "close_time": open_time + length_ms,
            "mark": whole(close),
            "index": None,
            "basis_bps": None,
            "funding_rate": None,
            "open_interest": whole(coins),
            "open_value": None,
            "coverage": 1.0,
            "late": 0,
        }
        self.say(BarMessage(**(head | keys)))


def spot(
    at: int, exchange: str, mid: float | None, *, pair: str = "SOL/USDT", multiplier: float = 1.0
) -> SpotMessage:
    """Return the quotes of a spot pair."""
    return SpotMessage(
        v=1,
        exchange=exchange,
        symbol=pair.replace("/", "").lower(),
        instrument=pair,
        timestamp=at,
        received_at=at,
        source="ws",
        run=0,
        seq=0,
        flags=(),
        bid=mid,
        ask=mid,
        mid=mid,
        last=None,
        multiplier=multiplier,
    )
