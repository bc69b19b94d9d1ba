"""`microstream decode` as a process, as its row of the contract's command table says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from microstream import venues

FIXTURES = Path(__file__).parents[2] / "fixtures"
AT = 1795320930000
KEYS = [
    "channel",
    "v",
    "exchange",
    "symbol",
    "instrument",
    "timestamp",
    "received_at",
    "source",
    "run",
    "seq",
    "flags",
]


class Outcome(NamedTuple):
    """What the command did: payloads in order, lines on standard error, exit code."""

    payloads: list[dict[str, Any]]
    complaints: list[str]
    code: int
    out: bytes


def decode(*arguments: str | Path, stdin: bytes = b"", environment: dict[str, str] | None = None) -> Outcome:
    """Run the command in an environment without network proxies, Redis or configuration."""
    command = [sys.executable, "-m", "microstream", "decode", *map(str, arguments)]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": "", **(environment or {})},
    )
    payloads = [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]
    return Outcome(payloads, done.stderr.decode().splitlines(), done.returncode, done.stdout)


def channels(outcome: Outcome) -> list[str]:
    """Return where the payloads would go."""
    return [payload["channel"] for payload in outcome.payloads]


def test_payloads_are_lines_of_json_with_the_channel_first() -> None:
    """One payload a line, with every common key; the channel is the first."""
    done = decode(
        "binance",
        "rest/premiumIndex",
        FIXTURES / "binance" / "rest-premiumIndex-2.json",
        "--received-at",
        str(AT),
    )
    assert (done.code, done.complaints) == (0, [])
    assert channels(done) == ["funding:binance:solusdt", "meta:mark_price:binance:solusdt"]
    for payload in done.payloads:
        assert list(payload)[: len(KEYS)] == KEYS
        assert (payload["received_at"], payload["source"], payload["v"]) == (AT, "rest", 1)
        assert payload["instrument"] == "SOL/USDT:USDT"


@pytest.mark.parametrize(
    ("venue", "feed"), [(venue, feed) for venue in venues.REGISTRY for feed in venues.load(venue).feeds]
)
def test_every_feed_by_its_name(venue: str, feed: str) -> None:
    """FEED is `rest/` and the last part of the path; history comes out as backfill, with settled rates."""
    path = FIXTURES / venue / f"rest-{feed.replace('/', '-')}-1.json"
    done = decode(venue, f"rest/{feed}", path, "--received-at", str(AT))
    assert (done.code, done.complaints) == (0, [])
    history = venues.load(venue).feeds[feed].history
    assert {payload["source"] for payload in done.payloads} <= {"backfill" if history else "rest"}
    assert bool(done.payloads) == (feed != "time")
    for payload in done.payloads:
        if history and payload["channel"].startswith("funding:"):
            assert payload["settled_time"] == payload["timestamp"]
            assert payload["settled_rate"] is not None
            assert payload["funding_rate"] is None
            assert payload["flags"] == []


def test_history_of_the_contract_page() -> None:
    """Bybit's history is named by two parts of its path."""
    done = decode("bybit", "rest/funding/history", FIXTURES / "bybit" / "rest-funding-history-1.json")
    assert [payload["settled_rate"] for payload in done.payloads] == [-0.00003, 0]
    assert decode("bybit", "rest/history", "-").code == 2


def test_frames_are_one_connection() -> None:
    """`ws` reads a frame a line, in order, from standard input; a delta is completed by its snapshot."""
    done = decode(
        "bybit",
        "ws",
        "--received-at",
        str(AT),
        stdin=(FIXTURES / "bybit" / "ws-tickers-1.jsonl").read_bytes(),
    )
    assert (done.code, done.complaints) == (0, [])
    assert {payload["source"] for payload in done.payloads} == {"ws"}
    funding = [payload for payload in done.payloads if payload["channel"] == "funding:bybit:btcusdt"]
    assert [payload["funding_rate"] for payload in funding] == [0.00004655, 0.000047, 0.0001]
    assert [payload["seq"] for payload in funding] == [1, 2, 3]


def test_what_cannot_be_read_is_told_with_line_and_reason() -> None:
    """Refusals, a delta without its snapshot and broken frames end with exit code 1; the rest is printed."""
    done = decode("bybit", "ws", FIXTURES / "bybit" / "ws-tickers-2.jsonl", "--received-at", str(AT))
    assert done.code == 1
    assert [line.split(":")[0] for line in done.complaints] == ["line 1", "line 2", "line 4", "line 8"]
    assert "already subscribed" in done.complaints[0]
    assert "a delta came before its snapshot" in done.complaints[1]
    assert [payload["mark_price"] for payload in done.payloads] == [2781, 2782]


def test_bad_rows_are_told_and_the_good_ones_printed() -> None:
    """A row that cannot be read is named with its contract and the value; others of the same body are printed."""
    done = decode(
        "binance",
        "rest/premiumIndex",
        FIXTURES / "binance" / "rest-premiumIndex-3.json",
        "--received-at",
        str(AT),
    )
    assert done.code == 1
    assert "line 1: bbbusdt: mark: not_a_number: NaN" in done.complaints
    assert "meta:mark_price:binance:eeeusdt" in channels(done)


@pytest.mark.parametrize(
    ("venue", "feed", "reason"),
    [
        ("binance", "rest/premiumIndex", "-1121"),
        ("bybit", "rest/tickers", "10001: params error: Symbol Invalid"),
        ("okx", "rest/mark-price", "51001: Instrument ID does not exist"),
    ],
)
def test_error_bodies(venue: str, feed: str, reason: str) -> None:
    """An error body is told in the venue's words and publishes nothing."""
    done = decode(venue, feed, FIXTURES / venue / "rest-error-1.json")
    assert (done.code, done.payloads) == (1, [])
    (complaint,) = done.complaints
    assert complaint.startswith("line 1: ")
    assert reason in complaint


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[{", b"null", b"\xff"])
@pytest.mark.parametrize(
    ("venue", "feed"),
    [("binance", "rest/premiumIndex"), ("bybit", "rest/tickers"), ("okx", "rest/mark-price")],
)
def test_bodies_that_are_none(venue: str, feed: str, body: bytes) -> None:
    """A body of another kind is told, without a traceback."""
    done = decode(venue, feed, stdin=body)
    assert (done.code, done.payloads) == (1, [])
    assert [line[:8] for line in done.complaints] == ["line 1: "]


@pytest.mark.parametrize("file", ["rest-tickers-2.json", "rest-tickers-3.json"])
def test_rows_out_of_scope_print_nothing(file: str) -> None:
    """Inverse contracts and spot pairs are no fault and nothing to publish."""
    done = decode("bybit", "rest/tickers", FIXTURES / "bybit" / file)
    assert (done.code, done.payloads, done.complaints) == (0, [], [])


def test_acknowledgements_print_nothing() -> None:
    """Answers to subscriptions, pongs and notices are no fault and nothing to publish; blank lines are none."""
    answers = b'pong\n\n{"event":"subscribe","arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"connId":"a"}\n'
    done = decode("okx", "ws", stdin=answers)
    assert (done.code, done.payloads, done.complaints) == (0, [], [])


def test_naming_rules_leave_unknown_what_they_cannot_tell() -> None:
    """Without a list the interval and the value of a contract are null; with it they are stated."""
    body = FIXTURES / "okx" / "rest-open-interest-1.json"
    guessed = decode("okx", "rest/open-interest", body, "--received-at", str(AT)).payloads[2]
    assert (guessed["symbol"], guessed["instrument"]) == ("pepe-usdt", "PEPE/USDT:USDT")
    assert guessed["open_value"] is None
    history = FIXTURES / "bybit" / "rest-funding-history-1.json"
    known = FIXTURES / "bybit" / "rest-instruments-info-2.json"
    assert decode("bybit", "rest/funding/history", history).payloads[0]["funding_interval_hours"] is None
    listed = decode("bybit", "rest/funding/history", history, "--instruments", known).payloads[0]
    assert (listed["funding_interval_hours"], listed["rate_cap"]) == (8, 0.005)


def test_a_list_says_what_is_known() -> None:
    """With a list, contracts that it does not have print nothing."""
    folder = FIXTURES / "okx"
    done = decode(
        "okx",
        "rest/mark-price",
        folder / "rest-mark-price-2.json",
        "--instruments",
        folder / "rest-instruments-1.json",
    )
    assert (done.code, done.payloads) == (0, [])
    done = decode(
        "okx",
        "rest/mark-price",
        folder / "rest-mark-price-2.json",
        "--instruments",
        folder / "rest-instruments-2.json",
    )
    assert len(done.payloads) == 3


@pytest.mark.parametrize(
    ("venue", "feed", "file"),
    [
        ("binance", "rest/exchangeInfo", "rest-exchangeInfo-1.json"),
        ("bybit", "rest/instruments-info", "rest-instruments-info-1.json"),
        ("okx", "rest/instruments", "rest-instruments-1.json"),
    ],
)
def test_an_instrument_list_is_read_as_the_registry_reads_it(venue: str, feed: str, file: str) -> None:
    """Its contracts come out as they are published at the start; the dash is standard input."""
    body = (FIXTURES / venue / file).read_bytes()
    outcome = decode(venue, feed, "-", "--received-at", str(AT), stdin=body)
    assert outcome.payloads
    for payload in outcome.payloads:
        assert payload["channel"] == f"meta:instrument:{venue}:{payload['symbol']}"
        assert (payload["received_at"], payload["changed"]) == (AT, {})
    cut = decode(venue, feed, stdin=body[: len(body) // 2])
    assert (cut.payloads, cut.code) == ([], 1)
    assert cut.complaints


def test_time_of_receipt_is_now_unless_stated() -> None:
    """`--received-at` is the time of receipt; without it, old values are as stale as they are."""
    body = FIXTURES / "binance" / "rest-premiumIndex-2.json"
    stated = decode("binance", "rest/premiumIndex", body, "--received-at", str(AT + 60_000)).payloads[1]
    assert (stated["received_at"], stated["flags"]) == (AT + 60_000, ["stale"])
    now = decode("binance", "rest/premiumIndex", body).payloads[1]
    assert now["received_at"] > 1_790_000_000_000


def test_names_outside_ascii() -> None:
    """Payloads are UTF-8 whatever the terminal is set to."""
    body = FIXTURES / "binance" / "rest-premiumIndex-1.json"
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = decode("binance", "rest/premiumIndex", body, "--received-at", str(AT), environment=environment)
    assert done.code == 0
    assert "funding:binance:币安人生usdt" in channels(done)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere", "ws"], "'nowhere' is no venue; there are binance, bybit, okx"),
        (["okx", "rest/nothing"], "'rest/nothing' is no feed of okx; there are rest/"),
        (["okx", "funding-rate"], "'funding-rate' is no feed of okx"),
        (["okx", "ws", "no-such-file"], "no-such-file: No such file"),
        (["okx", "ws", "."], "Is a directory"),
        (["okx", "ws", "--instruments", "no-such-file"], "microstream: no-such-file: No such file"),
        (
            ["okx", "ws", "--instruments", str(FIXTURES / "okx" / "rest-error-1.json")],
            "not an instrument list of okx",
        ),
        (
            ["okx", "ws", "--instruments", str(FIXTURES / "okx" / "ws-control-1.jsonl")],
            "not an instrument list of okx",
        ),
        (["okx", "ws", "--received-at", "yesterday"], "--received-at"),
        (["okx"], "feed"),
    ],
)
def test_usage_errors(arguments: list[str], reason: str) -> None:
    """What the command line asks for and cannot be had ends with exit code 2 and says what would be right."""
    done = decode(*arguments)
    assert (done.code, done.payloads) == (2, [])
    assert reason in " ".join(done.complaints)
    assert "Traceback" not in "".join(done.complaints)


def test_a_reader_that_leaves_early(tmp_path: Path) -> None:
    """Output into a program that ends early is no crash."""
    push = (
        '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","markPrice":"%d"},"cs":%d}\n'
    )
    frames = tmp_path / "frames.jsonl"
    frames.write_text("".join(push % (84000 + number, number) for number in range(2000)))
    command = [sys.executable, "-m", "microstream", "decode", "bybit", "ws"]
    with (
        frames.open("rb") as source,
        subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        assert process.stdout and process.stderr  # noqa: PT018
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 0
