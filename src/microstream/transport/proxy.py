"""Which proxy the environment asks for."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from microstream.errors import ConfigError


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy through which `url` is to be asked, or None for the straight way.

    Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY as the Python standard library does. Raises `ConfigError` for a
    proxy that does not speak HTTP.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(host):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    scheme = urlsplit(proxy).scheme
    if scheme not in {"http", "https"}:
        raise ConfigError(
            f"{parts.scheme.upper()}_PROXY names a {scheme} proxy, but only http:// and https:// proxies can"
            f" be used; name one of these, or exempt {host} with NO_PROXY"
        )
    return proxy
