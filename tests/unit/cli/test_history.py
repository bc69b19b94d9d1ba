"""`microstream history`: exit codes, what goes where, and formats that read back to the same rows."""

import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from tests.unit.history.kept import (
    DAY,
    HOUR,
    MINUTE,
    SOLB,
    T0,
    candle,
    funding_message,
    mark_message,
    note,
    publish,
    put,
    quality_message,
    settlement,
)

from microstream.cli.commands import app
from microstream.history import History
from microstream.history.store import Store
from microstream.model.past import Span

DATED = ("--from", "2026-09-21", "--to", "2026-09-22")
Run = Callable[..., tuple[int, bytes, str]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A day of tables."""
    store = Store(str(tmp_path_factory.mktemp("history")))
    put(store, "mark", [candle(T0 + number * MINUTE, number) for number in range(100)])
    put(store, "mark", [candle(T0 + number * MINUTE, number, SOLB) for number in range(2)])
    put(store, "funding", [settlement(T0 + hours * HOUR, 0.00005) for hours in (0, 8, 16)])
    note(store, "mark", Span(T0, T0 + 100 * MINUTE))
    note(store, "funding", Span(T0, T0 + 2 * DAY))
    publish(store, "mark_price", [mark_message(T0 + number * 10_000, number) for number in range(1, 50)])
    publish(store, "quality", [quality_message(T0 + HOUR, 1, "gap")])
    publish(store, "funding", [funding_message(T0 + HOUR, 1, 0.0001, T0 + 8 * HOUR)])
    return store.url


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command; return its exit code and what it wrote to both outputs."""

    def command(*arguments: str, at: str = url) -> tuple[int, bytes, str]:
        monkeypatch.setattr("sys.argv", ["microstream", "history", "--url", at, *arguments])
        code = app()
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return command


def test_a_table_is_aligned_and_says_what_it_leaves_out(run: Run) -> None:
    """The newest rows, times in UTC, without the columns of upkeep."""
    code, out, _ = run("mark", "okx:SOL", *DATED, "--limit", "2")
    heading, first, second, note_ = out.decode().splitlines()
    assert code == 0
    assert heading.split() == [
        *(
            "timestamp",
            "exchange",
            "symbol",
            "instrument",
            "open",
            "high",
            "low",
            "close",
            "candles",
            "complete",
        )
    ]
    assert first.startswith("2026-09-21 01:38:00  okx       sol-usdt  SOL/USDT:USDT    98")
    assert len(first) == len(second) == len(heading) - len("complete") + len("yes")
    assert note_ == "2 of 100 rows, the newest; --limit 0 shows all"
    assert len(run("mark", "SOL", *DATED, "--limit", "0")[1].splitlines()) == 103
    assert len(run("mark", "SOL", *DATED)[1].splitlines()) == 42


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_formats_read_back_to_the_same_rows(run: Run, url: str, form: str, tmp_path: Path) -> None:
    """Text has integers; Parquet has the types of the frame; a file has what standard output has."""
    wanted = History(url).funding("SOL", start=T0, end=T0 + DAY)
    code, out, _ = run("funding", "SOL", *DATED, "--format", form)
    assert code == 0
    file = tmp_path / "rows"
    assert run("funding", "SOL", *DATED, "--format", form, "--output", str(file))[:2] == (0, b"")
    assert file.read_bytes() == out
    if form == "parquet":
        assert pl.read_parquet(BytesIO(out)).equals(wanted)
        return
    integers = wanted.with_columns(pl.col(pl.Datetime("ms", "UTC")).dt.timestamp("ms"))
    read = (
        pl.read_csv(out) if form == "csv" else pl.DataFrame([json.loads(line) for line in out.splitlines()])
    )
    assert read["settled_time"].to_list() == [T0 + hours * HOUR + 7 for hours in (0, 8, 16)]
    assert read["funding_interval_hours"].to_list() == [None, 8, 8]
    assert read.columns == integers.columns
    assert read["settled_rate"].to_list() == integers["settled_rate"].to_list()


def test_candles_joins_and_forecasts_have_their_lengths(run: Run) -> None:
    """--every makes longer candles and wider ticks."""
    _, out, _ = run("mark", "okx:SOL", *DATED, "--every", "1h", "--format", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["candles"], row["complete"]) for row in rows] == [(60, True), (40, False)]
    _, out, _ = run("joined", "okx:SOL", *DATED, "--every", "30m", "--format", "json")
    assert [json.loads(line)["mark_price"] for line in out.splitlines()][:5] == [None, 29, 59, 89, None]
    _, out, _ = run("forecasts", "SOL", *DATED, "--format", "json")
    assert [
        (json.loads(line)["funding_rate"], json.loads(line)["settled_rate"]) for line in out.splitlines()
    ] == [(0.0001, 0.00005)]
    _, out, _ = run("mark", "okx:SOL", *DATED, "--as-of", "2026-09-21T00:03", "--format", "csv")
    assert len(out.splitlines()) == 4


def test_recorded_rows_are_payloads_with_their_place(run: Run) -> None:
    """Values of several types are what they were; signals and alerts are sought by subject."""
    code, out, _ = run("quality", "SOL", "--recorded", *DATED, "--format", "json")
    row = json.loads(out)
    assert code == 0
    assert (row["written_at"], row["expected"], row["observed"]) == (T0 + HOUR + 5, 0.5, "text")
    assert run("mark_price", "SOL", "--recorded", *DATED)[0] == 0
    code, out, err = run("signal", "btc", "--name", "liquidity", "--recorded", *DATED)
    assert (code, out) == (1, b"")
    assert "signal was never recorded; microstream record does" in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ("mark", "SOL", "--from", "2026-10-01", "--to", "2026-10-02"),
            "100% of this time was never fetched",
        ),
        (
            ("funding", "okx:SOL", "--from", "2026-09-21T01:00", "--to", "2026-09-21T02:00"),
            "nothing happened",
        ),
        (("oi", "SOL", *DATED), "no oi of SOL was ever fetched; microstream backfill does"),
        (("bars", "SOL", "--recorded", *DATED), "bars was never recorded"),
        (("joined", "SOL", "--from", "2026-10-01", "--to", "2026-10-02"), "never fetched"),
        (
            ("mark", "SOL", *DATED, "--as-of", "2026-09-21T00:00"),
            "only what was known at 2026-09-21 00:00:00",
        ),
    ],
)
def test_no_rows_are_explained(run: Run, arguments: tuple[str, ...], why: str) -> None:
    """On standard error, with exit code 1."""
    code, out, err = run(*arguments)
    assert (code, out) == (1, b"")
    assert err.startswith(f"microstream: no rows of {arguments[0]} of ")
    assert why in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "which kind? there are funding, mark, index, premium, oi, joined, forecasts"),
        (("mark",), "of what? microstream history mark SOL/USDT:USDT"),
        (("marks", "SOL"), "there is no kind 'marks'; nearest: mark"),
        (("mark_price", "SOL"), "mark_price is a family of messages; add --recorded"),
        (("premium", "SOL", "--recorded"), "there is no family 'premium'"),
        (("mark", "SOOL"), "'SOOL' is not in venue/mark; nearest: SOL"),
        (("mark", "SOL", "--exchange", "mtgox"), "'mtgox' is no exchange"),
        (("mark", "SOL", "--from", "soon"), "--from soon is no time"),
        (
            ("mark", "SOL", "--from", "2026-09-22", "--to", "2026-09-21"),
            "--from 2026-09-22 00:00:00 is not before",
        ),
        (("mark", "SOL", "--format", "xml"), "--format xml is none of table, csv, json, parquet"),
        (("mark", "SOL", "--every", "7m"), "every 7m is no length"),
        (("funding", "SOL", "--every", "5m"), "--every is for mark, index, premium and joined"),
        (("mark", "SOL", *DATED, "--output", "/nowhere/rows"), "--output /nowhere/rows: No such file"),
        (("--coverage", "marks"), "there is no kind 'marks'"),
        (("--coverage", "--format", "csv"), "--format csv is none of table, json"),
        (("--certificate", "soon"), "--certificate soon is no day"),
        (("--certificate", "2999-01-01"), "has not begun"),
        (("mark", "SOL", "--url", "ftp://x"), "--url ftp://x is neither a folder nor a store"),
    ],
)
def test_mistakes_are_named(run: Run, arguments: tuple[str, ...], why: str) -> None:
    """With exit code 2 and nothing on standard output."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, b"")
    assert why in err


def test_coverage_is_a_picture_or_json(run: Run, tmp_path: Path) -> None:
    """Piped it is as wide as it need be; nothing known is exit code 1."""
    code, out, _ = run("--coverage", "mark", *DATED)
    assert code == 0
    [span, line, _, legend, _] = out.decode().splitlines()
    assert "2026-09-21 00:00 --" in span
    assert line.startswith("okx SOL/USDT:USDT mark  ###+....")
    assert line.split()[-2:] == ["7%", "93%"]
    assert legend.startswith("# there")
    code, out, _ = run("--coverage", *DATED, "--format", "json")
    found = json.loads(out)
    assert [each["kind"] for each in found["lines"]] == ["funding", "mark"]
    assert found["start"] == T0
    code, out, err = run("--coverage", at=str(tmp_path))
    assert (code, out) == (1, b"")
    assert "has no notes" in err


def test_a_certificate_can_be_made_again_from_what_is_exported(run: Run, tmp_path: Path) -> None:
    """Both files are written; the checksum is that of the payloads of `--recorded --format json`."""
    code, out, _ = run("--certificate", "2026-09-21", "--output", str(tmp_path))
    assert code == 0
    found = json.loads((tmp_path / "certificate-2026-09-21.json").read_text())
    assert found["sha256"] in out.decode()
    text = (tmp_path / "certificate-2026-09-21.md").read_text()
    assert _but_when(text) == _but_when(run("--certificate", "2026-09-21")[1].decode())
    _, exported, _ = run("mark_price", "SOL", "--recorded", *DATED, "--format", "json")
    payloads = b"".join(b"{" + line[line.index(b'"v":') :] + b"\n" for line in exported.splitlines())
    assert found["contracts"][0]["families"]["mark_price"]["sha256"] == sha256(payloads).hexdigest()
    code, _, err = run("--certificate", "2026-09-25")
    assert code == 1
    assert "nothing of 2026-09-25 was recorded" in err


def _but_when(text: str) -> list[str]:
    """Return the lines of a certificate without the time at which it was made."""
    return [line for line in text.splitlines() if not line.startswith("- made")]


def test_without_its_libraries_the_command_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything else."""
    monkeypatch.setattr("microstream.cli.extra.find_spec", lambda name: None if name == "polars" else name)
    code, _, err = run("mark", "SOL")
    assert (code, err) == (
        2,
        "microstream: history needs two more libraries: pip install 'p9-microstream[history]'\n",
    )
