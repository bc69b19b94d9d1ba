"""A message as one line."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from microstream.cli.lines import json_line, plain_line
from microstream.client.arrival import Arrival, Payload

Arrive = Callable[..., Arrival]

NOON = 1_760_011_200_000  # 2025-10-09 12:00:00 UTC


def test_a_funding_line_has_rate_interval_apr_time_and_mark(arrive: Arrive) -> None:
    """What matters of a funding message, with units."""
    arrival = arrive(
        "funding:okx:sol-usdt",
        received_at=NOON + 7,
        funding_rate=0.0001,
        funding_interval_hours=8,
        funding_apr=0.1095,
        next_funding_time=NOON + 3_600_000,
        mark_price=152.345,
    )
    assert plain_line(arrival, NOON) == (
        "12:00:00.007Z  funding:okx:sol-usdt               "
        "+0.0100% per 8h   APR  +10.95%  paid in 1:00:00  mark 152.345"
    )


@pytest.mark.parametrize(
    ("channel", "payload", "text"),
    [
        (
            "meta:mark_price:okx:sol-usdt",
            {"mark_price": 152.345, "index_price": 152.305, "basis_bps": 2.63},
            "mark    152.345  index    152.305  basis   +2.6bp",
        ),
        (
            "meta:oi:okx:sol-usdt",
            {"open_value": 1.23e9, "open_interest_base": 8.1e6, "instrument": "SOL/USDT:USDT"},
            "open interest  1.23B USD   8.10M SOL",
        ),
        (
            "meta:instrument:okx:sol-usdt",
            {"instrument": "SOL/USDT:USDT", "status": "live", "changed": {"tick_size": 0.01}},
            "SOL/USDT:USDT live; tick_size was 0.01",
        ),
        (
            "quality:okx:*",
            {"state": "raised", "severity": "warning", "kind": "silent", "detail": "no answer for 31 s"},
            "warning silent: no answer for 31 s",
        ),
        ("funding:okx:sol-usdt", {"settled_rate": 0.0002}, "settled +0.0200%"),
        ("signal:basis:okx:sol-usdt", {"seq": 4, "values": {"z": 2.5}}, 'values={"z":2.5}'),
    ],
)
def test_every_family_has_its_line(
    arrive: Arrive, channel: str, payload: dict[str, object], text: str
) -> None:
    """Time, channel, then the values of that family."""
    line = plain_line(arrive(channel, received_at=NOON, **payload), NOON)
    assert line == f"12:00:00.000Z  {channel:<34} {text}"


def test_flags_last_values_and_holes_are_noted(arrive: Arrive) -> None:
    """At the end of the line, in brackets."""
    arrival = arrive("meta:oi:okx:x", live=False, missing=3, flags=["stale"], received_at=NOON)
    assert plain_line(arrival, NOON).endswith("[stale, last value, 3 missing before]")


def test_a_value_of_another_day_shows_its_date(arrive: Arrive) -> None:
    """A last value may be old; the columns stay aligned."""
    old = plain_line(arrive("meta:oi:okx:x", received_at=NOON - 86_400_000), NOON)
    new = plain_line(arrive("meta:oi:okx:x", received_at=NOON), NOON)
    assert old.startswith("10-08 12:00Z   meta:oi")
    assert old.index("meta") == new.index("meta")


def test_what_cannot_be_read_is_said(arrive: Arrive) -> None:
    """The reason stands where the values would."""
    assert "unreadable: " in plain_line(arrive("funding:okx:x", raw=b"hello"), NOON)


def test_json_lines_are_the_payload_with_the_channel_first(arrive: Arrive) -> None:
    """Numbers keep their very text."""
    raw = b'{"v":1,"funding_rate":0.000100000000000000012,"x":null}'
    line = json_line(arrive("funding:okx:sol-usdt", raw=raw))
    assert line == b'{"channel":"funding:okx:sol-usdt",' + raw[1:] + b"\n"


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text()), st.booleans())
def test_json_lines_are_one_line_and_keep_every_key(values: dict[str, object], pretty: bool) -> None:
    """Also for a publisher that writes its JSON over several lines."""
    encoded = json.encode(values)
    raw = b" " + json.format(encoded, indent=2) + b"\n" if pretty else encoded
    arrival = Arrival(
        channel="funding:okx:x",
        family="funding",
        exchange="okx",
        item="x",
        raw=raw,
        payload=Payload(),
        live=True,
    )
    line = json_line(arrival)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    decoded = json.decode(line)
    assert next(iter(decoded)) == "channel"
    assert decoded == {"channel": "funding:okx:x"} | values
