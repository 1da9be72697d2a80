"""Watched sensors through a real worker on a real Kafka, killed on its way: the core's own alerts, each value once.

And then another version of their model: in the shadow of the line's on what Kafka keeps, and in its place.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.partitioner import partition_of
from contracts.readings import Reading, Tick
from contracts.reference import Device
from contracts.sensors import MINUTE_MS, SensorValue
from deploy import adoptions, takeover
from deploy.adoptions import Adoption, Compared
from deploy.core_line import CoreLine
from deploy.model_hash import sha256_of
from deploy.roles.simulate import load as load_reference
from deploy.services.topics import cluster_of
from deploy.settings import as_toml, load
from deploy.stack import LocalStack
from deploy.topic_io import records_of
from detectors import model_versions
from detectors.sensor_watch import Thresholds

SEED = 3
START_MS = 1_790_000_000_000
PARTITIONS = 2
OWN = model_versions.SENSOR.version
MINUTES = 440
FAULT = range(380, 410)
MORE_MINUTES = 640  # as the version that takes over hears them
MORE_FAULT = range(600, 630)
BOXES = ("BOX-1", "BOX-2", "BOX-3")
RULES = (("sensor_anomaly", (("open_score", 0.5), ("warm_up_values", 120))),)
TICK_MS = 30_000

pytestmark = pytest.mark.kafka


def reference() -> list[Device]:
    return [
        Device(
            effective_ms=0, device_id=box, carrier_scac="CRDN", device_kind="container", interval_s=60.0,
            sensor_ranges={"temperature_c": [-30.0, 30.0]},
        )
        for box in BOXES
    ]  # fmt: skip


def sent(minutes: range = range(MINUTES)) -> Iterator[tuple[int, str, Reading]]:
    """Three boxes, a reading a minute; the first gets 12 degrees warmer for half an hour, within its sensor's range."""
    rng = random.Random(SEED + minutes.start)
    for minute in minutes:
        for n, box in enumerate(BOXES):
            at_ms = START_MS + minute * MINUTE_MS + 1_000 * n
            warm = 12.0 if n == 0 and (minute in FAULT or minute in MORE_FAULT) else 0.0
            value = 4.0 + warm + rng.uniform(-1.0, 1.0)
            yield at_ms, "CRDN", Reading(device_id=box, boot_id=1, seq=minute, time_ms=at_ms, temperature_c=value)


def log_of(readings: Iterator[tuple[int, str, Reading]]) -> list[tuple[int, bytes, bool]]:
    """What the gateway would write of them, and ticks: by partition, a value, whether it is a tick."""
    log: list[tuple[int, bytes, bool]] = []
    until_ms = 0
    for at_ms, _, reading in readings:
        until_ms = until_ms or at_ms - at_ms % TICK_MS + TICK_MS
        while at_ms >= until_ms:
            log += ((p, frames.encode_tick(Tick("gateway", until_ms)), True) for p in range(PARTITIONS))
            until_ms += TICK_MS
        log.append((partition_of(reading.device_id, PARTITIONS), msgspec.json.encode(reading), False))
    return log


def core() -> list[Alert]:
    line = CoreLine(reference(), PARTITIONS, tick_ms=TICK_MS, thresholds={"sensor_anomaly": Thresholds(0.5, 120)})
    line.run(sent())
    return line.alerts


def of_sensors(alerts: list[Alert]) -> dict[tuple[str, int], tuple[str, float, str]]:
    """By id and revision: the state, the score, and the hash of what judged."""
    return {
        (a.alert_id, a.revision): (a.state, a.score, str(a.evidence["state_sha256"]))
        for a in alerts
        if a.rule == "sensor_anomaly"
    }


@dataclass(frozen=True)
class Told:
    """A line that has run, its worker killed once and stopped since; its Kafka is still there."""

    stack: LocalStack
    expected: dict[tuple[str, int], tuple[str, float, str]]

    def alerts(self) -> list[Alert]:
        return asyncio.run(told(self.stack.settings.kafka))


@pytest.fixture(scope="module")
def line(kafka_ready: None) -> Iterator[Told]:
    print("seed", SEED)
    expected = of_sensors(core())
    log = log_of(sent())
    with LocalStack(replace(load({}), partitions=PARTITIONS, checkpoint_interval_s=1.0, rules=RULES)) as stack:
        kafka = stack.settings.kafka
        asyncio.run(load_reference(stack.settings, SimpleNamespace(reference=reference)))
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[: len(log) // 2]))
        time.sleep(5.0)
        worker.kill()
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[len(log) // 2 :]))
        until(lambda: expected.keys() <= of_sensors(asyncio.run(told(kafka))).keys(), worker.check)
        until(lambda: len(set(asyncio.run(values(kafka)))) >= len(BOXES) * (MINUTES - 1), worker.check)
        worker.stop(deadline_s=120.0)
        yield Told(stack, expected)


def until(holds: Callable[[], bool], check: Callable[[], object]) -> None:
    """Wait for it, as long as what ``check`` looks after lives."""
    deadline_s = time.monotonic() + 300.0
    while not holds() and time.monotonic() < deadline_s:
        check()
        time.sleep(1.0)


def test_a_killed_worker_tells_what_the_core_tells_and_judges_no_value_twice(line: Told) -> None:
    assert sorted({state for state, _, _ in line.expected.values()}) == ["closed", "opened"]
    assert of_sensors(line.alerts()) == line.expected
    minutes = asyncio.run(values(line.stack.settings.kafka))
    assert len(set(minutes)) == len(BOXES) * (MINUTES - 1)  # the last one's end is not told yet


# -- puente detectors shadow, and the version that takes over ---------------------------------------------------------


def puente(line: Told, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        env={**environ, "PUENTE_CONFIG": str(line.stack.config), **more},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_a_version_in_its_own_shadow_says_what_the_line_told(line: Told) -> None:
    ran = puente(line, "detectors", "shadow", "--rule", "sensor_anomaly", "--model", OWN, "--json")
    answer = json.loads(ran.stdout)
    assert line.alerts()  # it told nobody, and the line
    assert of_sensors(line.alerts()) == line.expected
    assert answer["old"] == answer["new"]
    assert list(answer["sensors"]) == ["temperature_c"]
    (each,) = answer["sensors"].values()
    opened = [alert for alert, _ in line.expected]
    assert each["episodes"] == {"both": len(set(opened)), "old": 0, "new": 0}
    assert each["values"] == {"both": len(BOXES) * (MINUTES - 1 - 120), "old": 0, "new": 0}
    assert each["correlation"] == 1.0
    assert answer["cost_us"]["old"] > 0.0
    assert {c["name"] for c in answer["criteria"] if not c["holds"]} <= {"values", "episodes", "cost"}
    assert ran.returncode == 1  # a day of three sensors is too little


def test_beside_what_the_line_told_the_same_version_tells_that_again(line: Told, tmp_path: Path) -> None:
    """The line's alerts stand for the old version, as they would where another release told them."""
    ran = puente(line, "detectors", "shadow", "--rule", "sensor_anomaly", "--told", "--json")
    answer, opened = json.loads(ran.stdout), {alert for alert, _ in line.expected}
    assert answer["old"]["told"] == {f"sensor_anomaly@{OWN}": len(opened)}
    assert answer["new"]["model"] == f"sensor_anomaly@{OWN}"
    (each,) = answer["sensors"].values()
    assert each["episodes"] == {"both": len(opened), "old": 0, "new": 0}
    assert each["values"] == {"both": 0, "old": 0, "new": len(BOXES) * (MINUTES - 1 - 120)}
    assert {c["name"]: c["holds"] for c in answer["criteria"] if not c["holds"]} == {"values": False, "episodes": False}
    assert ran.returncode == 1  # a day of three sensors is too little
    # The control: one that hears nothing loses all of it, by the ids that the line told.
    labels, deaf = tmp_path / "said.csv", tmp_path / "deaf.toml"
    labels.write_text("".join(f"{alert}, right\n" for alert in opened))
    deaf.write_text("[rules.sensor_anomaly]\nopen_score = 0.99\nwarm_up_values = 120\n")
    about = ("--rule", "sensor_anomaly", "--told", "--candidate", str(deaf), "--labels", str(labels))
    lost = puente(line, "detectors", "shadow", *about)
    assert f"what the line told (sensor_anomaly@{OWN}: {len(opened)}), new" in lost.stdout
    assert f"labelled right: 0 still told, {len(opened)} lost" in lost.stdout


def test_a_version_that_hears_nothing_loses_what_officers_found_right(line: Told, tmp_path: Path) -> None:
    labels, deaf = tmp_path / "said.csv", tmp_path / "deaf.toml"
    ids = sorted({alert for alert, _ in line.expected})
    labels.write_text("".join(f"{alert}, right\n" for alert in ids))
    deaf.write_text("[rules.sensor_anomaly]\nopen_score = 0.99\nwarm_up_values = 120\n")
    ran = puente(
        line, "detectors", "shadow", "--rule", "sensor_anomaly", "--candidate", str(deaf), "--labels", str(labels)
    )
    assert ran.returncode == 1
    assert "new sensor_anomaly@8 (open_score 0.99)" in ran.stdout
    assert f"labelled right: 0 still told, {len(ids)} lost" in ran.stdout
    assert all(f"lost: {alert}" in ran.stdout for alert in ids)


def test_sensors_have_no_corridors_and_a_version_must_be_named(line: Told) -> None:
    for wrong in (("--corridor", "I-35", "--model", OWN), (), ("--model", f"{OWN}-own")):
        assert puente(line, "detectors", "shadow", "--rule", "sensor_anomaly", *wrong).returncode == 2, wrong


def test_another_version_judges_once_it_may_and_not_before(line: Told, tmp_path: Path) -> None:
    """It is compared, is not ready on so little, and is waived: the worker says who and why, and then it judges."""
    report, config = tmp_path / "report.json", tmp_path / "puente.toml"
    own_range = ("detectors", "shadow", "--rule", "sensor_anomaly", "--model", "8-own-range", "--json", str(report))
    assert puente(line, *own_range).returncode == 1
    told = json.loads(report.read_text())
    assert (told["cluster"], told["topic"]) == (cluster_of(line.stack.settings.kafka), topics.SENSOR_VALUES)
    assert told["cluster"]
    chosen = replace(
        line.stack.settings, models=(("sensor_anomaly", "8-own-range"),), adoptions=tmp_path / "adoptions.jsonl"
    )
    config.write_text(as_toml(chosen))
    refused = puente(line, "worker", PUENTE_CONFIG=str(config))
    assert refused.returncode == 2
    assert "sensor_anomaly@8-own-range may not take over from sensor_anomaly@8" in refused.stderr
    sign = ("detectors", "adopt", str(report), "--by", "Ana Ruiz, ANAM")
    assert "is not ready (values" in " ".join(puente(line, *sign, PUENTE_CONFIG=str(config)).stderr.split())
    waived = puente(line, *sign, "--waive", "a test", PUENTE_CONFIG=str(config))
    assert waived.returncode == 0, waived.stderr
    assert "WARNING" not in waived.stderr  # it is known that the report is of this line
    line.stack.config.write_text(config.read_text())
    worker = line.stack.start_role("worker")
    asyncio.run(write(line.stack.settings.kafka, log_of(sent(range(MINUTES, MORE_MINUTES)))))
    until(lambda: tells_of_more(line), worker.check)
    (url,) = (url for name, url in line.stack.facts()["health"].items() if name.startswith("worker"))
    ready, metrics = (
        urllib.request.urlopen(f"{url}/{page}", timeout=60).read().decode() for page in ("readyz", "metrics")
    )
    worker.stop(deadline_s=120.0)
    assert tells_of_more(line)
    assert all(alert.evidence["model_version"] == "sensor_anomaly@8" for alert in line.alerts() if in_time(alert))
    assert re.search("WARNING.*Judging: sensor_anomaly@8-own-range .* waived by Ana Ruiz, ANAM", worker.log.read_text())
    says = next(check["says"] for check in json.loads(ready)["checks"] if check["name"] == "models")
    assert "waived by Ana Ruiz, ANAM at" in says
    assert f": a test; it begins anew where {model_versions.SENSOR.version} judged" in says
    assert f"{len(BOXES)} records of what other versions had learnt are not read" in says
    assert 'puente_model{by="Ana Ruiz, ANAM",how="waived",rule="sensor_anomaly",version="8-own-range"} 0' in metrics


@pytest.mark.parametrize("cluster", ["another", "", None])
def test_a_worker_starts_only_with_what_was_compared_on_its_own_kafka_and_says_where_that_is_not_known(
    line: Told, tmp_path: Path, cluster: str | None
) -> None:
    """Its health's port is taken, so that one that may start does not."""
    settings, here = line.stack.settings, cluster_of(line.stack.settings.kafka)
    model, file, config = (
        model_versions.find("sensor_anomaly", "8-own-range"),
        tmp_path / "a.jsonl",
        tmp_path / "p.toml",
    )
    compared = Compared(
        against="sensor_anomaly@8", against_sha256="", since_ms=0, until_ms=0, count=1, episodes={}, labelled=0,
        criteria=[], report_sha256="", cluster=here if cluster is None else cluster, topic=topics.SENSOR_VALUES,
    )  # fmt: skip
    limits = takeover.thresholds_of(settings, model.rule)
    record = Adoption(
        model=model.name, model_sha256=sha256_of(model), thresholds=limits, by="Ana", at="2026-01-01T00:00:00Z",
        compared=compared,
    )  # fmt: skip
    adoptions.append(file, record)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = replace(settings, models=((model.rule, model.version),), adoptions=file, health_port=port)
        config.write_text(as_toml(chosen))
        ran = puente(line, "worker", PUENTE_CONFIG=str(config))
    assert ran.returncode == 2
    refused = f"compared on another Kafka (another) than this line's ({here})" in ran.stderr
    assert refused == (cluster == "another"), ran.stderr
    assert (str(port) in ran.stderr) == (not refused), ran.stderr
    doubted = "WARNING: whether sensor_anomaly@8-own-range was compared on this line" in ran.stderr
    assert doubted == (cluster == ""), ran.stderr


def in_time(alert: Alert) -> bool:
    return alert.opened_ms < START_MS + MINUTES * MINUTE_MS


def tells_of_more(line: Told) -> bool:
    """Whether the version that has taken over has told of the second warm half hour."""
    spell_ms = range(START_MS + MORE_FAULT.start * MINUTE_MS, START_MS + MORE_FAULT.stop * MINUTE_MS)
    told = [a for a in line.alerts() if a.evidence.get("model_version") == "sensor_anomaly@8-own-range"]
    assert all(alert.evidence["model_waived_by"] == "Ana Ruiz, ANAM" for alert in told)
    return any(alert.opened_ms in spell_ms for alert in told)


async def write(kafka: str, log: list[tuple[int, bytes, bool]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True) as producer:
        for partition, value, is_tick in log:
            headers = frames.TICK_HEADERS if is_tick else frames.FRAME_HEADERS
            await producer.send(topics.READINGS, value, partition=partition, headers=headers)
        await producer.flush()


async def told(kafka: str) -> list[Alert]:
    return [msgspec.json.decode(record.value, type=Alert) async for record in records_of(kafka, topics.alerts("joint"))]


async def values(kafka: str) -> list[tuple[str, int, float]]:
    return [
        (one.series, one.time_ms, one.value)
        async for record in records_of(kafka, topics.SENSOR_VALUES)
        if frames.kind_of(record.headers) == "frame"
        for line in frames.lines_of(record.value)
        for one in [msgspec.json.decode(line, type=SensorValue)]
    ]
