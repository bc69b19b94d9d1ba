"""What scripted moves of the market are about: the contracts behind a symbol or a coin."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from microstream_sim.contracts import Contract
from microstream_sim.faults import Active, Fault
from microstream_sim.moves import Field, Move
from microstream_sim.venues import VENUES

Catalogue = Mapping[str, Mapping[str, Contract]]
"""Contracts by venue and symbol."""


class UnknownTarget(ValueError):
    """A script names a contract or a coin that is not there; the text says which."""


def check_targets(faults: Sequence[Fault], earlier: Sequence[Active], catalogue: Catalogue) -> None:
    """Refuse moves that are about nothing. Raises UnknownTarget."""
    known = _with_listings(catalogue, [*(one.fault for one in earlier), *faults])
    for fault in faults:
        if fault.kind != "market" or _found(fault, known):
            continue
        if fault.symbol is not None:
            shows = f"GET /contracts?venue={fault.venue} shows all"
            raise UnknownTarget(f"{fault.venue} lists no {fault.symbol!r}; {shows}")
        raise UnknownTarget(
            f"no contract on the coin {fault.coin!r} is listed by {fault.venue or 'any venue'}"
        )


def moves_of(active: Sequence[Active], catalogue: Catalogue) -> list[Move]:
    """Return the moves for the market."""
    known = _with_listings(catalogue, [one.fault for one in active])
    return [
        _move(one, contract)
        for one in active
        if one.fault.kind == "market"
        for contract in _found(one.fault, known)
    ]


def _move(one: Active, contract: Contract) -> Move:
    """Return the move of one venue. A price is that of an index, which a symbol shares with others."""
    fault = one.fault
    of_index = fault.field == "price_factor" and fault.symbol is not None
    return Move(
        venue=contract.venue,
        coin=contract.coin.name,
        field=cast("Field", fault.field),
        value=fault.value,
        start=one.start,
        end=one.end,
        ramp_ms=round(fault.ramp * 1000),
        symbol=None if of_index else fault.symbol,
        quote=contract.quote if of_index else None,
    )


def _found(fault: Fault, known: Catalogue) -> list[Contract]:
    """Return the contract of a symbol, or one contract on a coin for each venue."""
    if fault.symbol is not None:
        contract = known[fault.venue or ""].get(fault.symbol)
        return [] if contract is None else [contract]
    venues = known if fault.venue is None else [fault.venue]
    firsts = [
        next((one for one in known[venue].values() if one.coin.name == fault.coin), None) for venue in venues
    ]
    return [one for one in firsts if one is not None]


def _with_listings(catalogue: Catalogue, faults: Iterable[Fault]) -> Catalogue:
    """Return all contracts, with those that a script lists at any time."""
    known = {venue: dict(contracts) for venue, contracts in catalogue.items()}
    for fault in faults:
        if fault.kind == "list_symbol" and fault.venue is not None and fault.symbol is not None:
            listed = known[fault.venue]
            listed.setdefault(fault.symbol, VENUES[fault.venue].new_listing(fault.symbol, 0))
    return known
