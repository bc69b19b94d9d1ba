"""Where things stand and what they are called."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from microstream import venues

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "microstream"
SOURCES = sorted((ROOT / "src").rglob("*.py"))
VENUE_FILES = {
    "README.md",
    "__init__.py",
    "wire.py",
    "instruments.py",
    "rest.py",
    "history.py",
    "stream.py",
    "spot.py",
    "limits.py",
}
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NAMES_FOR_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def _imports_contract(name: str) -> dict[str, list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract: dict[str, list[str]] = next(
        item for item in settings["contracts"] if item["name"].startswith(name)
    )
    return contract


def test_every_package_has_its_layer() -> None:
    """Every package and module of microstream stands in the layers exactly once, and no layer is of nothing."""
    contract = _imports_contract("Layers")
    placed = [name.strip() for layer in contract["layers"] for name in layer.split("|")]
    there = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    there |= {path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    assert sorted(placed) == sorted(there - set(contract["exhaustive_ignores"]))


def test_venues_are_registered_and_independent() -> None:
    """Every package in venues/ is in the registry and in the contract that keeps venues apart."""
    there = {path.parent.name for path in (PACKAGE / "venues").glob("*/__init__.py")}
    assert there == set(venues.REGISTRY)
    assert {f"microstream.venues.{name}" for name in there} == set(_imports_contract("Venues")["modules"])


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_venue_has_its_nine_files(venue: str) -> None:
    """A venue is nine files and nothing else."""
    files = {path.name for path in (PACKAGE / "venues" / venue).iterdir() if path.name != "__pycache__"}
    assert files == VENUE_FILES


def test_no_file_is_named_for_nothing() -> None:
    """A name says what is inside."""
    folders = ("src", "tests", "benchmarks", "tools")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    assert not [path for path in paths if path.stem.strip("_") in NAMES_FOR_NOTHING]


def _undocumented(node: ast.Module | Definition, place: str) -> Iterator[str]:
    """Yield the public modules, classes, functions and methods without a docstring."""
    if ast.get_docstring(node) is None:
        yield place
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in node.body:
        if isinstance(child, Definition) and not child.name.startswith("_"):
            yield from _undocumented(child, f"{place}: {child.name}")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_public_things_are_documented(path: Path) -> None:
    """Every module and every public class and function says what it is."""
    text = path.read_text("utf-8")
    missing = list(_undocumented(ast.parse(text), str(path.relative_to(ROOT)))) if text else []
    assert not missing
