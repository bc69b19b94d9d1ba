"""What a sample costs for all its bars, and what a second of a contract costs to close, fold and publish.

A message of the mark_price family has three samples: mark, index and basis. They come three times a second here, in
order. A closed second is folded into the longer timeframes and published; what more of them add is the difference.
"""

from collections.abc import Callable, Iterator
from itertools import count

from benchmarks.calibration import Figure, measure
from benchmarks.table import table
from microstream.analytics.bars import Bars, BarSettings
from microstream.analytics.timeframes import TIMEFRAMES
from microstream.model.channels import Channel, channel
from microstream.model.messages import VERSION, MarkPriceMessage, Message

CONTRACTS = 1_400
"""About as many as three venues have."""
SAMPLES = 3
A_SECOND = 3
"""Messages of a contract."""
NOW = 1_790_000_000_000
GOAL_US = 2.0
SHOWN = ("1s", "1s 5s 15s 30s 1m", " ".join(TIMEFRAMES))


def main() -> None:
    """Print the costs for one, five and fifteen timeframes."""
    works: dict[str, Callable[[], object]] = {}
    for shown in SHOWN:
        works[f"take {shown}"], works[f"second {shown}"] = _works(frozenset(shown.split()))
    figures = measure(works)
    table(
        ("timeframes", "us/sample", "goal", "sample/loop", "us/second of a contract", "second/loop"),
        [_row(shown, figures[f"take {shown}"], figures[f"second {shown}"]) for shown in SHOWN],
    )


def _row(shown: str, take: Figure, second: Figure) -> tuple[str, ...]:
    samples = CONTRACTS * SAMPLES
    return (
        str(len(shown.split())),
        f"{take.seconds * 1e6 / samples:.2f}",
        f"{GOAL_US:.0f}",
        f"{take.ratio / samples:.4f}",
        f"{(second.seconds - A_SECOND * take.seconds) * 1e6 / CONTRACTS:.2f}",
        f"{(second.ratio - A_SECOND * take.ratio) / CONTRACTS:.3f}",
    )


def _works(timeframes: frozenset[str]) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return the work of a message of every contract, and that of a second: its messages, then its end."""
    return _taking(timeframes), _second(timeframes)


def _taking(timeframes: frozenset[str]) -> Callable[[], object]:
    bars, channels, times = _bars(timeframes), _channels(), count(NOW, 300)

    def work() -> None:
        _say(bars, channels, next(times))

    return work


def _second(timeframes: frozenset[str]) -> Callable[[], object]:
    bars, channels, seconds = _bars(timeframes), _channels(), count(NOW, 1_000)

    def work() -> None:
        begin = next(seconds)
        for part in range(A_SECOND):
            _say(bars, channels, begin + 300 * part)
        bars.tick(begin + 1_000)

    return work


def _bars(timeframes: frozenset[str]) -> Bars:
    offered: list[Message] = []

    def offer(_where: Channel, message: Message) -> None:
        offered.append(message)
        if len(offered) > CONTRACTS:
            offered.clear()

    return Bars(BarSettings(timeframes), {"bybit": frozenset({"mark_price"})}, offer)


def _channels() -> list[Channel]:
    return [channel("mark_price", "bybit", f"coin{number}usdt") for number in range(CONTRACTS)]


def _say(bars: Bars, channels: list[Channel], at: int) -> None:
    for where, message in zip(channels, _messages(at), strict=True):
        bars.take(where, message, at)


def _messages(at: int) -> Iterator[MarkPriceMessage]:
    for number in range(CONTRACTS):
        name, price = f"coin{number}usdt", 100.0 + at % 977
        yield MarkPriceMessage(
            VERSION, "bybit", name, name, at, at, "ws", 0, 0, (), price, 100.0, price - 100.0, price, at
        )
