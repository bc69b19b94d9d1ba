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
        ("meta:spot:okx:sol-usdt", {"seq": 4, "mid": 152.5, "last": None}, "mid=152.5  last=null"),
        (
            "bars:okx:sol-usdt:1m",
            {
                "close_time": NOON,
                "mark": {"open": 152.3, "high": 152.5, "low": 152.1, "close": 152.4, "samples": 3},
                "index": None,
                "basis_bps": {"close": 2.6},
                "funding_rate": None,
                "open_value": {"close": 1.23e9},
                "coverage": 0.95,
                "late": 2,
            },
            (
                "to 12:00:00  mark 152.300 high 152.500 low 152.100 close 152.400"
                "  basis +2.6bp  rate -  OI 1.23B USD  covered 95%  2 late"
            ),
        ),
        (
            "bars:okx:sol-usdt:1m",
            {"close_time": NOON - 86_400_000, "mark": None, "coverage": None, "late": 0},
            "to 10-08 12:00  mark - high - low - close -  basis -  rate -  OI - USD  covered -",
        ),
        ("bars:okx:sol-usdt:1m", {"mark": "cheap"}, 'mark="cheap"'),
        (
            "alert:squeeze:okx:sol-usdt",
            {
                "state": "raised",
                "severity": "critical",
                "since": NOON - 60_000,
                "value": 72.5,
                "threshold": 60,
                "text": "squeeze of SOL",
            },
            "critical since 11:59:00: squeeze of SOL (72.5, threshold 60)",
        ),
        (
            "alert:squeeze:okx:sol-usdt",
            {"state": "cleared", "severity": "critical", "since": None, "value": None, "text": "Over: it"},
            "cleared since -: Over: it (-, threshold -)",
        ),
        ("alert:squeeze:okx:sol-usdt", {"text": 7}, "text=7"),
    ],
)
def test_every_family_has_its_line(
    arrive: Arrive, channel: str, payload: dict[str, object], text: str
) -> None:
    """Time, channel, then the values of that family."""
    line = plain_line(arrive(channel, received_at=NOON, **payload), NOON)
    assert line == f"12:00:00.000Z  {channel:<34} {text}"


SIGNALS: list[tuple[str, dict[str, object], str]] = [
    (
        "basis:okx:sol-usdt",
        {"mark_index_bps": -6.02, "perp_spot_bps": None, "carry_apr": 0.1095, "z_score": 2.5, "samples": 40},
        "mark to index   -6.0bp  to spot        -  carry  +10.95%  z  +2.50",
    ),
    (
        "funding_spread:sol",
        {
            "short": {"exchange": "okx", "symbol": "sol-usdt"},
            "long": {"exchange": "bybit", "symbol": "solusdt"},
            "gross_apr": 0.219,
            "costs": 0.0021,
            "break_even_hours": 84.0,
            "break_even_time": NOON + 4 * 86_400_000,
            "net_return": {"8h": -0.0019, "24h": -0.0015, "72h": -0.0003, "168h": 0.0021},
        },
        (
            "short okx sol-usdt  long bybit solusdt  APR +21.90%  costs 0.2100%  even after 84.0h, at 10-13 12:00"
            "  net 24h -0.1500%  168h +0.2100%"
        ),
    ),
    (
        "funding_spread:sol",
        {"short": None, "long": None, "net_return": None},
        "short -  long -  APR -  costs -  even after -, at -  net 24h -  168h -",
    ),
    (
        "funding_anomaly:okx:sol-usdt",
        {
            "funding_rate_8h": 0.0005,
            "score": 5.123,
            "history": "settled",
            "percentile": 0.99,
            "distance_to_cap": 0.25,
            "anomalous": True,
        },
        "+0.0500% per 8h  score +5.12 beside settled  percentile 0.99  to cap +0.25  anomalous",
    ),
    (
        "funding_anomaly:okx:sol-usdt",
        {"funding_rate_8h": 0.0, "score": None, "anomalous": None},
        " 0.0000% per 8h  score - beside -  percentile -  to cap -",
    ),
    (
        "oi_regime:okx:sol-usdt",
        {
            "5m": {"regime": "long_build_up", "oi_change": 0.0123, "price_change": 0.004},
            "1h": {"regime": None, "oi_change": None, "price_change": 0},
        },
        "5m long build up OI +1.23% price +0.40%  1h - OI - price 0.00%",
    ),
    ("oi_regime:okx:sol-usdt", {}, "-"),
    (
        "squeeze:okx:sol-usdt",
        {"short_squeeze": 72.54, "long_squeeze": 0, "components_used": ["funding", "oi", "basis"]},
        "short  72.5  long   0.0  of funding, oi, basis",
    ),
    (
        "squeeze:okx:sol-usdt",
        {"short_squeeze": None, "long_squeeze": None, "components_used": []},
        "short     -  long     -  of nothing",
    ),
    (
        "liquidity:sol",
        {
            "shares": {"binance": 0.71, "okx": 0.29},
            "open_value": 1.49e10,
            "effective_venues": 1.7,
            "oi_weighted_funding_8h": 0.000087,
        },
        "OI  14.9B USD  binance 71.0% okx 29.0%  effective venues 1.70  funding +0.0087% per 8h",
    ),
    ("novel:sol", {"x": 1.5, "y": {"z": None}}, 'x=1.5  y={"z":null}'),
]


@pytest.mark.parametrize(("subject", "values", "text"), SIGNALS)
def test_every_signal_has_its_line(
    arrive: Arrive, subject: str, values: dict[str, object], text: str
) -> None:
    """Values with units, `-` for null, all keys of a signal that this version does not know."""
    channel = f"signal:{subject}"
    line = plain_line(arrive(channel, received_at=NOON, values=values), NOON)
    assert line == f"12:00:00.000Z  {channel:<34} {text}"


@pytest.mark.parametrize("subject", [subject for subject, _, _ in SIGNALS])
@pytest.mark.parametrize(
    "values", [{}, {"short": 1, "shares": [2], "net_return": True, "5m": "x", "score": "y"}]
)
def test_values_of_other_types_are_unknown(arrive: Arrive, subject: str, values: dict[str, object]) -> None:
    """Whatever a publisher puts into `values`, there is a line."""
    channel = f"signal:{subject}"
    assert plain_line(arrive(channel, received_at=NOON, values=values), NOON).startswith(
        "12:00:00.000Z  signal:"
    )


def test_a_signal_tells_what_it_left_out_and_why_values_are_null(arrive: Arrive) -> None:
    """The legs behind the values, the reasons of nulls in the brackets."""
    arrival = arrive(
        "signal:squeeze:okx:x",
        flags=["short_squeeze:stale"],
        values={},
        excluded=[{"exchange": "bybit", "symbol": "solusdt", "reason": "stale", "novel": 1}],
    )
    text = "of nothing  without bybit solusdt (stale)  [short_squeeze:stale]"
    assert plain_line(arrival, NOON).endswith(text)


def test_a_signal_that_is_none_shows_its_keys(arrive: Arrive) -> None:
    """Values that are no object are shown as they are."""
    assert plain_line(arrive("signal:squeeze:okx:x", values=[1]), NOON).endswith("values=[1]")


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
