"""A bare loop on librdkafka (confluent-kafka): one reading a record in, one out."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer

from deploy.bench.peers.job import KeepingJob
from deploy.bench.peers.task import Task, from_command_line


def main(task: Task) -> None:
    """Work until killed."""
    job = KeepingJob(task.reference_file)
    consumer = Consumer(
        {"bootstrap.servers": task.kafka, "group.id": "bench-confluent", "auto.offset.reset": "earliest"}
    )
    producer = Producer(
        {"bootstrap.servers": task.kafka, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"}
    )
    consumer.subscribe([task.source])
    while True:
        for record in consumer.consume(500, 0.1):
            if record.error() is None:
                key, value = job(record.value())
                producer.produce(task.target, value, key)
        producer.poll(0)


if __name__ == "__main__":
    main(from_command_line())
