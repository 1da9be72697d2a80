"""Rules on windows of event time, through a real worker on a real Kafka, killed on its way: the core's own alerts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.partitioner import partition_of
from contracts.readings import Tick
from deploy.core_line import CoreLine
from deploy.roles.simulate import load as load_reference
from deploy.settings import load
from deploy.stack import LocalStack
from deploy.topic_io import records_of
from simulators import FaultSpec, Fleet

SEED = 5
START_MS = 1_790_000_000_000
RULES = ("separation", "unusual_journey")
PARTITIONS = 2
TICK_MS = 5_000
AFTER_MS = 900_000
Record = tuple[int, bytes, bool]  # a partition of the readings' topic, a value, whether it is a tick

pytestmark = pytest.mark.kafka


def fleet() -> Fleet:
    """Three hours and a half of twenty trucks; in the last hour and a half some part from their cargo, or crawl."""
    faults = [
        FaultSpec(
            rule="separation", first_s=(7_200, 7_500), every_s=(700, 900), count=3, duration_s=(1_200, 1_500),
            size=(2_000, 4_000),
        ),
        FaultSpec(
            rule="unusual_journey", first_s=(7_600, 7_900), every_s=(700, 900), count=3, duration_s=(1_800, 2_100),
            size=(0.8, 1.0), variants=("crawl", "detour"),
        ),
    ]  # fmt: skip
    return Fleet(SEED, START_MS, 20, faults=faults, horizon_s=12_600.0)


def records(of: Fleet) -> list[Record]:
    """What the gateway would write: frames by partition, and ticks."""
    made: list[Record] = []
    waiting: list[list[bytes]] = [[] for _ in range(PARTITIONS)]

    def tick(time_ms: int) -> None:
        for partition, lines in enumerate(waiting):
            if lines:
                made.append((partition, b"\n".join(lines), False))
                lines.clear()
            made.append((partition, frames.encode_tick(Tick("gateway", time_ms)), True))

    until_ms = START_MS + TICK_MS
    for send_ms, _, reading in of.run():
        while send_ms >= until_ms:
            tick(until_ms)
            until_ms += TICK_MS
        waiting[partition_of(reading.device_id, PARTITIONS)].append(msgspec.json.encode(reading))
    while until_ms <= of.ends_ms + AFTER_MS:
        tick(until_ms)
        until_ms += TICK_MS
    return made


def cores(of: Fleet) -> list[Alert]:
    """What the same stages tell when they are fed directly."""
    line = CoreLine(of.reference(), PARTITIONS, tick_ms=TICK_MS)
    line.run(of.run())
    for time_ms in range(of.ends_ms, of.ends_ms + AFTER_MS, TICK_MS):
        line.tick(time_ms)
    return line.alerts


async def write(kafka: str, log: list[Record]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True) as producer:
        for n, (partition, value, is_tick) in enumerate(log):
            headers = frames.TICK_HEADERS if is_tick else frames.FRAME_HEADERS
            sent = await producer.send(topics.READINGS, value, partition=partition, headers=headers)
            if n % 500 == 0:
                await sent
        await producer.flush()


async def told(kafka: str) -> list[Alert]:
    return [msgspec.json.decode(record.value, type=Alert) async for record in records_of(kafka, topics.alerts("joint"))]


def states(alerts: list[Alert]) -> dict[str, tuple[str, str, int]]:
    """By id: the rule, the final state and revision of each episode of a rule on windows."""
    found: dict[str, tuple[str, str, int]] = {}
    for alert in alerts:
        if alert.rule in RULES and found.get(alert.alert_id, ("", "", 0))[2] < alert.revision:
            found[alert.alert_id] = (alert.rule, alert.state, alert.revision)
    return found


def test_a_killed_worker_tells_the_separations_and_unusual_journeys_that_the_core_tells(kafka_ready: None) -> None:
    print("seed", SEED)
    of = fleet()
    expected = states(cores(of))
    assert {rule for rule, _, _ in expected.values()} == set(RULES)
    assert {state for _, state, _ in expected.values()} == {"closed"}
    with LocalStack(replace(load({}), partitions=PARTITIONS, checkpoint_interval_s=1.0)) as stack:
        kafka = stack.settings.kafka
        asyncio.run(load_reference(stack.settings, of))
        log = records(of)
        half = len(log) * 2 // 3
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[:half]))
        time.sleep(5.0)
        worker.kill()
        worker = stack.start_role("worker")
        asyncio.run(write(kafka, log[half:]))
        deadline_s = time.monotonic() + 240.0
        found: dict[str, tuple[str, str, int]] = {}
        while found != expected and time.monotonic() < deadline_s:
            worker.check()
            time.sleep(2.0)
            found = states(asyncio.run(told(kafka)))
        worker.stop(deadline_s=20.0)
        assert states(asyncio.run(told(kafka))) == expected
