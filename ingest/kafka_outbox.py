"""The way to Kafka: records in, an answer for each once Kafka holds it, in order, for as long as that takes.

aiokafka's idempotent producer (``acks=all``) keeps the order within a partition over its own retries: one request in
flight a partition, sequence numbers, and a record after a missing one is refused by the broker. Where a producer
fails for good, it is given up and a new one sends everything not yet held again, in order: repeats, never a loss,
and the first occurrences stay in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer

_log = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes]]

_BATCH_BYTES: Final = 786_432  # under the broker's 1 MiB a batch
_REQUEST_TIMEOUT_MS: Final = 15_000
_STOP_S: Final = 60.0


class WrongPartitionsError(Exception):
    """A topic is missing or has another number of partitions than the settings say."""


class Record:
    """What goes to one partition of one topic. ``on_held()`` is called once, when Kafka holds it."""

    __slots__ = ("headers", "key", "on_held", "partition", "serial", "topic", "value")

    def __init__(
        self,
        topic: str,
        partition: int,
        value: bytes,
        on_held: Callable[[], None],
        *,
        key: bytes | None = None,
        headers: Headers = (),
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.value = value
        self.on_held = on_held
        self.key = key
        self.headers = headers
        self.serial = 0


class KafkaOutbox:
    """Records on their way to Kafka. Unbounded itself: its user bounds what it takes in (see ``len``)."""

    def __init__(self, make_producer: Callable[[], Any], topics: Mapping[str, int], retry_s: float = 0.5) -> None:
        """``make_producer`` gives a producer not yet started (see ``idempotent_producer``).

        ``topics`` says how many partitions each topic must have.
        """
        self._make_producer = make_producer
        self._topics = topics
        self._retry_s = retry_s
        self.restarts = 0
        self._producer: Any = None
        self._generation = 0
        self._failure: BaseException | None = None
        self._serial = 0
        self._unheld: dict[int, Record] = {}  # in order, so that a new producer can send them again
        self._unsent: deque[Record] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._unheld)

    def put(self, record: Record) -> None:
        """Take a record. Order within a partition is the order of these calls."""
        self._serial += 1
        record.serial = self._serial
        self._unheld[record.serial] = record
        self._unsent.append(record)
        self._empty.clear()
        self._wake.set()

    async def start(self) -> None:
        """Connect, however long it takes. Raises WrongPartitionsError."""
        self._producer = await self._new_producer()

    async def drained(self) -> None:
        """Return when Kafka holds everything that was put."""
        await self._empty.wait()

    async def run(self) -> None:
        """Send until cancelled. Never gives a record up."""
        while True:
            if self._failure is not None:
                await self._start_anew(self._failure)
            if not self._unsent:
                self._wake.clear()
                await self._wake.wait()
                continue
            record = self._unsent[0]
            try:
                answer = await self._producer.send(
                    record.topic, record.value, record.key, record.partition, headers=record.headers
                )
            except Exception as error:
                # Not taken by the producer, so nothing is known to be wrong with what it took before: try again.
                _log.error("Kafka: %s takes nothing (%s). %d records kept.", record.topic, _named(error), len(self))
                if self._failure is None:
                    await asyncio.sleep(self._retry_s)
                continue
            self._unsent.popleft()
            answer.add_done_callback(partial(self._answered, record, self._generation))

    async def stop(self, within_s: float) -> None:
        """Let the producer go; what is not held by then is not. Call after ``run`` was cancelled."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer, within_s)

    def _answered(self, record: Record, generation: int, answer: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if answer.cancelled() else answer.exception()
        if error is None:
            if self._unheld.pop(record.serial, None) is not None:
                if not self._unheld:
                    self._empty.set()
                record.on_held()
        elif generation == self._generation:
            self._failure = error
            self._wake.set()

    async def _start_anew(self, error: BaseException) -> None:
        _log.error("Kafka: the producer failed (%s). Starting anew with %d records kept.", _named(error), len(self))
        self._generation += 1
        self.restarts += 1
        await _stop(self._producer, _STOP_S)  # what it can still deliver, it does; its answers are still heard
        await asyncio.sleep(self._retry_s)
        self._producer = await self._new_producer()
        self._unsent = deque(self._unheld.values())
        self._failure = None

    async def _new_producer(self) -> Any:
        while True:
            producer = self._make_producer()
            try:
                await producer.start()
                await self._check_partitions(producer)
            except BaseException as error:
                await _stop(producer, 1.0)
                if not isinstance(error, Exception) or isinstance(error, WrongPartitionsError):
                    raise
                _log.error("Kafka does not serve us (%s). Trying again.", _named(error))
                await asyncio.sleep(self._retry_s)
            else:
                return producer

    async def _check_partitions(self, producer: Any) -> None:
        for topic, partitions in self._topics.items():
            there = len(await producer.partitions_for(topic))
            if there != partitions:
                raise WrongPartitionsError(
                    f"{topic} has {there} partitions in Kafka and {partitions} in the settings: "
                    "they must be the same, or a device's readings would change their partition."
                )


def idempotent_producer(bootstrap: str, client_id: str, compression: str | None) -> Any:
    """aiokafka's producer as the outbox wants it: every replica's acknowledgement, and order kept over retries."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        compression_type=compression,
        max_batch_size=_BATCH_BYTES,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
    )


async def _stop(producer: Any, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await producer.stop()
    except Exception as error:
        _log.warning("Kafka: a producer did not stop in order (%s).", _named(error))


def _named(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
