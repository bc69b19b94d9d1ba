"""What monitor says at its end: messages, ages and holes, by family and by channel."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table

from microstream.cli import figures
from microstream.cli.tally import ChannelTally
from microstream.cli.watch import Watch

FEW_CHANNELS = 40
NAMED = 5
PLAIN_WIDTH = 120
"""Columns of the summary where it goes to a file or a pipe."""


def print_summary(console: Console, watch: Watch, *, server: str, now_ms: int, verbose: bool) -> None:
    """Print the counts; every channel with `verbose` or where they are few."""
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    for text in headlines(watch, server, now_ms):
        console.print(text, soft_wrap=True, highlight=False)
    channels = list(watch.tally.channels.values())
    if not channels:
        return
    console.print(_families(channels, watch.tally.seconds(), now_ms))
    if verbose or len(channels) <= FEW_CHANNELS:
        console.print()
        console.print(_channels(sorted(channels, key=lambda channel: channel.channel), now_ms))
    else:
        _print_outstanding(console, channels, now_ms)


def headlines(watch: Watch, server: str, now_ms: int) -> Iterator[str]:
    """Yield what arrived, or that nothing did and why, a sentence each."""
    tally = watch.tally
    seconds = tally.seconds()
    if not tally.messages:
        yield f"nothing arrived from {server} in {seconds:.1f} s"
        if watch.away is not None:
            yield f"the server is away: {watch.away}"
            yield "start the service (an embedded server runs with it), or name another server with --redis"
        elif watch.connected:
            yield "connected, but nothing is published: is the service running, and does the pattern fit?"
        return
    yield (
        f"{_number(tally.messages, 'message')} on {_number(len(tally.channels), 'channel')} of {server} "
        f"in {seconds:.1f} s, "
        f"{tally.last_values} of them last values; {_holes(tally.missing)}"
    )
    if tally.messages == tally.last_values:
        newest = max(channel.newest_ms for channel in tally.channels.values())
        yield f"nothing arrived live; the newest last value is {figures.age(newest, now_ms)} old"
    if tally.unreadable:
        yield f"{_number(tally.unreadable, 'message')} could not be read"
    if watch.reconnects:
        times = _number(watch.reconnects, "time")
        yield f"the server was away {times}; what was published meanwhile counts as holes"
    if watch.away is not None:
        yield f"the server is away: {watch.away}"


def _holes(missing: int) -> str:
    return f"holes in seq: {_number(missing, 'number')} missing" if missing else "no holes in seq"


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _families(channels: Iterable[ChannelTally], seconds: float, now_ms: int) -> Table:
    groups: dict[tuple[str, str], list[ChannelTally]] = {}
    for channel in channels:
        groups.setdefault((channel.family, channel.exchange), []).append(channel)
    table = _table(
        "family", "exchange", numbers=("channels", "messages", "per s", "newest", "oldest", "holes")
    )
    for (family, exchange), members in sorted(groups.items()):
        messages = sum(member.messages for member in members)
        live = messages - sum(member.last_values for member in members)
        table.add_row(
            family,
            exchange,
            str(len(members)),
            str(messages),
            f"{live / seconds:.1f}" if seconds else figures.UNKNOWN,
            figures.age(max(member.newest_ms for member in members), now_ms),
            figures.age(min(member.newest_ms for member in members), now_ms),
            str(sum(member.missing for member in members)),
        )
    return table


def _channels(channels: Iterable[ChannelTally], now_ms: int) -> Table:
    table = _table("channel", numbers=("messages", "age", "holes"))
    for channel in channels:
        age = figures.age(channel.newest_ms, now_ms)
        table.add_row(channel.channel, str(channel.messages), age, str(channel.missing))
    return table


def _print_outstanding(console: Console, channels: list[ChannelTally], now_ms: int) -> None:
    """Print the busiest and the oldest channels, and those with holes."""
    busiest = sorted(channels, key=lambda channel: -channel.messages)[:NAMED]
    oldest = sorted(channels, key=lambda channel: channel.newest_ms)[:NAMED]
    holed = sorted((channel for channel in channels if channel.missing), key=lambda channel: -channel.missing)
    for title, chosen in (("busiest", busiest), ("oldest", oldest), ("with holes", holed[:NAMED])):
        if chosen:
            console.print(f"\n{title} of {len(holed) if chosen == holed[:NAMED] else len(channels)}")
            console.print(_channels(chosen, now_ms))
    console.print("\nevery channel: --verbose")


def _table(*texts: str, numbers: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in texts:
        table.add_column(title, no_wrap=True)
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table
