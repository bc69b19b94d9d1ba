"""Globs over channel names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.errors import ConfigError
from microstream.model.channels import PREFIXES, channel
from microstream.model.globs import channel_regex, families, literal_head


@pytest.mark.parametrize(
    ("glob", "matches", "fails"),
    [
        ("funding:*:sol*", "funding:okx:sol-usdt", "funding:okx:btc-usdt"),
        ("funding:o?x:*", "funding:okx:x", "funding:okkx:x"),
        ("funding:[bo]*", "funding:okx:x", "funding:xyz:x"),
        ("funding:[^b]*", "funding:okx:x", "funding:bybit:x"),
        ("funding:[a-c]*", "funding:bybit:x", "funding:okx:x"),
        (r"quality:okx:\*", "quality:okx:*", "quality:okx:sol-usdt"),
        ("a:[b", "a:[b", "a:b"),
        ("a.b:*", "a.b:c", "axb:c"),
    ],
)
def test_globs_are_those_of_redis(glob: str, matches: str, fails: str) -> None:
    """The last values are chosen by the same rules by which Redis chooses the live messages."""
    assert channel_regex(glob).fullmatch(matches)
    assert not channel_regex(glob).fullmatch(fails)


@given(st.text())
def test_a_glob_without_special_characters_matches_only_itself(text: str) -> None:
    """Characters that mean something in regular expressions mean nothing here."""
    plain = "".join(character for character in text if character not in "*?[]\\")
    assert channel_regex(plain).fullmatch(plain)
    assert not channel_regex(plain).fullmatch(plain + "x")


def test_a_backward_range_cannot_be_read() -> None:
    """The error names the pattern."""
    with pytest.raises(ConfigError, match=r"funding:\[z-a\]"):
        channel_regex("funding:[z-a]")


@pytest.mark.parametrize(
    ("glob", "head"),
    [("signal:basis:*", "signal:basis:"), ("*", ""), (r"a:\*", "a:"), ("a[b]", "a"), ("a", "a")],
)
def test_the_fixed_beginning_of_a_glob(glob: str, head: str) -> None:
    """It ends where the first special character stands."""
    assert literal_head(glob) == head


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("signal:funding_anomaly:*", ["signal"]),
        ("meta:*", ["mark_price", "oi", "spot", "instrument"]),
        ("fund*", ["funding"]),
        ("*", list(PREFIXES)),
        ("fundings:*", []),
        ("signal", ["signal"]),
    ],
)
def test_the_families_that_a_glob_can_match(glob: str, expected: list[str]) -> None:
    """Judged by its fixed beginning."""
    assert families(glob) == expected


@given(st.sampled_from(list(PREFIXES)), st.integers(0, 30))
def test_no_family_that_matches_is_left_out(family: str, cut: int) -> None:
    """The family of a channel is among those of every glob that matches it."""
    name = channel(family, "okx:1m" if family == "bars" else "okx", "sol-usdt").name
    assert family in families(f"{name[:cut]}*")
