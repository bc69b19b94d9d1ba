"""OKX swaps: the traps of its API, by their number in the venue page, and its WebSocket frames."""

import json
from pathlib import Path

import pytest

from microstream import venues
from microstream.cli.decode import Decoder, Names
from microstream.errors import WireMismatch
from microstream.model.events import FundingSettled, IndexPrice, OpenInterest
from microstream.model.frame import Frame
from microstream.model.instruments import Instrument
from microstream.spec.rest import Context
from microstream.spec.stream import Refused

FIXTURES = Path(__file__).parents[1] / "fixtures" / "okx"
VENUE = venues.load("okx")
AT = 1795334410000


def listed() -> list[Instrument]:
    """Return the contracts of the list fixtures."""
    replies = {
        "instruments": [(FIXTURES / "rest-instruments-1.json").read_bytes()],
        "futures": [(FIXTURES / "rest-instruments-2.json").read_bytes()],
    }
    return list(VENUE.instruments.build(replies).instruments)


def read(feed: str, *rows: object, names: Names | None = None) -> Frame:
    """Parse a reply of these rows."""
    known = names or Names(VENUE, None)
    frame = Frame(feed, AT, "rest")
    body = json.dumps({"code": "0", "msg": "", "data": list(rows)}).encode()
    VENUE.feeds[feed].parse(body, Context(known, known.indexes), frame)
    return frame


def asked(*names: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return the requests of all polls when these contracts are followed."""
    chosen = [item for item in listed() if item.name in names]
    indexes: dict[str, list[Instrument]] = {}
    for item in chosen:
        indexes.setdefault(str(item.index), []).append(item)
    context = Context({item.name: item for item in chosen}, indexes)
    return [
        (request.feed, request.params) for poll in VENUE.polls if poll.bulk for request in poll.bulk(context)
    ]


def test_bulk_forms() -> None:
    """Trap 3: funding by the literal ANY, marks and open interest by type, indexes by quote currency."""
    assert sorted(asked("BTC-USDT-SWAP", "BTC-USDC-SWAP")) == [
        ("funding-rate", (("instId", "ANY"),)),
        ("index-tickers", (("quoteCcy", "USDC"),)),
        ("index-tickers", (("quoteCcy", "USDT"),)),
        ("mark-price", (("instType", "SWAP"),)),
        ("open-interest", (("instType", "SWAP"),)),
        ("time", ()),
    ]


def test_dated_contracts_alone() -> None:
    """Dated contracts do not fund: nobody is asked for rates that no row could answer."""
    feeds = [feed for feed, _ in asked("BTC-USDT-270326")]
    assert sorted(feeds) == ["index-tickers", "mark-price", "open-interest", "time"]


def test_x_perps_are_futures_that_fund() -> None:
    """Trap 4: X-Perps are perpetuals of ours and are asked for under another type, with the dollar index."""
    item = next(item for item in listed() if "XPERP" in item.name)
    assert (item.kind, item.funds, item.instrument, item.index) == (
        "perpetual",
        True,
        "BTC/USD:USD-310404",
        "BTC-USD",
    )
    assert ("mark-price", (("instType", "FUTURES"),)) in asked(item.name)
    assert ("index-tickers", (("quoteCcy", "USD"),)) in asked(item.name)


@pytest.mark.parametrize(("rule", "kind"), [("xperp", "perpetual"), ("normal", "future"), ("", "future")])
def test_rule_type_makes_an_x_perp(rule: str, kind: str) -> None:
    """Trap 4: `ruleType` tells an X-Perp whatever its name is."""
    row = {
        "instId": "BTC-USD_NEW-310404",
        "uly": "BTC-USD",
        "settleCcy": "USDⓈ",
        "ctType": "linear",
        "state": "live",
    }
    body = json.dumps({"code": "0", "data": [{**row, "ruleType": rule}]}).encode()
    (item,) = VENUE.instruments.build({"futures": [body]}).instruments
    assert (item.kind, item.settle) == (kind, "USD")


@pytest.mark.parametrize(("realized", "count"), [("0.00015", 1), ("", 0), (None, 0)])
def test_history_gives_the_charged_rate(realized: str | None, count: int) -> None:
    """Trap 5: `fundingRate` of the history is the prediction; only `realizedRate` was paid."""
    row = {
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.0003",
        "realizedRate": realized,
        "fundingTime": "1795305600000",
    }
    events = read("funding-rate-history", row).events
    assert [(type(event), event.rate) for event in events] == [(FundingSettled, 0.00015)] * count  # type: ignore[union-attr]


def test_open_interest_in_three_units() -> None:
    """Trap 9: contracts, coins and dollars as the venue states them, and coins = contracts x size."""
    row = {
        "instId": "BTC-USDT-SWAP",
        "oi": "2216113.01",
        "oiCcy": "22161.1301",
        "oiUsd": "1939251795.5",
        "ts": str(AT),
    }
    (event,) = read("open-interest", row).events
    assert isinstance(event, OpenInterest)
    assert (event.contracts, event.base, event.value, event.value_ccy) == (
        2216113.01,
        22161.1301,
        1939251795.5,
        "USD",
    )
    size = next(item.contract_size for item in listed() if item.name == "BTC-USDT-SWAP")
    assert size is not None
    assert event.contracts is not None
    assert event.contracts * size == pytest.approx(event.base)


@pytest.mark.parametrize("blank", ["", None])
def test_contract_size_needs_both_factors(blank: str | None) -> None:
    """Traps 9 and 17: a size of which one factor is not stated is unknown, not assumed to be one."""
    for name in ("ctVal", "ctMult"):
        row = {
            "instId": "A-USDT-SWAP",
            "uly": "A-USDT",
            "settleCcy": "USDT",
            "state": "live",
            "ctVal": "10",
            "ctMult": "2",
        }
        body = json.dumps(
            {"code": "0", "data": [row, {**row, "instId": "B-USDT-SWAP", name: blank}]}
        ).encode()
        sizes = [item.contract_size for item in VENUE.instruments.build({"instruments": [body]}).instruments]
        assert sizes == [20, None]


def test_currencies_come_from_the_underlying() -> None:
    """Trap 10: `baseCcy` and `quoteCcy` are empty; the circled S of `USDⓈ` is dollars."""
    items = {item.name: (item.base, item.quote, item.settle) for item in listed()}
    assert items["BTC-USD_UM-SWAP"] == ("BTC", "USD", "USD")
    assert items["BTC-USD-SWAP"] == ("BTC", "USD", "BTC")
    assert items["BTC-USDT-SWAP"] == ("BTC", "USDT", "USDT")


def test_index_reaches_every_contract_behind_it() -> None:
    """The index has the name of the underlying; several contracts share it."""
    names = Names(VENUE, listed())
    events = read(
        "index-tickers", {"instId": "BTC-USD", "idxPx": "84133.1", "ts": str(AT)}, names=names
    ).events
    assert {event.key.partition(":")[2] for event in events} == {
        "btc-usd",
        "btc-usd_um",
        "btc-usd_um_xperp-310404",
        "btc-usd-270326",
    }
    assert all(isinstance(event, IndexPrice) and event.price == 84133.1 for event in events)


@pytest.mark.parametrize(
    ("index", "symbol"), [("BTC-USDT", "btc-usdt"), ("BTC-USD", "btc-usd"), ("ETH-BTC", None), ("BTC", None)]
)
def test_index_without_a_list(index: str, symbol: str | None) -> None:
    """Without a list an index stands for the swap of its name; indexes in coins stand behind none."""
    guessed = VENUE.guess_index(index)
    assert (guessed.symbol if guessed else None) == symbol


def test_reply_from_an_older_cache() -> None:
    """Trap 15: a later reply may be older; the newer value stays and nobody complains."""
    decoder = Decoder(VENUE, Names(VENUE, None), AT)
    rows = [("84100", AT), ("84000", AT - 1), ("84200", AT + 1)]
    texts: list[str] = []
    for price, ts in rows:
        row = {"instId": "BTC-USDT-SWAP", "markPx": price, "ts": str(ts)}
        texts += decoder.body("mark-price", json.dumps({"code": "0", "data": [row]}).encode())
    assert [json.loads(text)["mark_price"] for text in texts] == [84100, 84200]
    assert decoder.complaints == 0


def test_contract_that_is_not_open_yet() -> None:
    """Trap 17: a row with empty text almost everywhere is a contract to come, with nothing invented."""
    item = next(item for item in listed() if item.name == "NEW-USDT-SWAP")
    assert (item.status, item.contract_size, item.tick_size, item.funds) == ("prelaunch", None, None, False)
    assert (item.instrument, item.listed_at) == ("NEW/USDT:USDT", 1795400000000)


@pytest.mark.parametrize(
    ("state", "ours"),
    [
        ("live", "live"),
        ("preopen", "prelaunch"),
        ("suspend", "suspended"),
        ("post_only", "suspended"),
        ("rebase", "suspended"),
        ("something_new", "suspended"),
        ("expired", None),
        ("test", None),
    ],
)
def test_status(state: str, ours: str | None) -> None:
    """Only live is live; test contracts and expired ones are not listed."""
    body = json.dumps({"code": "0", "data": [{"instId": "A-USDT-SWAP", "state": state}]}).encode()
    listed = VENUE.instruments.build({"instruments": [body]}).instruments
    assert [item.status for item in listed] == ([ours] if ours else [])


def frames(text: str) -> Frame:
    """Return what one frame says."""
    names = Names(VENUE, None)
    frame = Frame("ws", AT, "ws")
    VENUE.session().on_frame(text.encode(), Context(names, names.indexes), frame)
    return frame


@pytest.mark.parametrize(
    "text",
    [
        "pong",
        '{"id":"1","event":"subscribe","arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"connId":"a"}',
        '{"event":"unsubscribe","arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"connId":"a"}',
        '{"event":"notice","code":"64008","msg":"The connection will soon be closed.","connId":"a"}',
        '{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","px":"1"}]}',
        '{"arg":{"channel":"mark-price","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","markPx":"1","ts":"1795334400000"}]}',
        '{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[]}',
    ],
)
def test_other_frames_add_nothing(text: str) -> None:
    """Trap 12 and others: the bare text `pong`, answers, notices, other channels and products are no news."""
    frame = frames(text)
    assert not frame.events
    assert not frame.rejects


@pytest.mark.parametrize("code", ["60012", "60013", "60014", "60018", "64001", "64007"])
def test_refusal(code: str) -> None:
    """Trap 19: an error event is told with its code, which is text."""
    text = f'{{"id":"1","event":"error","code":"{code}","msg":"it says why","connId":"a"}}'
    answer = VENUE.session().on_frame(text.encode(), Context({}, {}), Frame("ws", AT, "ws"))
    assert answer == Refused(code, "it says why", 1)


@pytest.mark.parametrize(
    "text", ["", "ping pong", "[]", "5", "null", '{"arg":{"channel":"mark-price"},"data":{}}']
)
def test_unreadable_frame(text: str) -> None:
    """What is no frame, or carries no list of rows, is a mismatch."""
    with pytest.raises(WireMismatch):
        frames(text)
