"""The outbox on a hand-written producer: order and nothing lost, whatever the producer does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ingest.kafka_outbox import KafkaOutbox, Record, WrongPartitionsError


class Producer:
    """Keeps what it is sent in ``log``. ``fails`` says which values it fails on, for good, as aiokafka does: what
    comes after in the same partition fails too, since the broker refuses a sequence with a hole.
    """

    def __init__(self, log: list[bytes], fails: set[bytes], refuses: set[bytes]) -> None:
        self.log = log
        self.fails = fails
        self.refuses = refuses
        self.broken = False
        self.stopped = False

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1}

    async def send(self, _topic: str, value: bytes, *_: Any, **__: Any) -> asyncio.Future[None]:
        assert not self.stopped
        if value in self.refuses:
            self.refuses.remove(value)
            raise TimeoutError("the batch is full")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self.answer, value, answer)
        return answer

    def answer(self, value: bytes, answer: asyncio.Future[None]) -> None:
        if self.broken or value in self.fails:
            if not self.broken:
                self.fails.discard(value)
            self.broken = True
            answer.set_exception(RuntimeError("out of order sequence number"))
        else:
            self.log.append(value)
            answer.set_result(None)

    async def stop(self) -> None:
        self.stopped = True


@contextlib.asynccontextmanager
async def running(make: Callable[[], Producer], partitions: int = 2) -> AsyncIterator[KafkaOutbox]:
    outbox = KafkaOutbox(make, {"t": partitions}, retry_s=0.0)
    await outbox.start()
    task = asyncio.create_task(outbox.run())
    yield outbox
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await outbox.stop(1.0)


async def test_what_fails_is_sent_again_in_order_by_a_new_producer_and_answered_once() -> None:
    log: list[bytes] = []
    held: list[int] = []
    fails, refuses = {b"3", b"7"}, {b"5"}
    async with running(lambda: Producer(log, fails, refuses)) as outbox:
        for number in range(10):
            outbox.put(Record("t", 0, b"%d" % number, lambda n=number: held.append(n)))  # type: ignore[misc]
        await asyncio.wait_for(outbox.drained(), 60)
    assert list(dict.fromkeys(log)) == [b"%d" % n for n in range(10)]  # first occurrences
    assert held == list(range(10))
    assert outbox.restarts == 2
    assert len(outbox) == 0


async def test_a_start_is_tried_until_kafka_answers() -> None:
    tries = 0

    class Away(Producer):
        async def start(self) -> None:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise ConnectionError("no Kafka")

    made: list[Away] = []

    def make() -> Away:
        made.append(Away([], set(), set()))
        return made[-1]

    async with running(make):
        pass
    assert tries == 4
    assert all(producer.stopped for producer in made)


async def test_a_topic_with_another_partition_count_stops_the_start() -> None:
    with pytest.raises(WrongPartitionsError, match="t has 2 partitions in Kafka and 8 in the settings"):
        async with running(lambda: Producer([], set(), set()), partitions=8):
            pass
