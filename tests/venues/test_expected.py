"""Fixtures written after the venues' documents: what `microstream decode` makes of each, value by value."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from microstream import venues
from microstream.cli.decode import Decoder, Names

FIXTURES = Path(__file__).parents[1] / "fixtures"
VALUES = {
    "funding": (
        "funding_rate",
        "funding_interval_hours",
        "next_funding_time",
        "settled_rate",
        "settled_time",
        "rate_cap",
        "rate_floor",
        "mark_price",
        "index_price",
    ),
    "meta:mark_price": ("mark_price", "index_price"),
    "meta:oi": (
        "open_interest",
        "open_interest_base",
        "open_value",
        "open_value_ccy",
        "open_value_source",
    ),
}
CASES = [
    pytest.param(venue, case, id=f"{venue}/{case['file']}")
    for venue in venues.REGISTRY
    for case in json.loads((FIXTURES / "expected" / f"{venue}.json").read_text())
]


def _shown(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a payload carries; what is null or empty is left out."""
    family = str(payload["channel"]).rsplit(":", 2)[0]
    names = ("channel", "timestamp", *VALUES[family], "flags")
    return {name: payload[name] for name in names if payload[name] not in (None, [])}


@pytest.mark.parametrize(("venue", "case"), CASES)
def test_every_payload_of_a_fixture(
    venue: str, case: Mapping[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exactly the expected payloads come out, in order, and exactly the expected complaints."""
    spec = venues.load(venue)
    decoder = Decoder(spec, Names(spec, None), case["received_at"])
    data = (FIXTURES / venue / case["file"]).read_bytes()
    feed = case["feed"]
    lines = decoder.frames(data) if feed == "ws" else decoder.body(feed.removeprefix("rest/"), data)
    payloads = [json.loads(line) for line in lines]
    assert [_shown(payload) for payload in payloads] == case["payloads"]
    complaints = capsys.readouterr().err.splitlines()
    assert len(complaints) == len(case["complaints"]) == decoder.complaints
    for complaint, beginning in zip(complaints, case["complaints"], strict=True):
        assert complaint.startswith(beginning)
    source = (
        "ws" if feed == "ws" else "backfill" if spec.feeds[feed.removeprefix("rest/")].history else "rest"
    )
    assert {payload["source"] for payload in payloads} <= {source}
    assert {payload["received_at"] for payload in payloads} <= {case["received_at"]}


@pytest.mark.parametrize("venue", venues.REGISTRY)
def test_every_fixture_and_every_feed_has_a_case(venue: str) -> None:
    """A fixture without expectations proves nothing, and a feed without a fixture is not proven."""
    cases = json.loads((FIXTURES / "expected" / f"{venue}.json").read_text())
    files = {path.name for path in (FIXTURES / venue).iterdir()}
    decoded = {
        name for name in files if not name.startswith(("rest-error", "rest-exchangeInfo", "rest-fundingInfo"))
    }
    decoded = {name for name in decoded if not name.startswith(("rest-instruments", "rest-24hr", "spot-"))}
    assert {case["file"] for case in cases} == decoded
    assert {case["feed"] for case in cases} == {f"rest/{feed}" for feed in venues.load(venue).feeds} | {"ws"}
