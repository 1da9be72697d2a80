"""Checkpoints: changed state and the covered source offset, in one Kafka transaction on a compacted topic.

The covered offset here, not the group's, is the truth. The transactional id names stage, source topic and partition,
so opening it fences whoever held the partition before: a woken zombie's next save fails and it stops. Restoring reads
only what was committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.topics import checkpoints
from streams.agents.started import started
from streams.stage import StateChange, pack, unpack

log = logging.getLogger(__name__)

_COVERED: Final = "covered"
_FORMAT: Final = 2
_READ_TIMEOUT_MS: Final = 500
NOTHING_COVERED: Final = -1


def covered_in(record: Any) -> tuple[str, int] | None:
    """The source topic and the covered offset that a checkpoint's record says, or None of a record of state."""
    source, _, key = record.key.decode().partition("|")
    return None if key != _COVERED or record.value is None else (source, unpack(record.value)[0])


class CheckpointStore:
    """The checkpoints of one source partition of one stage."""

    def __init__(self, bootstrap: str, stage: str, source: TopicPartition, client_id: str) -> None:
        self.source = source
        self.stage = stage
        self._bootstrap = bootstrap
        self._target = TopicPartition(checkpoints(stage), source.partition)
        self._prefix = f"{source.topic}|"
        self._client_id = f"{client_id}-{stage}-{source.topic}-{source.partition}"
        self._producer: AIOKafkaProducer | None = None
        self.saved_bytes = 0  # of the last checkpoint, before compression

    async def open(self) -> None:
        """Become the only writer of this partition's checkpoints. Raises KafkaError."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            transactional_id=f"puente-{self.stage}-{self.source.topic}-{self.source.partition}",
            client_id=self._client_id,
            max_batch_size=262_144,
            linger_ms=5,
            transaction_timeout_ms=60_000,
        )
        await self._producer.start()

    async def close(self) -> None:
        """Stop writing; safe to call twice."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def restore(self, apply: Callable[[str, bytes], None]) -> tuple[int, int]:
        """Hand every key's newest state to ``apply``. Returns (covered offset, the source log's end right now).

        Where the log no longer reaches back to what was covered (retention), the covered offset moves up to the
        log's start: what is gone cannot be read again, and is said aloud.
        """
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=20,  # a fetch that waits for more would hold up the questions asked behind it
        )
        async with started(consumer.start, consumer.stop):
            state = await self._read(consumer)
            start = (await consumer.beginning_offsets([self.source]))[self.source]
            end = (await consumer.end_offsets([self.source]))[self.source]
        covered = NOTHING_COVERED
        header = state.pop(_COVERED, None)
        if header is not None:
            covered, form = unpack(header)
            if form != _FORMAT:
                raise RuntimeError(f"Checkpoints of {self.source} have format {form}; this release reads {_FORMAT}.")
        for key, value in state.items():
            apply(key, value)
        if start > covered + 1:
            if covered != NOTHING_COVERED:
                lost = f"{covered + 1} to {start - 1}"
                log.error("%s: records %s were deleted before they were read.", self.source, lost)
            covered = start - 1
        return covered, end

    async def _read(self, consumer: AIOKafkaConsumer) -> dict[str, bytes]:
        """The newest value of every key of ours, in order of writing."""
        consumer.assign([self._target])
        await consumer.seek_to_beginning(self._target)
        end = (await consumer.end_offsets([self._target]))[self._target]
        state: dict[str, bytes] = {}
        while await consumer.position(self._target) < end:
            for records in (await consumer.getmany(timeout_ms=_READ_TIMEOUT_MS)).values():
                for record in records:
                    key = record.key.decode()
                    if not key.startswith(self._prefix):
                        continue
                    key = key[len(self._prefix) :]
                    state.pop(key, None)  # so that it stands where it was written last
                    if record.value is not None:
                        state[key] = record.value
        return state

    async def save(self, covered: int, changes: Iterable[StateChange]) -> int:
        """Hold these changes and this covered offset, together or not at all. Returns how many records.

        Raises ProducerFenced where another has taken the partition over, KafkaError where Kafka did not take it.
        """
        if self._producer is None:
            raise RuntimeError("the checkpoint store is not open")
        producer, count, size = self._producer, 0, 0
        header = (_COVERED, pack([covered, _FORMAT]))
        async with producer.transaction():
            pending: list[asyncio.Future[object]] = []
            # Batches of our own making: ``send`` was measured to cost a record five times what it costs here.
            batch = producer.create_batch()
            for key, value in chain(changes, (header,)):
                name = (self._prefix + key).encode()
                if batch.append(timestamp=None, key=name, value=value) is None:
                    pending.append(await self._send(batch))
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=name, value=value)  # the first is taken whatever its size
                count += 1
                size += len(name) + (0 if value is None else len(value))
            pending.append(await self._send(batch))
            await asyncio.gather(*pending)
        self.saved_bytes = size
        return count

    async def _send(self, batch: Any) -> asyncio.Future[object]:
        assert self._producer is not None, "only save sends"
        future: asyncio.Future[object] = await self._producer.send_batch(
            batch, self._target.topic, partition=self._target.partition
        )
        return future
