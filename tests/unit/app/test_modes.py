"""Modes of services -> which way each kind of value may come."""

from collections.abc import Mapping

import pytest

from microstream.app.modes import Mode, modes
from microstream.model.events import Kind
from microstream.services import SERVICES, Service

FUNDING, MARK, OI = (
    SERVICES[name] for name in ("funding_rate_aggregator", "mark_price_poller", "open_interest_poller")
)
PRICES: set[Kind] = {"mark", "index"}
ALL: set[Kind] = {"mark", "index", "funding", "settled", "open_interest"}


def of(ways: Mapping[Service, Mode]) -> tuple[set[Kind], set[Kind], set[Kind], list[str]]:
    """Return the kinds wanted of streams, those of streams alone, those of polls alone, and the polled families."""
    found = modes({service: (10.0, mode) for service, mode in ways.items()})
    polls = sorted(service.family for service in found.polls)
    return set(found.wanted), set(found.streamed), set(found.polled), polls


def test_auto_streams_and_polls_everything() -> None:
    """Streams first, polls as their net."""
    assert of({FUNDING: "auto", MARK: "auto", OI: "auto"}) == (
        ALL,
        set(),
        set(),
        ["funding", "mark_price", "oi"],
    )


def test_poll_wants_nothing_of_streams() -> None:
    """And stream asks for no poll."""
    assert of({FUNDING: "poll", MARK: "poll", OI: "poll"})[:3] == (set(), set(), ALL)
    assert of({FUNDING: "stream", MARK: "stream", OI: "stream"}) == (ALL, ALL, set(), [])


def test_a_kind_goes_the_way_of_the_service_that_publishes_it() -> None:
    """Whatever shows it beside its own."""
    wanted, streamed, polled, polls = of({FUNDING: "poll", MARK: "stream", OI: "auto"})
    assert (wanted, streamed) == (PRICES | {"open_interest"}, PRICES)
    assert (polled, polls) == ({"funding", "settled"}, ["funding", "oi"])


@pytest.mark.parametrize("mode", ["auto", "stream", "poll"])
@pytest.mark.parametrize("service", [FUNDING, OI])
def test_prices_that_nobody_publishes_go_with_what_shows_them(service: Service, mode: Mode) -> None:
    """Rates are shown with prices, and open interest is valued at them."""
    wanted, streamed, polled, _ = of({service: mode})
    assert (wanted >= PRICES, streamed >= PRICES, polled >= PRICES) == (
        mode != "poll",
        mode == "stream",
        mode == "poll",
    )


def test_the_intervals_of_polled_services_are_kept() -> None:
    """Those of others are not asked for."""
    found = modes({FUNDING: (30.0, "auto"), MARK: (10.0, "stream"), OI: (15.0, "poll")})
    assert found.polls == {FUNDING: 30.0, OI: 15.0}
