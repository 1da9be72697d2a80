"""Metrics are declared as Prometheus wants them, drills have their label, and the document is as declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.histogram import LATENCY_S, Histogram
from contracts.metrics import METRICS, ROLES, Metric, Sample, check_declared, document

EVERY = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def test_each_name_is_declared_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@EVERY
def test_a_declaration_has_a_sound_name_a_meaning_and_roles(metric: Metric) -> None:
    assert re.fullmatch("puente_[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not metric.name.endswith(("_bucket", "_count", "_sum"))
    assert metric.means
    assert "\n" not in metric.means
    assert set(metric.roles) <= set(ROLES)
    assert metric.roles
    if metric.unit == "s":
        assert metric.name.removesuffix("_total").endswith("_seconds")


@EVERY
def test_whatever_counts_readings_alerts_or_episodes_has_drills_apart(metric: Metric) -> None:
    if re.match("reading|alert|episode", metric.unit):
        assert "exercise" in metric.labels


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (Sample("puente_made_up", 1.0), "is not declared"),
        (Sample("puente_memory_bytes", 1.0, {"colour": "red"}), r"without the labels \['colour'\]"),
        (Sample("puente_memory_bytes", Histogram(LATENCY_S)), "declared as a gauge"),
        (Sample("puente_latency_seconds", 1.0), "declared as a histogram"),
    ],
)
def test_a_sample_that_is_not_as_declared_is_refused(sample: Sample, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_declared(sample)


def test_the_document_is_as_declared() -> None:
    assert (Path(__file__).parents[2] / "docs" / "metrics.md").read_text() == document()
