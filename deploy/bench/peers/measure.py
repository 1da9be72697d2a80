"""Running one peer: its topics, its process, its CPU-seconds between its first output and its last."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.bench import far_end
from deploy.bench.cpu import Usage, usage_of
from deploy.bench.peers.task import Task
from deploy.bench.report import rate
from deploy.services.processes import Child
from streams.agents.started import started

Ran = tuple[dict[str, float], dict[str, str]]  # peers, not_run: the report's two keys


async def make_topics(kafka: str, names: Iterable[str], partitions: int) -> None:
    """Topics of the bench's own, beside the line's. Raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    async with started(admin.start, admin.close):
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])


def python_command(module: str, task: Task, folder: Path) -> list[str]:
    """How a peer of ours is run; its task, which may hold a password, is its owner's alone to read."""
    file = folder / f"{module}.json"
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(task))
    return [sys.executable, "-m", f"deploy.bench.peers.{module}", str(file)]


class Peer:
    """A peer's process, writing to ``task.target``. A context manager; ends with the block."""

    def __init__(self, name: str, command: Sequence[str], task: Task, folder: Path, within_s: float) -> None:
        self._child = Child(name, command, log=folder / f"{name}.log", cwd=folder)
        self._task = task
        self._within_s = within_s
        self.started = Usage(0.0, 0)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop(deadline_s=3.0)

    def look(self) -> None:
        """Note its usage. Raises ServiceFailedError, with its last words, where it has stopped."""
        self._child.check()
        self.started = usage_of(self._child.pid)

    async def written(self, over: int, *, begin: bool = False) -> int:
        """Return its output's records once they are more than ``over``; ``begin`` keeps noting its usage till then.

        Raises ServiceFailedError where it takes too long.
        """
        check = self.look if begin else self._child.check
        return await far_end.grown(
            self._task.kafka, self._task.target, self._task.partitions, over, check, self._within_s
        )

    def rate(self, readings: int) -> float:
        """Readings a CPU-second since the last look."""
        return rate(readings, usage_of(self._child.pid).cpu_s - self.started.cpu_s)


async def from_first_output(peer: Peer, readings: int, records: int) -> float:
    """Readings a CPU-second of a peer that finds its input there and makes so many records of it."""
    await peer.written(0, begin=True)
    await peer.written(records - 1)
    return peer.rate(readings)
