"""Recorded payloads of the venues, where they lie beside the checkout: every value that they carry comes out."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from microstream import venues
from microstream.cli.decode import Decoder, Names

RECORDED = Path(__file__).parents[2].parent / "shared" / "recorded"
FEEDS = {
    "binance": {
        "premium-index": "premiumIndex",
        "open-interest": "openInterest",
        "open-interest-hist": "openInterestHist",
        "funding-rate": "fundingRate",
    },
    "bybit": {"tickers": "tickers", "funding-history": "funding/history", "open-interest": "open-interest"},
    "okx": {
        "funding-rate": "funding-rate",
        "funding-rate-history": "funding-rate-history",
        "mark-price": "mark-price",
        "index-tickers": "index-tickers",
        "open-interest": "open-interest",
    },
}


def _cases() -> list[dict[str, object]]:
    cases = []
    for venue in FEEDS:
        file = RECORDED / "expected" / f"{venue}.json"
        if file.exists():
            cases += json.loads(file.read_text())["cases"]
    # Bybit's inverse contracts are not part of the service, which follows its linear ones.
    return [
        case for case in cases if not (case["venue"] == "bybit" and case["instrument_kind"] == "inverse-perp")
    ]


CASES = _cases()


def _decoded(case: dict[str, object]) -> list[dict[str, object]]:
    """Return the payloads of the case's contract: of its line, or of all lines up to it."""
    venue, file = str(case["venue"]), RECORDED / str(case["file"])
    decoder = Decoder(venues.load(venue), Names(venues.load(venue), None), 1_795_000_000_000)
    data = file.read_bytes()
    if file.name.startswith("ws-"):
        lines = data.splitlines()[: int(str(case["line"]))]
        lines = lines if case["kind"] == "state_after_line" else lines[-1:]
        texts = decoder.frames(b"\n".join(lines))
    else:
        texts = decoder.body(FEEDS[venue][file.name.removeprefix("rest-").rsplit("-", 1)[0]], data)
    payloads = [json.loads(text) for text in texts]
    assert decoder.complaints == 0
    symbol = str(case["raw_symbol"]).lower().removesuffix("-swap")
    return [payload for payload in payloads if payload["symbol"] == symbol]


def _newest(payloads: list[dict[str, object]], prefix: str) -> dict[str, object]:
    return [payload for payload in payloads if str(payload["channel"]).startswith(prefix)][-1]


def _same(text: object, value: object, factor: object = 1) -> bool:
    return float(Decimal(str(text)) * Decimal(str(factor))) == pytest.approx(value, rel=1e-15)


@pytest.mark.skipif(not CASES, reason="no recorded payloads beside the checkout")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_recorded_value(case: dict[str, object]) -> None:
    """Each value that a recorded payload carries is published as it stands, in our units."""
    payloads = _decoded(case)
    history = str(case["record_type"]).endswith("_history")
    times = set()
    if case["record_type"] == "funding_history":
        rows = [row for row in payloads if row["timestamp"] == case["timestamp_ms"]]
        paid = (case.get("extra") or {}).get("realized_rate", case["funding_rate"])  # type: ignore[union-attr]
        assert _same(paid, rows[-1]["settled_rate"])
        assert rows[-1]["settled_time"] == case["timestamp_ms"]
        assert rows[-1]["source"] == "backfill"
        if case["mark_price"] is not None:
            assert _same(case["mark_price"], rows[-1]["mark_price"])
        return
    if case["funding_rate"] is not None:
        row = _newest(payloads, "funding:")
        assert _same(case["funding_rate"], row["funding_rate"])
        assert row["next_funding_time"] == case["next_funding_time_ms"]
        times.add(row["timestamp"])
    for name in ("mark_price", "index_price"):
        if case[name] is not None:
            row = _newest(payloads, "meta:mark_price:")
            assert _same(case[name], row[name])
            times.add(row["timestamp"])
    if case["open_interest_base"] is not None:
        rows = [row for row in payloads if str(row["channel"]).startswith("meta:oi:")]
        row = [row for row in rows if row["timestamp"] == case["timestamp_ms"]][-1] if history else rows[-1]
        # Bybit's old fields count both sides, and the recorded "base" of a 1000X contract is its own unit.
        sides = 2 if case["venue"] == "bybit" else 1
        field = "open_interest_base" if case["venue"] == "okx" else "open_interest"
        assert _same(case["open_interest_base"], row[field] * sides)  # type: ignore[operator]
        if case["open_interest_contracts"] is not None:
            assert _same(case["open_interest_contracts"], row["open_interest"])
        if case["open_interest_usd"] is not None:
            assert _same(case["open_interest_usd"], row["open_value"] * sides)  # type: ignore[operator]
            assert row["open_value_source"] == "venue"
        times.add(row["timestamp"])
    assert case["timestamp_ms"] in times
