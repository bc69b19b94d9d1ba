#!/usr/bin/env python3
"""Writes the pages of docs/ that are made from the code: the JSON Schema of every payload, and docs/metrics.md.

`--check` writes nothing, names the files that differ, and ends with exit code 1 if there are any.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from microstream.model.messages import PAYLOADS, VERSION, Message
from microstream.telemetry.metrics import METRICS, Metric

DOCS = Path(__file__).parents[1] / "docs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

METRICS_HEAD = """\
# Metrics

Made by `make docs` from `METRICS` in `src/microstream/telemetry/metrics.py`.

`GET /metrics` of the status server (`server.host`, `server.port`) gives all of them in Prometheus' text format, and the
`process_*` metrics of the Prometheus client with them.
Values are read when they are asked for; a set of labels appears with its first value.
What to watch, and what to do about it: [runbook](runbook.md#metrics-to-watch).
"""

LABELS = {
    "endpoint": "a WebSocket address of the venue",
    "exchange": "`binance`, `bybit` or `okx`",
    "family": "`funding`, `mark_price`, `oi` or `spot`; of `messages`, `dropped` and `recorder_*` also `instrument`,"
    " `quality`, `bars`, `signal` and `alert`",
    "feed": "a reply of the venue, named for the last part of its path: `premiumIndex`, `tickers`, `funding-rate`; of"
    " spot `spot/bookTicker`, `spot/tickers`",
    "kind": "of `events`: `mark`, `index`, `funding`, `settled`, `open_interest`, `spot`; of `quality_open`: the"
    " kinds of [quality](payloads.md#quality)",
    "outcome": "HTTP status, or why there was no readable answer; of `notifications` `sent`, `failed`, `dropped`,"
    " `retried`",
    "poll": "a poll, named for the reply that it asks for first",
    "python": "version of the interpreter",
    "quota": "a limit that the venue sets for one address",
    "reason": "why a request failed, or why a value was kept out: see the [runbook](runbook.md#reasons)",
    "delivery": "a name below `alerts.deliveries`",
    "rule": "a name of a rule, see [alerts](alerts.md)",
    "severity": "`info`, `warning`, `critical`",
    "signal": "the names of [signals](signals.md)",
    "stat": "of intervals `min`, `max`; of ages `newest`, `median`, `oldest`; of `transport_seconds` `median`, `least`",
    "state": "of `contracts`: `known`, `followed`; of `values`: `live`, `stale`, `waiting`; of"
    " `stream_connections`: `wanted`, `open`; of `alerts`: `raised`, `cleared`;"
    " of `stream_topics`: `wanted`, `sound`, `silent`, `refused`",
    "version": "version of microstream",
}


def schema(kind: type[Message]) -> dict[str, Any]:
    """Return the JSON Schema of a payload. Every key is always there; newer versions may add keys."""
    _, components = msgspec.json.schema_components((kind,), ref_template="#/$defs/{name}")
    body = components.pop(kind.__name__)
    for part in components.values():
        part["description"] = " ".join(part["description"].split())
    properties: dict[str, dict[str, Any]] = body["properties"]
    properties["v"] = {"const": VERSION}
    for value in properties.values():
        value.pop("default", None)
    return {
        "$schema": DIALECT,
        "title": kind.family,
        "description": " ".join(body["description"].split()),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        **({"$defs": components} if components else {}),
    }


def metrics_page(metrics: Mapping[str, Metric]) -> str:
    """Return docs/metrics.md."""
    rows = ["", "| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in metrics.values():
        name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{name}` | {metric.kind} | {labels} | {metric.text} |")
    rows += ["", "| label | values |", "| --- | --- |"]
    used = {label for metric in metrics.values() for label in metric.labels}
    rows += [f"| `{label}` | {LABELS[label]} |" for label in sorted(used)]
    return METRICS_HEAD + "\n".join(rows) + "\n"


def pages() -> dict[Path, str]:
    """Return the text of every generated file."""
    made = {DOCS / "metrics.md": metrics_page(METRICS)}
    for family, kind in PAYLOADS.items():
        text = msgspec.json.format(msgspec.json.encode(schema(kind)), indent=2).decode()
        made[DOCS / "payloads" / f"{family}.schema.json"] = f"{text}\n"
    return made


def differing() -> list[Path]:
    """Return the files that are not what the code makes of them now."""
    return [path for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text]


def main() -> int:
    """Write the files, or check them."""
    changed = differing()
    if "--check" in sys.argv[1:]:
        for path in changed:
            print(f"{path}: differs from what the code makes of it; run: make docs", file=sys.stderr)
        return 1 if changed else 0
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages()[path], "utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
