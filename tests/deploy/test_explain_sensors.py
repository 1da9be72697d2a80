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

from contracts import topics
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


def told() -> list[Outgoing]:
    """What the stage tells of a reefer that is twelve degrees warmer for half an hour."""
    rng = random.Random(5)
    config = SensorConfig(1, (Audience("joint"),), thresholds=Thresholds(**LIMITS))
    stage = SensorStage(0, ReferenceBook(), config)
    out: list[Outgoing] = []
    for minute in range(MINUTES):
        time_ms = T0_MS + minute * MINUTE_MS
        number = 4 + math.sin(minute / 20) + rng.gauss(0, 0.1) + (12.0 if minute >= 330 else 0.0)
        value = SensorValue(
            subject="box-1", sensor="temperature_c", time_ms=time_ms, value=number, low=-30.0, high=30.0,
            device_id="box-1", boot_id=1, seq=minute,
        )  # fmt: skip
        out += stage.process_frame(msgspec.json.encode(value))
        out += stage.process_tick(Tick(source_of(0), time_ms + MINUTE_MS))
    return out


async def write(kafka: str, records: list[Outgoing]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for record in records:
            await producer.send_and_wait(record.topic, record.value, record.key, partition=record.partition)


def test_its_score_comes_out_again_and_without_its_state_it_is_said_to_be_gone(
    kafka_factory: Callable[[], LocalKafka],
) -> None:
    kafka = kafka_factory().bootstrap
    settings = replace(load({}), kafka=kafka, partitions=1, rules=(("sensor_anomaly", tuple(LIMITS.items())),))
    create_topics(kafka, 1, settings.audience_names)
    records = told()
    alerts = [msgspec.json.decode(r.value, type=Alert) for r in records if r.topic == topics.alerts("joint")]
    assert alerts
    forged = msgspec.structs.replace(alerts[0], alert_id="f" * 32)
    lone = Outgoing(topics.alerts("joint"), 0, forged.alert_id.encode(), msgspec.json.encode(forged), ())
    asyncio.run(write(kafka, [*records, lone]))
    for alert in alerts:
        found = asyncio.run(explain(settings, alert.alert_id, alert.revision))
        assert (found.outcome, found.score) == ("reproduced", alert.score)
        assert found.state_sha256 == alert.evidence["state_sha256"]
        assert ",".join(found.named) == alert.evidence["features"] != ""
        for language in ("en", "es"):
            said = "\n".join(lines_of(found, language))
            assert all(f"> {word_of(name).in_language(language)}" in said for name in found.named)
        assert found.value is not None
        assert found.value.subject == "box-1"
    assert asyncio.run(explain(settings, forged.alert_id)).outcome == "state_gone"
