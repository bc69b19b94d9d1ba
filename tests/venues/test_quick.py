"""Reading a push in one pass and reading it as text must come to the same, and to what the REST reply says."""

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from microstream import venues
from microstream.cli.decode import Names
from microstream.errors import MicrostreamError
from microstream.model.frame import EMPTY, Frame
from microstream.spec.rest import Context
from microstream.spec.stream import Session

AT = 1795320930000
Said = tuple[Frame, list[object]]
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

DECIMAL = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NUMBER = st.one_of(DECIMAL, st.floats(allow_nan=False, allow_infinity=False).map(repr))
PRICE = st.decimals("0.00000001", "200000", places=8).map(str)
TIME = st.integers(AT - 10**9, AT + 10**9)
ODD = st.one_of(
    NUMBER,
    st.sampled_from(
        [
            "",
            "NaN",
            "nan",
            "inf",
            "-Infinity",
            "1e999",
            "true",
            "null",
            " 1",
            "1_0",
            "+1",
            ".5",
            "0",
            "-0",
            "٣",
        ]
    ),
    st.sampled_from(
        [None, True, [], {}, 0, -1, 1.5, AT, f"{AT}.0", "1.795e12", 1.795e12, AT // 1000, AT * 1000]
    ),
    st.integers(-(10**25), 10**25),
    st.text(max_size=5),
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Usual values with some odd ones among them."""
    return st.integers(0, 7).flatmap(lambda draw: usual if draw else ODD)


def fields(**usual: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return rows with some fields left out and some odd."""
    return st.fixed_dictionaries({}, optional={name: mostly(values) for name, values in usual.items()})


BINANCE_ROW = fields(
    E=TIME, p=PRICE, i=PRICE, P=PRICE, r=DECIMAL, T=TIME, st=st.sampled_from([1, 1, 2])
).flatmap(
    lambda row: st.fixed_dictionaries(
        {
            "e": st.sampled_from(["markPriceUpdate"] * 5 + ["aggTrade"]),
            "s": st.sampled_from(["BTCUSDT", "币安人生USDT", "BTCUSDT_270326", "BTCUSD_PERP"]),
        }
    ).map(lambda head: {**head, **row})
)
BINANCE = st.one_of(st.lists(BINANCE_ROW, max_size=4), BINANCE_ROW).flatmap(
    lambda data: st.sampled_from(["!markPrice@arr@1s", "btcusdt@markPrice@1s", "btcusdt@aggTrade"]).map(
        lambda stream: [{"stream": stream, "data": data}]
    )
)
BYBIT_FRAME = st.tuples(
    st.sampled_from(["snapshot", "delta", "delta", "delta"]),
    st.sampled_from(["BTCUSDT", "BTCUSDT", "BTCUSDT-26MAR27", "BTCUSD"]),
    fields(
        markPrice=PRICE,
        indexPrice=PRICE,
        fundingRate=DECIMAL,
        nextFundingTime=TIME.map(str),
        fundingIntervalHour=st.sampled_from(["8", "4", "-1", "0"]),
        fundingCap=st.sampled_from(["0.005", "0"]),
        openInterest=PRICE,
        openInterestValue=PRICE,
        singleOpenInterest=PRICE,
        singleOpenInterestValue=PRICE,
        bid1Price=PRICE,
    ),
    mostly(st.integers(100, 110)),
    mostly(TIME),
).map(
    lambda drawn: {
        "topic": f"tickers.{drawn[1]}",
        "type": drawn[0],
        "data": {"symbol": drawn[1], **drawn[2]},
        "cs": drawn[3],
        "ts": drawn[4],
    }
)
BYBIT = st.lists(BYBIT_FRAME, min_size=1, max_size=6)
OKX_ROWS = {
    "mark-price": fields(markPx=PRICE, ts=TIME.map(str)),
    "index-tickers": fields(idxPx=PRICE, ts=TIME.map(str)),
    "open-interest": fields(oi=PRICE, oiCcy=PRICE, oiUsd=PRICE, ts=TIME.map(str)),
    "funding-rate": fields(
        fundingRate=DECIMAL,
        fundingTime=TIME.map(str),
        nextFundingTime=TIME.map(str),
        prevFundingTime=TIME.map(str),
        minFundingRate=DECIMAL,
        maxFundingRate=DECIMAL,
        settFundingRate=DECIMAL,
        settState=st.sampled_from(["settled", "processing"]),
        ts=TIME.map(str),
    ),
}
OKX = st.sampled_from([*OKX_ROWS]).flatmap(
    lambda channel: st.tuples(
        st.lists(OKX_ROWS[channel], max_size=3),
        st.just("BTC-USDT") if channel == "index-tickers" else st.sampled_from(["BTC-USDT-SWAP", "BTC-USDT"]),
    ).map(
        lambda drawn: [
            {
                "arg": {"channel": channel, "instId": drawn[1]},
                "data": [{"instId": drawn[1], **row} for row in drawn[0]],
            }
        ]
    )
)
FRAMES = {"binance": BINANCE, "bybit": BYBIT, "okx": OKX}


def unable(_data: bytes) -> object:
    """Stand for a decoder that can read nothing in one pass."""
    raise msgspec.ValidationError


def said(venue: str, frames: list[bytes]) -> Said:
    """Return what one connection says of some frames, with what it returns or raises at each."""
    spec = venues.load(venue)
    names = Names(spec, None)
    session: Session = spec.session()
    whole, answers = Frame("ws", AT, "ws"), []
    for data in frames:
        frame = Frame("ws", AT, "ws")
        try:
            answers.append(session.on_frame(data, Context(names, names.indexes), frame))
        except MicrostreamError as error:
            answers.append((type(error), str(error)))
        answers.append((frame.topic, frame.stamp))
        whole.events += frame.events
        whole.rejects += [
            # what stands beside nothing may be shown as "0" or as "0.0"
            msgspec.structs.replace(reject, observed="") if reject.reason == EMPTY else reject
            for reject in frame.rejects
        ]
    return whole, answers


def as_text(venue: str, frames: list[bytes]) -> Said:
    """Return the same with every frame read as text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module(f"microstream.venues.{venue}.stream"), "_decode", unable)
        return said(venue, frames)


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_one_pass_and_text_agree(venue: str) -> None:
    """Whatever a row holds, both ways give the same events, rejects, topics, times, answers and errors."""

    @quick
    @given(FRAMES[venue])
    def run(bodies: list[dict[str, Any]]) -> None:
        frames = [json.dumps(body).encode() for body in bodies]
        assert said(venue, frames) == as_text(venue, frames)

    run()


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_plain_pushes_are_read_in_one_pass(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain push never takes the longer way."""
    plain: dict[str, dict[str, Any]] = {
        "binance": {
            "stream": "!markPrice@arr@1s",
            "data": [
                {
                    "e": "markPriceUpdate",
                    "E": AT,
                    "s": "BTCUSDT",
                    "p": "1.5",
                    "i": "2",
                    "r": "0.1",
                    "T": AT,
                    "st": 1,
                },
                {
                    "e": "markPriceUpdate",
                    "E": AT,
                    "s": "BTCUSDT_270326",
                    "p": "1.5",
                    "i": "2",
                    "r": "",
                    "T": 0,
                },
                {
                    "e": "markPriceUpdate",
                    "E": AT,
                    "s": "BTCUSD_PERP",
                    "p": "1",
                    "i": "",
                    "r": "",
                    "T": 0,
                    "st": 2,
                },
            ],
        },
        "bybit": {
            "topic": "tickers.BTCUSDT-26MAR27",
            "type": "snapshot",
            "data": {"symbol": "BTCUSDT-26MAR27", "markPrice": "1", "fundingRate": "", "nextFundingTime": ""},
            "cs": 1,
            "ts": AT,
        },
        "okx": {
            "arg": {"channel": "open-interest", "instId": "BTC-USDT-SWAP"},
            "data": [{"instId": "BTC-USDT-SWAP", "oi": "1", "oiCcy": "0.01", "oiUsd": "840", "ts": str(AT)}],
        },
    }
    frames = [json.dumps(plain[venue]).encode()]
    expected = as_text(venue, frames)
    module = import_module(f"microstream.venues.{venue}.stream")
    for name in ("_read_tolerantly",):
        owner = module if hasattr(module, name) else module.TickerSession
        monkeypatch.setattr(owner, name, lambda *_: pytest.fail("read as text"))
    assert said(venue, frames) == expected
    assert expected[0].events


@settings(max_examples=250, deadline=None)
@given(NUMBER)
def test_numbers_are_those_of_their_text(text: str) -> None:
    """A number that the decoder makes of text is the double nearest to it, as Python reads it."""
    try:
        value = msgspec.json.decode(json.dumps(text), type=float, strict=False)
    except msgspec.ValidationError:
        assume(False)
    assert value == float(text)


def rest_events(venue: str, feed: str, body: object) -> Frame:
    """Return what a REST reply says, as if it had been pushed."""
    spec = venues.load(venue)
    names = Names(spec, None)
    frame = Frame("ws", AT, "ws")
    spec.feeds[feed].parse(json.dumps(body).encode(), Context(names, names.indexes), frame)
    return frame


def _binance_pair(row: dict[str, Any]) -> tuple[object, object]:
    names = {"E": "time", "p": "markPrice", "i": "indexPrice", "r": "lastFundingRate", "T": "nextFundingTime"}
    push = {"e": "markPriceUpdate", "s": "BTCUSDT", **row}
    reply = {"symbol": "BTCUSDT", **{names[key]: value for key, value in row.items()}}
    return {"stream": "btcusdt@markPrice@1s", "data": push}, reply


def _bybit_pair(row: dict[str, Any]) -> tuple[object, object]:
    data = {"symbol": "BTCUSDT", **row}
    reply = {"retCode": 0, "result": {"category": "linear", "list": [data]}, "time": AT}
    return {"topic": "tickers.BTCUSDT", "type": "snapshot", "data": data, "cs": 1, "ts": AT}, reply


def _okx_pair(channel: str) -> Callable[[dict[str, Any]], tuple[object, object]]:
    name = "BTC-USDT" if channel == "index-tickers" else "BTC-USDT-SWAP"

    def pair(row: dict[str, Any]) -> tuple[object, object]:
        rows = [{"instId": name, **row}]
        return {"arg": {"channel": channel, "instId": name}, "data": rows}, {"code": "0", "data": rows}

    return pair


WHOLE_TICKER = st.fixed_dictionaries(
    {
        "markPrice": PRICE,
        "indexPrice": PRICE,
        "fundingRate": DECIMAL,
        "nextFundingTime": TIME.map(str),
        "fundingIntervalHour": st.sampled_from(["8", "1"]),
        "fundingCap": st.sampled_from(["0.005", "0"]),
        "openInterest": PRICE,
        "openInterestValue": PRICE,
        "singleOpenInterest": PRICE,
        "singleOpenInterestValue": PRICE,
    }
)
PAIRS = [
    pytest.param(
        "binance",
        "premiumIndex",
        _binance_pair,
        fields(E=TIME, p=PRICE, i=PRICE, r=DECIMAL, T=TIME),
        id="binance",
    ),
    pytest.param("bybit", "tickers", _bybit_pair, WHOLE_TICKER, id="bybit"),
    *(pytest.param("okx", name, _okx_pair(name), rows, id=f"okx-{name}") for name, rows in OKX_ROWS.items()),
]


@pytest.mark.parametrize(("venue", "feed", "pair", "rows"), PAIRS)
def test_push_and_reply_say_the_same(
    venue: str,
    feed: str,
    pair: Callable[[dict[str, Any]], tuple[object, object]],
    rows: st.SearchStrategy[dict[str, Any]],
) -> None:
    """The same values give the same events, whether they were pushed or asked for."""

    @quick
    @given(rows)
    def run(row: dict[str, Any]) -> None:
        push, reply = pair(row)
        try:
            replied = rest_events(venue, feed, reply).events
        except MicrostreamError:
            replied = []
        pushed, _ = said(venue, [json.dumps(push).encode()])
        assert pushed.events == replied

    run()
