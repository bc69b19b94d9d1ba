"""A directory of its own for each test, and `load` on a text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from microstream.config import Loaded, load
from microstream.errors import ConfigError


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def load_text() -> Callable[..., Loaded]:
    """Load a text as `microstream.yaml` of the current directory; keywords are environment variables."""

    def run(text: str, **environ: str) -> Loaded:
        Path("microstream.yaml").write_text(text, encoding="utf-8")
        return load(None, environ)

    return run


@pytest.fixture
def mistakes(load_text: Callable[..., Loaded]) -> Callable[..., list[str]]:
    """Return the lines of the error that a text gives."""

    def run(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, **environ)
        return str(caught.value).splitlines()

    return run
