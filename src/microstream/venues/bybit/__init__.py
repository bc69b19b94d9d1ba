"""Bybit v5 linear. Links, limits, traps and evidence: README.md beside this file."""

from microstream.spec.venue import Venue
from microstream.venues.bybit import history, instruments, limits, rest, spot, stream

VENUE = Venue(
    name="bybit",
    rest_url="https://api.bybit.com",
    quotas=limits.QUOTAS,
    verdict=limits.verdict,
    instruments=instruments.LIST,
    clock=rest.CLOCK,
    polls=rest.POLLS,
    feeds=rest.FEEDS,
    guess=instruments.guess,
    session=stream.TickerSession,
    endpoints=stream.ENDPOINTS,
    ws_url=stream.URL,
    connects=stream.CONNECTS,
    spot_rest_url="https://api.bybit.com",
    spot_ws_url=spot.WS_URL,
    spot=spot.SPOT,
    refresh_s={"mark": 5, "funding": 5, "open_interest": 5},
    histories=history.HISTORIES,
)
