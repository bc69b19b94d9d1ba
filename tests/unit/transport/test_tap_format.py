"""The lines of the tap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.transport.tap_format import HEADER, Row, check_comment, line, parse

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1
)
FRAMES = st.binary() | st.text().map(str.encode) | st.binary().map(lambda tail: b"escaped:" + tail)


@given(st.integers(0, 10**15 - 1), NAMES, FRAMES)
def test_every_frame_survives(received_at: int, connection: str, frame: bytes) -> None:
    """Whatever a frame is made of, it takes one line of UTF-8 and is read back byte for byte."""
    row = Row(received_at, "okx", connection, frame)
    text = line(row)
    assert text.decode().endswith("\n")
    assert text.count(b"\n") == 1
    assert b"\r" not in text
    assert parse(text[:-1]) == row


def test_frames_of_venues_are_written_as_they_came() -> None:
    """Text without line breaks stands in its line unchanged: tabs, backslashes and names outside ASCII too."""
    frame = '{"s":"币安人生USDT",\t"x":"a\\nb"}'.encode()
    assert (
        line(Row(17, "binance", "market/stream#3", frame))
        == b"17\tbinance\tmarket/stream#3\t" + frame + b"\n"
    )


def test_what_is_escaped_can_still_be_read_by_people() -> None:
    """A frame over several lines and bytes that are no text keep everything else."""
    assert line(Row(1, "okx", "c", b'{\n"a":"\\"}\r\xff')) == (
        b'1\tokx\tc\tescaped:{\\n"a":"\\\\"}\\r\\xff\n'
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "with tabs between"),
        (b"1\tokx\tc", "with tabs between"),
        (b"soon\tokx\tc\t{}", "with tabs between"),
        (b"1\tO K X\tc\t{}", "with tabs between"),
        (b"1\tokx\tc\tescaped:\\y", "stands for nothing known"),
        (b"1\tokx\tc\tescaped:\\", "stands for nothing known"),
        (b"1\tokx\tc\tescaped:\\xF", "stands for nothing known"),
    ],
)
def test_lines_that_are_none(text: bytes, reason: str) -> None:
    """The reason is told."""
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_the_header_names_its_format() -> None:
    """Our own is read, one of a later version is refused, other comments are nobody's business."""
    assert HEADER.count(b"\n") == 1
    check_comment(HEADER)
    check_comment(b"# found by Ann")
    with pytest.raises(ValueError, match=r"^written in format 2, known here is 1: update microstream$"):
        check_comment(b"# microstream tap 2: other columns")
