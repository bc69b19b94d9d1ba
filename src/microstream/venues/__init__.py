"""One package per exchange. `load` is the only way to reach a venue from outside."""

from importlib import import_module

from microstream.spec.venue import Venue

REGISTRY = {
    "binance": "microstream.venues.binance",
    "bybit": "microstream.venues.bybit",
    "okx": "microstream.venues.okx",
}


def load(name: str) -> Venue:
    """Return the venue of this name; raises KeyError for one that is not registered."""
    venue: Venue = import_module(REGISTRY[name]).VENUE
    return venue
