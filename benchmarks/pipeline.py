"""Events to messages, as the core does it; and what looking for silence costs.

Each contract has the four events of a Bybit row (mark, index, funding, open interest), which make three messages when
values have changed and none when they are repeated before they are due.
"""

from collections.abc import Callable

from benchmarks.calibration import Figure, measure
from benchmarks.table import table
from microstream.model.channels import Channel
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.messages import Message
from microstream.model.state import Upkeep
from microstream.pipeline.pipeline import Pipeline
from microstream.services import SERVICES

SIZES = (1, 10, 100, 1000)
FOLLOWED = 1_400
"""About as many contracts as three venues have."""
VENUES = 3
NOW = 1_790_000_000_000
INTERVAL_MS = 10_000
EVENTS = 4


def main() -> None:
    """Print what an event and a message cost, then a tick."""
    works: dict[str, Callable[[], object]] = {}
    messages: dict[str, int] = {}
    for size in SIZES:
        for name, variants in (("changed", 2), ("repeated", 1)):
            case = f"{size} {name}"
            works[case], messages[case] = _push(size, variants)
    works["tick"] = _tick()
    figures = measure(works)
    table(
        ("contracts", "messages", "us/push", "us/event", "us/message", "event/loop"),
        [_row(case, figures[case], messages[case]) for case in messages],
    )
    tick = figures["tick"]
    table(
        ("tick()", "us", "us/contract", "tick/loop"),
        [
            (
                f"{FOLLOWED} contracts",
                f"{tick.seconds * 1e6:.0f}",
                f"{tick.seconds * 1e6 / FOLLOWED:.2f}",
                f"{tick.ratio:.0f}",
            )
        ],
    )


def _row(case: str, figure: Figure, messages: int) -> tuple[str, ...]:
    events = int(case.partition(" ")[0]) * EVENTS
    us = figure.seconds * 1e6
    each = f"{us / messages:.2f}" if messages else "-"
    return case, str(messages), f"{us:.1f}", f"{us / events:.2f}", each, f"{figure.ratio / events:.3f}"


def _push(size: int, variants: int) -> tuple[Callable[[], object], int]:
    """Return the work of one reply, and how many messages it makes when it is not the first."""
    offered: list[Channel] = []

    def offer(channel: Channel, _message: Message) -> None:
        offered.append(channel)

    pipeline, followed = _pipeline(size, offer)
    frames = [[_frame(followed, variant)] for variant in range(variants)]
    count = 0

    def work() -> None:
        nonlocal count
        offered.clear()
        count += 1
        pipeline.push(frames[count % variants], INTERVAL_MS // 2)

    for _ in range(3):
        work()
    return work, len(offered)


def _tick() -> Callable[[], object]:
    pipeline, followed = _pipeline(FOLLOWED, lambda _channel, _message: None)
    pipeline.push([_frame(followed, 0)])
    return lambda: pipeline.tick(NOW + 1000)


def _pipeline(size: int, offer: Callable[[Channel, Message], None]) -> tuple[Pipeline, list[Instrument]]:
    services = tuple(SERVICES.values())
    pipeline = Pipeline(services, offer, lambda *_: None, lambda _: None)
    followed = [_instrument(number) for number in range(size)]
    for instrument in followed:
        pipeline.follow(instrument, {service.family: Upkeep(INTERVAL_MS, 5_000, NOW) for service in services})
    return pipeline, followed


def _instrument(number: int) -> Instrument:
    base = f"C{number:04}"
    return Instrument(
        exchange=("binance", "bybit", "okx")[number % VENUES],
        name=f"{base}USDT",
        symbol=f"{base.lower()}usdt",
        instrument=f"{base}/USDT:USDT",
        base=base,
        venue_base=base,
        quote="USDT",
        settle="USDT",
        kind="perpetual",
        funding_interval_hours=8.0,
        rate_cap=0.02,
        rate_floor=-0.02,
    )


def _frame(followed: list[Instrument], variant: int) -> Frame:
    frame = Frame("tickers", NOW, "rest")
    for number, instrument in enumerate(followed):
        price = 187.654321 + number + variant / 100
        frame.mark(instrument, NOW - 40, f"{price:.6f}")
        frame.index(instrument, NOW - 40, f"{price + 0.01:.6f}")
        frame.funding(
            instrument,
            NOW - 40,
            rate=0.0001 + variant / 1e6,
            settles_at=NOW + 3_600_000,
            interval_h=8.0,
            cap=0.02,
            floor=-0.02,
        )
        frame.open_interest(
            instrument, NOW - 40, contracts=63_910_691.0 + variant, value=1e9 + variant, value_ccy="USDT"
        )
    return frame
