"""The registry's news."""

from msgspec import json
from msgspec.structs import replace
from tests.unit.model.contracts import NOON, contract

from microstream.model.instruments import REGISTRY_KEYS
from microstream.services.instrument_watcher import changes, message

SOL = contract("bybit", "SOLUSDT", tick_size=0.01, rate_cap=0.0075, rate_floor=-0.0075, listed_at=NOON - 1)


def test_a_new_listing_had_no_status() -> None:
    """That is how a consumer tells it from the messages at the start."""
    assert changes(None, SOL) == {"status": None}


def test_no_news_is_no_change() -> None:
    """Turnover moves all the time and is not of the registry."""
    assert changes(SOL, replace(SOL, turnover=5.0)) == {}


def test_changes_have_their_old_values() -> None:
    """Every published key that differs."""
    new = replace(SOL, funding_interval_hours=4.0, rate_cap=None, status="settling", delisted_at=NOON)
    assert changes(SOL, new) == {
        "funding_interval_hours": 8.0,
        "rate_cap": 0.0075,
        "status": "live",
        "delisted_at": None,
    }


def test_the_message_is_the_registry_s_row() -> None:
    """All keys with their values; lists have no time of their own."""
    payload = json.decode(json.encode(message(SOL, {"status": None}, NOON)))
    assert {key: payload[key] for key in REGISTRY_KEYS} == {key: getattr(SOL, key) for key in REGISTRY_KEYS}
    assert (payload["timestamp"], payload["received_at"], payload["source"]) == (None, NOON, "rest")
    assert payload["changed"] == {"status": None}
    assert (payload["exchange"], payload["symbol"]) == ("bybit", "solusdt")
