"""Every Prometheus metric: name, labels and meaning, once. Values are plain numbers that are read at scrape time.

`docs/metrics.md` is generated from `METRICS`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `name` without the `_total` that counters get, labels, and what it means."""

    name: str
    kind: Literal["counter", "gauge", "summary", "histogram"]
    labels: Labels
    text: str


def _metric(
    name: str, kind: Literal["counter", "gauge", "summary", "histogram"], labels: str, text: str
) -> Metric:
    return Metric(f"microstream_{name}", kind, tuple(labels.split()), text)


METRICS = {
    metric.name.removeprefix("microstream_"): metric
    for metric in (
        _metric("build_info", "gauge", "version python", "Always 1; the versions are in the labels."),
        _metric(
            "http_requests", "counter", "exchange feed outcome", "Requests sent, by HTTP status or reason."
        ),
        _metric(
            "http_failures",
            "counter",
            "exchange feed reason",
            "Requests that failed or could not be sent, by reason.",
        ),
        _metric("http_retries", "counter", "exchange feed", "Repetitions after a failure."),
        _metric(
            "http_answer_seconds",
            "summary",
            "exchange feed",
            "From asking for a connection to the last byte.",
        ),
        _metric("http_body_bytes", "counter", "exchange", "Bytes of bodies, decompressed."),
        _metric("http_wire_bytes", "counter", "exchange", "Bytes of bodies as they came."),
        _metric(
            "quota_used",
            "gauge",
            "exchange quota",
            "Used part of the current window, the venue's count included.",
        ),
        _metric("quota_limit", "gauge", "exchange quota", "The venue's limit per window."),
        _metric(
            "quota_closed_seconds", "gauge", "exchange quota", "Time left until the venue may be asked again."
        ),
        _metric("poll_rounds", "counter", "exchange poll", "Rounds of a poll; of single requests, requests."),
        _metric("poll_seconds", "summary", "exchange poll", "Duration of rounds, delivery included."),
        _metric(
            "poll_skipped", "counter", "exchange poll", "Due times missed because a round took too long."
        ),
        _metric(
            "poll_interval_seconds", "gauge", "exchange poll stat", "Interval of a poll; stat is min or max."
        ),
        _metric("body_mismatches", "counter", "exchange feed", "Answers that could not be read as a whole."),
        _metric("stream_connections", "gauge", "exchange endpoint state", "Connections wanted and open."),
        _metric("stream_topics", "gauge", "exchange endpoint state", "Subscriptions by what they say."),
        _metric("stream_connects", "counter", "exchange endpoint", "Connections tried."),
        _metric(
            "stream_reconnects", "counter", "exchange endpoint", "Connections after the first of their place."
        ),
        _metric("stream_frames", "counter", "exchange endpoint", "Text frames received."),
        _metric("stream_bytes", "counter", "exchange endpoint", "Bytes of text frames."),
        _metric("stream_mismatches", "counter", "exchange endpoint", "Frames that could not be read."),
        _metric("stream_renewals", "counter", "exchange endpoint", "Topics that were subscribed anew."),
        _metric("stream_repeats", "counter", "exchange endpoint", "Frames with the stamp of the one before."),
        _metric("stream_backwards", "counter", "exchange endpoint", "Frames with an earlier stamp."),
        _metric("stream_round_trip_seconds", "gauge", "exchange endpoint", "Of the last ping."),
        _metric(
            "transport_seconds",
            "gauge",
            "exchange stat",
            "From a push's stamp to its receipt, the clocks' difference taken out; median, least of 10 minutes.",
        ),
        _metric("events", "counter", "exchange kind", "Values accepted."),
        _metric("rejects", "counter", "exchange feed reason", "Values kept out."),
        _metric("contracts", "gauge", "exchange state", "Contracts known and followed."),
        _metric(
            "values", "gauge", "exchange family state", "Followed values that are live, stale or waiting."
        ),
        _metric(
            "value_age_seconds",
            "gauge",
            "exchange family stat",
            "Time since values were heard; newest, median, oldest.",
        ),
        _metric("clock_offset_seconds", "gauge", "exchange", "The venue's clock ahead of ours."),
        _metric("quality_open", "gauge", "exchange kind", "Open quality conditions."),
        _metric("messages", "counter", "family", "Messages written to the server."),
        _metric(
            "bars_late", "counter", "", "Samples that came after their bars were finished; they are in none."
        ),
        _metric("signals", "counter", "signal", "Signals published, by name."),
        _metric("alerts", "counter", "rule state", "Alerts raised and cleared."),
        _metric("alerts_open", "gauge", "rule severity", "Alerts that are raised now."),
        _metric("alerts_refused", "counter", "", "Conditions passed over because too many are remembered."),
        _metric("notifications", "counter", "delivery outcome", "Notifications, by what became of them."),
        _metric(
            "conflated",
            "counter",
            "",
            "Messages replaced by a newer one of their channel before they were written.",
        ),
        _metric(
            "dropped", "counter", "family", "Messages lost because too many waited; each is a hole in seq."
        ),
        _metric("tap_frames", "counter", "exchange", "Received frames that the tap has written."),
        _metric("tap_bytes", "counter", "exchange", "Compressed bytes that the tap has written."),
        _metric(
            "tap_dropped",
            "counter",
            "exchange",
            "Frames missing in the tap: more came than could be written, or the disk refused them.",
        ),
        _metric("tap_errors", "counter", "exchange", "Failed attempts of the tap to write."),
        _metric("recorder_up", "gauge", "", "1 while the recorder that `history.record` starts runs."),
        _metric("recorder_rows", "counter", "family", "Messages written to tables, since its start."),
        _metric(
            "recorder_lag_seconds",
            "gauge",
            "family",
            "Age of the oldest message that is read and not written.",
        ),
        _metric(
            "recorder_lost",
            "counter",
            "family",
            "Messages that never came to the recorder; of a log that was cut off before it was read, at least so many.",
        ),
        _metric(
            "recorder_rejects", "counter", "family", "Payloads that do not fit their family, not recorded."
        ),
        _metric("tasks", "gauge", "", "Running tasks of the event loop."),
        _metric("sink_up", "gauge", "", "1 while the server takes what is written."),
        _metric("sink_waiting", "gauge", "", "Messages not yet acknowledged by the server."),
        _metric("sink_flushes", "counter", "", "Pipelined writes."),
        _metric("sink_bytes", "counter", "", "Bytes written to the server."),
        _metric("sink_errors", "counter", "", "Failed attempts to write."),
        _metric("sink_reconnects", "counter", "", "Recoveries of the connection."),
        _metric(
            "publish_latency_seconds",
            "histogram",
            "",
            "From taking a batch out of the buffer to the server's last reply.",
        ),
        _metric("loop_lag_seconds", "summary", "", "Delay of timers of the event loop."),
        _metric("loop_lag_worst_seconds", "gauge", "", "Longest delay since the last scrape."),
    )
}
"""By name without prefix."""


Value = float | tuple[int, float] | tuple[Sequence[float], Sequence[int], float]
"""A number; count and sum of a summary; bounds, counts per bucket and sum of a histogram."""
Sample = tuple[str, Labels, Value]
"""Name without prefix, label values, value."""

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Snapshot(Collector):
    """Hands one set of families to prometheus-client."""

    def __init__(self, families: Iterable[PrometheusMetric]) -> None:
        self._families = families

    def collect(self) -> Iterable[PrometheusMetric]:
        """Return the families."""
        return self._families


_PROCESS = CollectorRegistry()
ProcessCollector(registry=_PROCESS)


def process_exposition() -> bytes:
    """Return what the system says of this process in Prometheus' text format."""
    return generate_latest(_PROCESS)


def exposition(samples: Iterable[Sample]) -> bytes:
    """Return all declared metrics in Prometheus' text format."""
    families = {name: _family(metric) for name, metric in METRICS.items()}
    for name, labels, value in samples:
        _add(families[name], labels, value)
    registry = CollectorRegistry()
    registry.register(_Snapshot(families.values()))
    return generate_latest(registry)


def _family(metric: Metric) -> PrometheusMetric:
    kinds: dict[str, Callable[..., PrometheusMetric]] = {
        "counter": CounterMetricFamily,
        "gauge": GaugeMetricFamily,
        "summary": SummaryMetricFamily,
        "histogram": HistogramMetricFamily,
    }
    return kinds[metric.kind](metric.name, metric.text, labels=metric.labels)


def _add(family: PrometheusMetric, labels: Labels, value: Value) -> None:
    if isinstance(family, HistogramMetricFamily):
        bounds, counts, total = value  # type: ignore[misc]
        running, buckets = 0, []
        for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
            running += count
            buckets.append((bound, float(running)))
        family.add_metric(labels, buckets, total)
    elif isinstance(family, SummaryMetricFamily):
        count, total = value  # type: ignore[misc]
        family.add_metric(labels, count, total)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(labels, value)  # type: ignore[arg-type]
