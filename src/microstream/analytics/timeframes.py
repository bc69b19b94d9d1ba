"""The fifteen timeframes of bars, and which shorter one each of them is the fold of."""

SECOND_MS = 1_000
TIMEFRAMES = {
    name: minutes_or_less * SECOND_MS
    for name, minutes_or_less in {
        "1s": 1,
        "5s": 5,
        "15s": 15,
        "30s": 30,
        "1m": 60,
        "3m": 180,
        "5m": 300,
        "15m": 900,
        "30m": 1_800,
        "1h": 3_600,
        "2h": 7_200,
        "4h": 14_400,
        "6h": 21_600,
        "12h": 43_200,
        "1d": 86_400,
    }.items()
}
"""Name -> length in ms, shortest first."""


def _longest_within(length_ms: int) -> str:
    """Return the longest timeframe that a longer one is made of without a remainder."""
    parts = (name for name, part_ms in TIMEFRAMES.items() if part_ms < length_ms and not length_ms % part_ms)
    return list(parts)[-1]


FOLDED_FROM = {
    name: _longest_within(length_ms) for name, length_ms in TIMEFRAMES.items() if length_ms > SECOND_MS
}
"""Each longer timeframe and the shorter one whose closed bars it folds."""
