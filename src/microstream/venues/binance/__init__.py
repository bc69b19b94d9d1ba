"""Binance USD-M futures. Links, limits, traps and evidence: README.md beside this file."""

from microstream.spec.venue import Venue
from microstream.venues.binance import history, instruments, limits, rest, spot, stream

VENUE = Venue(
    name="binance",
    rest_url="https://fapi.binance.com",
    quotas=limits.QUOTAS,
    verdict=limits.verdict,
    instruments=instruments.LIST,
    clock=rest.CLOCK,
    polls=rest.POLLS,
    feeds=rest.FEEDS,
    guess=instruments.guess,
    session=stream.MarkPriceSession,
    endpoints=stream.ENDPOINTS,
    ws_url=stream.URL,
    connects=stream.CONNECTS,
    spot_rest_url=spot.REST_URL,
    spot_ws_url=spot.WS_URL,
    spot=spot.SPOT,
    refresh_s={"mark": 10, "funding": 10},
    histories=history.HISTORIES,
)
