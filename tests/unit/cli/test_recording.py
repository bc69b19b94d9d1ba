"""What the tap has kept, read back by `microstream decode`."""

import asyncio
import gzip
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.cli import recording
from microstream.cli.recording import Recorded, recorded
from microstream.clock import SystemClock
from microstream.transport.tap import Tap, TapSettings
from microstream.transport.tap_format import HEADER, Row, line

AT = 1_795_320_930_000
HEAD = gzip.compress(HEADER, mtime=0)


def push(kind: str, symbol: str, cs: int, **values: str) -> bytes:
    """Return a frame of Bybit's tickers."""
    data = {"symbol": symbol, **values}
    topic = f"tickers.{symbol}"
    return json.dumps({"topic": topic, "type": kind, "data": data, "cs": cs, "ts": AT}).encode()


def taken(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Return the files that a tap makes of frames."""

    async def run() -> None:
        tap = Tap(TapSettings(folder), SystemClock())
        for row in rows:
            tap.keep(row.exchange, row.connection, row.frame, row.received_at)
        running = asyncio.create_task(tap.run())
        await asyncio.wait([running], timeout=0)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(run())
    return sorted(folder.glob("*.tap.gz"))


def decode(*arguments: str | Path, stdin: bytes = b"") -> tuple[list[dict[str, Any]], list[str], int]:
    """Return payloads, lines on standard error and exit code of the command."""
    command = [sys.executable, "-m", "microstream", "decode", *map(str, arguments)]
    done = subprocess.run(
        command, input=stdin, capture_output=True, timeout=30, check=False, env={"PATH": ""}
    )
    payloads = [json.loads(text) for text in done.stdout.splitlines()]
    return payloads, done.stderr.decode().splitlines(), done.returncode


def read(data: bytes, exchange: str = "okx") -> tuple[list[Recorded], list[tuple[int, str]]]:
    """Return what is read of a recording, and what is complained about."""
    told: list[tuple[int, str]] = []
    rows = list(recorded(io.BytesIO(data), exchange, lambda number, text: told.append((number, text))))
    return rows, told


BYBIT = [
    Row(AT, "bybit", "linear#1", push("snapshot", "BTCUSDT", 1, markPrice="84000", indexPrice="84010")),
    Row(AT + 50, "bybit", "linear#2", push("delta", "BTCUSDT", 2, markPrice="1")),
    Row(AT + 70, "okx", "public#1", b"pong"),
    Row(
        AT + 100,
        "bybit",
        "linear#2",
        push("snapshot", "ETHUSDT", 3, markPrice="2700", indexPrice="2701") + b"\n",
    ),
    Row(AT + 200, "bybit", "linear#1", push("delta", "BTCUSDT", 4, markPrice="84001")),
    Row(AT + 300, "bybit", "linear#2", push("delta", "ETHUSDT", 5, markPrice="2702")),
]


def test_a_tap_is_decoded_as_it_was_received(tmp_path: Path) -> None:
    """Each connection has a session of its own, each frame its time of receipt; other venues are passed over."""
    paths = taken(tmp_path, BYBIT)
    assert [path.name.split("-")[0] for path in paths] == ["bybit", "okx"]
    payloads, complaints, code = decode("bybit", "ws", paths[0])
    assert [(item["symbol"], item["mark_price"], item["received_at"]) for item in payloads] == [
        ("btcusdt", 84000, AT),
        ("ethusdt", 2700, AT + 100),
        ("btcusdt", 84001, AT + 200),
        ("ethusdt", 2702, AT + 300),
    ]
    assert complaints == ["line 3: tickers.BTCUSDT: a delta came before its snapshot"]
    assert code == 1


def test_files_that_were_joined_and_standard_input(tmp_path: Path) -> None:
    """`cat` of several files is read from standard input, packed or not; `--received-at` overrides the times."""
    good = [row for row in BYBIT if b'"BTCUSDT"' not in row.frame or row.connection == "linear#1"]
    first = taken(tmp_path / "1", good[:3])
    second = taken(tmp_path / "2", good[3:])
    packed = b"".join(path.read_bytes() for path in (*first, *second))
    payloads, complaints, code = decode("bybit", "ws", stdin=packed)
    assert ([item["mark_price"] for item in payloads], complaints, code) == (
        [84000, 2700, 84001, 2702],
        [],
        0,
    )
    plain = gzip.decompress(packed)
    assert decode("bybit", "ws", "-", stdin=plain)[0][3]["received_at"] == AT + 300
    stated, _, _ = decode("bybit", "ws", "--received-at", str(AT + 7), stdin=plain)
    assert {item["received_at"] for item in stated} == {AT + 7}


def test_lines_that_were_picked_out_need_no_header() -> None:
    """What `zcat | grep` leaves of a tap is known by its columns."""
    rows, told = read(line(Row(1, "okx", "a#1", b"{}")) + line(Row(2, "okx", "b#1", b"[]")))
    assert rows == [Recorded(1, 1, "a#1", b"{}"), Recorded(2, 2, "b#1", b"[]")]
    assert told == []


@pytest.mark.parametrize("packed", [False, True])
def test_plain_frames_are_no_tap(packed: bool) -> None:
    """A frame a line, with any line ends, has neither time nor connection; blank lines are none."""
    text = b'{"a":1}\r\n\n  \n{"b":2}'
    rows, told = read(gzip.compress(text) if packed else text)
    assert rows == [Recorded(1, None, "", b'{"a":1}'), Recorded(4, None, "", b'{"b":2}')]
    assert told == []


def test_malformed_lines_are_told_and_the_rest_is_read() -> None:
    """Each with its number and the reason; comments and empty frames are none."""
    good = line(Row(1, "okx", "c", b"{}"))
    bad = [
        b"nonsense\n",
        b"2\tokx\tc\tescaped:\\q\n",
        b"# microstream tap 9: x\n",
        b"# a note\n",
        b"3\tokx\tc\t\n",
    ]
    rows, told = read(HEADER + b"".join(bad) + good)
    assert [row.line for row in rows] == [7]
    assert [(number, text.split(" ")[0]) for number, text in told] == [(2, "not"), (3, "a"), (4, "written")]


def test_a_tap_of_another_venue_is_told() -> None:
    """Nothing printed and no word about it would look like a venue that says nothing."""
    rows, told = read(HEADER + line(Row(1, "bybit", "c", b"{}")))
    assert (rows, told) == ([], [(2, "no frame of okx up to here; there is bybit")])
    assert read(HEADER) == ([], [])
    assert read(b"") == ([], [])


@given(cut=st.integers(0, 10_000), piece=st.sampled_from([2, 9, 16, 100, 1 << 14]))
def test_a_file_that_was_cut_off_is_read_up_to_there(cut: int, piece: int) -> None:
    """Of a file cut anywhere, whole writes are read in full, and the cut is told unless it falls between two."""
    members = [HEAD, *(gzip.compress(line(Row(n, "okx", "c", b"{}")) * 3, mtime=0) for n in range(1, 4))]
    whole = b"".join(members)
    cut %= len(whole) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "PIECE", piece)
        rows, told = read(whole[:cut])
        joined, told_joined = read(whole[:cut] + whole)
    ends = [sum(map(len, members[: n + 1])) for n in range(4)]
    assert len(rows) >= 3 * sum(end <= cut for end in ends[1:])
    if cut > len(recording.GZIP_MAGIC):
        assert bool(told) == (cut not in ends)
        assert len(told_joined) == len(told)
        assert len(joined) == len(rows) + 9


def test_damage_costs_no_more_than_its_member() -> None:
    """A member that cannot be unpacked is told, those before and behind it are read."""
    members = [bytearray(gzip.compress(line(Row(n, "okx", "c", b"{}")), mtime=0)) for n in range(3)]
    members[1][12:20] = b"\xff" * 8
    rows, told = read(HEAD + b"".join(members))
    assert [row.received_at for row in rows] == [0, 2]
    assert [number for number, _ in told] == [3]
    assert "cut off or damaged" in told[0][1]


@given(
    st.binary(max_size=300), st.sampled_from([b"", HEADER, HEAD, HEAD[:11], HEAD + HEAD[:30], b"1\tokx\t"])
)
def test_no_bytes_are_a_crash(data: bytes, head: bytes) -> None:
    """Whatever a file holds, it is read or told."""
    rows, told = read(head + data)
    assert all(row.frame.strip() for row in rows)
    assert all(number >= 1 and text for number, text in told)


def test_what_is_no_recording_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end does not fill the memory."""
    monkeypatch.setattr(recording, "LONGEST_LINE", 1 << 20)
    rows, told = read(b"x" * (3 << 20))
    assert (rows, told) == ([], [(1, "longer than 1 MB: this is no recording of frames")])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A recording of 18 MB is read within less than half of it."""
    path = tmp_path / "okx.tap.gz"
    member = gzip.compress(
        b"".join(line(Row(n, "okx", "c", b"[%d]" % n * 50)) for n in range(5000)), 1, mtime=0
    )
    with path.open("wb") as file:
        for _ in range(12):
            file.write(member)
    tracemalloc.start()
    with path.open("rb") as source:
        count = sum(1 for _ in recorded(source, "okx", lambda number, text: pytest.fail(f"{number}: {text}")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 8 << 20
