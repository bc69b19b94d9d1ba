"""Certificates: shares that can be counted by hand, and checksums that anybody can make again."""

from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from tests.unit.history.kept import (
    DAY,
    HOUR,
    SOLB,
    T0,
    funding_message,
    mark_message,
    note,
    publish,
    quality_message,
)

from microstream.history.certificate import Certificate, certify
from microstream.history.certificate_text import markdown
from microstream.history.store import Store
from microstream.model.messages import MarkPriceMessage
from microstream.model.past import Span

TODAY = date(2026, 9, 21)
INTERVALS = {"funding": 30_000, "mark_price": 10_000, "oi": 15_000}
WHOLE_DAY = range(0, DAY, 10_000)


def _marks(times: range | list[int], **other: object) -> list[MarkPriceMessage]:
    return [mark_message(T0 + at, number + 1, **other) for number, at in enumerate(times)]


def _certificate(store: Store, **other: object) -> Certificate:
    options: dict[str, object] = {"now": T0 + 2 * DAY, "intervals_ms": INTERVALS} | other
    return certify(store, TODAY, **options)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Tables in a folder."""
    return Store(str(tmp_path))


def test_a_day_without_a_hole_is_live_all_of_it(store: Store) -> None:
    """The message of before midnight stands until the first of the day, and is no row of it."""
    publish(
        store, "mark_price", [mark_message(T0 - 3_000, 77), *_marks(range(5_000, DAY, 10_000), run=T0 + 1)]
    )
    found = _certificate(store)
    grade = found.contracts[0].families["mark_price"]
    assert (grade.rows, grade.live, grade.missing) == (8640, 1.0, 0)
    assert (grade.age_p50_ms, grade.age_p99_ms) == (40, 40)
    assert found.venues[0].live == found.venues[0].worst_live == 1.0


def test_silence_is_forgiven_for_three_intervals(store: Store) -> None:
    """A hole of 500 s costs 470; numbers tell of the messages that are lost."""
    marks = _marks(WHOLE_DAY)
    publish(store, "mark_price", marks[:101] + marks[150:])
    grade = _certificate(store).contracts[0].families["mark_price"]
    assert grade.live == (DAY - 470_000) / DAY
    assert grade.missing == 49


def test_stale_messages_make_nothing_live(store: Store) -> None:
    """From the receipt of the first to that of the next that is not."""
    marks = _marks(WHOLE_DAY)
    for message in marks[10:16]:
        message.flags = ("stale",)
    publish(store, "mark_price", marks)
    grade = _certificate(store).contracts[0].families["mark_price"]
    assert grade.live == (DAY - 60_000) / DAY
    assert grade.stale == 6


def test_one_that_is_asked_for_less_often_has_its_own_interval(store: Store) -> None:
    """Every minute where 10 s are configured is no hole; a hole is one that is three minutes longer."""
    marks = _marks(range(0, DAY, 60_000))
    publish(store, "mark_price", marks[:100] + marks[110:])
    assert _certificate(store).contracts[0].families["mark_price"].live == (DAY - 8 * 60_000) / DAY


def test_a_contract_is_as_live_as_the_least_of_its_families(store: Store) -> None:
    """Quality messages are counted, silence in them is none; a venue is the mean of its contracts."""
    publish(store, "mark_price", _marks(WHOLE_DAY))
    publish(store, "mark_price", _marks(WHOLE_DAY, **SOLB))
    publish(
        store, "funding", [funding_message(T0 + at, at, 0.1, T0 + DAY) for at in range(0, DAY // 2, 10_000)]
    )
    publish(
        store,
        "quality",
        [quality_message(T0 + HOUR, 1, "gap"), quality_message(T0 + HOUR, 2, "outlier", symbol="*")],
    )
    for answer in ("recorded", "lost"):
        of = {"exchange": "okx", "symbol": "*"}
        note(store, "mark_price", Span(T0, T0 + DAY // 4), answer, of=of)
    found = _certificate(store)
    assert [each.exchange for each in found.venues] == ["binance", "okx"]
    okx = found.contracts[1]
    assert okx.live == (DAY / 2 - 10_000 + 90_000) / DAY
    assert okx.quality == {"gap": 1}
    assert okx.families["quality"].live is None
    assert found.venues[1].quality == {"gap": 1, "outlier": 1}
    assert found.venues[1].lost == found.venues[1].recorded == {"mark_price": 0.25}
    alone = _certificate(store, exchange="binance")
    assert [each.exchange for each in alone.contracts] == ["binance"]
    assert alone.sha256 == found.venues[0].sha256 != found.sha256


def test_a_checksum_is_of_what_was_published(store: Store) -> None:
    """By hand from the payloads; files, compaction and the size of batches do not matter."""
    marks, others = _marks([1, 2, 3, HOUR]), _marks([5, 6], **SOLB)
    for message in (marks[2], marks[0], others[1], marks[3], marks[1], others[0]):
        publish(store, "mark_price", [message])
    lines = []
    for exchange, symbol, messages in (("okx", "sol-usdt", marks), ("binance", "solusdt", others)):
        payloads = b"".join(msgspec.json.encode(message) + b"\n" for message in messages)
        lines.append(f"mark_price {exchange} {symbol} {sha256(payloads).hexdigest()}\n")
    wanted = sha256("".join(sorted(lines)).encode()).hexdigest()
    assert _certificate(store).sha256 == wanted
    for sort in (False, True):
        store.published["mark_price"].compact(TODAY, sort=sort)
        assert _certificate(store, batch_rows=1).sha256 == wanted
    publish(store, "mark_price", _marks([7]))
    assert _certificate(store).sha256 != wanted


def test_a_day_that_is_not_over_is_judged_until_now(store: Store) -> None:
    """And the certificate says so."""
    publish(store, "mark_price", _marks(range(0, HOUR, 10_000)))
    found = _certificate(store, now=T0 + HOUR)
    assert found.contracts[0].live == 1.0
    text = "\n".join(markdown(found))
    assert "the day was not over: it ends here at 2026-09-21 01:00:00 UTC" in text
    assert f"`{found.sha256}`" in text
    assert "| okx   | sol-usdt | SOL/USDT:USDT | 100.00% |" in text


def test_nearly_all_is_not_said_to_be_all(store: Store) -> None:
    """Rounding never hides a hole."""
    marks = _marks(WHOLE_DAY)
    publish(store, "mark_price", marks[:10] + marks[13:])
    found = _certificate(store)
    assert found.contracts[0].live == (DAY - 10_000) / DAY
    assert "| 99.99% |" in "\n".join(markdown(found))
