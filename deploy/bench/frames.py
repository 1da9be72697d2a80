"""A load, cut into frames as the gateway cuts them: its own gatherer on the fleet's own readings, by simulated time.

Readings come evenly at a rate (3,000 a second); the frame of a partition closes when its first reading has waited the
gateway's linger. So frames are as small as a live gateway's at this rate (at 3,000 a second, 4 partitions and 20 ms
about 16 readings), not as large as those of a gateway that catches up. Ticks stand between them, one a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.readings import Reading, Tick
from deploy.settings import Settings
from ingest.framing import Frame, Gatherer
from simulators import Fleet, scenarios

SEED = 7
_TICK_MS = 1_000.0
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Cut:
    """One record of ``telemetry.readings.v1``: a frame of ``readings``, or a tick (0)."""

    partition: int
    value: bytes
    readings: int


def load_fleet(devices: int, rate: float, lasts_s: float, start_ms: int) -> Fleet:
    """The scenario ``load`` with about so many devices, together ``rate`` readings a second, a device each in turn."""
    shipments = max(1, round(devices / 3))
    interval_s = shipments * 3 / rate
    made = scenarios.load("load")
    return made.make(SEED, start_ms, shipments=shipments, interval_s=interval_s, horizon_s=lasts_s * 1.2 + 60.0)


def readings_of(fleet: Fleet, count: int) -> list[Reading]:
    """The first so many readings of a fleet, in order of sending. Raises ValueError where it has fewer."""
    made = [reading for _, _, reading in islice(fleet.run(), count)]
    if len(made) < count:
        raise ValueError(f"the fleet has only {len(made)} readings of the {count} asked for")
    return made


def cut(readings: list[Reading], rate: float, partitions: int, linger_ms: float, start_ms: int) -> Iterator[Cut]:
    """These readings as a gateway's records, evenly at ``rate``; a tick into every partition each second."""
    gatherer: Gatherer[None] = Gatherer(partitions, linger_ms)
    tick_ms = _TICK_MS
    for n, reading in enumerate(readings):
        now_ms = 1000.0 * n / rate
        yield from map(_cut, gatherer.due(now_ms))
        if now_ms >= tick_ms:
            yield from map(_cut, gatherer.flush())
            yield from _ticks(partitions, start_ms + int(tick_ms))
            tick_ms += _TICK_MS
        yield from map(_cut, gatherer.add(reading.device_id, _encode(reading), None, now_ms))
    yield from map(_cut, gatherer.flush())
    yield from _ticks(partitions, start_ms + int(tick_ms))


def _cut(frame: Frame[None]) -> Cut:
    return Cut(frame.partition, frame.value(), len(frame.lines))


def _ticks(partitions: int, time_ms: int) -> list[Cut]:
    value = frames.encode_tick(Tick("bench", time_ms))
    return [Cut(partition, value, 0) for partition in range(partitions)]


async def preload(settings: Settings, cuts: list[Cut], topic: str = topics.READINGS) -> None:
    """Write these records, in order within a partition, each in a batch of its own, as a live gateway sends them."""
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, compression_type="lz4"
    ) as producer:
        by_partition: dict[int, list[Cut]] = {}
        for record in cuts:
            by_partition.setdefault(record.partition, []).append(record)
        await asyncio.gather(*(_send(producer, topic, partition, made) for partition, made in by_partition.items()))


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, cuts: list[Cut]) -> None:
    sent = []
    for record in cuts:
        batch = producer.create_batch()
        headers = frames.FRAME_HEADERS if record.readings else frames.TICK_HEADERS
        batch.append(key=None, value=record.value, timestamp=None, headers=headers)
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


def sizes(cuts: list[Cut]) -> tuple[int, int, float]:
    """(readings, frames, mean readings a frame)."""
    made = [record.readings for record in cuts if record.readings]
    return sum(made), len(made), sum(made) / max(1, len(made))
