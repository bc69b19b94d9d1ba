"""Rows for the tables of tests: settled rates, candles, messages, and notes of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from microstream.history.columns import Columns
from microstream.history.ledger import Note, Subject
from microstream.history.published import COLUMNS
from microstream.history.store import Store
from microstream.model.messages import FundingMessage, MarkPriceMessage, Message, QualityMessage
from microstream.model.past import ROWS, AnyPast, PastCandle, PastFunding, PastKind, PastOpenInterest, Span

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T0 = 1_790_000_000_000 // DAY * DAY
"""2026-09-21."""
SOL = {"exchange": "okx", "symbol": "sol-usdt", "instrument": "SOL/USDT:USDT"}
SOLB = {"exchange": "binance", "symbol": "solusdt", "instrument": "SOL/USDT:USDT"}
BTC = {"exchange": "okx", "symbol": "btc-usdt", "instrument": "BTC/USDT:USDT"}


def settlement(at: int, rate: float = 0.0001, of: dict[str, str] = SOL) -> PastFunding:
    """Return a settled rate; the venue stamps it 7 ms late."""
    return PastFunding(**of, timestamp=at, settled_time=at + 7, settled_rate=rate)


def candle(at: int, close: float, of: dict[str, str] = SOL, **other: float | None) -> PastCandle:
    """Return a minute."""
    prices = {"open": close, "high": close + 1, "low": close - 1, **other}
    return PastCandle(**of, timestamp=at, close=close, **prices)


def reading(at: int, contracts: float, of: dict[str, str] = SOL) -> PastOpenInterest:
    """Return open interest."""
    return PastOpenInterest(
        **of,
        timestamp=at,
        open_interest=contracts,
        open_interest_base=contracts * 10,
        open_value=None,
        open_value_ccy=None,
    )


def put(store: Store, kind: PastKind, rows: Sequence[AnyPast], known_at: int | None = None) -> None:
    """Write rows, known when what they stand for was over, or as corrections at a time."""
    length = MINUTE if kind in {"mark", "index", "premium"} else 0
    known = [row.timestamp + length if known_at is None else known_at for row in rows]
    fetched = [at if known_at is None else known_at for at in known]
    columns = Columns(ROWS[kind]).series(rows)
    times = [pl.Series("known_at", known, pl.Int64), pl.Series("fetched_at", fetched, pl.Int64)]
    store.past[kind].append(pl.DataFrame([*columns, *times]))


def note(store: Store, kind: str, span: Span, answer: Any = "answered", of: dict[str, str] = SOL) -> None:
    """Put a note into the ledger."""
    store.ledger.note([Note(Subject(of["exchange"], of["symbol"], kind), span, answer)], now=T0)


def publish(store: Store, family: str, messages: Iterable[Message], delay: int = 5) -> None:
    """Record messages, each written some ms after its receipt, several of one ms in the order given."""
    rows = list(messages)
    written = [row.received_at + delay for row in rows]
    seen: Counter[int] = Counter()
    places_in_entry = []
    for at in written:
        places_in_entry.append(seen[at])
        seen[at] += 1
    places = [
        pl.Series("written_at", written, pl.Int64),
        pl.Series("entry", [0] * len(rows), pl.Int64),
        pl.Series("place", places_in_entry, pl.Int64),
    ]
    store.published[family].append(pl.DataFrame([*places, *COLUMNS[family].series(rows)]))


def mark_message(received_at: int, seq: int, price: float = 1.5, **other: Any) -> MarkPriceMessage:
    """Return a message of a mark price that was 40 ms old when it came."""
    keys: dict[str, Any] = {
        "v": 1,
        **SOL,
        "timestamp": received_at - 40,
        "received_at": received_at,
        "source": "ws",
        "run": T0,
        "seq": seq,
        "flags": (),
        "mark_price": price,
        "index_price": None,
        "basis": None,
        "basis_bps": None,
        "index_timestamp": None,
    }
    return MarkPriceMessage(**{**keys, **other})


def funding_message(received_at: int, seq: int, rate: float, settles_at: int, **other: Any) -> FundingMessage:
    """Return a forecast of a funding payment."""
    keys: dict[str, Any] = dict.fromkeys(FundingMessage.__struct_fields__)
    keys |= {"v": 1, **SOL, "timestamp": received_at, "received_at": received_at, "source": "ws"}
    keys |= {"run": T0, "seq": seq, "flags": (), "funding_rate": rate, "next_funding_time": settles_at}
    return FundingMessage(**{**keys, **other})


def quality_message(received_at: int, seq: int, kind: Any, **other: Any) -> QualityMessage:
    """Return a quality message that raises something."""
    keys: dict[str, Any] = dict.fromkeys(QualityMessage.__struct_fields__)
    keys |= {"v": 1, **SOL, "received_at": received_at, "source": "ws", "run": T0, "seq": seq, "flags": ()}
    keys |= {"kind": kind, "state": "raised", "severity": "warning", "detail": "so", "since": received_at}
    keys["expected"], keys["observed"] = 0.5, "text"
    return QualityMessage(**{**keys, **other})
