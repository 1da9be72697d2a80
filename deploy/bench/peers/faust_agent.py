"""A Faust agent as its manual has it: one reading an event, ``yield`` to a sink topic."""

from __future__ import annotations

from typing import Any

import faust
from mode import Worker

from deploy.bench.peers.job import KeepingJob
from deploy.bench.peers.task import Task, from_command_line


def build(task: Task) -> Any:
    """The application of this task."""
    job = KeepingJob(task.reference_file)
    app = faust.App(
        "bench-faust",
        broker=f"aiokafka://{task.kafka}",
        store="memory://",
        datadir=f"{task.scratch}/faust",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        producer_compression_type="lz4",
        producer_linger=0.005,
    )
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}

    async def score(stream: Any) -> Any:
        async for line in stream:
            yield job(line)[1]

    app.agent(app.topic(task.source, **raw), sink=[app.topic(task.target, **raw)])(score)
    return app


if __name__ == "__main__":
    Worker(build(from_command_line()), redirect_stdouts=False).execute_from_commandline()
