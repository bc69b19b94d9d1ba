"""OKX funding rows: which settlement a rate belongs to, before, during and after it (traps 1 and 2)."""

import json
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Names
from microstream.model.events import FundingRate, FundingSettled
from microstream.model.frame import EMPTY, Frame
from microstream.spec.rest import Context

VENUE = venues.load("okx")
T0, T1, T2 = 1795305600000, 1795334400000, 1795363200000  # settlements eight hours apart
AT = T1 + 10_000


def funding(**changes: Any) -> tuple[FundingRate | None, FundingSettled | None]:
    """Return what a funding row says of the coming and of the last payment."""
    row = {
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.0001",
        "fundingTime": str(T2),
        "nextFundingRate": "",
        "nextFundingTime": str(T2 + T2 - T1),
        "minFundingRate": "-0.00375",
        "maxFundingRate": "0.00375",
        "settState": "settled",
        "settFundingRate": "0.0002",
        "ts": str(AT),
    }
    stated = {name: value for name, value in {**row, **changes}.items() if value is not ...}
    names = Names(VENUE, None)
    frame = Frame("funding-rate", AT, "rest")
    body = json.dumps({"code": "0", "msg": "", "data": [stated]}).encode()
    VENUE.feeds["funding-rate"].parse(body, Context(names, names.indexes), frame)
    assert {reject.reason for reject in frame.rejects} <= {EMPTY}
    rates = [event for event in frame.events if isinstance(event, FundingRate)]
    settled = [event for event in frame.events if isinstance(event, FundingSettled)]
    assert len(rates) <= 1 and len(settled) <= 1  # noqa: PT018
    return rates[0] if rates else None, settled[0] if settled else None


def test_coming_settlement_is_funding_time() -> None:
    """Traps 1 and 2: the rate is for `fundingTime`; `nextFundingTime` is one later and gives the interval."""
    rate, _ = funding()
    assert rate is not None
    assert (rate.rate, rate.settles_at, rate.interval_h) == (0.0001, T2, 8)
    assert (rate.cap, rate.floor, rate.timestamp) == (0.00375, -0.00375, AT)


@pytest.mark.parametrize(("hours"), [1, 2, 4, 6])
def test_interval_is_the_spacing(hours: int) -> None:
    """Intervals differ and change; no other place states them."""
    rate, _ = funding(nextFundingTime=str(T2 + hours * 3_600_000))
    assert rate is not None
    assert rate.interval_h == hours


@pytest.mark.parametrize("after", ["", "0", ..., None, str(T2), str(T1)])
def test_interval_is_unknown_without_a_later_settlement(after: object) -> None:
    """A missing, equal or earlier second settlement is no interval."""
    rate, _ = funding(nextFundingTime=after)
    assert rate is not None
    assert rate.interval_h is None


@pytest.mark.parametrize("ts", [T1, T1 + 1, AT])
def test_settlement_that_is_being_processed(ts: int) -> None:
    """Trap 1: a row that still names the passed settlement: the coming one is the next, at a rate not known yet."""
    rate, settled = funding(fundingTime=str(T1), nextFundingTime=str(T2), settState="processing", ts=str(ts))
    assert rate is not None
    assert (rate.rate, rate.settles_at, rate.interval_h) == (None, T2, 8)
    assert settled is not None
    assert (settled.rate, settled.settled_at) == (0.0002, T1)


@pytest.mark.parametrize(("previous", "paid_at"), [(str(T0), T0), ("", None), (..., None)])
def test_late_row_that_is_settled(previous: object, paid_at: int | None) -> None:
    """A row of the passed settlement that says `settled` states the rate of the one before it."""
    times = {"fundingTime": str(T1), "nextFundingTime": str(T2), "prevFundingTime": previous}
    rate, settled = funding(**times)
    assert rate is not None
    assert (rate.rate, rate.settles_at) == (None, T2)
    assert settled is not None
    assert (settled.rate, settled.settled_at) == (0.0002, paid_at)


def test_processing_with_the_next_settlement_already_named() -> None:
    """Once `fundingTime` has rolled on, what is being charged belongs to `prevFundingTime`."""
    rate, settled = funding(settState="processing", prevFundingTime=str(T1))
    assert rate is not None
    assert (rate.rate, rate.settles_at) == (0.0001, T2)
    assert settled is not None
    assert settled.settled_at == T1


def test_passed_settlement_without_a_next_one() -> None:
    """Nothing is said of a coming payment that the row does not name."""
    rate, settled = funding(fundingTime=str(T1), nextFundingTime="", settState="processing")
    assert rate is None
    assert settled is not None


@pytest.mark.parametrize(("stated", "known"), [("", True), (None, True), (..., False)])
def test_rate_that_is_empty_or_absent(stated: object, known: bool) -> None:
    """Trap 2: an empty rate is not known yet and says so; an absent one (old rows) says nothing at all."""
    rate, _ = funding(fundingRate=stated)
    assert (rate is not None) == known
    assert rate is None or (rate.rate, rate.settles_at) == (None, T2)


def test_row_without_a_time_is_believed() -> None:
    """Rows of 2022 carry no `ts`; whether their settlement has passed cannot be told."""
    rate, _ = funding(ts=..., fundingTime=str(T0))
    assert rate is not None
    assert (rate.rate, rate.settles_at, rate.timestamp) == (0.0001, T0, None)
