"""The environment of its own in which cryptofeed runs: it needs Python 3.13, which is looked for, never installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import ROOT

LOCK = ROOT / "requirements" / "cryptofeed.lock"
FOLDER = ROOT / ".venv-cryptofeed"
_IS_313 = "import sys; sys.exit(sys.version_info[:2] != (3, 13))"


def environment() -> Path | None:
    """Return the interpreter of the environment, made at the first use; None, after saying why, if there is none."""
    made, python = FOLDER / ".made", FOLDER / "bin" / "python"
    if made.exists() and made.stat().st_mtime >= LOCK.stat().st_mtime:
        return python
    base = next((one for one in _candidates() if _fits(one)), None)
    if base is None:
        print("no Python 3.13 on PATH, with pyenv or in PYTHON313: without cryptofeed\n")
        return None
    print(f"making {FOLDER.name}", flush=True)
    pip = (str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes")
    for words in ((base, "-m", "venv", "--clear", str(FOLDER)), (*pip, "-r", str(LOCK))):
        done = subprocess.run(words, check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"{FOLDER.name} cannot be made: without cryptofeed\n{done.stderr}")
            return None
    made.touch()
    return python


def _candidates() -> Iterator[str]:
    named = os.environ.get("PYTHON313")
    if named:
        yield named
    yield sys.executable
    found = shutil.which("python3.13")
    if found:
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for path in sorted(pyenv.glob("versions/3.13*/bin/python")):
        yield str(path)


def _fits(python: str) -> bool:
    """Return whether a command is Python 3.13: a name on the path may be a shim without anything behind it."""
    try:
        return subprocess.run([python, "-c", _IS_313], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
