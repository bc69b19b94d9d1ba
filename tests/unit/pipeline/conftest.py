"""A fresh bench for every test."""

import pytest
from tests.unit.pipeline.bench import Bench


@pytest.fixture
def bench() -> Bench:
    """A pipeline with all services that follows nothing yet."""
    return Bench()
