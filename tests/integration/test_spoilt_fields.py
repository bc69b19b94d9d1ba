"""Fields that are wrong for one contract: its value waits and is flagged, its neighbours go on, and it recovers."""

import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.followed import Stage, name_of, now_ms, where
from tests.integration.oracle import FAMILIES
from tests.integration.stage import ask


@dataclass(frozen=True)
class Spoilt:
    """A field that is wrong for one contract: `held` families wait; `told`: kind and subject of the quality message."""

    venue: str
    feed: str
    coin: str
    key: str
    bad: dict[str, Any]
    held: tuple[str, ...]
    told: tuple[str, str]


def put(value: object) -> dict[str, Any]:
    """Return a fault that puts a value in the place of a field."""
    return {"kind": "set", "value": value}


LATER = round(now_ms()) + 3_600_000
BEYOND = round(now_ms()) + 400 * 24 * 3_600_000
OBJECT = {"kind": "wrong_type", "type": "object"}
LIST = {"kind": "wrong_type", "type": "list"}
ABSENT = {"kind": "set", "missing": True}
MARK, FUNDING, OI = ("out_of_range", "mark"), ("out_of_range", "funding"), ("out_of_range", "open_interest")
STALE_MARK, STALE_FUNDING, STALE_OI = ("stale", "mark_price"), ("stale", "funding"), ("stale", "oi")
PREMIUM = ("binance", "premiumIndex")
SPOILT = {
    "mark NaN": Spoilt(*PREMIUM, "BTC", "markPrice", put("NaN"), ("mark_price",), MARK),
    "mark empty": Spoilt(*PREMIUM, "ETH", "markPrice", put(""), ("mark_price",), STALE_MARK),
    "mark null": Spoilt(*PREMIUM, "SOL", "markPrice", put(None), ("mark_price",), STALE_MARK),
    "mark object": Spoilt(*PREMIUM, "XRP", "markPrice", OBJECT, ("mark_price", "funding"), STALE_FUNDING),
    "mark negative": Spoilt(*PREMIUM, "DOGE", "markPrice", put("-1"), ("mark_price",), MARK),
    "mark zero": Spoilt(*PREMIUM, "BNB", "markPrice", put("0.00000000"), ("mark_price",), MARK),
    "rate absurd": Spoilt(*PREMIUM, "BTC", "lastFundingRate", put("18.5"), ("funding",), FUNDING),
    "rate word": Spoilt(*PREMIUM, "ETH", "lastFundingRate", put("n/a"), ("funding",), FUNDING),
    "settlement far": Spoilt(*PREMIUM, "SOL", "nextFundingTime", put(BEYOND), ("funding",), FUNDING),
    "rate empty": Spoilt(*PREMIUM, "DOGE", "lastFundingRate", put(""), ("funding",), STALE_FUNDING),
    "settlement in seconds": Spoilt(*PREMIUM, "BNB", "nextFundingTime", put(LATER // 1000), ("funding",), FUNDING),
    "interest negative": Spoilt("binance", "openInterest", "BTC", "openInterest", put("-5"), ("oi",), OI),
    "interest NaN": Spoilt("binance", "openInterest", "ETH", "openInterest", put("nan"), ("oi",), OI),
    "interest absent": Spoilt("binance", "openInterest", "SOL", "openInterest", ABSENT, ("oi",), STALE_OI),
    "interest of tomorrow": Spoilt("binance", "openInterest", "XRP", "time", put(LATER), ("oi",), OI),
    "rate above cap": Spoilt("bybit", "tickers", "BTC", "fundingRate", put("0.02"), ("funding",), FUNDING),
    "rate below floor": Spoilt("bybit", "tickers", "ETH", "fundingRate", put("-0.02"), ("funding",), FUNDING),
    "mark a hundredth": Spoilt("bybit", "tickers", "SOL", "markPrice", put("1.8"), ("mark_price",), MARK),
    "mark list": Spoilt("bybit", "tickers", "XRP", "markPrice", LIST, FAMILIES, STALE_OI),
    "name absent": Spoilt("bybit", "tickers", "DOGE", "symbol", ABSENT, FAMILIES, STALE_MARK),
    "interest infinite": Spoilt("bybit", "tickers", "BNB", "singleOpenInterest", put("inf"), (), OI),
    "mark of tomorrow": Spoilt("okx", "mark-price", "BTC", "ts", put(str(LATER)), ("mark_price",), MARK),
    "mark infinite": Spoilt("okx", "mark-price", "ETH", "markPx", put("Infinity"), ("mark_price",), MARK),
    "mark underscored": Spoilt("okx", "mark-price", "SOL", "markPx", put("1_8"), ("mark_price",), MARK),
    "rate object": Spoilt("okx", "funding-rate", "XRP", "fundingRate", OBJECT, ("funding",), STALE_FUNDING),
    "settlement zero": Spoilt("okx", "funding-rate", "DOGE", "fundingTime", put("0"), ("funding",), STALE_FUNDING),
    "interest huge": Spoilt("okx", "open-interest", "BTC", "oi", put("1e30"), ("oi",), OI),
}  # fmt: skip


STRANGERS = ("*premiumIndex", "*tickers", "*mark-price", "*funding-rate", "*open-interest")


@pytest.fixture(scope="module")
def spoilt(running: Stage) -> tuple[float, float]:
    """All spoilt fields at once, for longer than three intervals; when it began and ended."""
    stage, began = running, now_ms()
    stage.sim.clear()
    stage.get_well(began)
    began = now_ms()
    stage.sim.put(
        *(
            {
                **one.bad,
                "venue": one.venue,
                "path": f"*{one.feed}",
                "symbol": name_of(one.venue, one.coin),
                "field": one.key,
            }
            for one in SPOILT.values()
        ),
        *({"kind": "unknown_symbol_rows", "rows": 3, "path": path} for path in STRANGERS),
    )
    stage.recorder.during(4.6)
    ended = now_ms()
    stage.sim.clear()
    stage.get_well(ended)
    return began, ended


@pytest.mark.parametrize("case", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_field_holds_back_its_own_value_only(
    running: Stage, spoilt: tuple[float, float], case: Spoilt
) -> None:
    """The value waits and is flagged, its neighbours go on; told once when it begins and once when it ends."""
    began, ended = spoilt
    place = where(case.venue, case.coin)
    all_held = {one for case in SPOILT.values() for one in case.held if where(case.venue, case.coin) == place}
    for family in FAMILIES:
        payloads = running.recorder.arrived(family, *place, began, ended)
        news = [one for one in payloads if one["timestamp"] > began + 1100]
        assert bool(news) == (family not in all_held), (family, news)
        if family in case.held:
            assert "stale" in payloads[-1]["flags"]
            after = running.recorder.arrived(family, *place, ended, math.inf)
            assert after[0]["flags"] == ["recovered"]
    kind, about = case.told
    told = running.recorder.quality(case.venue, since=began, symbol=place[1], kind=kind, about=about)
    assert [one["state"] for one in told] == ["raised", "cleared"]


def test_spoilt_fields_leave_nothing_false_and_no_strangers(
    running: Stage, spoilt: tuple[float, float]
) -> None:
    """Every value that came out meanwhile is true at its own time; contracts of unknown names are nowhere."""
    assert running.check_all_true(spoilt[0]) > 150
    assert not [name for name in running.recorder.channels if "neverheardof" in name]
    _, body = ask(running.service.url, "/rejects")
    reasons = {row["reason"] for row in json.loads(body)}
    assert {"not_a_number", "price_out_of_range", "rate_above_cap", "time_in_future", "bad_row"} <= reasons
