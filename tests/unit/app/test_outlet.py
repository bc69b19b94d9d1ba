"""The moment of a tick."""

import pytest

from microstream.app.outlet import closing_time

NOON = 1_795_608_000_000


@pytest.mark.parametrize("came", [NOON, NOON + 249, NOON + 250, NOON + 251, NOON + 999])
def test_a_tick_goes_by_the_moment_it_was_meant_for(came: int) -> None:
    """A timer that comes early or late within the second changes nothing."""
    assert closing_time(came) == NOON + 250
