"""Rows of the past that cannot be true are kept out."""

import pytest
from msgspec.structs import replace
from tests.unit.history.toy import NOW, candle, settlement

from microstream.history.plausibility import believed
from microstream.model.past import AnyPast, PastKind, PastOpenInterest

INTEREST = PastOpenInterest(
    exchange="okx",
    symbol="sol-usdt",
    instrument="SOL/USDT:USDT",
    timestamp=NOW,
    open_interest=10.0,
    open_interest_base=None,
    open_value=0.0,
    open_value_ccy="USD",
)
CANDLE = replace(candle(NOW), open=2.0, high=3.0, low=1.0, close=1.5)


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("mark", CANDLE, None),
        ("mark", replace(CANDLE, close=0.0, low=0.0), "price_out_of_range"),
        ("index", replace(CANDLE, high=1e13), "price_out_of_range"),
        ("mark", replace(CANDLE, high=1.9), "bad_candle"),
        ("mark", replace(CANDLE, low=1.6), "bad_candle"),
        ("premium", replace(CANDLE, open=0.0, high=0.001, low=-0.002, close=-0.001), None),
        ("premium", replace(CANDLE, open=None, high=None, low=None, close=-0.5), None),
        ("premium", replace(CANDLE, open=None, high=None, low=None, close=110_000.0), "premium_out_of_range"),
        ("funding", settlement(NOW, -0.02), None),
        ("funding", settlement(NOW, 1.5), "rate_out_of_range"),
        ("funding", replace(settlement(NOW), mark_price=0.0), "price_out_of_range"),
        ("oi", INTEREST, None),
        ("oi", replace(INTEREST, open_interest=-1.0), "open_interest_out_of_range"),
    ],
)
def test_what_can_be_true(kind: PastKind, row: AnyPast, reason: str | None) -> None:
    """A row is taken, or refused with the reason."""
    good, rejects = believed(kind, [row])
    assert (good, [reject.reason for reject in rejects]) == (
        ([row], []) if reason is None else ([], [reason])
    )
