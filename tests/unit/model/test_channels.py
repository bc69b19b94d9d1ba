"""Names of channels, hashes and streams."""

import pytest

from microstream.model.channels import PREFIXES, Channel, channel


@pytest.mark.parametrize(
    ("family", "name", "group"),
    [
        ("funding", "funding:okx:sol-usdt", "funding:okx"),
        ("mark_price", "meta:mark_price:okx:sol-usdt", "mark_price:okx"),
        ("oi", "meta:oi:okx:sol-usdt", "oi:okx"),
        ("spot", "meta:spot:okx:sol-usdt", "spot:okx"),
        ("instrument", "meta:instrument:okx:sol-usdt", "instrument:okx"),
        ("quality", "quality:okx:sol-usdt", "quality:okx"),
    ],
)
def test_every_family_has_its_keys(family: str, name: str, group: str) -> None:
    """The contract's table of channels, groups and items."""
    found = channel(family, "okx", "sol-usdt")
    assert found == Channel(name, group, "sol-usdt")
    assert (found.last_key, found.stream_key) == (f"last:{group}", f"stream:{group}")


def test_no_other_family_has_a_channel() -> None:
    """The families of this version."""
    assert set(PREFIXES) == {"funding", "mark_price", "oi", "spot", "instrument", "quality"}


def test_a_whole_venue_is_a_star() -> None:
    """Quality of a venue as a whole."""
    assert channel("quality", "bybit", "*").name == "quality:bybit:*"
