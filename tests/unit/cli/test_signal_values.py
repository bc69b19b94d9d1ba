"""Reading signals, tolerantly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.cli.signal_values import NO_SIGNAL, Left, Signal, inner, number, read_signal, reasons, word


def test_values_flags_and_what_was_left_out_are_read() -> None:
    """Unknown keys are passed over; what is not there is empty."""
    raw = (
        b'{"name":"squeeze","novel":[1],"values":{"a":{"b":1.5}},"flags":["a.c:stale"],"inputs":[{"x":[]}],'
        b'"excluded":[{"exchange":"okx","symbol":"x","reason":"stale","since":3}]}'
    )
    signal = read_signal(raw)
    assert signal == Signal({"a": {"b": 1.5}}, ("a.c:stale",), (Left("okx", "x", "stale"),))
    assert read_signal(b"{}") == Signal()


@pytest.mark.parametrize("raw", [b"", b"hello", b'{"values":null}', b'{"flags":[1]}', b'{"excluded":{}}'])
def test_what_is_no_signal_has_no_values_and_says_so(raw: bytes) -> None:
    """Nothing is invented."""
    assert read_signal(raw) is NO_SIGNAL
    assert reasons(NO_SIGNAL) == "unreadable: values"


@given(st.binary())
def test_no_bytes_stop_the_reader(raw: bytes) -> None:
    """Whatever is on the channel, the answer is a signal."""
    assert isinstance(read_signal(raw), Signal)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a", "b"), 1.5),
        (("a", "n"), 7.0),
        (("a",), None),
        (("a", "t"), None),
        (("a", "flag"), None),
        (("a", "huge"), None),
        (("a", "null"), None),
        (("a", "b", "c"), None),
        (("z", "b"), None),
    ],
)
def test_a_number_is_found_by_its_path_or_unknown(path: tuple[str, ...], value: float | None) -> None:
    """Text, truth values, objects and numbers beyond float64 are no numbers."""
    values = {"a": {"b": 1.5, "n": 7, "t": "x", "flag": True, "huge": 10**400, "null": None}}
    assert number(values, *path) == value


def test_a_text_is_found_by_its_path_or_unknown() -> None:
    """As numbers are."""
    assert (word({"a": "x"}, "a"), word({"a": 1}, "a"), word([], "a")) == ("x", None, None)
    assert inner({"a": [1]}, "a") == [1]


def test_reasons_are_grouped_and_legs_come_before_pairs() -> None:
    """A reason is told once, with the first two that it is of."""
    signal = Signal(
        flags=("1h.regime:too_few_samples", "4h.regime:too_few_samples", "odd"),
        excluded=(
            Left("binance/okx", "a/b", "quote_mismatch"),
            Left("bybit", "solusdt", "stale"),
            Left("binance/okx", "a/c", "quote_mismatch"),
            Left("bybit/okx", "a/d", "quote_mismatch"),
        ),
    )
    assert reasons(signal) == (
        "too few samples: 1h.regime, 4h.regime; odd; stale: bybit solusdt; "
        "quote mismatch: binance/okx a/b, binance/okx a/c, 1 more"
    )
    assert reasons(Signal()) == ""
