"""``puente alerts explain`` of a watched sensor, on a real Kafka: the state that judged gives the score again."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.readings import Tick
from contracts.sensors import MINUTE_MS, SensorValue
from deploy.cli.explained import lines_of
from deploy.cli.feature_words import word_of
from deploy.explain import explain
from deploy.services.kafka import LocalKafka
from deploy.services.topics import create_topics
from deploy.settings import load
from detectors.sensor_watch import Thresholds
from streams.audiences import Audience
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig, SensorStage, source_of
from streams.stage import Outgoing

T0_MS = 1_790_000_000_000 - 1_790_000_000_000 % MINUTE_MS
MINUTES = 360
LIMITS: dict[str, Any] = {"open_score": 0.5, "warm_up_values": 120}

pytestmark = pytest.mark.kafka


def values(subject: str) -> list[SensorValue]:
    """A reefer that is twelve degrees warmer for half an hour."""
    rng = random.Random(5)
    return [
        SensorValue(
            subject=subject, sensor="temperature_c", time_ms=T0_MS + minute * MINUTE_MS, low=-30.0, high=30.0,
            value=4 + math.sin(minute / 20) + rng.gauss(0, 0.1) + (12.0 if minute >= 330 else 0.0),
            device_id=subject, boot_id=1, seq=minute,
        )
        for minute in range(MINUTES)
    ]  # fmt: skip


def told(of: list[SensorValue]) -> list[Outgoing]:
    """What the stage tells of it."""
    config = SensorConfig(1, (Audience("joint"),), thresholds=Thresholds(**LIMITS))
    stage = SensorStage(0, ReferenceBook(), config)
    out: list[Outgoing] = []
    for value in of:
        out += stage.process_frame(msgspec.json.encode(value))
        out += stage.process_tick(Tick(source_of(0), value.time_ms + MINUTE_MS))
    return out


def kept(of: list[SensorValue]) -> list[Outgoing]:
    """The same values as stage 1 sends them on, ticks between them."""
    out: list[Outgoing] = []
    for value in of:
        tick = frames.encode_tick(Tick(source_of(0), value.time_ms))
        out.append(Outgoing(topics.SENSOR_VALUES, 0, None, tick, tuple(frames.TICK_HEADERS)))
        out.append(
            Outgoing(topics.SENSOR_VALUES, 0, None, msgspec.json.encode(value) + b"\n", tuple(frames.FRAME_HEADERS))
        )
    return out


def joint(records: list[Outgoing]) -> list[Alert]:
    return [msgspec.json.decode(r.value, type=Alert) for r in records if r.topic == topics.alerts("joint")]


async def write(kafka: str, records: list[Outgoing]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for r in records:
            await producer.send(r.topic, r.value, r.key, partition=r.partition, headers=list(r.headers))
        await producer.flush()


def test_its_score_comes_out_again_held_to_the_value_that_is_kept_and_what_is_gone_or_another_is_said(
    kafka_factory: Callable[[], LocalKafka],
) -> None:
    kafka = kafka_factory().bootstrap
    settings = replace(load({}), kafka=kafka, partitions=1, rules=(("sensor_anomaly", tuple(LIMITS.items())),))
    create_topics(kafka, 1, settings.audience_names)
    whole, altered, gone = (values(box) for box in ("box-1", "box-2", "box-3"))
    records = told(whole)
    alerts = joint(records)
    assert alerts
    forged = msgspec.structs.replace(alerts[0], alert_id="f" * 32)
    lone = Outgoing(topics.alerts("joint"), 0, forged.alert_id.encode(), msgspec.json.encode(forged), ())
    warmer = [msgspec.structs.replace(value, value=value.value + 0.25) for value in altered]
    garbage = Outgoing(topics.SENSOR_VALUES, 0, None, b'{"subject": "box-1"', tuple(frames.FRAME_HEADERS))
    others = [*told(altered), *told(gone)]
    asyncio.run(write(kafka, [*records, *others, lone, garbage, *kept(whole), *kept(warmer)]))
    for alert in alerts:
        found = asyncio.run(explain(settings, alert.alert_id, alert.revision))
        assert (found.outcome, found.score) == ("reproduced", alert.score)
        assert found.state_sha256 == alert.evidence["state_sha256"]
        assert found.kept is True
        assert ",".join(found.named) == alert.evidence["features"] != ""
        for language in ("en", "es"):
            said = "\n".join(lines_of(found, language))
            assert all(f"> {word_of(name).in_language(language)}" in said for name in found.named)
        assert found.value is not None
        assert found.value.subject == "box-1"
    assert asyncio.run(explain(settings, forged.alert_id)).outcome == "state_gone"
    # What the topic has under its id is not what judged: told as another, though score and state come out the same.
    outcomes = {"box-2": (False, "differs", "ANOTHER is in"), "box-3": (None, "reproduced", "no longer reaches back")}
    assert {alert.device_id for alert in joint(others)} == set(outcomes)
    for alert in joint(others):
        found = asyncio.run(explain(settings, alert.alert_id, alert.revision))
        is_kept, outcome, says = outcomes[alert.device_id]
        assert (found.kept, found.outcome, found.score) == (is_kept, outcome, alert.score)
        assert says in "\n".join(lines_of(found, "en"))
