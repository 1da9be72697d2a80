"""The mend of Faust's seek, and its control: a seek back while the reader has a batch in hand.

The worker's own Faust app reads from a real Kafka. Where its runners would stand, nothing is taken for a while: then
Faust's buffer is full, and its reader waits for room with the rest of a batch in hand. Then each offset is noted.

Should the control fail one day, Faust has mended its seek, and ``streams.agents.seeking_consumer`` can go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP

from contracts import topics
from streams.agents.line_worker import build
from streams.agents.worker_stages import WorkerConfig

pytestmark = pytest.mark.kafka

RECORDS = 200
BACK_TO = 10
HELD_S = 2.0  # a pause of 1.5 s before the seek, which the worker once made, was not enough
QUIET_S = 2.0


class Held:
    """Stands where the runners stand: notes the offsets that come, and takes none of them while it holds."""

    def __init__(self, app: Any, source: TP) -> None:
        self.app, self.source = app, source
        self.came: list[int] = []
        self._let_go = asyncio.Event()

    async def offer(self, _stage: str, event: Any) -> None:
        await self._let_go.wait()
        self.came.append(event.message.offset)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(180):
            while not met():  # noqa: ASYNC110 - what is waited for happens in Faust
                await asyncio.sleep(0.02)

    async def until_reader_waits(self) -> None:
        """Faust counts when a partition's buffer fills, and when its reader waits for room in it."""
        await self.until(lambda: self.app.monitor.topic_buffer_full[self.source] >= 2)
        assert not self.came

    async def until_the_end(self) -> None:
        """Return when the last record has come, and nothing after it for a while."""
        came = -1
        while came < len(self.came):
            await self.until(lambda: self.came[-1:] == [RECORDS - 1])
            came = len(self.came)
            await asyncio.sleep(QUIET_S)

    def let_go(self) -> None:
        self._let_go.set()


@pytest.fixture
async def held(kafka: str, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    """The worker's app, its reader waiting with a batch of a partition in hand."""
    for name in ("READINGS", "SHIPMENT_READINGS", "REFERENCE"):
        monkeypatch.setattr(topics, name, f"{unique}.{name.lower()}")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics(
        [NewTopic(n, 1, 1) for n in (topics.READINGS, topics.SHIPMENT_READINGS, topics.REFERENCE)]
    )
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(RECORDS):
            await producer.send(topics.READINGS, b"frame")
    app = build(WorkerConfig(kafka, 1, (), tmp_path, group=unique, client_id=unique))
    held = Held(app, TP(topics.READINGS, 0))
    app.line.offer = held.offer
    async with app:
        await held.until_reader_waits()
        yield held
        held.let_go()


async def test_the_mend_every_record_comes_again_however_long_a_batch_was_held(held: Held) -> None:
    seeking = asyncio.create_task(held.app.consumer.seek(held.source, BACK_TO))
    await asyncio.sleep(HELD_S)
    held.let_go()
    await seeking
    await held.until_the_end()
    before, again = held.came[: BACK_TO - RECORDS], held.came[BACK_TO - RECORDS :]
    assert before == list(range(len(before)))
    assert again == list(range(BACK_TO, RECORDS))


async def test_its_control_after_fausts_own_seek_the_record_sought_does_not_come_again(held: Held) -> None:
    await Consumer.seek(held.app.consumer, held.source, BACK_TO)
    held.let_go()
    await held.until_the_end()
    assert held.came.count(BACK_TO) == 1


async def test_a_seek_that_is_let_go_or_cannot_be_done_leaves_the_reader_be(held: Held) -> None:
    let_go = asyncio.create_task(held.app.consumer.seek(held.source, BACK_TO))
    nowhere = asyncio.create_task(held.app.consumer.seek(TP(held.source.topic, 99), BACK_TO))
    await asyncio.sleep(0)
    let_go.cancel()
    held.let_go()
    with pytest.raises(KafkaError):
        await nowhere
    await held.until(lambda: len(held.came) >= RECORDS)
    assert held.came == list(range(RECORDS))
