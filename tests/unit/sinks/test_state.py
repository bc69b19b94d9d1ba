"""The latency histogram counts each write once, in the right bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microstream.sinks.state import LATENCY_BOUNDS_S, Latency


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.0005, 0), (0.00051, 1), (0.1, 7), (5.0, 12), (60.0, 13)]
)
def test_bound_belongs_to_its_bucket(seconds: float, bucket: int) -> None:
    """A bucket includes its upper bound, as Prometheus' `le` does; the last takes all that is longer."""
    latency = Latency()
    latency.record(seconds)
    assert latency.buckets.index(1) == bucket


@given(st.lists(st.floats(0, 10)))
def test_sums(writes: list[float]) -> None:
    """Count, sum and buckets tell of the same writes."""
    latency = Latency()
    for seconds in writes:
        latency.record(seconds)
    assert latency.count == sum(latency.buckets) == len(writes)
    assert latency.sum_s == pytest.approx(sum(writes))
    assert len(latency.buckets) == len(LATENCY_BOUNDS_S) + 1
