"""A configuration as YAML, and the commented example of one."""

import json
from collections.abc import Iterator, Mapping

import yaml

from microstream.config.model import Config
from microstream.config.schema import group_type
from microstream.config.section import Section
from microstream.config.urls import redact

_COMMENT_COLUMN = 44


def dump(config: Config) -> str:
    """Return every setting as YAML that `load` reads; durations as text, passwords as `***`."""
    return yaml.safe_dump(_plain(config.model_dump()), sort_keys=False, allow_unicode=True, width=110)


def example() -> str:
    """Return all settings with their defaults and meaning: the text of config/microstream.example.yaml."""
    head = (
        "# Every setting with its default. All may be left out; an environment variable such as",
        "# MICROSTREAM_REDIS__URL wins over the file. Durations: 250ms, 10s, 1m, 8h, 1d.",
    )
    return "\n".join((*head, *_lines(Config, Config().model_dump(), ""))) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return redact(value) if isinstance(value, str) else value


def _lines(section: type[Section], values: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        group = group_type(field)
        members = values[name]
        if group is None or not isinstance(members, dict):
            setting = f"{indent}{name}: {_flow(members)}"
            yield f"{setting:<{_COMMENT_COLUMN}}  # {field.description}"
            continue
        if not indent:
            yield ""
        yield f"{indent + name + ':':<{_COMMENT_COLUMN}}  # {field.description}"
        yield from _lines(group, members, indent + "  ")


def _flow(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)
