"""The same bare loop on our frames, a frame in and a frame out: how much of the difference is the frames alone."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts.frames import FRAME_HEADERS, kind_of, lines_of
from deploy.bench.peers.job import KeepingJob
from deploy.bench.peers.task import Task, from_command_line


async def main(task: Task) -> None:
    """Work until killed."""
    job = KeepingJob(task.reference_file)
    consumer = AIOKafkaConsumer(
        task.source, bootstrap_servers=task.kafka, group_id="bench-aiokafka-frames", auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=5, compression_type="lz4"
    )
    async with consumer, producer:
        async for record in consumer:
            if kind_of(record.headers) == "frame":
                value = b"\n".join(job(line)[1] for line in lines_of(record.value))
                await producer.send(task.target, value, partition=record.partition, headers=FRAME_HEADERS)


if __name__ == "__main__":
    asyncio.run(main(from_command_line()))
