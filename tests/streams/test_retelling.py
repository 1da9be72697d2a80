"""What is told again of one device is what the line told of it among all others, findings and states alike."""

from __future__ import annotations

import random

import msgspec
import pytest

from contracts import frames
from contracts.readings import ShipmentReading, Tick
from streams.admit_stage import AdmitConfig
from streams.retelling import DeviceRetelling, ShipmentRetelling, lines_of_devices
from streams.shipment_stage import ShipmentConfig

SHIPMENTS = 3
SECONDS = 240
Record = tuple[bytes, bool]


def logs(world, seed: int) -> list[list[Record]]:
    """Each source partition: frames of three trucks' devices and ticks; the second shipment's cargo grows warm."""
    rng = random.Random(seed)
    found: list[list[Record]] = [[] for _ in range(world.partitions)]
    for at in range(SECONDS):
        lines: list[list[bytes]] = [[] for _ in found]
        for n in range(1, SHIPMENTS + 1):
            for kind in ("truck", "box", "seal"):
                if kind == "seal" and n == 3 and at >= 100:
                    continue  # silent from here on
                more = {"temperature_c": rng.gauss(15.0 if n == 2 and 60 <= at < 160 else 5.0, 0.2)}
                place = {"lat_deg": 27.6 + 0.0001 * at, "lon_deg": -99.51}
                name = f"{kind}-{n}"
                line = world.line(name, at, **place, **(more if kind == "box" else {}))
                lines[world.lane_of(name)].append(line)
                if rng.random() < 0.05:
                    lines[world.lane_of(name)].append(line)
        for lane, own in zip(found, lines, strict=True):
            lane.append((world.frame(*rng.sample(own, len(own))), False))
            lane.append((frames.encode_tick(world.tick(at + 1)), True))
    return found


def joined(world, book, seed: int) -> tuple[list[ShipmentReading], list[list[Record]]]:
    """What stage 1 makes of it: all readings, and stage 2's partitions."""
    readings: list[ShipmentReading] = []
    out: list[list[Record]] = [[] for _ in range(world.partitions)]
    stages = [world.admit(book, partition) for partition in range(world.partitions)]
    for records in zip(*logs(world, seed), strict=True):
        for stage, (value, is_tick) in zip(stages, records, strict=True):
            told = stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
            readings += world.readings(told)
            for record in told:
                if record.topic.startswith("shipment.readings"):
                    out[record.partition].append((record.value, frames.kind_of(record.headers) == "tick"))
    return readings, out


@pytest.mark.parametrize("seed", range(3))
def test_a_device_told_again_alone_is_judged_as_it_was_among_all(world, seed: int):
    book = world.fleet(SHIPMENTS)
    readings, _ = joined(world, book, seed)
    for device in ("box-2", "box-1", "truck-3"):
        retelling = DeviceRetelling(device, book, AdmitConfig(world.partitions))
        log = logs(world, seed)[retelling.partition]
        again = [reading for value, is_tick in log for reading in retelling.take(value, is_tick)]
        expected = [r for r in readings if r.device_id == device]
        assert again == expected
        assert retelling.heard == SECONDS
    warm = [f for r in readings if r.device_id == "box-2" for f in r.findings if f.rule == "temperature_excursion"]
    assert len({f.evidence["state_sha256"] for f in warm if f.level == "trip"}) > 50


@pytest.mark.parametrize("seed", range(3))
def test_a_shipment_told_again_alone_gives_its_alerts(world, seed: int):
    book = world.fleet(SHIPMENTS)
    _, sources = joined(world, book, seed)
    config = ShipmentConfig(world.partitions, world.audiences)
    for n, rule in ((2, "temperature_excursion"), (3, "signal_lost")):
        partition = world.partition_of_shipment(f"S{n}")
        stage, told = world.shipments(book, partition), []
        for value, is_tick in sources[partition]:
            out = stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
            told += world.alerts(out)
        retelling = ShipmentRetelling(f"S{n}", [f"{kind}-{n}" for kind in ("truck", "box", "seal")], book, config)
        assert retelling.partition == partition
        again = [alert for value, is_tick in sources[partition] for alert in retelling.take(value, is_tick)]
        assert again == [alert for alert in told if alert.shipment_id == f"S{n}"]
        assert rule in {alert.rule for alert in again}


def test_a_devices_lines_are_found_however_its_name_is_written():
    mine = b'{"device_id":"box-1","seq":1}'
    escaped = b'{"device_id":"\\u0062ox-1","seq":2}'
    frame = b"\n".join(
        [mine, b'{"device_id":"box-10","seq":1}', escaped, b'{"device_id":"truck-1","seal_number":"box-1"}', b"box-1 {"]
    )
    assert lines_of_devices(frame, ("box-1",)) == [mine, escaped]
    assert lines_of_devices(b'{"device_id":"box-2"}', ("box-1",)) == []
    assert msgspec.json.decode(escaped)["device_id"] == "box-1"


def test_ticks_alone_tell_nothing(world):
    retelling = DeviceRetelling("box-1", world.fleet(1), AdmitConfig(world.partitions))
    assert retelling.take(frames.encode_tick(Tick("gateway", world.t0_ms)), True) == []
    assert retelling.heard == 0
