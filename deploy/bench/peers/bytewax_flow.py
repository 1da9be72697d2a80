"""A Bytewax dataflow: one reading a record, keyed by device, each device's scorers in its own state."""

from __future__ import annotations

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from contracts.readings import Reading
from deploy.bench.peers.job import Job, Scorers
from deploy.bench.peers.task import Task, from_command_line


def flow_of(task: Task) -> Dataflow:
    """The dataflow of this task."""
    job = Job(task.reference_file)
    flow = Dataflow("bench")
    source = kop.input("in", flow, brokers=[task.kafka], topics=[task.source])
    readings = op.map("decode", source.oks, lambda record: job.decode(record.value))
    keyed = op.key_on("by-device", readings, lambda reading: reading.device_id)

    def score(scorers: Scorers | None, reading: Reading) -> tuple[Scorers, bytes]:
        scorers = scorers or job.fresh()
        return scorers, job.score(scorers, reading)

    scored = op.stateful_map("score", keyed, score)
    made = op.map("made", scored, lambda pair: KafkaSinkMessage(pair[0].encode(), pair[1]))
    lingers = {"linger.ms": "5", "compression.type": "lz4", "enable.idempotence": "true"}
    kop.output("out", made, brokers=[task.kafka], topic=task.target, add_config=lingers)
    return flow


if __name__ == "__main__":
    cli_main(flow_of(from_command_line()))
