"""The simulated fleet's process: loads its reference, publishes its readings; or writes all of it to a folder.

Published readings carry times of about now: at clock speed the run starts now; faster ones (``speed``, ``rate``) end
about now, for the line refuses readings from the future and keeps old ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts import topics
from contracts.broker_access import CredentialsRefusedError
from contracts.reference import encode, key_of
from deploy.mqtt_tls import mqtt_address, mqtt_tls, refused
from deploy.reference_file import in_loading_order
from deploy.settings import Settings
from simulators import Fleet, scenarios
from simulators.mqtt_devices import DeviceFleet, Progress

LEAD_MS: Final = 2_000  # from the reference's loading to the first reading


def run(
    settings: Settings,
    *,
    scenario: str = "demo",
    seed: int = 7,
    for_s: float | None = None,
    shipments: int | None = None,
    interval_s: float | None = None,
    speed: float = 1.0,
    rate: float | None = None,
    output: Path | None = None,
    exercise: bool = False,
    load_reference: bool = True,
    journal_dir: Path | None = None,
    batch_max: int = 1,
    drain_s: float = 30.0,
    start_ms: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Simulate a scenario and return what was done, as plain data.

    ``for_s``, ``shipments`` and ``interval_s`` replace the scenario's own. With ``output`` a folder gets
    ``reference.ndjson``, ``readings.ndjson`` (the lines as devices send them, in order of sending) and
    ``truth.ndjson``, and nothing is published. With ``journal_dir`` journals outlive the process. Raises ValueError
    for a scenario that is not there or cannot be, SettingsError where the broker refuses the devices' password.
    """
    made = scenarios.load(scenario)
    lasts_s = for_s or made.fleet.horizon_s
    if start_ms is None:
        now_ms = time.time_ns() // 1_000_000
        at_clock = output is None and speed == 1.0 and rate is None
        start_ms = now_ms + LEAD_MS if at_clock else now_ms - int(lasts_s * 1000)
    fleet = made.make(seed, start_ms, exercise=exercise, horizon_s=for_s, shipments=shipments, interval_s=interval_s)
    about: dict[str, Any] = {"scenario": made.name, "seed": seed, "start_ms": start_ms, "devices": fleet.device_count}
    if output is not None:
        return about | _write(fleet, output)
    if load_reference:
        about["reference"] = asyncio.run(load(settings, fleet))
    return about | _publish(settings, fleet, exercise, speed, rate, journal_dir, batch_max, drain_s, on_progress)


async def load(settings: Settings, fleet: Fleet) -> int:
    """Load a fleet's reference into Kafka; returns how many records. All are there on return."""
    from deploy.topic_io import write_all

    records = in_loading_order(fleet.reference())
    pairs = ((key_of(record), encode(record)) for record in records)
    await write_all(settings.kafka, topics.REFERENCE, 0, pairs, as_whom="puente-simulate")
    return len(records)


def _publish(
    settings: Settings,
    fleet: Fleet,
    exercise: bool,
    speed: float,
    rate: float | None,
    journal_dir: Path | None,
    batch_max: int,
    drain_s: float,
    on_progress: Callable[[Progress], None] | None,
) -> dict[str, Any]:
    host, port = mqtt_address(settings.mqtt)
    devices = DeviceFleet(
        fleet,
        host,
        port,
        settings.mqtt_device_username or settings.mqtt_username,
        settings.mqtt_device_password if settings.mqtt_device_username else settings.mqtt_password,
        journal_dir,
        rate=rate,
        speed=speed,
        exercise=exercise,  # a fleet marks its readings; statuses and last wills are the devices' own
        batch_max=batch_max,
        drain_s=drain_s,
        tls=mqtt_tls(settings),
        on_progress=on_progress,
    )
    try:
        return devices.run() | {"refusals": devices.refusals(), "truth": len(fleet.truth)}
    except CredentialsRefusedError as error:
        raise refused(settings, error, "mqtt_device" if settings.mqtt_device_username else "mqtt") from None
    finally:
        devices.close()


def _write(fleet: Fleet, folder: Path) -> dict[str, Any]:
    """Write a whole run to a folder, a file at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = msgspec.json.Encoder()
    records = fleet.reference()
    (folder / "reference.ndjson").write_bytes(b"".join(encode(record) + b"\n" for record in records))
    (folder / "truth.ndjson").write_bytes(encoder.encode_lines(fleet.truth))
    readings = 0
    with (folder / "readings.ndjson").open("wb") as file:
        for _, _, reading in fleet.run():
            file.write(encoder.encode(reading) + b"\n")
            readings += 1
    return {"output": str(folder), "reference": len(records), "readings": readings, "truth": len(fleet.truth)}
