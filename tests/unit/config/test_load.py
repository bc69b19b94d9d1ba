"""Files: which is read, and what is said where one cannot be."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microstream.config import Config, Loaded, load
from microstream.config.alerts import AlertRule
from microstream.errors import ConfigError

LoadText = Callable[..., Loaded]


def failure(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def test_no_file() -> None:
    """Without a file the defaults serve."""
    loaded = load(None, {})
    assert (loaded.config, loaded.path) == (Config(), None)
    assert loaded.where(("server", "port")) == "default"


def test_the_file_of_the_directory(load_text: LoadText) -> None:
    """`microstream.yaml` is found by itself."""
    loaded = load_text("tradfi: true\nserver:\n  port: 9000\n")
    assert (loaded.config.tradfi, loaded.path) == (True, Path("microstream.yaml"))
    assert loaded.where(("server", "port")) == "microstream.yaml:3"
    assert loaded.where(("server",)) == "microstream.yaml:2"
    assert loaded.where(("server", "host")) == "default"


def test_a_named_file(tmp_path: Path) -> None:
    """A file that is named is shown as it was named, and read instead of the one in the directory."""
    Path("microstream.yaml").write_text("strict: false\n")
    path = tmp_path / "other.yaml"
    path.write_text("tradfi: true\n")
    loaded = load(path, {})
    assert (loaded.config.tradfi, loaded.config.strict, loaded.path) == (True, True, path)
    assert loaded.where(("tradfi",)) == f"{path}:1"


def test_the_example_of_the_contract(load_text: LoadText) -> None:
    """The text of the contract is accepted and equals the defaults."""
    text = """
symbols: [BTC/USDT, ETH/USDT, SOL/USDT]          # or: all
strict: true
tradfi: false
redis:
  url: embedded                   # embedded | redis:// | rediss:// | unix:// | redis+cluster://
  port: 6399
exchanges:
  binance: {enabled: true}
  bybit:   {enabled: true}
  okx:     {enabled: true}
services:
  funding_rate_aggregator: {enabled: true, poll_interval: 30s}
  mark_price_poller:       {enabled: true, poll_interval: 10s}
  open_interest_poller:    {enabled: true, poll_interval: 15s}
http:
  timeout: 10s
  retries: 3
server: {host: 127.0.0.1, port: 8787}   # /metrics, /healthz, /readyz
log: {level: info, format: auto}
"""
    assert load_text(text).config == Config()


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "\ufeff", "redis:\nservices:\n  mark_price_poller:\n"]
)
def test_empty_files(load_text: LoadText, text: str) -> None:
    """A file or a group with nothing in it leaves the defaults."""
    assert load_text(text).config == Config()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("symbols: all", ("all",)),
        ("symbols: SOL", ("SOL",)),
        ("symbols: SOL, */USDT:USDT", ("SOL", "*/USDT:USDT")),
        ("symbols: [a, b]", ("a", "b")),
    ],
)
def test_symbols(load_text: LoadText, text: str, expected: tuple[str, ...]) -> None:
    """A list, one name, or names with commas between."""
    assert load_text(text).config.symbols == expected


def test_venue_overrides(load_text: LoadText) -> None:
    """Bases for a simulator or a proxy, shared by an anchor."""
    text = """
exchanges:
  binance: &one {rest_url: 'http://127.0.0.1:9100/', ws_url: 'ws://127.0.0.1:9100'}
  okx: {<<: *one, enabled: off}
"""
    exchanges = load_text(text).config.exchanges
    assert exchanges.binance.rest_url == exchanges.okx.rest_url == "http://127.0.0.1:9100"
    assert (exchanges.okx.enabled, exchanges.okx.ws_url, exchanges.bybit.rest_url) == (
        False,
        "ws://127.0.0.1:9100",
        None,
    )


def test_missing_file() -> None:
    """A file that is named must be there."""
    assert (
        failure(Path("none.yaml"))
        == "none.yaml: there is no such file; name another, or none for the defaults"
    )


def test_directory(tmp_path: Path) -> None:
    """A directory cannot be read."""
    assert failure(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


def test_not_utf8() -> None:
    """The line of the first byte that does not fit."""
    Path("latin.yaml").write_bytes("strict: true\nsymbols: [Zürich]\n".encode("latin-1"))
    assert failure(Path("latin.yaml")) == "latin.yaml:2: is not UTF-8 text; save it as UTF-8"


def test_too_long() -> None:
    """More than a megabyte is not even parsed."""
    Path("long.yaml").write_bytes(b"#" * 1_000_001)
    assert failure(Path("long.yaml")) == "long.yaml: is longer than 1 MB: this is no configuration"


def test_endless_file() -> None:
    """A device that never ends is read up to the limit."""
    assert failure(Path("/dev/zero")) == "/dev/zero: is longer than 1 MB: this is no configuration"


def test_unreadable_file_and_environment() -> None:
    """The environment's mistakes are reported with the file's."""
    with pytest.raises(ConfigError) as caught:
        load(Path("none.yaml"), {"MICROSTREAM_X": "1", "MICROSTREAM_HTTP__RETRIES": "99"})
    sources = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert sources == ["none.yaml", "MICROSTREAM_HTTP__RETRIES", "MICROSTREAM_X"]


def load_or_refuse(text: str, environ: dict[str, str]) -> None:
    """Fail on anything but a configuration or a `ConfigError` whose lines are printable."""
    Path("garbage.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    lines = ["no mistake"]
    try:
        assert isinstance(load(Path("garbage.yaml"), environ).config, Config)
    except ConfigError as error:
        lines = str(error).split("\n")
    assert all(line and line.isprintable() for line in lines)


_WORDS = st.sampled_from([
    "symbols", "redis", "url", "port", "exchanges", "okx", "enabled", "services", "http", "timeout", "log",
    ": ", ":", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "<<", "!!int ", "!x ", "'", '"', "\\U", "|", ">",
    "? ", "---", "%YAML 1.1", "#", "\t", "\n", "\n  ", "\u2028", "=", "~", "1", "0x", "0b", "_", "yes", "10s",
    "1e400", "-.inf", ".nan", "2026-99-99", "1:99", "ä",
])  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_KEYS = st.sampled_from(
    ["symbols", "redis", "url", "port", "services", "mark_price_poller", "server", "alerts", "x"]
) | st.text(max_size=5)
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4)
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_WORDS, max_size=25).map("".join) | st.text(max_size=100))
def test_garbage(text: str) -> None:
    """Any text is a configuration or a `ConfigError`."""
    load_or_refuse(text, {})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(_KEYS, _TREES, max_size=4))
def test_any_tree(tree: dict[str, object]) -> None:
    """Any tree of values is a configuration or a `ConfigError`: every error of the model has its words."""
    load_or_refuse(json.dumps(tree), {})


_RULE_KEYS = st.sampled_from([*AlertRule.model_json_schema()["properties"], "url_env", "url"])
_RULES = st.dictionaries(
    st.sampled_from(["cap_hit", "own", "A"]),
    st.dictionaries(_RULE_KEYS, _TREES, max_size=5) | _TREES,
    max_size=3,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["rules", "deliveries", "quiet_hours", "shipped"]), _RULES | _TREES))
def test_any_rules(section: dict[str, object]) -> None:
    """Any tree of rules and deliveries, too."""
    load_or_refuse(json.dumps({"alerts": section}), {})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["REDIS__URL", "SYMBOLS", "HTTP__RETRIES", "STRICT", "ä"]).map(
            "MICROSTREAM_{}".format
        ),
        st.lists(_WORDS, max_size=6).map("".join) | st.text(max_size=20),
    )
)
def test_any_environment(environ: dict[str, str]) -> None:
    """Any variables, too."""
    load_or_refuse("", environ)
