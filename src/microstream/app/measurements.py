"""Reads every number that the service shows at `/metrics` from where it is kept."""

import platform
from collections import Counter
from collections.abc import Iterator, Mapping

from microstream import __version__
from microstream.app.collector import Collector
from microstream.app.health import VenueHealth, stream_health
from microstream.app.recording import Recording
from microstream.app.streams import Desk
from microstream.app.wiring import Parts
from microstream.sinks.state import LATENCY_BOUNDS_S
from microstream.telemetry.lag import LoopLag
from microstream.telemetry.metrics import Sample


def measurements(
    parts: Parts,
    lag: LoopLag,
    health: Mapping[str, VenueHealth],
    tasks: int,
    recording: Recording | None = None,
) -> Iterator[Sample]:
    """Yield the samples of all metrics; `tasks` are those of the event loop."""
    yield "build_info", (__version__, platform.python_version()), 1
    for collector in parts.collectors:
        yield from _requests(collector)
        yield from _quotas(collector)
        yield from _polls(collector)
        for desk in collector.desks():
            yield from _streams(collector.venue.name, desk)
    yield from _pipeline(parts)
    yield from _analytics(parts)
    yield from _alerts(parts)
    yield from _tap(parts)
    yield from _recording(recording)
    yield "tasks", (), tasks
    for exchange, venue in health.items():
        yield from _values(exchange, venue)
    yield from _sink(parts)
    yield "loop_lag_seconds", (), (lag.count, lag.sum_s)
    yield "loop_lag_worst_seconds", (), lag.take_worst()


def _requests(collector: Collector) -> Iterator[Sample]:
    exchange, traffics = collector.venue.name, [client.traffic for client in collector.clients()]
    for traffic in traffics:
        for (feed, outcome), count in traffic.requests.items():
            yield "http_requests", (exchange, feed, outcome), count
        for (feed, reason), count in traffic.failures.items():
            yield "http_failures", (exchange, feed, reason), count
        for feed, count in traffic.retries.items():
            yield "http_retries", (exchange, feed), count
        for feed, count in traffic.answers.items():
            yield "http_answer_seconds", (exchange, feed), (count, traffic.seconds[feed])
    yield "http_body_bytes", (exchange,), sum(traffic.body_bytes for traffic in traffics)
    yield "http_wire_bytes", (exchange,), sum(traffic.wire_bytes for traffic in traffics)


def _quotas(collector: Collector) -> Iterator[Sample]:
    exchange = collector.venue.name
    for quota in (quota for budget in collector.budgets() for quota in budget.quotas()):
        yield "quota_used", (exchange, quota.name), quota.used
        yield "quota_limit", (exchange, quota.name), quota.limit
        yield "quota_closed_seconds", (exchange, quota.name), quota.closed_s


def _polls(collector: Collector) -> Iterator[Sample]:
    exchange = collector.venue.name
    mismatches: Counter[str] = Counter()
    for feed in collector.all_feeds():
        name, state = feed.poll.name, feed.state
        yield "poll_rounds", (exchange, name), state.rounds
        yield "poll_seconds", (exchange, name), (state.rounds, state.seconds)
        yield "poll_skipped", (exchange, name), state.skipped
        mismatches.update(state.mismatches)
    for name, (shortest, longest) in collector.intervals().items():
        yield "poll_interval_seconds", (exchange, name, "min"), shortest
        yield "poll_interval_seconds", (exchange, name, "max"), longest
    for name, count in mismatches.items():
        yield "body_mismatches", (exchange, name), count


def _streams(exchange: str, desk: Desk) -> Iterator[Sample]:
    labels, state, health = (exchange, desk.endpoint.name), desk.feed.state, stream_health(desk)
    yield "stream_connections", (*labels, "wanted"), health.connections_wanted
    yield "stream_connections", (*labels, "open"), health.connections_open
    for name in ("wanted", "sound", "silent", "refused"):
        yield "stream_topics", (*labels, name), getattr(health, name)
    yield "stream_connects", labels, state.attempts
    yield "stream_reconnects", labels, state.reconnects
    yield "stream_frames", labels, state.frames
    yield "stream_bytes", labels, state.bytes
    yield "stream_mismatches", labels, state.mismatches
    yield "stream_renewals", labels, state.renewals
    yield "stream_repeats", labels, desk.counts.repeats
    yield "stream_backwards", labels, desk.counts.backwards
    if state.round_trip_s is not None:
        yield "stream_round_trip_seconds", labels, state.round_trip_s


def _tap(parts: Parts) -> Iterator[Sample]:
    tap = parts.tap
    if tap is None:
        return
    counts = {"frames": tap.frames, "bytes": tap.size, "dropped": tap.dropped, "errors": tap.errors}
    for name, counter in counts.items():
        for exchange, count in counter.items():
            yield f"tap_{name}", (exchange,), count


def _recording(recording: Recording | None) -> Iterator[Sample]:
    if recording is None:
        return
    report = recording.report
    yield "recorder_up", (), int(recording.up)
    counts = {"rows": report.rows, "rejects": report.rejects, "lost": report.lost}
    for name, counter in counts.items():
        for family, count in counter.items():
            yield f"recorder_{name}", (family,), count
    for family, lag_s in report.lag_s.items():
        yield "recorder_lag_seconds", (family,), lag_s


def _pipeline(parts: Parts) -> Iterator[Sample]:
    pipeline = parts.pipeline
    for labels, count in pipeline.events.items():
        yield "events", labels, count
    for rejected, count in pipeline.rejects.counts.items():
        yield "rejects", rejected, count
    for exchange, offset_ms in pipeline.offsets.items():
        yield "clock_offset_seconds", (exchange,), offset_ms / 1000
    for exchange, delay in pipeline.lines.delays.items():
        offset_ms = pipeline.offsets.get(exchange, 0)
        for stat, delay_ms in (("median", delay.median_ms), ("least", delay.least_ms)):
            if delay_ms is not None:
                yield "transport_seconds", (exchange, stat), (delay_ms + offset_ms) / 1000
    conditions = Counter((exchange, kind) for exchange, _, kind, _ in pipeline.quality.open)
    for condition, count in conditions.items():
        yield "quality_open", condition, count


def _analytics(parts: Parts) -> Iterator[Sample]:
    analytics = parts.analytics
    if analytics is None:
        return
    if analytics.bars is not None:
        yield "bars_late", (), analytics.bars.late
    if analytics.signals is not None:
        for name, count in analytics.signals.published.items():
            yield "signals", (name,), count


def _alerts(parts: Parts) -> Iterator[Sample]:
    alerts, delivery = parts.alerts, parts.delivery
    if alerts is None or delivery is None:
        return
    for name, count in alerts.counts.items():
        yield "alerts", (name, "raised"), count.raised
        yield "alerts", (name, "cleared"), count.cleared
        yield "alerts_open", (name, alerts.rules[name].severity), count.open
    yield "alerts_refused", (), alerts.refused
    for lane in delivery.lanes:
        outcomes = {
            "sent": lane.sent,
            "failed": lane.failed,
            "dropped": lane.dropped,
            "retried": lane.retried,
        }
        for outcome, number in outcomes.items():
            yield "notifications", (lane.target.name, outcome), number


def _values(exchange: str, venue: VenueHealth) -> Iterator[Sample]:
    yield "contracts", (exchange, "known"), venue.known
    yield "contracts", (exchange, "followed"), venue.followed
    for name, family in venue.families.items():
        yield "values", (exchange, name, "live"), family.live
        yield "values", (exchange, name, "stale"), family.stale
        yield "values", (exchange, name, "waiting"), family.waiting
        ages = {"newest": family.newest_age_s, "median": family.median_age_s, "oldest": family.oldest_age_s}
        for stat, age_s in ages.items():
            if age_s is not None:
                yield "value_age_seconds", (exchange, name, stat), age_s


def _sink(parts: Parts) -> Iterator[Sample]:
    state, latency = parts.bus.state, parts.bus.state.latency
    for family, count in state.written.items():
        yield "messages", (family,), count
    for family, count in parts.outlet.buffer.dropped.items():
        yield "dropped", (family,), count
    yield "conflated", (), parts.outlet.buffer.conflated
    yield "sink_up", (), int(state.connected)
    yield "sink_waiting", (), parts.bus.unwritten
    yield "sink_flushes", (), state.flushes
    yield "sink_bytes", (), state.bytes
    yield "sink_errors", (), state.errors
    yield "sink_reconnects", (), state.reconnects
    yield "publish_latency_seconds", (), (LATENCY_BOUNDS_S, latency.buckets, latency.sum_s)
