"""The proxy that the environment asks for."""

import pytest

from microstream.errors import ConfigError
from microstream.transport.proxy import proxy_for

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any proxy."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_no_variable_means_no_proxy() -> None:
    """The straight way is the default."""
    assert proxy_for("https://venue.example") is None


@pytest.mark.parametrize("value", ["http://proxy.example:3128", "proxy.example:3128"])
def test_each_scheme_has_its_own(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """HTTPS_PROXY is for https alone; a proxy without a scheme is an HTTP proxy."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert proxy_for("https://venue.example") == "http://proxy.example:3128"
    assert proxy_for("http://venue.example") is None


@pytest.mark.parametrize("exempt", ["venue.example", ".example", "other.test,venue.example:9100", "*"])
def test_no_proxy_exempts_hosts(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    """Names, endings, ports and the star are understood."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxy_for("http://user:secret@venue.example:9100") is None


def test_a_socks_proxy_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be used, and going around it in silence would be wrong."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigError, match="HTTPS_PROXY names a socks5 proxy"):
        proxy_for("https://venue.example")
