"""A backfill as a whole: what ends it comes out as itself."""

from pathlib import Path

import pytest
from tests.unit.history.toy import hours

from microstream.clock import SystemClock
from microstream.errors import StoreDown
from microstream.history.backfill import Backfill, Wanted
from microstream.history.intake import Intake
from microstream.history.store import Store


async def test_a_full_disk_is_an_error_and_not_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who heals tries it again later; a group would end the recorder."""

    async def full(_: Intake) -> None:
        raise StoreDown("no space left")

    monkeypatch.setattr(Intake, "run", full)
    with pytest.raises(StoreDown, match="no space left"):
        await Backfill(Store(str(tmp_path)), SystemClock()).run([], Wanted({"mark"}, hours(2, 1)))
