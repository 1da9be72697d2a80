"""The gateway: one reading a message, 3,000 a second, from a real broker to a real Kafka.

CPU-seconds of the gateway's process from when it serves until Kafka holds every reading; receipts and acknowledgements
included. Readings are counted in Kafka, as distinct identities. The load is live, not a queue that waits, so that the
frames are those of a gateway that keeps up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

from contracts import topics
from contracts.readings import ReadingId, identity
from deploy.bench import far_end, frames
from deploy.bench.cpu import usage_of
from deploy.bench.loadgen import Load, Message
from deploy.bench.peers import gateway_peers
from deploy.bench.report import Report, Size, own_servers, say
from deploy.services.errors import ServiceFailedError
from deploy.services.processes import Child
from deploy.settings import Settings
from deploy.stack import LocalStack

_LOOK_S = 0.3
_encode = msgspec.json.Encoder().encode


def run(settings: Settings, size: Size) -> dict[str, Any]:
    """Measure the gateway. Raises ServiceError, also where a reading was lost on the way."""
    say("gateway: starting Kafka and the MQTT broker")
    with LocalStack(own_servers(settings)) as stack:
        found = stack.settings
        say(f"gateway: making {size.gateway_readings:,} readings of {size.devices:,} devices")
        messages, published = _messages(size)
        url = urlsplit(found.mqtt)
        load = Load(
            url.hostname or "127.0.0.1",
            url.port or 1883,
            found.mqtt_device_username or "",
            found.mqtt_device_password or "",
            size.rate,
        )
        gateway = stack.start_role("gateway")
        try:
            asyncio.run(_serving(found, gateway, size))
            started = usage_of(gateway.pid)
            say(f"gateway: {size.rate:g} messages a second for {len(messages) / size.rate:.0f} s")
            done = load.publish(messages)
            held = _hold(found, published, gateway, size)
            finished = usage_of(gateway.pid)
        finally:
            gateway.stop()
        report = Report(
            bench="gateway",
            readings=len(held.distinct),
            cpu_s=finished.cpu_s - started.cpu_s,
            loadgen_cpu_s=load.cpu_s,
            frame_mean=held.frame_mean,
            bytes_per_device=round((finished.rss_bytes - started.rss_bytes) / size.devices),
            more={
                "offered_per_s": round(done.published / done.seconds, 1),
                "devices": size.devices,
                "partitions": found.partitions,
                "repeats": held.repeats,
                "startup_cpu_s": round(started.cpu_s, 2),
                "broker": stack.services()["mqtt"],
            },
        )
        if size.peers:
            report.peers, report.not_run = gateway_peers.run(found, load, messages[: size.gateway_peer_readings], size)
    return report.as_dict()


def _messages(size: Size) -> tuple[list[Message], set[ReadingId]]:
    """Messages with times of about now, and the identities in them."""
    start_ms = int((time.time() - size.gateway_readings / size.rate) * 1000)
    fleet = frames.load_fleet(size.devices, size.rate, size.gateway_readings / size.rate, start_ms)
    carriers = {device_id: scac for scac, device_id in fleet.devices()}
    readings = frames.readings_of(fleet, size.gateway_readings)
    messages = [Message(f"v1/{carriers[r.device_id]}/{r.device_id}/readings", _encode(r)) for r in readings]
    return messages, {identity(reading) for reading in readings}


async def _serving(settings: Settings, gateway: Child, size: Size) -> None:
    """Return once the gateway is connected at both ends: its first tick is in Kafka."""
    await far_end.grown(settings.kafka, topics.READINGS, settings.partitions, 0, gateway.check, size.within_s)


def _hold(settings: Settings, published: set[ReadingId], gateway: Child, size: Size) -> far_end.Held:
    """Return what Kafka holds once that is everything published."""
    deadline_s = time.monotonic() + size.within_s
    while True:
        held = asyncio.run(far_end.held_in(settings.kafka, topics.READINGS))
        if held.distinct >= published:
            return held
        gateway.check()
        if time.monotonic() > deadline_s:
            raise ServiceFailedError(f"Kafka holds {len(held.distinct):,} of {len(published):,} readings published")
        time.sleep(_LOOK_S)
