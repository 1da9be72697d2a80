"""The peers of the stream bench, one after the other."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer

from contracts.partitioner import partition_of
from contracts.readings import Reading
from contracts.reference import encode
from deploy.bench import frames
from deploy.bench.peers.measure import Peer, Ran, from_first_output, make_topics, python_command
from deploy.bench.peers.task import Task
from deploy.bench.report import Size, say
from deploy.bench_extra import how_to_have, installed
from deploy.services.cache import scratch
from deploy.services.errors import ServiceFailedError
from deploy.settings import Settings
from simulators import Fleet

SINGLE: Final = "bench.readings.single"  # one reading a record, keyed by device
FRAMES: Final = "bench.readings.frames"  # the same readings in the gateway's frames
# name: (module, what must be importable, what it reads)
PEERS: Final = {
    "aiokafka": ("aiokafka_loop", "aiokafka", SINGLE),
    "aiokafka_on_frames": ("aiokafka_frames", "aiokafka", FRAMES),
    "confluent_kafka": ("confluent_loop", "confluent_kafka", SINGLE),
    "faust": ("faust_agent", "faust", SINGLE),
    "bytewax": ("bytewax_flow", "bytewax", SINGLE),
    "quixstreams": ("quixstreams_app", "quixstreams", SINGLE),
}
_encode = msgspec.json.Encoder().encode


def run(settings: Settings, fleet: Fleet, readings: list[Reading], size: Size) -> Ran:
    """Measure each that is installed on these readings."""
    peers: dict[str, float] = {}
    not_run = {name: how_to_have(package) for name, (_, package, _) in PEERS.items() if not installed(package)}
    runnable = {name: peer for name, peer in PEERS.items() if name not in not_run}
    records = asyncio.run(_write(settings, readings, [_target(name) for name in runnable], size))
    with scratch("bench-peers") as folder:
        reference = folder / "reference.ndjson"
        reference.write_bytes(b"".join(encode(record) + b"\n" for record in fleet.reference()))
        for name, (module, _, source) in runnable.items():
            say(f"stream: {name} does one stage's job")
            task = Task(settings.kafka, _target(name), source, settings.partitions, str(reference), str(folder))
            command = python_command(module, task, folder)
            try:
                with Peer(name, command, task, folder, size.within_s) as peer:
                    peers[name] = asyncio.run(from_first_output(peer, len(readings), records[source]))
            except ServiceFailedError as error:
                not_run[name] = f"failed: {error}"
    return peers, not_run


def _target(name: str) -> str:
    return f"bench.out.{name}"


async def _write(settings: Settings, readings: list[Reading], targets: list[str], size: Size) -> dict[str, int]:
    """Make the peers' topics and fill those they read; how many records each of these has."""
    await make_topics(settings.kafka, [SINGLE, FRAMES, *targets], settings.partitions)
    cuts = [
        record
        for record in frames.cut(readings, size.rate, settings.partitions, settings.frame_linger_ms, 0)
        if record.readings
    ]
    await frames.preload(settings, cuts, FRAMES)
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", linger_ms=5, compression_type="lz4"
    ) as producer:
        sent = []
        for reading in readings:
            key = reading.device_id.encode()
            partition = partition_of(reading.device_id, settings.partitions)
            sent.append(await producer.send(SINGLE, _encode(reading), key, partition))
        await asyncio.gather(*sent)
    return {SINGLE: len(readings), FRAMES: len(cuts)}
