"""Both stages with their checkpoints: a real worker process on a real Kafka, from the first frame to the last covered.

A worker is started twice. On an empty line it says what starting costs, in CPU and memory. Then the topic is loaded
with frames of 20,000 devices, cut as the gateway cuts them, and a fresh worker catches up: its CPU-seconds count from
just before its first output until the checkpoints of both stages cover everything. ``bytes_per_device`` is the
resident memory it has then, over that of the worker on the empty line, a device: reference, both stages' state, and
whatever its buffers hold.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from contracts import topics
from contracts.readings import identity
from deploy.bench import far_end, frames
from deploy.bench.cpu import Usage, own_cpu_s, usage_of
from deploy.bench.peers import stream_peers
from deploy.bench.report import Report, Size, own_servers, say
from deploy.roles.simulate import load
from deploy.services.errors import ServiceFailedError
from deploy.services.processes import Child
from deploy.settings import Settings
from deploy.stack import LocalStack

ADMIT: Final = "admit"
SHIPMENT: Final = "shipment"


@dataclass(slots=True)
class _Ran:
    """A worker's run: its usage before its first output and when all was covered, and its checkpoints."""

    started: Usage
    finished: Usage
    saves: dict[str, int]
    records: dict[str, int]
    wall_s: float


def run(settings: Settings, size: Size) -> dict[str, Any]:
    """Measure the stages. Raises ServiceError, also where a reading was lost on the way."""
    say("stream: starting Kafka")
    with LocalStack(own_servers(settings)) as stack:
        found, start_ms = stack.settings, int((time.time() - size.stream_readings / size.rate) * 1000)
        say("stream: what a worker costs on an empty line")
        idle = _idle_worker(stack, start_ms, size)
        say(f"stream: making {size.stream_readings:,} readings of {size.devices:,} devices")
        loadgen_from_s = own_cpu_s()
        fleet = frames.load_fleet(size.devices, size.rate, size.stream_readings / size.rate, start_ms)
        readings = frames.readings_of(fleet, size.stream_readings)
        cuts = list(frames.cut(readings, size.rate, found.partitions, found.frame_linger_ms, start_ms))
        count, frame_count, frame_mean = frames.sizes(cuts)
        say(f"stream: loading {frame_count:,} frames of {frame_mean:.1f} readings")
        asyncio.run(load(found, fleet))
        asyncio.run(frames.preload(found, cuts))
        loadgen_cpu_s = own_cpu_s() - loadgen_from_s
        say("stream: the worker catches up")
        ran = _run_worker(stack, size)
        joined = asyncio.run(far_end.held_in(found.kafka, topics.SHIPMENT_READINGS))
        if joined.distinct != {identity(reading) for reading in readings}:
            raise ServiceFailedError(f"{count:,} readings went in and {len(joined.distinct):,} came out")
        report = Report(
            bench="stream",
            readings=len(joined.distinct),
            cpu_s=ran.finished.cpu_s - ran.started.cpu_s,
            loadgen_cpu_s=loadgen_cpu_s,
            frame_mean=frame_mean,
            bytes_per_device=round((ran.finished.rss_bytes - idle.finished.rss_bytes) / fleet.device_count),
            more={
                "frame_mean_joined": round(joined.frame_mean, 1),
                "devices": fleet.device_count,
                "partitions": found.partitions,
                "checkpoints": ran.saves,
                "checkpoint_records": ran.records,
                "startup_cpu_s": {"empty": round(idle.finished.cpu_s, 2), "loaded": round(ran.started.cpu_s, 2)},
                "wall_s": round(ran.wall_s, 2),
            },
        )
        if size.peers:
            report.peers, report.not_run = stream_peers.run(found, fleet, readings[: size.peer_readings], size)
    return report.as_dict()


def _idle_worker(stack: LocalStack, start_ms: int, size: Size) -> _Ran:
    """A worker through which one tick a partition has gone, and nothing else."""
    ticks = [c for c in frames.cut([], size.rate, stack.settings.partitions, 0.0, start_ms - 2_000) if not c.readings]
    asyncio.run(frames.preload(stack.settings, ticks))
    return _run_worker(stack, size)


def _run_worker(stack: LocalStack, size: Size) -> _Ran:
    worker = stack.start_role("worker")
    try:
        return asyncio.run(_measured(stack.settings, worker, size))
    finally:
        worker.stop(deadline_s=20.0)


async def _measured(settings: Settings, worker: Child, size: Size) -> _Ran:
    kafka, partitions = settings.kafka, settings.partitions
    before = sum(await far_end.ends_of(kafka, topics.SHIPMENT_READINGS, partitions))
    started = usage_of(worker.pid)

    def look() -> None:
        # The last look before the first output was seen: on the near side of it, so nothing of the work is left out.
        nonlocal started
        worker.check()
        started = usage_of(worker.pid)

    await far_end.grown(kafka, topics.SHIPMENT_READINGS, partitions, before, look, size.within_s)
    began_s = time.monotonic()
    saves, records = {}, {}
    for stage, source in ((ADMIT, topics.READINGS), (SHIPMENT, topics.SHIPMENT_READINGS)):
        # Stage 1 delivers before it covers: once it has covered all, the end of what stage 2 reads stands.
        wanted = await far_end.ends_of(kafka, source, partitions)
        saves[stage], records[stage] = await far_end.covered(kafka, stage, wanted, worker.check, size.within_s)
    return _Ran(started, usage_of(worker.pid), saves, records, time.monotonic() - began_s)
