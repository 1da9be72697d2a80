"""Metrics are declared as Prometheus wants them, drills have their label, and the document is as declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.histogram import LATENCY_S, Histogram
from contracts.metric_types import ROLES, Metric, Sample
from contracts.metrics import METRICS, check_declared
from contracts.metrics_page import document

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


# What the line is made of, and what it carries, in which a drill's and the real lie side by side: a frame has both.
MACHINERY = {
    *("1 or 0", "s", "s since 1970", "bytes", "records", "messages", "connections", "producers"),
    *("checkpoints", "failures", "writes"),
}
OF_THE_WORLD = "reading|alert|episode|device|tries|subscriber|corridor|shipment|last will|receipt"


def test_drills_are_apart_in_every_metric_or_have_no_part_in_it_or_it_is_the_lines_own() -> None:
    for metric in METRICS:
        assert (metric.drills == "apart") == ("exercise" in metric.labels), metric.name
        if metric.drills == "line":
            assert metric.unit in MACHINERY, f"{metric.name} counts {metric.unit}: no machinery of the line's"
            assert not re.search(OF_THE_WORLD, f"{metric.unit} {' '.join(metric.labels)}"), metric.name


def test_only_what_a_test_of_its_own_shows_to_be_without_drills_is_said_to_be() -> None:
    # tests/streams/test_corridor_stage.py
    assert [metric.name for metric in METRICS if metric.drills == "none"] == ["puente_corridor_drift"]


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (Sample("puente_made_up", 1.0), "is not declared"),
        (Sample("puente_memory_bytes", 1.0, {"colour": "red"}), r"without the labels \['colour'\]"),
        (Sample("puente_memory_bytes", Histogram(LATENCY_S)), "declared as a gauge"),
        (Sample("puente_latency_seconds", 1.0, {"exercise": "false"}), "declared as a histogram"),
        (Sample("puente_devices", 1.0), "whether it is of a drill"),
    ],
)
def test_a_sample_that_is_not_as_declared_is_refused(sample: Sample, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_declared(sample)


def test_the_document_is_as_declared() -> None:
    assert (Path(__file__).parents[2] / "docs" / "metrics.md").read_text() == document()
