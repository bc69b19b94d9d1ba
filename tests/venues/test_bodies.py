"""Every REST parser of every venue: odd bodies are told apart, odd rows cost nothing but themselves."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Names
from microstream.errors import WireMismatch
from microstream.model.events import AnyEvent, FundingRate
from microstream.model.frame import EMPTY, Frame
from microstream.spec.rest import Context

FIXTURES = Path(__file__).parents[1] / "fixtures"
AT = 1795320930000
NAMES = {"symbol", "instId", "timestamp"}
"""Fields that name a row; Bybit's open interest history names the contract above its rows."""

FEEDS = [
    pytest.param(venue, feed, id=f"{venue}/{feed}")
    for venue in venues.REGISTRY
    for feed in venues.load(venue).feeds
]
LISTS = [
    pytest.param(venue, feed, id=f"{venue}/{feed}")
    for venue in venues.REGISTRY
    for feed in venues.load(venue).feeds
    if feed not in {"time", "openInterest"}
]


def sample(venue: str, feed: str) -> Any:
    """Return the first fixture of a feed, decoded."""
    return json.loads((FIXTURES / venue / f"rest-{feed.replace('/', '-')}-1.json").read_text())


def rows_of(body: Any) -> list[Any]:
    """Return the rows of a body, in place."""
    if isinstance(body, list):
        return body
    rows: list[Any] = body["result"]["list"] if "result" in body else body["data"]
    return rows


def read(venue: str, feed: str, body: Any) -> Frame:
    """Parse a body: bytes as they are, anything else as JSON."""
    spec = venues.load(venue)
    names = Names(spec, None)
    frame = Frame(feed, AT, "rest")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    spec.feeds[feed].parse(data, Context(names, names.indexes), frame)
    return frame


def has_value(event: AnyEvent) -> bool:
    """Return whether an event says more than that nothing is known."""
    return not (isinstance(event, FundingRate) and event.rate is None)


@pytest.mark.parametrize(("venue", "feed"), FEEDS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body>403 Forbidden</body></html>",
        b"null",
        b"5",
        b'"text"',
        b"true",
        b"{}",
        b"[",
        b"\xff\xfe{}",
    ],
    ids=["empty", "blank", "html", "null", "number", "text", "boolean", "object", "cut", "encoding"],
)
def test_body_of_another_kind(venue: str, feed: str, body: bytes) -> None:
    """A body that is not what the path answers is a mismatch that keeps a sample."""
    with pytest.raises(WireMismatch) as mismatch:
        read(venue, feed, body)
    assert mismatch.value.sample == body


@pytest.mark.parametrize(("venue", "feed"), FEEDS)
def test_cut_body(venue: str, feed: str) -> None:
    """A body that ends early is a mismatch, wherever it ends; none of its rows is believed."""
    data = json.dumps(sample(venue, feed)).encode()
    for end in range(1, len(data) - 1, max(1, len(data) // 50)):
        with pytest.raises(WireMismatch):
            read(venue, feed, data[:end])


@pytest.mark.parametrize(("venue", "feed"), LISTS)
def test_good_rows_survive_bad_ones(venue: str, feed: str) -> None:
    """A row that cannot be read is told and leaves the others as they are."""
    body = sample(venue, feed)
    good = read(venue, feed, body)
    rows = rows_of(body)
    bad: list[Any] = [None, [], 7, "row", {next(iter(rows[0])): {}}]
    for place, row in enumerate(bad):
        rows.insert(2 * place % len(rows), row)
    mixed = read(venue, feed, body)
    assert mixed.events == good.events
    assert len(mixed.rejects) == len(good.rejects) + len(bad)
    assert {reject.reason for reject in mixed.rejects} >= {"bad_row"}


@pytest.mark.parametrize(("venue", "feed"), FEEDS)
def test_unknown_fields_are_ignored(venue: str, feed: str) -> None:
    """Venues add fields at any time, of any kind."""
    body = sample(venue, feed)
    plain = read(venue, feed, body)
    new = {"aNewField": {"deep": [1, None, "x"]}, "anotherOne": 1e300}
    for row in rows_of(body) if feed not in {"time", "openInterest"} else []:
        row.update(new)
    if isinstance(body, dict):
        body.update(new)
    assert read(venue, feed, body) == plain


@pytest.mark.parametrize(("venue", "feed"), LISTS)
def test_numbers_may_be_json_numbers(venue: str, feed: str) -> None:
    """A value means the same as text and as a JSON number."""
    body = sample(venue, feed)
    plain = read(venue, feed, body)
    for row in rows_of(body):
        for name, value in row.items():
            if name not in NAMES - {"timestamp"} and isinstance(value, str):
                row[name] = _as_number(value)
    numbers = read(venue, feed, body)
    assert numbers.events == plain.events
    assert [reject.reason for reject in numbers.rejects] == [reject.reason for reject in plain.rejects]


def _as_number(text: str) -> Any:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


@pytest.mark.parametrize(("venue", "feed"), LISTS)
@pytest.mark.parametrize(
    "blank", [lambda row, name: row.update({name: ""}), lambda row, name: row.update({name: None}), dict.pop]
)
def test_blank_is_no_value(venue: str, feed: str, blank: Callable[[dict[str, Any], str], object]) -> None:
    """Empty text, null and an absent field all mean that the venue says nothing: no value, and no other fault."""
    body = sample(venue, feed)
    for row in rows_of(body):
        for name in set(row) - NAMES:
            blank(row, name)
    frame = read(venue, feed, body)
    assert not [event for event in frame.events if has_value(event)]
    assert {reject.reason for reject in frame.rejects} <= {EMPTY}


@pytest.mark.parametrize(("venue", "feed"), LISTS)
def test_one_blank_field_costs_its_own_value_alone(venue: str, feed: str) -> None:
    """Whatever field is blank, the row's other values stay; nothing is put in the place of the missing one."""
    body = sample(venue, feed)
    plain = {repr(event) for event in read(venue, feed, body).events}
    for name in set(rows_of(body)[0]) - NAMES:
        changed = copy.deepcopy(body)
        rows_of(changed)[0][name] = ""
        frame = read(venue, feed, changed)
        new = [event for event in frame.events if repr(event) not in plain]
        assert len(frame.events) <= len(plain) + 1
        assert {reject.reason for reject in frame.rejects} <= {EMPTY}
        for event in new:  # the same statement, less something: never more
            assert _is_less(event, read(venue, feed, body).events), (name, event)


def _is_less(event: AnyEvent, known: list[AnyEvent]) -> bool:
    halves = {"contracts", "value"}  # both sides' sum serves where the one-sided figure is blank
    for other in known:
        if type(other) is type(event) and other.key == event.key:
            differs = [
                name for name in event.__struct_fields__ if getattr(event, name) != getattr(other, name)
            ]
            if all(getattr(event, name) is None or name in halves for name in differs):
                return True
    return False


@pytest.mark.parametrize(("venue", "feed"), LISTS)
def test_rows_of_unknown_contracts_add_nothing(venue: str, feed: str) -> None:
    """Only followed contracts are read; a list of everything costs nothing more."""
    frame = Frame(feed, AT, "rest")
    venues.load(venue).feeds[feed].parse(json.dumps(sample(venue, feed)).encode(), Context({}, {}), frame)
    assert not frame.events
    assert not frame.rejects


@pytest.mark.parametrize(("venue", "feed"), LISTS)
@pytest.mark.parametrize("text", ["NaN", "inf", "1_000", " 1", "0x10", "１２", "1e999", "--", "9" * 5000])
def test_malformed_numbers_are_told(venue: str, feed: str, text: str) -> None:
    """What is no finite decimal number is a reject with its contract's name, never a value."""
    body = sample(venue, feed)
    for row in rows_of(body):
        for name in set(row) - NAMES:
            row[name] = text
    frame = read(venue, feed, body)
    assert not [event for event in frame.events if has_value(event)]
    assert {reject.reason for reject in frame.rejects} <= {"not_a_number", "not_a_time", EMPTY}
    assert frame.rejects
    assert all(len(reject.observed) <= 80 for reject in frame.rejects)
