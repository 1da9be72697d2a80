"""A line is at rest once each stage has covered what the one before it has made, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from contracts import topics
from deploy.at_rest import wait_at_rest
from deploy.services.kafka import LocalKafka
from deploy.services.topics import create_topics
from streams.agents.checkpoints import CheckpointStore

pytestmark = pytest.mark.kafka


async def send(kafka: str, topic: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(count):
            await producer.send_and_wait(topic, b"", partition=0)


async def cover(kafka: str, stage: str, topic: str, offset: int) -> None:
    """A checkpoint of this stage, as its worker writes it."""
    store = CheckpointStore(kafka, stage, TopicPartition(topic, 0), "test")
    await store.open()
    await store.save(offset, [("d/a", b"state")])
    await store.close()


async def rests(kafka: str, within_s: float) -> bool:
    try:
        await asyncio.wait_for(wait_at_rest(kafka), within_s)
    except TimeoutError:
        return False
    return True


async def test_each_stage_is_waited_for_and_what_is_not_used_is_not(kafka_factory: Callable[[], LocalKafka]) -> None:
    kafka = kafka_factory().bootstrap
    create_topics(kafka, 1, ("joint",))
    assert await rests(kafka, 120.0), "nothing has come yet"
    await send(kafka, topics.READINGS, 3)
    assert not await rests(kafka, 2.0), "the first stage has no checkpoint"
    await cover(kafka, "admit", topics.READINGS, 1)
    assert not await rests(kafka, 2.0), "its checkpoint covers two of three"
    await cover(kafka, "admit", topics.READINGS, 2)
    assert await rests(kafka, 120.0)
    await send(kafka, topics.SHIPMENT_READINGS, 2)
    await cover(kafka, "history", topics.SHIPMENT_READINGS, 1)
    assert not await rests(kafka, 2.0), "the history holds them, and the second stage has not seen them"
    await cover(kafka, "shipment", topics.SHIPMENT_READINGS, 1)
    assert await rests(kafka, 120.0)
