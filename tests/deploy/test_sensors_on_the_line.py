"""Watched sensors through a real worker on a real Kafka, killed on its way: the core's own alerts, each value once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import replace
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
from deploy.core_line import CoreLine
from deploy.roles.simulate import load as load_reference
from deploy.settings import load
from deploy.stack import LocalStack
from deploy.topic_io import records_of
from detectors.sensor_watch import Thresholds

SEED = 3
START_MS = 1_790_000_000_000
PARTITIONS = 2
MINUTES = 440
FAULT = range(380, 410)
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


def sent() -> Iterator[tuple[int, str, Reading]]:
    """Three boxes, a reading a minute; the first gets 12 degrees warmer for half an hour, within its sensor's range."""
    rng = random.Random(SEED)
    for minute in range(MINUTES):
        for n, box in enumerate(BOXES):
            at_ms = START_MS + minute * MINUTE_MS + 1_000 * n
            warm = 12.0 if n == 0 and minute in FAULT else 0.0
            value = 4.0 + warm + rng.uniform(-1.0, 1.0)
            yield at_ms, "CRDN", Reading(device_id=box, boot_id=1, seq=minute, time_ms=at_ms, temperature_c=value)


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


def test_a_killed_worker_tells_what_the_core_tells_and_judges_no_value_twice(kafka_ready: None) -> None:
    print("seed", SEED)
    expected = of_sensors(core())
    assert sorted({state for state, _, _ in expected.values()}) == ["closed", "opened"]
    log: list[tuple[int, bytes, bool]] = []
    until_ms = START_MS + TICK_MS
    for at_ms, _, reading in sent():
        while at_ms >= until_ms:
            log += ((p, frames.encode_tick(Tick("gateway", until_ms)), True) for p in range(PARTITIONS))
            until_ms += TICK_MS
        log.append((partition_of(reading.device_id, PARTITIONS), msgspec.json.encode(reading), False))
    with LocalStack(replace(load({}), partitions=PARTITIONS, checkpoint_interval_s=1.0, rules=RULES)) as stack:
        kafka = stack.settings.kafka
        asyncio.run(load_reference(stack.settings, SimpleNamespace(reference=reference)))
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[: len(log) // 2]))
        time.sleep(5.0)
        worker.kill()
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[len(log) // 2 :]))
        deadline_s, found = time.monotonic() + 120.0, {}
        while not expected.keys() <= found.keys() and time.monotonic() < deadline_s:
            worker.check()
            time.sleep(1.0)
            found = of_sensors(asyncio.run(told(kafka)))
        worker.stop(deadline_s=20.0)
        assert of_sensors(asyncio.run(told(kafka))) == expected
        minutes = asyncio.run(values(kafka))
        assert len(set(minutes)) == len(BOXES) * (MINUTES - 1)  # the last one's end is not told yet


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
