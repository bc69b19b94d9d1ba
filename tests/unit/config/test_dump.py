"""The effective configuration as text, and the example file."""

from collections.abc import Callable
from pathlib import Path

import yaml

from microstream.config import Config, Loaded, dump, load
from microstream.config.dump import example
from microstream.config.schema import GROUPS, SETTINGS

EXAMPLE = Path(__file__).parents[3] / "config" / "microstream.example.yaml"


def keys(tree: object, key: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(tree, dict):
        return {key}
    return {key} | {inner for name, member in tree.items() for inner in keys(member, (*key, name))}


def test_dump_is_read_again(load_text: Callable[..., Loaded]) -> None:
    """A dump has every key and gives the same configuration."""
    text = "symbols: [ON/USDT, 'NO', '*/USDT:USDT']\nhttp: {timeout: 1500ms, max_body: 5000}\n"
    config = load_text(text).config
    assert load_text(dump(config)).config == config
    assert keys(yaml.safe_load(dump(config))) == {(), *SETTINGS, *GROUPS}


def test_dump_shows_durations_and_sizes_as_text() -> None:
    """As they are written, not as they are stored."""
    tree = yaml.safe_load(dump(Config()))
    assert (tree["redis"]["last_ttl"], tree["http"]["timeout"], tree["http"]["max_body"]) == (
        "1h",
        "10s",
        "64MB",
    )


def test_dump_hides_passwords() -> None:
    """Of Redis and of a proxy in front of a venue."""
    environ = {
        "MICROSTREAM_REDIS__URL": "rediss://app:hunter2@cache.example.com/0?password=hunter2",
        "MICROSTREAM_EXCHANGES__OKX__REST_URL": "https://me:hunter2@proxy.example.com/okx",
    }
    text = dump(load(None, environ).config)
    assert "hunter2" not in text
    tree = yaml.safe_load(text)
    assert tree["redis"]["url"] == "rediss://app:***@cache.example.com/0?password=***"
    assert tree["exchanges"]["okx"]["rest_url"] == "https://me:***@proxy.example.com/okx"


def test_example_file_is_current() -> None:
    """The file is what `example` writes; write it again after a change of the model."""
    assert EXAMPLE.read_text(encoding="utf-8") == example()


def test_example_equals_the_defaults() -> None:
    """Used as it is, the example changes nothing, and no key is missing in it."""
    assert load(EXAMPLE, {}).config == Config()
    assert keys(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))) == {(), *SETTINGS, *GROUPS}


def test_example_explains_every_key() -> None:
    """Every line with a key has a comment, and none is too long."""
    lines = [
        line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    assert len(lines) == len(SETTINGS) + len(GROUPS)
    assert all("  # " in line and len(line) <= 120 for line in lines)
