"""Payloads: every key of the contract's tables, always present, null where unknown."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import json

from microstream.model.messages import (
    PAYLOADS,
    AlertMessage,
    BarMessage,
    FundingMessage,
    InstrumentMessage,
    MarkPriceMessage,
    Message,
    OpenInterestMessage,
    QualityMessage,
    SignalMessage,
    SpotMessage,
)

COMMON = {
    "v",
    "exchange",
    "symbol",
    "instrument",
    "timestamp",
    "received_at",
    "source",
    "run",
    "seq",
    "flags",
}
KEYS = {
    family: keys.split()
    for family, keys in {
        "funding": "funding_rate funding_rate_pct funding_interval_hours funding_rate_8h funding_apr"
        " next_funding_time settled_rate settled_time rate_cap rate_floor mark_price index_price",
        "mark_price": "mark_price index_price basis basis_bps index_timestamp",
        "oi": "open_interest open_interest_base open_value open_value_ccy open_value_source",
        "spot": "bid ask mid last multiplier",
        "instrument": "base quote settle kind multiplier contract_size tick_size funding_interval_hours"
        " rate_cap rate_floor status listed_at delisted_at changed",
        "quality": "kind state severity detail since expected observed",
        "bars": "timeframe open_time close_time mark index basis_bps funding_rate open_interest open_value"
        " coverage late",
        "signal": "name subject formula values inputs excluded",
        "alert": "rule subject state severity since value threshold text evidence",
    }.items()
}
"""Section 3 of the contract."""

HEAD: dict[str, Any] = {
    "v": 1,
    "run": 0,
    "seq": 0,
    "flags": (),
    "exchange": "okx",
    "symbol": "sol-usdt",
    "instrument": "SOL/USDT:USDT",
    "timestamp": None,
    "received_at": 5,
    "source": "rest",
}


def unknown(family: str) -> dict[str, Any]:
    """Return the keys of a family, none of them known."""
    return dict.fromkeys(KEYS[family])


UNKNOWN: dict[str, Message] = {
    "funding": FundingMessage(**HEAD, **unknown("funding")),
    "mark_price": MarkPriceMessage(**HEAD, **unknown("mark_price")),
    "oi": OpenInterestMessage(**HEAD, **unknown("oi")),
    "spot": SpotMessage(**HEAD, **unknown("spot")),
    "instrument": InstrumentMessage(**HEAD, **{**unknown("instrument"), "changed": {}}),
    "quality": QualityMessage(**HEAD, about=None, **unknown("quality")),
    "bars": BarMessage(**HEAD, **unknown("bars")),
    "signal": SignalMessage(**HEAD, **unknown("signal")),
    "alert": AlertMessage(**HEAD, **unknown("alert")),
}
"""Messages that know as little as can be."""


def test_the_families_are_the_documented_ones() -> None:
    """No payload without a table, no table without a payload."""
    assert PAYLOADS.keys() == KEYS.keys()


@pytest.mark.parametrize("family", KEYS)
def test_every_key_is_present_and_null_when_unknown(family: str) -> None:
    """A consumer never has to ask whether a key is there."""
    payload = json.decode(json.encode(UNKNOWN[family]))
    assert set(payload) - {"about"} == {*COMMON, *KEYS[family]}
    unknown = [payload[key] for key in KEYS[family] if key != "changed"]
    assert unknown == [None] * len(unknown)
    assert payload["timestamp"] is None


@pytest.mark.parametrize("family", KEYS)
def test_common_keys_have_their_values(family: str) -> None:
    """Schema version 1, names, an empty list of flags while all is well."""
    payload = json.decode(json.encode(UNKNOWN[family]))
    assert (payload["v"], payload["flags"]) == (1, [])
    assert (payload["exchange"], payload["symbol"], payload["instrument"]) == (
        "okx",
        "sol-usdt",
        "SOL/USDT:USDT",
    )
    assert UNKNOWN[family].family == family


def test_only_news_is_never_conflated() -> None:
    """A newer value replaces an older one; changes, quality events, bars and alerts do not replace each other."""
    conflating = {family for family, message in PAYLOADS.items() if message.conflates}
    assert conflating == {"funding", "mark_price", "oi", "spot", "signal"}


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-7, 123456789012.345, 2.5e-8, -0.0000123456789012345])
def test_numbers_read_back_to_the_same_float(value: float) -> None:
    """Numbers are written as the shortest text that means the same float64."""
    message = MarkPriceMessage(
        **HEAD, mark_price=value, index_price=None, basis=None, basis_bps=None, index_timestamp=None
    )
    encoded = json.encode(message)
    assert json.decode(encoded)["mark_price"] == value
    text = encoded.partition(b'"mark_price":')[2].partition(b",")[0].decode()
    assert Decimal(text) == Decimal(repr(value))
