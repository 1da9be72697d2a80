"""Each bench on a small size: it ends by itself, its JSON has the keys, and it counts at the far end."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.readings import identity
from deploy import bench
from deploy.bench import Size, rules
from deploy.settings import load
from detectors import catalog

KEYS = {
    "bench", "readings", "cpu_s", "readings_per_cpu_s", "loadgen_cpu_s", "frame_mean", "latency_ms",
    "bytes_per_device", "peers", "not_run",
}  # fmt: skip
SMALL = Size(
    devices=60,
    rate=300.0,
    stream_readings=900,
    gateway_readings=600,
    peer_readings=150,
    gateway_peer_readings=150,
    line_devices=30,
    line_s=5.0,
    rules_devices=60,
    rules_backlog_frame=90,
    rules_live_frame=12,
    rules_readings=18_000,
    rules_passes=2,
    influx=False,
    within_s=120.0,
)


def run(name: str) -> dict[str, Any]:
    return bench.run(name, load({}), SMALL)


def check(name: str, report: dict[str, Any], readings: int) -> None:
    assert set(report) >= KEYS
    assert report["bench"] == name
    assert report["readings"] == readings
    assert report["cpu_s"] > 0
    assert report["readings_per_cpu_s"] == pytest.approx(readings / report["cpu_s"], abs=1.0, rel=0.01)
    assert report["loadgen_cpu_s"] > 0
    assert report["frame_mean"] >= 1
    assert set(report["latency_ms"]) == {"p50", "p99"}


@pytest.mark.kafka
def test_the_stream_bench_counts_what_left_both_stages_and_names_every_peer(kafka_ready: None) -> None:
    report = run("stream")
    check("stream", report, SMALL.stream_readings)
    assert report["checkpoints"]["admit"] > 0
    assert report["checkpoints"]["shipment"] > 0
    assert set(report["peers"]) >= {"aiokafka", "aiokafka_on_frames", "faust"}
    everyone = {"aiokafka", "aiokafka_on_frames", "confluent_kafka", "faust", "bytewax", "quixstreams"}
    assert set(report["peers"]) | set(report["not_run"]) == everyone
    assert all("pip install 'puente[bench]'" in why for why in report["not_run"].values())


@pytest.mark.kafka
@pytest.mark.mqtt
def test_the_gateway_bench_counts_what_kafka_holds(kafka_ready: None) -> None:
    report = run("gateway")
    check("gateway", report, SMALL.gateway_readings)
    assert "aiokafka_paho_bridge" in report["peers"]
    assert set(report["peers"]) | set(report["not_run"]) == {"aiokafka_paho_bridge", "telegraf"}


@pytest.mark.kafka
@pytest.mark.mqtt
def test_the_end_to_end_bench_counts_what_the_history_holds(kafka_ready: None) -> None:
    report = run("end-to-end")
    check("end-to-end", report, report["readings"])
    line = report["histories"]["sqlite"]
    assert report["readings"] == line["readings"] > SMALL.rate * SMALL.line_s * 0.8
    assert line["lost"] == 0
    assert not any(line["duplicated"].values())
    assert set(line["cpu_s"]) >= {"gateway", "worker-1", "sink", "kafka", "mqtt", "devices"}


def test_the_rules_bench_says_what_all_rules_cost_and_each_of_them_on_readings_that_they_judge() -> None:
    report = run("rules")
    check("rules", report, SMALL.rules_readings)
    backlog, caught_up = report["backlog"], report["caught_up"]
    assert report["frame_mean"] == backlog["frame_mean"] == SMALL.rules_backlog_frame
    assert caught_up["frame_mean"] == SMALL.rules_live_frame
    assert backlog["us_per_reading"] == pytest.approx(1e6 * report["cpu_s"] / report["readings"], rel=0.02)
    for measured in (backlog, caught_up):
        assert set(measured["by_rule"]) == {rule.card.name for rule in catalog.device_rules()}
        assert min(measured["passes_us"]) == measured["us_per_reading"]
    assert report["peers"]["river_gaussian_scorer"] > 0


def test_what_the_rules_bench_hands_over_is_joined_and_has_faults_to_find() -> None:
    handed, devices = rules.hand_over(SMALL, SMALL.rules_backlog_frame)
    readings = [reading for frame in handed for reading in frame.readings]
    assert devices == SMALL.rules_devices
    assert any(r.off_route_m is not None for r in readings)
    assert not any(r.findings for r in readings)
    rules.screened(handed, catalog.device_rules())
    found = [finding for reading in readings for finding in reading.findings]
    assert found
    rules.screened(handed, catalog.device_rules())  # a further pass finds the same
    assert found == [finding for reading in readings for finding in reading.findings]


def test_the_size_of_a_frame_changes_no_judgement() -> None:
    """But of a hole: that it is old enough goes by the line's clock, which a frame's coming sets."""

    def found(per_frame: int) -> set[tuple[Any, ...]]:
        handed, _ = rules.hand_over(SMALL, per_frame)
        rules.screened(handed, catalog.device_rules())
        readings = [reading for frame in handed for reading in frame.readings]
        return {
            (*identity(r), f.rule, f.level, f.score) for r in readings for f in r.findings if f.rule != "reading_gap"
        }

    assert found(SMALL.rules_backlog_frame) == found(SMALL.rules_live_frame) != set()


def test_a_bench_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="stream, gateway, end-to-end, rules"):
        bench.run("sideways", load({}))
