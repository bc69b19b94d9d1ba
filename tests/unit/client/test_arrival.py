"""Reading payloads, tolerantly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from microstream.client.arrival import EMPTY, HEAD_ONLY, Payload, read_payload
from microstream.model.messages import FundingMessage


def test_a_published_message_is_read() -> None:
    """The keys have the values that were published, null stays None."""
    message = FundingMessage(
        v=1,
        exchange="okx",
        symbol="sol-usdt",
        instrument="SOL/USDT:USDT",
        timestamp=None,
        received_at=5,
        source="rest",
        run=3,
        seq=2,
        flags=("stale",),
        funding_rate=-0.0001,
        funding_rate_pct=-0.01,
        funding_interval_hours=None,
        funding_rate_8h=None,
        funding_apr=None,
        next_funding_time=7,
        settled_rate=None,
        settled_time=None,
        rate_cap=None,
        rate_floor=None,
        mark_price=152.25,
        index_price=None,
    )
    payload, problem = read_payload(json.encode(message))
    assert problem is None
    assert (payload.run, payload.seq, payload.flags) == (3, 2, ("stale",))
    assert (payload.funding_rate, payload.funding_apr, payload.mark_price) == (-0.0001, None, 152.25)


@pytest.mark.parametrize("family", sorted(HEAD_ONLY))
def test_of_bars_signals_and_alerts_the_common_keys_are_read(family: str) -> None:
    """Their own keys may be objects where other families have numbers; numbers and flags count all the same."""
    raw = b'{"instrument":"SOL/USDT:USDT","received_at":5,"run":3,"seq":2,"flags":["z:stale"],"basis_bps":{"open":1}}'
    payload, problem = read_payload(raw, family)
    assert problem is None
    assert payload == Payload(instrument="SOL/USDT:USDT", received_at=5, run=3, seq=2, flags=("z:stale",))
    assert read_payload(raw)[1] is not None


def test_unknown_keys_and_flags_are_accepted() -> None:
    """A newer service may say more than this reader knows."""
    payload, problem = read_payload(b'{"v":2,"flags":["novel"],"new":{"a":[1]},"seq":4}')
    assert problem is None
    assert payload.flags == ("novel",)
    assert payload.seq == 4


@pytest.mark.parametrize("raw", [b"", b"hello", b"[1]", b'{"seq":"four"}', b"\xff\xfe", b'{"flags":[1]}'])
def test_what_cannot_be_read_says_why(raw: bytes) -> None:
    """Nothing is invented for a payload that is no message."""
    payload, problem = read_payload(raw)
    assert payload is EMPTY
    assert problem


@given(st.binary())
def test_no_bytes_stop_the_reader(raw: bytes) -> None:
    """Whatever is on the channel, the answer is a payload or a problem."""
    payload, problem = read_payload(raw)
    assert problem is None or payload is EMPTY
