"""Settings from the environment."""

from collections.abc import Callable

import pytest

from microstream.config import Loaded, load
from microstream.config.environment import variable
from microstream.config.schema import SETTINGS

LoadText = Callable[..., Loaded]
Mistakes = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("name", "text", "key", "expected"),
    [
        ("MICROSTREAM_REDIS__URL", "redis://app:no@host:1/2", ("redis", "url"), "redis://app:no@host:1/2"),
        ("microstream_redis__port", "7000", ("redis", "port"), 7000),
        ("MICROSTREAM_EXCHANGES__BINANCE__ENABLED", "false", ("exchanges", "binance", "enabled"), False),
        ("MICROSTREAM_EXCHANGES__OKX__ENABLED", "0", ("exchanges", "okx", "enabled"), False),
        ("MICROSTREAM_TRADFI", "1", ("tradfi",), True),
        ("MICROSTREAM_TRADFI", "On", ("tradfi",), True),
        ("Microstream_Exchanges__Bybit__Weight_Share", "1", ("exchanges", "bybit", "weight_share"), 1.0),
        ("MICROSTREAM_INSTRUMENTS__REFRESH", " 1m ", ("instruments", "refresh"), 60.0),
        ("MICROSTREAM_HTTP__MAX_BODY", "2048", ("http", "max_body"), 2048),
        ("MICROSTREAM_HTTP__MAX_BODY", "1MB", ("http", "max_body"), 1 << 20),
        ("MICROSTREAM_LOG__LEVEL", "DEBUG", ("log", "level"), "debug"),
        ("MICROSTREAM_SERVER__HOST", "1", ("server", "host"), "1"),
        ("MICROSTREAM_SYMBOLS", '["BTC/USDT", "ON"]', ("symbols",), ("BTC/USDT", "ON")),
        ("MICROSTREAM_SYMBOLS", "BTC/USDT, ON", ("symbols",), ("BTC/USDT", "ON")),
        ("MICROSTREAM_SYMBOLS", "all", ("symbols",), ("all",)),
        ("MICROSTREAM_ALERTS__ENABLED", "false", ("alerts", "enabled"), False),
        (
            "MICROSTREAM_ALERTS__QUIET_HOURS",
            "22:00-07:00 Europe/Berlin, 12:00-13:00",
            ("alerts", "quiet_hours"),
            ("22:00-07:00 Europe/Berlin", "12:00-13:00"),
        ),
    ],
)  # fmt: skip
def test_a_setting(name: str, text: str, key: tuple[str, ...], expected: object) -> None:
    """Names in any case; values as in the file, lists as JSON or with commas."""
    loaded = load(None, {name: text})
    value: object = loaded.config
    for part in key:
        value = getattr(value, part)
    assert value == expected
    assert type(value) is type(expected)
    assert loaded.where(key) == name


@pytest.mark.parametrize("key", SETTINGS, ids=".".join)
def test_every_key_can_be_set(mistakes: Mistakes, key: tuple[str, ...]) -> None:
    """Each setting has a variable: a text that fits none of them is refused by name."""
    name = variable(key)
    if key in {("server", "host"), ("tap", "folder"), ("history", "url")}:  # which take any text
        config = load(None, {name: "[x]"}).config
        assert "[x]" in {config.server.host, config.tap.folder, config.history.url}
        return
    (line,) = mistakes("", **{name: "[x]"})
    shown = "what is written there" if key == ("alerts", "deliveries") else "'[x]'"
    assert line.startswith(f"{name}: {'.'.join(key)}: {shown} ")


def test_the_environment_wins(load_text: LoadText) -> None:
    """Its values replace those of the file, mistaken ones included; the rest of the group stays."""
    text = "redis:\n  port: 0\n  timeout: 7s\nsymbols: [A,\n  on]\nhttp:\n"
    environ = {
        "MICROSTREAM_REDIS__PORT": "7000",
        "MICROSTREAM_SYMBOLS": "B",
        "MICROSTREAM_HTTP__RETRIES": "0",
    }
    loaded = load_text(text, **environ)
    assert (loaded.config.redis.port, loaded.config.redis.timeout) == (7000, 7.0)
    assert (loaded.config.symbols, loaded.config.http.retries) == (("B",), 0)
    assert loaded.where(("redis", "port")) == "MICROSTREAM_REDIS__PORT"
    assert loaded.where(("redis", "timeout")) == "microstream.yaml:3"


def test_other_variables_are_left_alone() -> None:
    """Only our prefix is read, and an empty variable is as good as none."""
    environ = {
        "PATH": "/bin",
        "MICROSTREAMX": "1",
        "REDIS__URL": "x",
        "MICROSTREAM_REDIS__URL": "",
        "MICROSTREAM_X": " ",
    }
    assert load(None, environ).config.redis.url == "embedded"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MICROSTREAM_REDIS_URL", "no such setting; did you mean MICROSTREAM_REDIS__URL?"),
        ("microstream_simbols", "no such setting; did you mean MICROSTREAM_SYMBOLS?"),
        (
            "MICROSTREAM_PORT",
            "no such setting; did you mean MICROSTREAM_REDIS__PORT or MICROSTREAM_SERVER__PORT?",
        ),
        (
            "MICROSTREAM_Q",
            (
                "no such setting; one is for example MICROSTREAM_SYMBOLS, "
                "and `microstream config` prints them all"
            ),
        ),
        (
            "MICROSTREAM_REDIS",
            "redis is a group of keys; set one of them, for example MICROSTREAM_REDIS__URL",
        ),
    ],
)
def test_unknown_variables(mistakes: Mistakes, name: str, expected: str) -> None:
    """A variable with our prefix that sets nothing is a mistake; its value is never shown."""
    assert mistakes("", **{name: "hunter2"}) == [f"{name}: {expected}"]


def test_the_same_setting_twice(mistakes: Mistakes) -> None:
    """Two spellings of one variable."""
    found = mistakes("", MICROSTREAM_TRADFI="1", microstream_tradfi="0")
    assert found == ["microstream_tradfi: tradfi: is set by MICROSTREAM_TRADFI too; remove one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a', "is not a JSON list; write names with commas between them"),
        ("[" * 100_000, "is not a JSON list; write names with commas between them"),
        ("[5]", "is read as a number, not as text; put it in quotes"),
        ("[]", "has no names; name what to follow, or write all"),
        ("a,,b", "is empty"),
    ],
)
def test_lists_that_cannot_be_read(mistakes: Mistakes, text: str, expected: str) -> None:
    """The variable is named and what is wrong with its list."""
    (line,) = mistakes("", MICROSTREAM_SYMBOLS=text)
    assert line.startswith("MICROSTREAM_SYMBOLS: symbols: '")
    assert line.endswith(expected)


def test_all_venues_switched_off(mistakes: Mistakes) -> None:
    """A mistake that file and environment make together is reported where the first part stands."""
    text = "exchanges:\n  okx: {enabled: no}\n"
    environ = {f"MICROSTREAM_EXCHANGES__{name}__ENABLED": "no" for name in ("BINANCE", "BYBIT")}
    expected = "exchanges: all are switched off; enable binance, bybit or okx"
    assert mistakes(text, **environ) == [f"microstream.yaml:1: {expected}"]
    (line,) = mistakes("", **environ, MICROSTREAM_EXCHANGES__OKX__ENABLED="no")
    assert line == f"MICROSTREAM_EXCHANGES__BINANCE__ENABLED: {expected}"


def test_endless_digits(mistakes: Mistakes) -> None:
    """More digits than Python reads are no number, in quotes or not."""
    digits = "9" * 5000
    said = f"http.retries: '{digits[:60]}…' is not a whole number"
    assert mistakes("", MICROSTREAM_HTTP__RETRIES=digits) == [f"MICROSTREAM_HTTP__RETRIES: {said}"]
    assert mistakes(f"http: {{retries: '{digits}'}}") == [f"microstream.yaml:1: {said}"]


@pytest.mark.parametrize("text", ["exchanges: 5\n", "exchanges: {okx: 5}\n"])
def test_a_group_that_is_none_in_the_file(mistakes: Mistakes, text: str) -> None:
    """The file's mistake stays visible when the environment sets a key of the group."""
    (line,) = mistakes(text, MICROSTREAM_EXCHANGES__OKX__ENABLED="no")
    assert line.startswith("microstream.yaml:1: exchanges")
    assert "'5' is not a group of keys" in line
