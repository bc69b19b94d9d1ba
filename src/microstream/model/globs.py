"""Globs over channel names, as Redis takes them."""

import re
from functools import lru_cache

from microstream.errors import ConfigError
from microstream.model.channels import PREFIXES


@lru_cache(maxsize=64)
def channel_regex(glob: str) -> re.Pattern[str]:
    r"""Return the regular expression of a glob as Redis takes it: `*`, `?`, `[ab]`, `[^a]`, `[a-c]`, `\x`.

    Raises `ConfigError` for a range that runs backwards.
    """
    parts = re.findall(r"\\.|\[\^?[^]]+\]|.", glob, re.DOTALL)
    try:
        return re.compile("".join(_glob_part(part) for part in parts), re.DOTALL)
    except re.error as error:
        raise ConfigError(f"pattern {glob!r} cannot be read: {error}") from error


def literal_head(glob: str) -> str:
    """Return what every name that a glob matches begins with."""
    return re.split(r"[*?[\\]", glob, maxsplit=1)[0]


def families(glob: str) -> list[str]:
    """Return the families of which a channel may match, judged by the fixed beginning of the glob."""
    head = literal_head(glob)
    return [
        family
        for family, prefix in PREFIXES.items()
        if f"{prefix}:".startswith(head) or head.startswith(f"{prefix}:")
    ]


def _glob_part(part: str) -> str:
    if part == "*":
        return ".*"
    if part == "?":
        return "."
    if len(part) > 1 and part.startswith("["):
        negation = "^" if part.startswith("[^") else ""
        members = part[1 + len(negation) : -1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[{negation}{members}]"
    return re.escape(part[-1])
