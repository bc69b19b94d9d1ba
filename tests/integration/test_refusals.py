"""Refusals that last for minutes: a block of the region and a ban of the address. Told once, and nobody asks again."""

from collections.abc import Callable

from tests.integration.followed import FEEDS, now_ms, staged
from tests.integration.stage import Service

REFUSALS = {"binance": "geo_451", "bybit": "access_too_frequent", "okx": "waf_403_html"}


def test_a_refused_address_asks_no_more(new_service: Callable[..., Service], valkey_server: str) -> None:
    """Each venue refuses once; then it would answer, but is left alone; its values become stale and say so."""
    with staged(new_service, valkey_server) as stage:
        began = now_ms()
        stage.get_well(began)
        began = now_ms()
        refusals = {"kind": "status", "count": 1}
        stage.sim.put(*({**refusals, "name": name, "venue": venue} for venue, name in REFUSALS.items()))
        recorder, service = stage.recorder, stage.service
        recorder.until(
            lambda: {one["exchange"] for one in recorder.quality(since=began, kind="refused")} == set(FEEDS)
        )
        recorder.during(0.3)  # requests that were under way
        quiet_since = now_ms()
        recorder.until(lambda: len(recorder.quality(since=began, kind="stale", state="raised")) == 9, 8)
        for venue in FEEDS:
            [told] = recorder.quality(venue, since=began, kind="refused")
            assert (told["symbol"], told["state"], told["severity"]) == ("*", "raised", "critical")
            assert stage.sim.requests(venue, since=quiet_since) == []
            assert [one["symbol"] for one in recorder.quality(venue, since=began, kind="stale")] == ["*"] * 3
            assert all("stale" in one["flags"] for one in recorder.last("mark_price", venue).values())
            state = service.ready()[1]["venues"][venue]
            assert any(str(told["observed"]) in text or "closed" in text for text in state["failing"])
            lines = service.log("feed is failing", venue=venue)
            assert len({(line["feed"], line["reason"]) for line in lines}) == len(lines)
        assert not service.ready()[0]
        closed = [value for key, value in service.metrics().items() if key[0] == "quota_closed_seconds"]
        assert min(closed) > 100
        stage.check_all_true(began)
