"""Coverage as lines of plain letters: time goes to the right, a letter says what became of a piece of it."""

from collections.abc import Iterator, Mapping

from microstream.history.coverage import Coverage, Line, State
from microstream.history.ledger import WHOLE
from microstream.model.times import text_from_ms

LETTERS: Mapping[State, str] = {
    "rows": "#",
    "nothing": "o",
    "part": "+",
    "missing": ".",
    "gone": "x",
    "recorded": "#",
    "lost": "!",
}
LEGEND = "# there   o asked, nothing happened   + in part   . not there   x the venue has it no more   ! lost"
SUMMED = f"{LEGEND}\n1-9 tenths of what is there of all contracts; --all or an instrument shows each"
LEAST_PIECES, MOST_PIECES = 10, 120
SHARES = ("there", "missing", "gone", "lost")
SHARE = 8
"""Letters of a share behind a line."""
NAME = 36
"""Room for `binance 1000PEPE/USDT:USDT funding`."""
GAP = "  "


def pieces_for(width: int) -> int:
    """Return how many pieces of time fit on a line."""
    return max(LEAST_PIECES, min(MOST_PIECES, width - NAME - 2 * len(GAP) - SHARE * len(SHARES)))


def picture(coverage: Coverage) -> Iterator[str]:
    """Yield the lines: the span, a line for each subject with its shares, the legend."""
    names = [_name(line) for line in coverage.lines]
    wide = max(map(len, names), default=0)
    minutes = (at - at % 60_000 for at in (coverage.start, coverage.end))
    start, end = (text_from_ms(at, seconds=False) for at in minutes)
    across = max((len(line.states) for line in coverage.lines), default=0)
    ruler = f"{start} ".ljust(across - len(end) - 1, "-") + f" {end}"
    yield f"{'':<{wide}}{GAP}{ruler}{GAP}{''.join(map(_right, SHARES))}"
    for name, line in zip(names, coverage.lines, strict=True):
        letters = "".join(map(_letter, line.states, line.parts)) if line.contracts > 1 else _letters(line)
        yield f"{name:<{wide}}{GAP}{letters:<{len(ruler)}}{GAP}{_shares(line)}".rstrip()
    yield ""
    yield SUMMED if coverage.summed else LEGEND


def _letters(line: Line) -> str:
    return "".join(LETTERS[state] for state in line.states)


def _letter(state: State, part: float) -> str:
    """Return the letter of a piece of all contracts: tenths where they differ."""
    if state != "part":
        return LETTERS[state]
    return str(max(1, min(9, int(part * 10)))) if part else LETTERS["missing"]


def _name(line: Line) -> str:
    if line.contracts > 1:
        return f"{line.exchange} {line.kind} ({line.contracts})"
    if line.symbol == WHOLE:
        return f"{line.exchange} {line.kind} recorded"
    return f"{line.exchange} {line.instrument or line.symbol} {line.kind}"


def _shares(line: Line) -> str:
    shares = (line.there, line.missing, line.gone, line.lost)
    return "".join(_right(_percent(share) if share or not at else "") for at, share in enumerate(shares))


def _right(text: str) -> str:
    return text.rjust(SHARE)


def _percent(share: float) -> str:
    """Return per cent; what is nearly all or nearly nothing is not said to be that."""
    text = f"{100 * share:.0f}%"
    if text == "100%" and share < 1:
        return ">99%"
    return "<1%" if text == "0%" and share > 0 else text
