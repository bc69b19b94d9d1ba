"""Which URLs are accepted, and how they are shown without their passwords."""

import re
from urllib.parse import SplitResult, urlsplit

_USER_AND_PASSWORD = re.compile(r"\A(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^:@/?#]*):.*@", re.I | re.S)
_ANYTHING_BEFORE_AT = re.compile(r"\A(?P<scheme>[a-z][a-z0-9+.-]*://)?.*@", re.I | re.S)
_PASSWORD_OPTION = re.compile(r"(?P<name>[?&]password=)[^&#]*", re.I)

_FOREIGN = re.compile(
    r"(?P<scheme>(?<![a-z0-9+.-])(?!(?:https?|wss?|rediss?|redis\+cluster|unix|file|s3a?|gs|az|abfss?)://)[a-z][a-z0-9+.-]*://).*",
    re.I | re.S,
)

STORES = ("file", "s3", "s3a", "gs", "az", "abfs", "abfss")
"""Schemes of the stores that tables may lie in."""

_REDIS_FORMS = "write embedded, redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket"


def redact(text: str) -> str:
    """Return the text with `***` for a password in front of an `@` or in `?password=`.

    Text that is no URL is taken for a misspelt one, so everything before its last `@` goes. Of a URL with a scheme that
    is not ours everything goes: where messengers are reached is a secret.
    """
    text = _FOREIGN.sub(r"\g<scheme>***", text)
    hidden, found = _USER_AND_PASSWORD.subn(r"\g<scheme>\g<user>:***@", text)
    if not found:
        hidden = _ANYTHING_BEFORE_AT.sub(lambda match: f"{match['scheme'] or ''}***@", text)
    return _PASSWORD_OPTION.sub(r"\g<name>***", hidden)


def http_base(text: str) -> str:
    """Return an `http://` or `https://` base without its closing slash; `ValueError` for other text."""
    return _base(text, ("http", "https"))


def ws_base(text: str) -> str:
    """Return a `ws://` or `wss://` base without its closing slash; `ValueError` for other text."""
    return _base(text, ("ws", "wss"))


def store_url(text: str) -> str:
    """Return the place of tables: a folder, or an object store. `ValueError` for a URL of anything else."""
    scheme, _, place = text.partition("://")
    if place or text.endswith("://"):
        if scheme not in STORES or not place.strip("/"):
            raise ValueError(
                f"is neither a folder nor a store ({', '.join(f'{name}://' for name in STORES)})"
            )
        if "@" in place.partition("/")[0]:
            raise ValueError("has credentials in it; they come from the environment alone")
    return text


def redis_url(text: str) -> str:
    """Return the address of a Redis or Valkey server, or the word `embedded`.

    Raises `ValueError` for other text, and for `redis+cluster://`, which this version cannot serve yet.
    """
    if text == "embedded":
        return text
    parts = _split(text)
    if parts is None:
        raise ValueError(f"is not a Redis URL; {_REDIS_FORMS}")
    if parts.scheme == "redis+cluster":
        raise ValueError(f"is not supported yet by this version; {_REDIS_FORMS}")
    if parts.scheme == "unix" and parts.path.strip("/"):
        return text
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(f"is not a Redis URL; {_REDIS_FORMS}")
    if parts.path.strip("/") and not re.fullmatch(r"/[0-9]+/?", parts.path):
        raise ValueError("has no number of a database after the host; write for example redis://host:6379/0")
    return text


def _base(text: str, schemes: tuple[str, str]) -> str:
    parts = _split(text)
    example = f"write for example {schemes[1]}://host or {schemes[0]}://127.0.0.1:9100"
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"is not a {schemes[0]}:// or {schemes[1]}:// URL; {example}")
    if parts.query or parts.fragment:
        raise ValueError(f"carries a query or fragment, but paths are appended to it; {example}")
    return text.rstrip("/")


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL or None; the errors of `urllib` would show passwords."""
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if valid else None
