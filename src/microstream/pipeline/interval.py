"""Hours that a funding rate pays for, where rows do not state it: the registry's, corrected by what settlements do.

A venue shortens an interval while a rate sticks at its cap, and its list of intervals is read only every few
minutes. The spacing of two successive settlement times tells earlier (Binance page, section 2.2).
"""

from microstream.model.events import FundingRate
from microstream.model.state import State
from microstream.model.units import MS_PER_HOUR

KNOWN_HOURS = frozenset({1.0, 2.0, 4.0, 6.0, 8.0})
WATCHED_MS = 10 * 60_000
"""A roll counts as watched when rows were seen within this time on both sides of the settlement."""


def interval_after(state: State, event: FundingRate) -> tuple[float | None, bool]:
    """Return the interval of `event` and whether the registry must be read again.

    A watched roll is the interval, whatever the registry says. One that nobody watched confirms the known interval if
    it is a multiple of that. Any other move leaves the interval unknown until the registry has been read again.
    """
    listed = state.instrument.funding_interval_hours
    if event.interval_h is not None:
        return event.interval_h, False
    last = state.funding
    if last is None or last.settles_at is None or event.settles_at is None:
        return listed, False
    moved_h = (event.settles_at - last.settles_at) / MS_PER_HOUR
    if moved_h == 0:
        return state.interval_h, state.interval_h is None and listed is not None
    watched = (
        last.received_at >= last.settles_at - WATCHED_MS and event.received_at <= last.settles_at + WATCHED_MS
    )
    if moved_h in KNOWN_HOURS and watched:
        return moved_h, moved_h != listed
    if listed is not None and moved_h > 0 and moved_h % listed == 0:
        return listed, False
    return None, True
