"""What every registered venue must fulfil, whatever its formats: the shape of its package and of its declaration."""

import json
import re
from pathlib import Path

import pytest

from microstream import venues
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.model.past import ROWS, PastKind, Span
from microstream.spec.history import History
from microstream.spec.rest import Context, Request
from microstream.spec.venue import Venue

FIXTURES = Path(__file__).parents[1] / "fixtures"
LISTS = json.loads((FIXTURES / "expected" / "lists.json").read_text())
NINE = {
    "README.md",
    "__init__.py",
    "wire.py",
    "stream.py",
    "rest.py",
    "history.py",
    "spot.py",
    "instruments.py",
    "limits.py",
}
TRAPS = {"binance": 18, "bybit": 20, "okx": 20}
FAMILIES = {"mark", "index", "funding", "open_interest"}

NOON = 1_795_176_000_000
HISTORIES = [
    pytest.param(name, history, id=f"{name}/{history.kind}")
    for name in venues.REGISTRY
    for history in venues.load(name).histories
]
KINDS: tuple[PastKind, ...] = ("funding", "mark", "index", "premium", "oi")

every_venue = pytest.mark.parametrize("name", venues.REGISTRY)


def listed(name: str) -> list[Instrument]:
    """Return the contracts of the venue's list fixtures."""
    replies = {
        feed: [(FIXTURES / name / file).read_bytes() for file in files]
        for feed, files in LISTS[name]["replies"].items()
    }
    return list(venues.load(name).instruments.build(replies).instruments)


def context(name: str) -> Context:
    """Return what parsers see when every listed contract is followed."""
    instruments = listed(name)
    indexes: dict[str, list[Instrument]] = {}
    for item in instruments:
        if item.index:
            indexes.setdefault(item.index, []).append(item)
    return Context({item.name: item for item in instruments}, indexes)


def requests(venue: Venue) -> list[Request]:
    """Return one request of each kind that the service sends to follow current values."""
    known = context(venue.name)
    asked = [request for poll in venue.polls if poll.bulk for request in poll.bulk(known)]
    some = next(iter(known.instruments.values()))
    return asked + [poll.single(some) for poll in venue.polls if poll.single]


@every_venue
def test_nine_files(name: str) -> None:
    """A venue is a folder of the same nine files."""
    folder = Path(venues.__file__).parent / name
    assert {path.name for path in folder.iterdir() if path.is_file()} == NINE


@every_venue
def test_every_trap_is_answered(name: str) -> None:
    """The README answers each trap of the venue page, in order, and every test that it names is there."""
    text = (Path(venues.__file__).parent / name / "README.md").read_text("utf-8")
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)] == list(
        range(1, TRAPS[name] + 1)
    )
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py"))
    for named in re.findall(r"`(test_\w+)`", text):
        assert f"def {named}(" in tests, named


@every_venue
def test_declaration(name: str) -> None:
    """The registry's name is the venue's; hosts are encrypted; quotas have a name of their own and can be spent."""
    venue = venues.load(name)
    assert venue.name == name
    assert venue.rest_url.startswith("https://")
    assert len({quota.name for quota in venue.quotas}) == len(venue.quotas)
    assert all(quota.limit > 0 and quota.window_s > 0 for quota in venue.quotas)
    assert set(venue.refresh_s) <= FAMILIES


@every_venue
def test_polls_cover_every_family(name: str) -> None:
    """Every value can be asked for, and a poll asks in one way only."""
    venue = venues.load(name)
    assert set().union(*(poll.provides for poll in venue.polls)) >= FAMILIES
    for poll in venue.polls:
        assert (poll.bulk is None) != (poll.single is None)
    assert len({poll.name for poll in venue.polls}) == len(venue.polls)


@every_venue
def test_every_request_has_a_parser_of_current_values(name: str) -> None:
    """What is polled can be read, and is read as being about now."""
    venue = venues.load(name)
    for request in requests(venue):
        assert not venue.feeds[request.feed].history
        assert request.path.endswith(f"/{request.feed}")


def pasts(name: str, history: History, span: Span) -> list[Request]:
    """Return the requests that ask for a span of the past of every listed contract, of those that have one."""
    asked = [history.request(item, span, NOON) for item in listed(name)]
    return [request for request in asked if request is not None]


@every_venue
def test_every_kind_of_the_past_can_be_asked_for(name: str) -> None:
    """Each kind once, and every listed perpetual has all of them."""
    histories = venues.load(name).histories
    assert [history.kind for history in histories] == list(KINDS)
    for item in listed(name):
        missing = [
            each.kind for each in histories if each.request(item, Span(NOON, NOON + 300_000), NOON) is None
        ]
        assert not missing or item.kind == "future", (item.name, missing)


@pytest.mark.parametrize(("name", "history"), HISTORIES)
def test_history_declaration(name: str, history: History) -> None:
    """Pages have rows, rows have a step that windows are multiples of, and no running row is asked for."""
    assert name in venues.REGISTRY
    assert history.kind in ROWS
    assert history.page > 0
    if history.step_ms is not None:
        assert history.window_ms == history.page * history.step_ms
        assert history.lag_ms >= 2 * history.step_ms
    assert history.lag_ms > 0
    assert history.keeps_ms is None or history.keeps_ms > history.lag_ms


@pytest.mark.parametrize(("name", "history"), HISTORIES)
def test_history_requests(name: str, history: History) -> None:
    """Requests name the contract and the part of the path that they go by, and are paid from quotas that exist."""
    limits = {quota.name: quota.limit for quota in venues.load(name).quotas}
    asked = pasts(name, history, Span(NOON - 600_000, NOON))
    assert asked
    for request in asked:
        assert request.path.endswith(f"/{request.feed}")
        assert request.symbol in {item.symbol for item in listed(name)}
        assert request.costs, request
        assert all(0 < cost <= limits[quota] for quota, cost in request.costs)
        assert all(text for _, text in request.params)


@pytest.mark.parametrize(("name", "history"), HISTORIES)
def test_history_requests_state_both_bounds(name: str, history: History) -> None:
    """Another begin and another end of the span are another request: no venue is asked without a bound."""
    span = Span(NOON - 7_200_000, NOON - 3_600_000)
    [first, *_] = pasts(name, history, span)
    [later, *_] = pasts(name, history, span._replace(start=span.start + 600_000))
    [longer, *_] = pasts(name, history, span._replace(end=span.end + 600_000))
    assert len({first.params, later.params, longer.params}) == 3


@every_venue
def test_the_clock_can_be_read(name: str) -> None:
    """The venue's time is asked with a request whose answer is understood."""
    venue = venues.load(name)
    frame = Frame(venue.clock.feed, 0, "rest")
    body = (FIXTURES / name / f"rest-{venue.clock.feed}-1.json").read_bytes()
    venue.feeds[venue.clock.feed].parse(body, Context({}, {}), frame)
    assert frame.server_time in {1795320930017, 1795320930021}


@every_venue
def test_costs_name_declared_quotas(name: str) -> None:
    """Every request is paid from quotas that exist and can hold it."""
    venue = venues.load(name)
    limits = {quota.name: quota.limit for quota in venue.quotas}
    for request in [*requests(venue), *venue.instruments.requests, venue.clock]:
        assert request.costs, request
        assert all(0 < cost <= limits[quota] for quota, cost in request.costs)


@every_venue
def test_instrument_list_is_consistent(name: str) -> None:
    """The lists are asked under names of their own, and the one that `build` can work from alone is not optional."""
    source = venues.load(name).instruments
    feeds = [request.feed for request in source.requests]
    assert len(set(feeds)) == len(feeds)
    assert source.feed in feeds
    assert source.optional <= set(feeds) - {source.feed}


@every_venue
def test_names_of_listed_contracts(name: str) -> None:
    """Symbols are the venue's names in lower case and, like the cross-venue names, belong to one contract each."""
    instruments = listed(name)
    assert {item.symbol for item in instruments} == {
        item.name.removesuffix("-SWAP").lower() for item in instruments
    }
    for names in ([item.symbol for item in instruments], [item.instrument for item in instruments]):
        assert len(set(names)) == len(names)
    for item in instruments:
        assert item.exchange == name
        assert item.instrument.startswith(f"{item.base}/{item.quote}:{item.settle}")
        assert (item.kind == "future") <= (item.instrument[-6:].isdigit())


@every_venue
def test_guess_agrees_with_the_lists(name: str) -> None:
    """The naming rules alone say the same of every listed contract as the venue's list does."""
    for item in listed(name):
        guessed = venues.load(name).guess(item.name)
        assert guessed is not None, item.name
        for field in (
            "symbol",
            "instrument",
            "base",
            "venue_base",
            "quote",
            "settle",
            "kind",
            "inverse",
            "index",
        ):
            assert getattr(guessed, field) == getattr(item, field), (item.name, field)
        assert guessed.multiplier == item.multiplier


@every_venue
def test_nothing_else_is_guessed(name: str) -> None:
    """Names of spot pairs, options and other products are out of scope."""
    for other in LISTS[name]["not_ours"]:
        assert venues.load(name).guess(other) is None, other


@every_venue
def test_list_fixtures(name: str) -> None:
    """Each listed contract has the terms that its rows state, and rows that cannot be read are told."""
    replies = {
        feed: [(FIXTURES / name / file).read_bytes() for file in files]
        for feed, files in LISTS[name]["replies"].items()
    }
    read = venues.load(name).instruments.build(replies)
    assert [reject.symbol for reject in read.rejects] == LISTS[name]["rejects"]
    assert dict(read.limits) == LISTS[name]["limits"]
    expected = LISTS[name]["contracts"]
    assert {item.name for item in read.instruments} == set(expected)
    for item in read.instruments:
        stated = {
            "instrument": item.instrument,
            "status": item.status,
            "interval_h": item.funding_interval_hours,
            "cap": item.rate_cap,
            "floor": item.rate_floor,
            "size": item.contract_size,
            "multiplier": item.multiplier,
            "tick": item.tick_size,
            "listed_at": item.listed_at,
            "ends_at": item.delisted_at,
            "index": item.index,
            "tradfi": item.tradfi,
            "turnover": item.turnover,
        }
        defaults = {"status": "live", "multiplier": 1, "tradfi": False}
        shown = {key: value for key, value in stated.items() if value != defaults.get(key)}
        assert shown == expected[item.name], item.name
