"""What a log says of what was lost in it, with and without a count of its entries."""

import pytest

from microstream.client.log_position import Anew, LogInfo, LogPosition, Lost, log_info

G = "funding:okx"


def _info(last: int, first: int | None, length: int, added: int | None) -> LogInfo:
    return LogInfo((last, 0), None if first is None else (first, 0), length, added)


@pytest.mark.parametrize(
    ("at", "number", "info", "told"),
    [
        (5, 5, _info(5, 1, 5, 5), []),
        (5, 5, _info(9, 4, 6, 9), []),
        (5, 5, _info(9, 6, 4, 9), []),
        (5, 5, _info(9, 8, 2, 9), [Lost(G, (5, 0), (8, 0), 2)]),
        (5, 5, _info(9, None, 0, 9), [Lost(G, (5, 0), (9, 0), 4)]),
        (5, 5, _info(5, None, 0, 5), []),
        (5, None, _info(9, 8, 2, 9), [Lost(G, (5, 0), (8, 0), None)]),
        (5, None, _info(9, 8, 2, None), [Lost(G, (5, 0), (8, 0), None)]),
        (5, None, _info(9, 5, 5, None), []),
        (5, 5, _info(4, 3, 2, 2), [Anew(G, (5, 0))]),
        (5, 5, _info(9, 8, 2, 2), [Anew(G, (5, 0))]),
        (5, 5, _info(9, 8, 2, 4), [Anew(G, (5, 0)), Lost(G, (5, 0), (8, 0), 2)]),
        (0, None, _info(9, 8, 2, 9), []),
    ],
)
def test_what_happened_to_a_log(at: int, number: int | None, info: LogInfo, told: list[Anew | Lost]) -> None:
    """Cut behind what was read is no loss; cut before it is one, counted where the server counts; fewer is another."""
    assert LogPosition(G, (at, 0), number).check(info) == told


def test_what_was_read_of_a_new_log_is_not_read_again() -> None:
    """A log that began anew between two looks goes on where it is, and is counted from its end."""
    position = LogPosition(G, (5, 0), 5)
    assert position.take((6, 0)) == 6
    assert position.check(_info(7, 6, 2, 2)) == [Anew(G, (6, 0))]
    assert position.take((7, 0)) is None
    assert position.check(_info(7, 6, 2, 2)) == []
    assert (position.at, position.number) == ((7, 0), 2)


def test_the_count_goes_on_and_finds_what_fell_between_two_looks() -> None:
    """Entries that were cut off between question and reading are told with the next look at the end."""
    position = LogPosition(G)
    assert position.check(_info(2, 1, 2, 2)) == []
    assert [position.take((ms, 0)) for ms in (1, 2, 5)] == [1, 2, 3]
    assert position.check(_info(5, 5, 1, 5)) == [Lost(G, (0, 0), (5, 0), 2)]
    assert position.take((6, 0)) == 6
    assert position.check(_info(6, 5, 2, 6)) == []


def test_a_server_before_redis_7_counts_nothing() -> None:
    """Its answer is read all the same."""
    old = [b"length", 1, b"last-generated-id", b"7-1", b"first-entry", [b"7-1", [b"a", b"b"]]]
    assert log_info(old) == LogInfo((7, 1), (7, 1), 1, None)
    assert log_info([*old[:4], b"first-entry", None, b"entries-added", 3]) == LogInfo((7, 1), None, 1, 3)
