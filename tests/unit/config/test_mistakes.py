"""What is said of every kind of mistake in a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

Mistakes = Callable[..., list[str]]


def table() -> list[tuple[str, str]]:
    """Return the pairs of mistakes.txt: a line of configuration, and what is said of it."""
    text = (Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(source, said.strip()) for source, said in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("text", "expected"), table())
def test_one_mistake(mistakes: Mistakes, text: str, expected: str) -> None:
    """The file, the line, the key, what is wrong and what would be right; on one line, nothing else."""
    assert mistakes(f"# first line\n{text}\n") == [f"microstream.yaml:2: {expected}"]


def test_all_at_once(mistakes: Mistakes) -> None:
    """One line each, by line of the file, the environment last."""
    text = """strict: maybe
redis:
  port: 0
  port: 1
  password: hunter2
exchanges:
  okx: !secret x
services:
  mark_price_poller:
    poll_interval: 10
    mode: push
colour: blue
"""
    found = mistakes(text, MICROSTREAM_HTTP__RETRIES="many", microstream_log="x")
    assert [line.split(": ")[:2] for line in found] == [
        ["microstream.yaml:1", "strict"],
        ["microstream.yaml:3", "redis.port"],
        ["microstream.yaml:4", "redis.port"],
        ["microstream.yaml:5", "redis.password"],
        ["microstream.yaml:7", "exchanges.okx"],
        ["microstream.yaml:10", "services.mark_price_poller.poll_interval"],
        ["microstream.yaml:11", "services.mark_price_poller.mode"],
        ["microstream.yaml:12", "colour"],
        ["MICROSTREAM_HTTP__RETRIES", "http.retries"],
        ["microstream_log", "log is a group of keys; set one of them, for example MICROSTREAM_LOG__LEVEL"],
    ]
    assert "hunter2" not in str(found)


def test_the_line_of_an_element(mistakes: Mistakes) -> None:
    """An element of a list is reported on its own line."""
    assert mistakes("symbols:\n  - BTC\n  - on\n") == [
        "microstream.yaml:3: symbols: 'on' is read as true or false, not as text; put it in quotes"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "redis: {url: 'redis://app:hunter2@host:x'}",
        "redis: {url: 'redis//app:hunter2@host'}",
        "redis: 'redis://app:hunter2@host'",
        "redis: {port: 'redis://app:hunter2@host'}",
        "redis: {url: ['redis://app:hunter2@host']}",
        "redis: {url: 'redis+cluster://app:hunter2@host'}",
        "redis: {url: 'unix://?password=hunter2'}",
        "redis:\n  url: redis://app:hunter2@host\n bad: [",
        "redis: {url: !x 'redis://app:hunter2@host'}",
        "redis: {'redis://app:hunter2@host': 1}",
        "redis: {url: *hunter2}",
    ],
)
def test_no_password_in_a_mistake(mistakes: Mistakes, text: str) -> None:
    """Wherever the URL was put."""
    found = mistakes(text, MICROSTREAM_REDIS_URL="redis://app:hunter2@host", MICROSTREAM_HTTP="hunter2")
    assert len(found) == 3
    assert "hunter2" not in str(found)


def test_long_values_are_shortened(mistakes: Mistakes) -> None:
    """A value that fills the screen is cut, control characters are spelt out."""
    (line,) = mistakes(f'log: {{level: "\\e[31m{"x" * 10_000}"}}')
    assert len(line) < 200
    assert "'\\x1b[31mxxx" in line
