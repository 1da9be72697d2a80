"""What has arrived, asked of the far end: identities in topics, offsets that checkpoints cover, ends of topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts import frames, topics
from contracts.readings import ReadingId
from deploy.services.errors import ServiceFailedError
from deploy.topic_io import records_of
from streams.agents.started import started
from streams.stage import unpack

_POLL_S: Final = 0.05


class _Identity(msgspec.Struct):
    device_id: str
    boot_id: int
    seq: int


_identities = msgspec.json.Decoder(list[_Identity])


@dataclass(slots=True)
class Held:
    """What a topic of frames holds: distinct identities, how many readings came again, and how they are framed."""

    distinct: set[ReadingId]
    repeats: int
    frames: int

    @property
    def frame_mean(self) -> float:
        """Readings a frame."""
        return (len(self.distinct) + self.repeats) / max(1, self.frames)


async def held_in(bootstrap: str, topic: str) -> Held:
    """Read a topic of frames to its end."""
    held = Held(set(), 0, 0)
    async for record in records_of(bootstrap, topic):
        if frames.kind_of(record.headers) != "frame":
            continue
        found = _identities.decode(b"[" + b",".join(frames.lines_of(record.value)) + b"]")
        held.frames += 1
        for reading in found:
            key = (reading.device_id, reading.boot_id, reading.seq)
            held.repeats += key in held.distinct
            held.distinct.add(key)
    return held


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=50
    )
    async with started(consumer.start, consumer.stop):
        yield consumer


async def ends_of(bootstrap: str, topic: str, partitions: int) -> list[int]:
    """Each partition's end offset."""
    async with _consumer(bootstrap) as consumer:
        return await _ends(consumer, topic, partitions)


async def _ends(consumer: Any, topic: str, partitions: int) -> list[int]:
    asked = [TopicPartition(topic, partition) for partition in range(partitions)]
    answer = await consumer.end_offsets(asked)
    return [answer[each] for each in asked]


async def grown(
    bootstrap: str, topic: str, partitions: int, over: int, check: Callable[[], None], within_s: float
) -> int:
    """Return the records a topic has once they are more than ``over``. Raises ServiceFailedError in the end.

    ``check`` raises where whoever writes has stopped.
    """
    async with _consumer(bootstrap) as consumer:
        deadline_s = asyncio.get_running_loop().time() + within_s
        while True:
            count = sum(await _ends(consumer, topic, partitions))
            if count > over:
                return count
            check()
            if asyncio.get_running_loop().time() > deadline_s:
                raise ServiceFailedError(f"{topic} had {count} records after {within_s:g} s, not more than {over}")
            await asyncio.sleep(_POLL_S)


async def covered(
    bootstrap: str, stage: str, wanted: list[int], check: Callable[[], None], within_s: float
) -> tuple[int, int]:
    """Return once a stage's checkpoints cover each partition up to these end offsets.

    Returns how many checkpoints were made and how many records they hold in all. Raises ServiceFailedError.
    """
    done = [-1] * len(wanted)
    saves = records = 0
    async with _consumer(bootstrap) as consumer:
        consumer.assign([TopicPartition(topics.checkpoints(stage), partition) for partition in range(len(wanted))])
        await consumer.seek_to_beginning()
        deadline_s = asyncio.get_running_loop().time() + within_s
        while any(at < end - 1 for at, end in zip(done, wanted, strict=True)):
            check()
            if asyncio.get_running_loop().time() > deadline_s:
                raise ServiceFailedError(f"{stage} had covered {done} after {within_s:g} s, not {wanted}")
            for source, batch in (await consumer.getmany(timeout_ms=100)).items():
                records += len(batch)
                for record in batch:
                    if record.key is not None and record.key.endswith(b"|covered"):
                        done[source.partition] = unpack(record.value)[0]
                        saves += 1
    return saves, records
