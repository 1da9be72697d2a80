"""A bare loop on aiokafka: one reading a record in, one out. What most Python services on Kafka are."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.bench.peers.job import KeepingJob
from deploy.bench.peers.task import Task, from_command_line


async def main(task: Task) -> None:
    """Work until killed."""
    job = KeepingJob(task.reference_file)
    consumer = AIOKafkaConsumer(
        task.source, bootstrap_servers=task.kafka, group_id="bench-aiokafka", auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=5, compression_type="lz4"
    )
    async with consumer, producer:
        async for record in consumer:
            key, value = job(record.value)
            await producer.send(task.target, value, key)


if __name__ == "__main__":
    asyncio.run(main(from_command_line()))
