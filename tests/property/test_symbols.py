"""Names: no text surprises, and every published name leads back to its contract."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model.contracts import catalogue

from microstream.model.symbols import Selection, nearest

LISTED = catalogue()
CONTRACTS = st.sampled_from(LISTED)
CASE = st.sampled_from([str.upper, str.lower, str])
SEPARATOR = st.sampled_from(["/", "-", "_", ""])


@given(CONTRACTS, CASE)
def test_own_names_lead_back(item: object, case: object) -> None:
    """The venue's name, the channel's symbol and the cross-venue name, in any case, with or without the venue."""
    assert item in LISTED
    contract = LISTED[LISTED.index(item)]
    assert callable(case)
    for name in (contract.name, contract.symbol, contract.instrument):
        assert Selection([case(name)]).follows(contract)
        assert Selection([f"{contract.exchange}:{case(name)}"]).follows(contract)


@given(CONTRACTS.filter(lambda item: item.kind == "perpetual"), SEPARATOR, CASE)
def test_pairs_lead_to_perpetuals_of_that_pair_alone(item: object, separator: str, case: object) -> None:
    """In any usual spelling."""
    contract = LISTED[LISTED.index(item)] if item in LISTED else None
    assert contract is not None
    assert callable(case)
    pair = case(contract.base + separator + contract.quote)
    followed = [other for other in LISTED if Selection([pair]).follows(other)]
    assert contract in followed
    assert {(other.base, other.quote, other.kind) for other in followed} == {
        (contract.base, contract.quote, "perpetual")
    }


@given(st.text(max_size=30))
def test_any_text_is_understood_or_unmatched(name: str) -> None:
    """Nothing that a user can write raises, and hints are names that are known."""
    selection = Selection([name])
    followed = [item for item in LISTED if selection.follows(item)]
    unmatched = selection.unmatched(LISTED)
    assert not (followed and unmatched)
    for hint in nearest(name, LISTED):
        assert not Selection([hint]).unmatched(LISTED)
