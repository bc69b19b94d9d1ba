"""URLs of venues and of Redis, and their passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.config.urls import http_base, redact, redis_url, store_url, ws_base


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "redis://localhost",
        "redis://localhost:6379/0",
        "rediss://user:secret@cache.example.com:6380/15",
        "redis://:p%40ss@10.0.0.1/0?health_check_interval=5",
        "redis://[::1]:6379",
        "unix:///run/redis/redis.sock",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_redis_urls(url: str) -> None:
    """What redis-py connects to is left as it is."""
    assert url == redis_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis:///0",
        "redis://host:port",
        "redis://h:0",
        "redis://h:99999",
        "redis://[::1",
        "unix://",
        "redis://ho st",
        "redis://host\n",
        "Embedded",
    ],
)
def test_what_is_no_redis_url(url: str) -> None:
    """The error names the forms that work."""
    with pytest.raises(ValueError, match=r"^is not a Redis URL; write embedded, redis://host:6379/0, rediss"):
        redis_url(url)


def test_redis_database_is_a_number() -> None:
    """A path that is no number would be ignored by the client."""
    with pytest.raises(ValueError, match=r"^has no number of a database after the host"):
        redis_url("redis://localhost/cache")


def test_redis_cluster_is_not_there_yet() -> None:
    """The contract knows the scheme, this version does not serve it."""
    with pytest.raises(ValueError, match=r"^is not supported yet by this version; write embedded, redis:"):
        redis_url("redis+cluster://node-1:7000")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://fapi.binance.com", "https://fapi.binance.com"),
        ("http://127.0.0.1:9100/", "http://127.0.0.1:9100"),
        ("https://proxy.example.com/binance/", "https://proxy.example.com/binance"),
    ],
)
def test_http_base(url: str, expected: str) -> None:
    """Paths that begin with a slash are appended, so the closing one goes."""
    assert expected == http_base(url)


@pytest.mark.parametrize(
    "url", ["", "fapi.binance.com", "ftp://host", "http://", "wss://host", "http://host:x"]
)
def test_what_is_no_http_base(url: str) -> None:
    """Another scheme or no host."""
    with pytest.raises(
        ValueError, match=r"^is not a http:// or https:// URL; write for example https://host or"
    ):
        http_base(url)


@pytest.mark.parametrize("url", ["https://host/?key=1", "https://host/#part"])
def test_base_without_query(url: str) -> None:
    """Nothing can be appended behind a query."""
    with pytest.raises(ValueError, match=r"^carries a query or fragment"):
        http_base(url)


def test_ws_base() -> None:
    """WebSocket bases have their own schemes."""
    assert ws_base("wss://stream.bybit.com/v5/") == "wss://stream.bybit.com/v5"
    with pytest.raises(
        ValueError, match=r"^is not a ws:// or wss:// URL; write for example wss://host or ws:"
    ):
        ws_base("https://stream.bybit.com")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://app:secret@host/0", "redis://app:***@host/0"),
        ("redis://:secret@host", "redis://:***@host"),
        ("redis://token@host", "redis://***@host"),
        ("redis://app:se@cr/et#@host", "redis://app:***@host"),
        ("REDISS://app:two words@host", "REDISS://app:***@host"),
        ("app:secret@host:6379", "***@host:6379"),
        ("unix:///run/redis.sock?db=1&password=secret", "unix:///run/redis.sock?db=1&password=***"),
        ("redis://host?Password=secret&db=1", "redis://host?Password=***&db=1"),
        ("redis://app:secret\n@host", "redis://app:***@host"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    """Passwords go, misspelt URLs included; the rest stays readable."""
    assert expected == redact(text)


@given(
    user=st.text("abc-", max_size=5),
    password=st.text(min_size=1),
    host=st.from_regex("[a-z]{1,9}", fullmatch=True),
)
def test_no_password_is_left(user: str, password: str, host: str) -> None:
    """Whatever the password is made of, nothing of it decides what is shown."""
    assert redact(f"redis://{user}:{password}@{host}") == f"redis://{user}:***@{host}"


@pytest.mark.parametrize("text", ["history", "/var/lib/history", "s3://bucket/history", "file:///tmp/x"])
def test_store_urls(text: str) -> None:
    """A folder or an object store is a place for tables, and is shown as it is."""
    assert store_url(text) == text
    assert redact(text) == text


@pytest.mark.parametrize("text", ["ftp://host/x", "s3://", "https://host/x", "s3://key:secret@bucket/x"])
def test_other_store_urls_are_refused(text: str) -> None:
    """What no table can lie in is refused, and credentials do not belong into a file."""
    with pytest.raises(ValueError, match=r"neither a folder nor a store|credentials"):
        store_url(text)
