"""The peers of the gateway bench, one after the other, each given the same messages at the same pace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.bench.loadgen import Load, Message
from deploy.bench.peers import telegraf
from deploy.bench.peers.measure import Peer, Ran, make_topics, python_command
from deploy.bench.peers.task import Task
from deploy.bench.report import Size, say
from deploy.services.cache import scratch
from deploy.services.errors import ServiceFailedError
from deploy.settings import Settings

BRIDGE: Final = "aiokafka_paho_bridge"
TELEGRAF: Final = "telegraf"
_PROBE_S: Final = 0.5
_PROBES_MAX: Final = 60


def run(settings: Settings, load: Load, messages: Sequence[Message], size: Size) -> Ran:
    """Measure each that is there. ``load`` publishes; nobody else should be subscribed."""
    peers: dict[str, float] = {}
    not_run: dict[str, str] = {}
    found = telegraf.program(settings.cache)
    if found is None:
        not_run[TELEGRAF] = "not on the PATH, nor as telegraf in the cache folder; docs/bench.md says how to build it"
    names = [BRIDGE, *([TELEGRAF] if found else [])]
    asyncio.run(make_topics(settings.kafka, map(_target, names), settings.partitions))
    with scratch("bench-peers") as folder:
        for name in names:
            say(f"gateway: {name} takes the same messages")
            task = Task(
                settings.kafka,
                _target(name),
                partitions=settings.partitions,
                mqtt_port=urlsplit(settings.mqtt).port or 1883,
                mqtt_username=settings.mqtt_username or "",
                mqtt_password=settings.mqtt_password or "",
            )
            command = _command(name, found, task, folder)
            try:
                with Peer(name, command, task, folder, size.within_s) as peer:
                    peers[name] = asyncio.run(_measured(peer, load, messages))
            except ServiceFailedError as error:
                not_run[name] = f"failed: {error}"
    return peers, not_run


def _target(name: str) -> str:
    return f"bench.out.{name}"


def _command(name: str, found: Path | None, task: Task, folder: Path) -> list[str]:
    if name == TELEGRAF and found is not None:
        return telegraf.command(found, task, folder)
    return python_command("paho_bridge", task, folder)


async def _measured(peer: Peer, load: Load, messages: Sequence[Message]) -> float:
    """Probe until it is subscribed and something comes through, then give it the load."""
    probing = asyncio.create_task(_probe(load, messages[:1]))
    try:
        await peer.written(0)
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
    await asyncio.sleep(2 * _PROBE_S)  # the last probes arrive
    before = await peer.written(0, begin=True)
    await asyncio.to_thread(load.publish, messages)
    await peer.written(before + len(messages) - 1)
    return peer.rate(len(messages))


async def _probe(load: Load, message: Sequence[Message]) -> None:
    for _ in range(_PROBES_MAX):
        await asyncio.to_thread(load.publish, message)
        await asyncio.sleep(_PROBE_S)
