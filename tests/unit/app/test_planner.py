"""Services x venues -> polls."""

import pytest

from microstream import venues
from microstream.app.modes import modes
from microstream.app.planner import CLOCK_S, NEEDED_S, plan, plan_spot
from microstream.services import SERVICES, Service

FUNDING, MARK, OI = (
    SERVICES[name] for name in ("funding_rate_aggregator", "mark_price_poller", "open_interest_poller")
)
DEFAULTS = {FUNDING: 30.0, MARK: 10.0, OI: 15.0}


def periods(venue: str, services: dict[Service, float]) -> dict[str, float]:
    """Return the planned polls of a venue with their periods in seconds."""
    chosen = {service: services[service] for service in SERVICES.values() if service in services}
    return {planned.poll.name: planned.period_s for planned in plan(venues.load(venue), chosen)}


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ("binance", {"premiumIndex": 10.0, "openInterest": 15.0, "time": CLOCK_S}),
        ("bybit", {"tickers": 10.0}),
        ("okx", {"funding-rate": 30.0, "mark-price": 10.0, "open-interest": 15.0, "time": CLOCK_S}),
    ],
)
def test_the_fewest_polls_serve_all_services(venue: str, expected: dict[str, float]) -> None:
    """A reply that serves several is asked for at the shortest of their intervals."""
    assert periods(venue, DEFAULTS) == expected


def test_what_no_service_needs_is_not_asked_for() -> None:
    """Funding alone; OKX gives the prices beside it in other replies."""
    assert periods("okx", {FUNDING: 60.0}) == {"funding-rate": 60.0, "mark-price": NEEDED_S, "time": CLOCK_S}
    assert periods("binance", {FUNDING: 60.0}).keys() == {"premiumIndex", "time"}
    assert periods("bybit", {FUNDING: 60.0}) == {"tickers": 60.0}


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_the_clock_is_asked_for_where_nothing_else_is(venue: str) -> None:
    """Streams alone tell no clock: their stamps hold the way, too."""
    assert periods(venue, {}) == {"time": CLOCK_S}


@pytest.mark.parametrize(
    ("services", "period_s"),
    [
        ({OI: 15.0}, NEEDED_S),
        ({OI: 5.0}, 5.0),
        ({OI: 15.0, MARK: 300.0}, 15.0),
        ({OI: 15.0, MARK: 2.0}, 2.0),
        ({OI: 60.0, MARK: 30.0}, 30.0),
    ],
)
def test_marks_that_open_interest_is_valued_with_are_fresh(
    services: dict[Service, float], period_s: float
) -> None:
    """Binance states no value: the mark is read at least as often as the open interest."""
    assert periods("binance", services)["premiumIndex"] == period_s


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_spot_is_planned_apart(venue: str) -> None:
    """On its own host: it changes no poll of contracts, and alone leaves them without any but the clock's."""
    spot = SERVICES["spot_reference"]
    contracts: dict[Service, float] = {FUNDING: 30.0, MARK: 10.0, OI: 15.0}
    assert periods(venue, {**contracts, spot: 2.0}) == periods(venue, contracts)
    assert all(name == "time" for name in periods(venue, {spot: 2.0}))
    planned = plan_spot(venues.load(venue), {**contracts, spot: 2.0})
    assert planned is not None
    assert (planned.poll.name, planned.period_s) == ("spot", 2.0)
    assert plan_spot(venues.load(venue), contracts) is None


def test_services_that_only_streams_serve_are_not_polled() -> None:
    """Their polls are left out; one that others are valued with is not, and the clock is asked for all the same."""
    ways = modes({FUNDING: (30.0, "stream"), MARK: (10.0, "stream"), OI: (15.0, "auto")})
    polls = {
        name: {item.poll.name for item in plan(venues.load(name), ways.polls)} for name in venues.REGISTRY
    }
    assert polls == {
        "binance": {"premiumIndex", "openInterest", "time"},
        "bybit": {"tickers"},
        "okx": {"open-interest", "time"},
    }
    alone = plan(venues.load("bybit"), modes({MARK: (10.0, "stream")}).polls)
    assert [item.poll.name for item in alone] == ["time"]
