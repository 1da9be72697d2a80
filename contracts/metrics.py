"""Every metric of the line, declared once: its name, kind, unit, labels and what it means.

Processes emit these and no others; ``contracts.metrics_page`` makes ``docs/metrics.md`` of this table. Names follow
Prometheus: base units, and ``_total`` for counters, which start from nothing with their process.

**Drills are never mixed with the real.** Whatever counts what happens at the border, on the road or to a subscriber has
the label ``exercise`` (``true`` for a drill's), or a drill has no part in it. What is no reading is a drill's where its
bytes say ``"exercise": true``. What is left counts the line itself, which carries both at once: a drill is meant to
load it. Each declaration says which of the three it is.
"""

from __future__ import annotations

from typing import Final

from contracts.histogram import Histogram
from contracts.metric_types import DELIVER, GATEWAY, ROLES, SINK, WORKER, Metric, Sample

_ALL: Final = ROLES
_LINE: Final = (WORKER, SINK)
_SOURCE: Final = ("stage", "topic", "partition")

_OF_EVERY_PROCESS: Final = (
    Metric("puente_ready", "gauge", "1 or 0", "whether this part of /readyz holds", ("check",), _ALL, drills="line"),
    Metric(
        "puente_loop_delay_seconds",
        "gauge",
        "s",
        "how late the event loop was at its last beat",
        (),
        _ALL,
        drills="line",
    ),
    Metric("puente_memory_bytes", "gauge", "bytes", "resident memory", (), _ALL, drills="line"),
    Metric("puente_cpu_seconds_total", "counter", "s", "processor time used, all threads", (), _ALL, drills="line"),
    Metric("puente_start_time_seconds", "gauge", "s since 1970", "when this process started", (), _ALL, drills="line"),
    Metric(
        "puente_samples_total",
        "counter",
        "records",
        "snapshots of these metrics that Kafka holds",
        (),
        _ALL,
        drills="line",
    ),
    Metric(
        "puente_samples_failed_total",
        "counter",
        "records",
        "snapshots that Kafka did not take",
        (),
        _ALL,
        drills="line",
    ),
)

_OF_THE_GATEWAY: Final = (
    Metric(
        "puente_mqtt_connected",
        "gauge",
        "1 or 0",
        "whether it is subscribed on a live connection",
        (),
        (GATEWAY,),
        drills="line",
    ),
    Metric(
        "puente_mqtt_paused",
        "gauge",
        "1 or 0",
        "whether the broker is left unread, for want of room",
        (),
        (GATEWAY,),
        drills="line",
    ),
    Metric(
        "puente_mqtt_connects_total",
        "counter",
        "connections",
        "connections made to the broker",
        (),
        (GATEWAY,),
        drills="line",
    ),
    Metric(
        "puente_messages_total",
        "counter",
        "messages",
        "taken from the broker, and what it sent again",
        (),
        (GATEWAY,),
        drills="line",
    ),
    Metric(
        "puente_accepted_total",
        "counter",
        "readings",
        "admitted into frames, repeats too: stage 1 tells those apart",
        ("exercise",),
        (GATEWAY,),
    ),
    Metric(
        "puente_aside_total",
        "counter",
        "messages",
        "sound, and no readings: set aside",
        ("kind", "exercise"),
        (GATEWAY,),
    ),
    Metric("puente_statuses_total", "counter", "records", "last wills sent on", ("exercise",), (GATEWAY,)),
    Metric(
        "puente_acknowledged_total", "counter", "messages", "acknowledged to the broker", (), (GATEWAY,), drills="line"
    ),
    Metric(
        "puente_late_acks_total",
        "counter",
        "messages",
        "not acknowledged because their connection had gone: the broker sends them again",
        (),
        (GATEWAY,),
        drills="line",
    ),
    Metric(
        "puente_receipts_total",
        "counter",
        "messages",
        "receipts published to devices, each of real readings or of a drill's",
        ("exercise",),
        (GATEWAY,),
    ),
    Metric(
        "puente_receipts_waiting",
        "gauge",
        "devices",
        "owed a receipt; of real readings and of a drill's: twice",
        ("exercise",),
        (GATEWAY,),
    ),
    Metric(
        "puente_unheld_messages", "gauge", "messages", "taken, and not yet held by Kafka", (), (GATEWAY,), drills="line"
    ),
    Metric(
        "puente_unheld_bytes", "gauge", "bytes", "of those, and of what was made of them", (), (GATEWAY,), drills="line"
    ),
    Metric(
        "puente_producer_restarts_total",
        "counter",
        "producers",
        "to Kafka, given up and made anew",
        (),
        (GATEWAY,),
        drills="line",
    ),
)

_OF_A_PARTITION: Final = (
    Metric("puente_readings_total", "counter", "readings", "let through, each once", (*_SOURCE, "exercise"), _LINE),
    Metric(
        "puente_repeats_total",
        "counter",
        "readings",
        "dropped because they had passed before",
        (*_SOURCE, "exercise"),
        _LINE,
    ),
    Metric(
        "puente_gaps_total",
        "counter",
        "readings",
        "before which a seq was missing when they came",
        (*_SOURCE, "exercise"),
        (WORKER,),
    ),
    Metric(
        "puente_late_total",
        "counter",
        "readings",
        "later than the lateness bound: kept, marked late",
        (*_SOURCE, "exercise"),
        (WORKER,),
    ),
    Metric(
        "puente_frames_total",
        "counter",
        "records",
        "processed, but for ticks; of the gateway: frames that Kafka holds",
        _SOURCE,
        (GATEWAY, *_LINE),
        drills="line",
    ),
    Metric(
        "puente_ticks_total",
        "counter",
        "records",
        "of the line's clock, processed; of the gateway: those that Kafka holds",
        _SOURCE,
        (GATEWAY, *_LINE),
        drills="line",
    ),
    Metric(
        "puente_lag_records",
        "gauge",
        "records",
        "in the topic and not yet under a checkpoint",
        _SOURCE,
        _LINE,
        drills="line",
    ),
    Metric(
        "puente_watermark_delay_seconds",
        "gauge",
        "s",
        "now, less the time up to which all is known to have come; grows while no gateway ticks",
        _SOURCE,
        (WORKER,),
        drills="line",
    ),
    Metric(
        "puente_devices",
        "gauge",
        "devices",
        "remembered, each once, by what its newest reading was",
        (*_SOURCE, "exercise"),
        _LINE,
    ),
    Metric("puente_checkpoints_total", "counter", "checkpoints", "written", _SOURCE, _LINE, drills="line"),
    Metric(
        "puente_checkpoint_age_seconds",
        "gauge",
        "s",
        "since the last checkpoint or restore",
        _SOURCE,
        _LINE,
        drills="line",
    ),
    Metric("puente_checkpoint_records", "gauge", "records", "in the last checkpoint", _SOURCE, _LINE, drills="line"),
    Metric(
        "puente_checkpoint_bytes",
        "gauge",
        "bytes",
        "in the last checkpoint, before compression",
        _SOURCE,
        _LINE,
        drills="line",
    ),
    Metric(
        "puente_checkpoint_seconds",
        "gauge",
        "s",
        "that the last checkpoint took, deliveries too",
        _SOURCE,
        _LINE,
        drills="line",
    ),
    Metric(
        "puente_failures_total",
        "counter",
        "failures",
        "after which the partition was read again from its checkpoint",
        _SOURCE,
        _LINE,
        drills="line",
    ),
)

_OF_WHAT_IS_TOLD: Final = (
    Metric(
        "puente_refused_total",
        "counter",
        "readings or payloads",
        "dead-lettered, by reason and where",
        ("stage", "reason", "exercise"),
        (GATEWAY, *_LINE),
    ),
    Metric("puente_episodes_open", "gauge", "episodes", "open now", ("stage", "rule", "exercise"), (WORKER,)),
    Metric(
        "puente_alerts_total",
        "counter",
        "alerts",
        "told, by what was told: opened, updated, closed",
        ("stage", "rule", "state", "exercise"),
        (WORKER,),
    ),
    Metric(
        "puente_latency_seconds",
        "histogram",
        "s",
        "from event time, to=alert: of the reading or tick that opened an episode, until Kafka holds its alert; "
        "to=history: of each frame's first reading, until the history holds it. A device's own delay is in it",
        ("to", "exercise"),
        _LINE,
    ),
    Metric(
        "puente_latency_recent_seconds",
        "gauge",
        "s",
        "that share (quantile) of the last snapshot's interval was within; absent where nothing came; snapshots only",
        ("to", "exercise", "quantile"),
        _LINE,
    ),
    Metric(
        "puente_corridor_drift",
        "gauge",
        "standard deviations",
        "of the feature furthest off, how far the corridor's last 60 windows lie from what its model expected, on the "
        "mean; absent until the model is warm. A drill teaches no model",
        ("corridor", "direction", "zone"),
        (WORKER,),
        drills="none",
    ),
    Metric(
        "puente_model",
        "gauge",
        "1 or 0",
        "1 of the version of each model that judges (how=own: the release's, that nobody signed for; how=compared: "
        "found ready in the shadow), 0 of one for which that was waived (how=waived); by: who let it, absent of own",
        ("rule", "version", "how", "by"),
        (WORKER,),
        drills="line",
    ),
    Metric(
        "puente_reference_records", "gauge", "records", "versions of the reference read", (), (WORKER,), drills="line"
    ),
    Metric(
        "puente_history_write_seconds", "histogram", "s", "that a write to the history took", (), (SINK,), drills="line"
    ),
    Metric(
        "puente_history_silent_seconds",
        "gauge",
        "s",
        "since the history began not to answer, 0 while it answers",
        (),
        (SINK,),
        drills="line",
    ),
    Metric(
        "puente_history_retries_total",
        "counter",
        "writes",
        "that the history did not answer",
        (),
        (SINK,),
        drills="line",
    ),
)

_OF_THE_DELIVERER: Final = (
    Metric(
        "puente_webhook_tries_total", "counter", "tries", "to post, by outcome", ("outcome", "exercise"), (DELIVER,)
    ),
    Metric(
        "puente_webhook_waiting_records",
        "gauge",
        "records",
        "of the audience's topic that this subscriber is behind, wanted or not; exercise=unread: told before this "
        "process began, so it cannot say of which kind without reading them all again",
        ("subscriber", "exercise"),
        (DELIVER,),
    ),
    Metric(
        "puente_webhook_oldest_seconds",
        "gauge",
        "s",
        "that the first alert of this kind has waited that this subscriber wants, behind one of the other kind too. Of "
        "one so far behind that it is not in memory: at the most",
        ("subscriber", "exercise"),
        (DELIVER,),
    ),
    Metric("puente_notices_total", "counter", "messages", "published to MQTT", ("exercise",), (DELIVER,)),
    Metric(
        "puente_notices_connected",
        "gauge",
        "1 or 0",
        "whether this audience's alerts can be posted on MQTT now",
        ("audience",),
        (DELIVER,),
        drills="line",
    ),
    Metric(
        "puente_notices_open",
        "gauge",
        "alerts",
        "open, and retained by the MQTT broker",
        ("audience", "exercise"),
        (DELIVER,),
    ),
)

METRICS: Final[tuple[Metric, ...]] = (
    *_OF_EVERY_PROCESS,
    *_OF_THE_GATEWAY,
    *_OF_A_PARTITION,
    *_OF_WHAT_IS_TOLD,
    *_OF_THE_DELIVERER,
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}


def check_declared(sample: Sample) -> Metric:
    """The declaration of this sample. Raises ValueError where it has none, or not with these labels or this kind."""
    metric = BY_NAME.get(sample.name)
    if metric is None:
        raise ValueError(f"{sample.name} is not declared in contracts/metrics.py")
    if unknown := set(sample.labels) - set(metric.labels):
        raise ValueError(f"{sample.name} is declared without the labels {sorted(unknown)}")
    if metric.drills == "apart" and "exercise" not in sample.labels:
        raise ValueError(f"{sample.name} must say whether it is of a drill: the label exercise")
    if isinstance(sample.value, Histogram) != (metric.kind == "histogram"):
        raise ValueError(f"{sample.name} is declared as a {metric.kind}")
    return metric
