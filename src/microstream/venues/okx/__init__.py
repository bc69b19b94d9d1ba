"""OKX v5 swaps. Links, limits, traps and evidence: README.md beside this file."""

from microstream.spec.venue import Venue
from microstream.venues.okx import history, instruments, limits, rest, spot, stream

VENUE = Venue(
    name="okx",
    rest_url="https://www.okx.com",
    quotas=limits.QUOTAS,
    verdict=limits.verdict,
    instruments=instruments.LIST,
    clock=rest.CLOCK,
    polls=rest.POLLS,
    feeds=rest.FEEDS,
    guess=instruments.guess,
    guess_index=instruments.guess_index,
    session=stream.PublicSession,
    endpoints=stream.ENDPOINTS,
    ws_url=stream.URL,
    connects=stream.CONNECTS,
    spot_rest_url="https://www.okx.com",
    spot_ws_url=spot.WS_URL,
    spot=spot.SPOT,
    refresh_s={"mark": 15, "funding": 180},
    histories=history.HISTORIES,
)
