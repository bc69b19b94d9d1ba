"""Documents that must agree with the code."""

import ast
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from jsonschema import Draft202012Validator

from microstream import venues
from microstream.cli.decode import Decoder, Names
from microstream.config import load
from microstream.config.alerts import AlertRule, shipped_rules
from microstream.model.channels import Channel
from microstream.model.messages import PAYLOADS, Message, QualityMessage
from microstream.pipeline.quality import Quality
from microstream.services import instrument_watcher
from microstream.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = sorted((ROOT / "src" / "microstream").rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "src").rglob("*.md")])
NOW = 1_795_394_310_000

BODIES = {
    ("binance", "premiumIndex"): [
        {
            "symbol": "BTCUSDT",
            "markPrice": "110715.46",
            "indexPrice": "110648.72",
            "lastFundingRate": "0.00051761",
            "nextFundingTime": NOW + 3_600_000,
            "time": NOW - 100,
        }
    ],
    ("binance", "openInterest"): {"symbol": "BTCUSDT", "openInterest": "93785.312", "time": NOW - 100},
    ("bybit", "tickers"): {
        "retCode": 0,
        "result": {
            "category": "linear",
            "list": [
                {
                    "symbol": "1000PEPEUSDT",
                    "markPrice": "0.0105",
                    "indexPrice": "",
                    "fundingRate": "-0.0001",
                    "nextFundingTime": str(NOW + 3_600_000),
                    "fundingIntervalHour": "4",
                    "fundingCap": "0.01",
                    "singleOpenInterest": "123456",
                    "singleOpenInterestValue": "1296.3",
                }
            ],
        },
        "time": NOW - 100,
    },
    ("okx", "open-interest"): {
        "code": "0",
        "data": [
            {
                "instId": "BTC-USD-SWAP",
                "oi": "40829",
                "oiCcy": "36.9",
                "oiUsd": "4082900",
                "ts": str(NOW - 100),
            }
        ],
    },
}


def _schema(family: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((DOCS / "payloads" / f"{family}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return schema


def _page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def _section(page: str, heading: str) -> str:
    """Return the text between a heading and the next of the same level."""
    return re.split(r"^## ", page.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _first_column(text: str) -> list[str]:
    """Return the names in backticks at the begin of table rows."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def _keys(section: str) -> list[str]:
    """Return the keys of the first table of a section."""
    return _first_column(section[section.index("| key |") :].split("\n\n", 1)[0])


def _fields(kind: type[Message]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def test_generated_pages_are_up_to_date() -> None:
    """The pages that are made from the code are what the code makes of them now (else: make docs)."""
    assert runpy.run_path(str(ROOT / "tools" / "reference.py"))["differing"]() == []


def test_common_keys_are_documented() -> None:
    """docs/payloads.md lists the keys of every payload, in the order in which they are written."""
    assert _keys(_section(_page("payloads.md"), "Common keys")) == _fields(Message)


@pytest.mark.parametrize("family", PAYLOADS)
def test_keys_of_a_family_are_documented(family: str) -> None:
    """docs/payloads.md lists every key of a family, in the order in which they are written."""
    documented = _keys(_section(_page("payloads.md"), family))
    assert _fields(Message) + documented == _fields(PAYLOADS[family])


@pytest.mark.parametrize("family", PAYLOADS)
def test_example_is_a_payload(family: str) -> None:
    """The example of a family has every key in order and fits its schema."""
    found = re.search(r"```json\n(.+?)```", _section(_page("payloads.md"), family), re.DOTALL)
    assert found is not None
    example = json.loads(found[1])
    assert list(example) == _fields(PAYLOADS[family])
    Draft202012Validator(_schema(family)).validate(example)


@pytest.mark.parametrize(("venue", "feed"), BODIES)
def test_decoded_payloads_fit_their_schema(venue: str, feed: str) -> None:
    """What the service makes of a venue's reply fits the schema of its family."""
    decoder = Decoder(venues.load(venue), Names(venues.load(venue), None), NOW)
    lines = list(decoder.body(feed, json.dumps(BODIES[venue, feed]).encode()))
    assert lines
    assert decoder.complaints == 0
    for line in lines:
        payload = json.loads(line)
        family = payload.pop("channel").removeprefix("meta:").partition(":")[0]
        Draft202012Validator(_schema(family)).validate(payload)


def test_registry_and_quality_messages_fit_their_schema() -> None:
    """The messages that no reply makes by itself fit their schema, with nulls and without."""
    messages: list[Message] = []

    def offer(_channel: Channel, message: Message) -> None:
        messages.append(message)

    contract = venues.load("okx").guess("BTC-USD-SWAP")
    assert contract is not None
    quality = Quality(offer)
    quality.raised("okx", contract, "out_of_range", "mark", now=NOW, detail="kept out", observed="-1")
    quality.cleared("okx", contract, "out_of_range", "mark", now=NOW, detail="in range again")
    quality.raised("okx", None, "clock_skew", None, now=NOW, detail="differ", expected=0.0, observed=1500.0)
    messages.append(instrument_watcher.message(contract, {"tick_size": 0.1, "status": None}, NOW))
    assert len(messages) == 4
    for message in messages:
        Draft202012Validator(_schema(message.family)).validate(json.loads(msgspec.json.encode(message)))


def test_schema_refuses_what_is_no_payload() -> None:
    """The schemas are no blank cheque: a missing key, a text for a number and an unknown kind are refused."""
    found = re.search(r"```json\n(.+?)```", _section(_page("payloads.md"), "quality"), re.DOTALL)
    assert found is not None
    good = json.loads(found[1])
    for change in ({"kind": "bad mood"}, {"since": "now"}, {"v": 2}):
        assert list(Draft202012Validator(_schema("quality")).iter_errors({**good, **change}))
    del good["flags"]
    assert list(Draft202012Validator(_schema("quality")).iter_errors(good))


def _log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and re.fullmatch(
            r"log\.(debug|info|warning|error|critical|exception)", ast.unparse(node.func)
        ):
            yield node


def test_every_log_line_is_in_the_runbook() -> None:
    """The runbook says of every log line what it means, and of none that is not in the code."""
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCES]
    texts = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    first = [call.args[0] for tree in trees for call in _log_calls(tree)]
    logged = {argument.value for argument in first if isinstance(argument, ast.Constant)}
    described = set(_first_column(_page("runbook.md").split("### Log lines")[1].split("### ")[0]))
    assert logged - described == set()
    assert described - texts == set()


def test_every_quality_kind_is_in_the_runbook_and_payloads() -> None:
    """Both pages name every kind of quality message."""
    kinds = get_args(get_type_hints(QualityMessage)["kind"])
    runbook = _section(_page("runbook.md"), "Is it well?").split("### Log lines")[0]
    for text in (runbook, _section(_page("payloads.md"), "quality")):
        rows = " ".join(re.findall(r"^\| .*?\|", text, re.MULTILINE))
        assert not [kind for kind in kinds if f"`{kind}`" not in rows]


def test_every_key_of_a_rule_and_every_shipped_rule_is_documented() -> None:
    """docs/alerts.md has a row for each, in the order of the code."""
    keys = [field.alias or name for name, field in AlertRule.model_fields.items()]
    assert _keys(_section(_page("alerts.md"), "A rule")) == keys
    rules = _first_column(_section(_page("alerts.md"), "The shipped rules"))
    assert rules == list(shipped_rules())


def test_severities_of_the_shipped_rules_are_as_documented() -> None:
    """The last column of their table."""
    section = _section(_page("alerts.md"), "The shipped rules")
    rows = re.findall(r"^\| `(\w+)` .* (\w+) \|$", section, re.MULTILINE)
    assert dict(rows) == {name: rule.severity for name, rule in shipped_rules().items()}


def test_the_example_of_alerts_is_a_configuration(tmp_path: Path) -> None:
    """It can be copied as it is."""
    found = re.search(r"```yaml\n(.+?)```", _page("alerts.md"), re.DOTALL)
    assert found is not None
    (tmp_path / "example.yaml").write_text(found[1], "utf-8")
    alerts = load(tmp_path / "example.yaml", {}).config.alerts
    assert list(alerts.rules) == ["extreme_funding", "oi_jump", "btc_basis"]
    assert list(alerts.deliveries) == ["phone", "pager"]


def test_metrics_of_the_runbook_exist() -> None:
    """The runbook watches no metric that is not there."""
    names = {f"{item.name}_total" if item.kind == "counter" else item.name for item in METRICS.values()}
    used = set(re.findall(r"microstream_[a-z]\w+", _page("runbook.md")))
    assert used
    assert used <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Links between files, and to headings in them, lead somewhere."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def test_every_decision_is_in_the_list() -> None:
    """docs/adr/README.md has a row for every decision, under its title."""
    index = _page("adr/README.md")
    for file in sorted((DOCS / "adr").glob("[0-9]*.md")):
        title = file.read_text("utf-8").splitlines()[0].partition(". ")[2]
        assert f"| [{file.name[:4]}]({file.name}) | {title} |" in index


def test_simulated_configuration_loads() -> None:
    """config/simulated.yaml is a configuration, and names the default ports of `microstream simulate`."""
    config = load(ROOT / "config" / "simulated.yaml", {}).config
    urls = [config.exchanges.binance.rest_url, config.exchanges.bybit.rest_url, config.exchanges.okx.rest_url]
    assert urls == [f"http://127.0.0.1:{port}" for port in (9100, 9101, 9102)]
