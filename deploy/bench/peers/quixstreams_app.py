"""A Quix Streams application: one reading a record. Scorers in a dict: its own store would serialise them each time."""

from __future__ import annotations

from pathlib import Path

from quixstreams import Application

from deploy.bench.peers.job import KeepingJob
from deploy.bench.peers.task import Task, from_command_line


def main(task: Task) -> None:
    """Work until killed."""
    job = KeepingJob(task.reference_file)
    app = Application(
        broker_address=task.kafka,
        consumer_group="bench-quixstreams",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        state_dir=Path(task.scratch) / "quixstreams",
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4", "enable.idempotence": True},
    )
    source = app.topic(task.source, value_deserializer="bytes")
    target = app.topic(task.target, value_serializer="bytes")
    app.dataframe(source).apply(lambda line: job(line)[1]).to_topic(target)
    app.run()


if __name__ == "__main__":
    main(from_command_line())
