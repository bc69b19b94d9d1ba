"""Names of channels, hashes and streams."""

import pytest

from microstream.model.channels import PREFIXES, Channel, channel, head, parts


@pytest.mark.parametrize(
    ("family", "owner", "item", "name"),
    [
        ("funding", "okx", "sol-usdt", "funding:okx:sol-usdt"),
        ("mark_price", "okx", "sol-usdt", "meta:mark_price:okx:sol-usdt"),
        ("oi", "okx", "sol-usdt", "meta:oi:okx:sol-usdt"),
        ("spot", "okx", "sol-usdt", "meta:spot:okx:sol-usdt"),
        ("instrument", "okx", "sol-usdt", "meta:instrument:okx:sol-usdt"),
        ("quality", "okx", "sol-usdt", "quality:okx:sol-usdt"),
        ("bars", "okx:15s", "sol-usdt", "bars:okx:sol-usdt:15s"),
        ("signal", "funding_spread", "sol", "signal:funding_spread:sol"),
        ("signal", "basis", "okx:sol-usdt", "signal:basis:okx:sol-usdt"),
        ("alert", "squeeze", "okx:sol-usdt", "alert:squeeze:okx:sol-usdt"),
    ],
)
def test_every_family_has_its_keys(family: str, owner: str, item: str, name: str) -> None:
    """The contract's table of channels, groups and items; a name is taken apart into what it was made of."""
    found = channel(family, owner, item)
    group = f"{family}:{owner}"
    assert found == Channel(name, group, item)
    assert (found.last_key, found.stream_key) == (f"last:{group}", f"stream:{group}")
    assert found.family == family
    assert parts(name) == (family, owner, item)
    assert name.startswith(head(family, owner))


def test_no_other_family_has_a_channel() -> None:
    """The families of this version."""
    expected = {"funding", "mark_price", "oi", "spot", "instrument", "quality", "bars", "signal", "alert"}
    assert set(PREFIXES) == expected


def test_a_whole_venue_is_a_star() -> None:
    """Quality of a venue as a whole."""
    assert channel("quality", "bybit", "*").name == "quality:bybit:*"


def test_short_channel_names_have_empty_parts() -> None:
    """A channel of somebody else is no error."""
    assert parts("alert:high") == ("alert", "high", "")
    assert parts("bars:okx") == ("bars", "okx", "")
    assert parts("news") == ("news", "", "")
