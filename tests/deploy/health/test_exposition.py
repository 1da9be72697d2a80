"""Prometheus reads what is written, to the same numbers; a snapshot says what an interval's latencies were."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from contracts.health import read_key
from contracts.histogram import LATENCY_S, Histogram
from contracts.metric_types import Sample
from deploy.health.exposition import Snapshots, prometheus_text


def test_prometheus_own_parser_reads_what_was_meant() -> None:
    histogram = Histogram((0.5, 10.0))
    for value in (0.1, 0.2, 3.0, 99.0):
        histogram.observe(value)
    text = prometheus_text(
        [
            Sample("puente_memory_bytes", 7.0),
            Sample("puente_refused_total", 3, {"stage": "admit", "reason": 'a"b\\', "exercise": "false"}),
            Sample("puente_latency_seconds", histogram, {"to": "alert", "exercise": "false"}),
            Sample("puente_refused_total", 4, {"stage": "gateway", "reason": "bad_json", "exercise": "true"}),
        ]
    ).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name: family.type for name, family in families.items()} == {
        "puente_memory_bytes": "gauge", "puente_refused": "counter", "puente_latency_seconds": "histogram",
    }  # fmt: skip
    assert "bytes" in families["puente_memory_bytes"].documentation
    refused = {(s.labels["stage"], s.labels["reason"]): s.value for s in families["puente_refused"].samples}
    assert refused == {("admit", 'a"b\\'): 3.0, ("gateway", "bad_json"): 4.0}
    latency = {(s.name, s.labels.get("le")): s.value for s in families["puente_latency_seconds"].samples}
    assert latency == {
        ("puente_latency_seconds_bucket", "0.5"): 2.0, ("puente_latency_seconds_bucket", "10.0"): 3.0,
        ("puente_latency_seconds_bucket", "+Inf"): 4.0, ("puente_latency_seconds_count", None): 4.0,
        ("puente_latency_seconds_sum", None): pytest.approx(102.3),
    }  # fmt: skip


def test_what_is_not_declared_is_neither_served_nor_published() -> None:
    for write in (prometheus_text, Snapshots().take):
        with pytest.raises(ValueError, match="is not declared"):
            write([Sample("puente_made_up", 1.0)])


def test_a_snapshot_tells_the_latencies_of_its_own_interval_and_no_buckets() -> None:
    histogram, snapshots = Histogram(LATENCY_S), Snapshots()
    labels = {"to": "history", "exercise": "false"}

    def take() -> dict[str, float]:
        found = snapshots.take([Sample("puente_latency_seconds", histogram, labels)])
        return {f"{name}{by.get('quantile', '')}": v for key, v in found.items() for name, by in [read_key(key)]}

    for _ in range(100):
        histogram.observe(100.0)
    slow = take()
    assert 60.0 < slow["puente_latency_recent_seconds0.5"] <= 300.0
    for _ in range(100):
        histogram.observe(0.01)
    quick = take()
    assert quick["puente_latency_recent_seconds0.99"] <= 0.05  # the slow ones are the last interval's
    assert (quick["puente_latency_seconds_count"], round(quick["puente_latency_seconds_sum"])) == (200.0, 10_001)
    assert set(take()) == {"puente_latency_seconds_count", "puente_latency_seconds_sum"}  # nothing came
