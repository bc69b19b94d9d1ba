"""The services by their names in the configuration."""

from microstream.services import SERVICES


def test_the_names_are_those_of_the_configuration() -> None:
    """Section 4 of the contract."""
    assert {name: service.family for name, service in SERVICES.items()} == {
        "funding_rate_aggregator": "funding",
        "mark_price_poller": "mark_price",
        "open_interest_poller": "oi",
        "spot_reference": "spot",
    }
