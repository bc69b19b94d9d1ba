"""Every REST parser and every WebSocket session, from bytes to events.

Bodies are those of the simulated venues, with every contract followed. `row` is one contract at one time; a row of
frames is one push, and a body all frames that one connection gets for one value of each contract.
"""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.bodies import bodies_of, context_of
from benchmarks.calibration import measure
from benchmarks.frames import frames_of
from benchmarks.processes import simulator
from benchmarks.table import table
from microstream import venues
from microstream.model.frame import Frame
from microstream.spec.rest import Context
from microstream.spec.venue import Venue

RECEIVED_AT = 1_790_000_000_000

Read = Callable[[], Sequence[Frame]]
Case = tuple[str, int, int, Callable[[], object]]
"""Name, bytes, rows, and the work."""


def main() -> None:
    """Print what a body and a row cost."""
    with simulator() as urls:
        cases = [case for name in venues.REGISTRY for case in _cases(venues.load(name), urls[name])]
    figures = measure({name: work for name, _, _, work in cases})
    table(
        ("body or frames", "kB", "rows", "us/body", "us/row", "row/loop"),
        [
            (
                name,
                f"{size / 1000:.1f}",
                str(count),
                f"{figures[name].seconds * 1e6:.1f}",
                f"{figures[name].seconds * 1e6 / count:.2f}",
                f"{figures[name].ratio / count:.3f}",
            )
            for name, size, count, _ in cases
        ],
    )


def _cases(venue: Venue, url: str) -> Iterator[Case]:
    bodies = bodies_of(venue, url)
    pages = [page for pages in bodies.lists.values() for page in pages]
    listed = venue.instruments.build(bodies.lists).instruments
    yield (
        f"{venue.name} build()",
        sum(map(len, pages)),
        len(listed),
        lambda: venue.instruments.build(bodies.lists),
    )
    context = context_of(listed)
    for feed, body in bodies.replies.items():
        yield _case(f"{venue.name} {feed}", [body], _body_reader(venue, feed, body, context))
    for name, frames in frames_of(venue.name, bodies.replies).items():
        yield _case(f"{venue.name} ws {name}", frames, _frame_reader(venue, frames, context))


def _case(name: str, data: Sequence[bytes], read: Read) -> Case:
    frames = read()
    rows = sum(len({(event.key, event.timestamp) for event in frame.events}) for frame in frames)
    if not rows and frames[0].server_time is None:
        raise SystemExit(f"{name}: nothing was read from {data[0][:200]!r}")
    return name, sum(map(len, data)), rows or 1, read


def _body_reader(venue: Venue, feed: str, body: bytes, context: Context) -> Read:
    parse = venue.feeds[feed].parse

    def read() -> Sequence[Frame]:
        frame = Frame(feed, RECEIVED_AT, "rest")
        parse(body, context, frame)
        return [frame]

    return read


def _frame_reader(venue: Venue, frames: Sequence[bytes], context: Context) -> Read:
    """Read the same frames again and again, as one connection."""
    session = venue.session()

    def read() -> Sequence[Frame]:
        result = []
        for data in frames:
            frame = Frame("ws", RECEIVED_AT, "ws")
            session.on_frame(data, context, frame)
            result.append(frame)
        return result

    return read
