"""The model itself."""

import pytest
from pydantic import BaseModel, ValidationError

from microstream.config import Config
from microstream.config.schema import GROUPS, SETTINGS


def test_defaults_of_the_contract() -> None:
    """What a user gets without a file."""
    config = Config()
    assert config.symbols == ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    assert (config.strict, config.tradfi) == (True, False)
    assert (config.redis.url, config.redis.port) == ("embedded", 6399)
    assert (config.redis.last_ttl, config.redis.stream_max_age, config.redis.timeout) == (3600.0, 600.0, 5.0)
    assert (config.redis.stream_max_length, config.redis.max_queued) == (10_000, 10_000)
    services = config.services
    assert services.funding_rate_aggregator.poll_interval == 30.0
    assert services.mark_price_poller.poll_interval == 10.0
    assert services.open_interest_poller.poll_interval == 15.0
    assert services.spot_reference.poll_interval == 5.0
    assert config.instruments.refresh == 600.0
    assert (config.http.timeout, config.http.retries, config.http.max_body) == (10.0, 3, 67_108_864)
    assert (config.server.enabled, config.server.host, config.server.port) == (True, "127.0.0.1", 8787)
    tap = config.tap
    assert (tap.enabled, tap.folder, tap.max_file, tap.max_total) == (False, "tap", 64 << 20, 1 << 30)
    assert (config.log.level, config.log.format) == ("info", "auto")


@pytest.mark.parametrize("name", ["binance", "bybit", "okx"])
def test_defaults_of_a_venue(name: str) -> None:
    """A venue's own hosts, three fifths of its limits."""
    exchange = getattr(Config().exchanges, name)
    assert (exchange.enabled, exchange.weight_share, exchange.connections) == (True, 0.6, 16)
    urls = (exchange.rest_url, exchange.ws_url, exchange.spot_rest_url, exchange.spot_ws_url)
    assert urls == (None, None, None, None)


@pytest.mark.parametrize("key", SETTINGS, ids=".".join)
def test_every_key_is_described(key: tuple[str, ...]) -> None:
    """The example file and the documentation say what each key means."""
    assert SETTINGS[key].description


def test_groups_are_described() -> None:
    """Groups too."""
    assert all(field.description for field in GROUPS.values())
    assert ("services", "mark_price_poller") in GROUPS


def test_a_part_leaves_the_other_defaults() -> None:
    """A service that is given in part keeps its own default interval."""
    config = Config.model_validate({"services": {"funding_rate_aggregator": {"mode": "poll"}}})
    assert config.services.funding_rate_aggregator.poll_interval == 30.0


def test_frozen() -> None:
    """Nothing changes a configuration while it is used."""
    config: BaseModel = Config().redis
    with pytest.raises(ValidationError, match="frozen"):
        config.port = 1  # type: ignore[attr-defined]


def test_dumped_model_is_valid() -> None:
    """What the model prints it reads again."""
    config = Config.model_validate({"symbols": "all", "http": {"max_body": 5000, "timeout": "1500ms"}})
    assert Config.model_validate(config.model_dump()) == config


def test_password_is_not_in_repr_or_error() -> None:
    """Neither the object's text nor an error text shows it."""
    config = Config.model_validate({"redis": {"url": "redis://:hunter2@localhost"}})
    assert config.redis.url == "redis://:hunter2@localhost"
    assert "hunter2" not in repr(config)
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"redis": {"url": "redis://:hunter2@local host"}})
    assert "hunter2" not in str(caught.value)
