"""What is told again of one device is what the line told of it among all others, findings and states alike."""

from __future__ import annotations

import random
from collections.abc import Collection

import msgspec
import pytest

from contracts import frames, topics
from contracts.readings import ShipmentReading, Tick
from streams.admit_stage import AdmitConfig
from streams.hindsight import GrowingBook
from streams.retelling import DeviceRetelling, Judged, ShipmentRetelling, judged_in, lines_of_devices

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


def known(world) -> GrowingBook:
    """The reference that was all loaded before."""
    return GrowingBook((0, record) for record in world.records(SHIPMENTS))


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
        retelling = DeviceRetelling(device, known(world), AdmitConfig(world.partitions))
        log = logs(world, seed)[retelling.partition]
        again = [reading for value, is_tick in log for reading in retelling.take(value, is_tick, world.t0_ms)]
        expected = [r for r in readings if r.device_id == device]
        assert again == expected
        assert len(retelling.heard) == SECONDS
    warm = [f for r in readings if r.device_id == "box-2" for f in r.findings if f.rule == "temperature_excursion"]
    assert len({f.evidence["state_sha256"] for f in warm if f.level == "trip"}) > 50


@pytest.mark.parametrize("seed", range(3))
def test_a_shipment_told_again_alone_gives_its_alerts(world, seed: int):
    book = world.fleet(SHIPMENTS)
    _, sources = joined(world, book, seed)
    config = world.shipment_config()
    for n, rule in ((2, "temperature_excursion"), (3, "signal_lost")):
        partition = world.partition_of_shipment(f"S{n}")
        stage, told = world.shipments(book, partition), []
        for value, is_tick in sources[partition]:
            out = stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
            told += world.alerts(out)
        devices = [f"{kind}-{n}" for kind in ("truck", "box", "seal")]
        retelling = ShipmentRetelling(f"S{n}", devices, known(world), config)
        assert retelling.partition == partition
        log = sources[partition]
        again = [alert for value, is_tick in log for alert in retelling.take(value, is_tick, world.t0_ms)]
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
    retelling = DeviceRetelling("box-1", known(world), AdmitConfig(world.partitions))
    assert retelling.take(frames.encode_tick(Tick("gateway", world.t0_ms)), True, world.t0_ms) == []
    assert not retelling.heard


# -- a reference that was changed on the way ---------------------------------------------------------------------------

LATER_S = 120  # when the shipment's cargo is declared to bear more


def told_along(
    world, before, later, later_s: int = LATER_S, holes: Collection[int] = ()
) -> tuple[list[ShipmentReading], dict, list[tuple[bytes, bool, int]]]:
    """What the line made of a warm box of which more was loaded on the way, how it judged, and its own log."""
    book = world.book(*before)
    stage, readings, judged, log = world.admit(book, world.lane_of("box-1")), [], {}, []
    for at in range(SECONDS):
        taken_ms = world.t0_ms + 1_000 * at
        if at == later_s:
            book.apply(later)
        frame = world.frame(world.line("box-1", at, lat_deg=27.6, lon_deg=-99.51, temperature_c=12.0))
        frame = b"" if at in holes else frame
        tick = frames.encode_tick(world.tick(at + 1))
        out = [*stage.process_frame(frame), *stage.process_tick(frames.decode_tick(tick))]
        readings += world.readings(out)
        for record in out:
            if record.topic == topics.SHIPMENT_READINGS and frames.kind_of(record.headers) == "frame":
                judged.update(judged_in(record.value, taken_ms + 500, "box-1"))
        log += [(frame, False, taken_ms), (tick, True, taken_ms)]
    return readings, judged, log


def again(world, log, kept, judged=None) -> tuple[list[ShipmentReading], GrowingBook]:
    book = GrowingBook(kept)
    retelling = DeviceRetelling("box-1", book, AdmitConfig(world.partitions), judged)
    return [reading for record in log for reading in retelling.take(*record)], book


def test_each_reading_is_judged_by_what_was_known_when_it_was(world):
    """The control is today's reference: by that the cargo was never too warm."""
    corrected = world.shipment(1, max_temperature_c=20.0, effective_ms=1)
    expected, judged, log = told_along(world, world.records(1), corrected)
    assert {f.level for r in expected for f in r.findings if f.rule == "temperature_excursion"} >= {"trip", "clear"}
    before, taken_ms = [(0, record) for record in world.records(1)], world.t0_ms + 1_000 * LATER_S
    for said in (judged, None):  # by how many records each reading was judged, and by Kafka's time alone
        readings, book = again(world, log, [*before, (taken_ms, corrected)], said)
        assert readings == expected
        assert not book.lost
    # A worker that was behind knew what was loaded after its input was written; a loader's clock may be ahead.
    for late_ms in (-400_000, 400_000):
        moved = [*before, (taken_ms + late_ms, corrected)]
        assert again(world, log, moved, judged)[0] == expected
        assert again(world, log, moved)[0] != expected
    today, _ = again(world, log, [*before, (0, corrected)])
    assert not any(f.rule == "temperature_excursion" for r in today for f in r.findings)


def test_holes_of_before_a_shipment_was_loaded_are_not_held_against_it_when_told_again(world):
    """Nobody guarded then. The control is today's reference, by which somebody did, and more is missing."""
    before = [record for record in world.records(1) if record != world.shipment(1)]
    expected, judged, log = told_along(world, before, world.shipment(1), later_s=20, holes=[10, 11, 12, 40])

    def gap(readings: list[ShipmentReading]) -> set[float]:
        found = (f for reading in readings for f in reading.findings if f.rule == "reading_gap" and f.level == "trip")
        return {round(f.score, 4) for f in found}

    kept = [(0, record) for record in before]
    again_then, _ = again(world, log, [*kept, (world.t0_ms + 20_000, world.shipment(1))], judged)
    assert gap(again_then) == gap(expected) == {0.0476}
    assert again_then == expected
    today, _ = again(world, log, [*kept, (0, world.shipment(1))])
    assert gap(today) == {0.1667}


def test_what_has_been_replaced_and_is_kept_no_longer_is_known_to_be_lost(world):
    corrected = world.shipment(1, max_temperature_c=20.0)  # of the same effective_ms: Kafka keeps one of them
    expected, judged, log = told_along(world, world.records(1), corrected)
    kept = [(0, r) for r in world.records(1) if r != world.shipment(1)]
    readings, book = again(world, log, [*kept, (world.t0_ms + 3_600_000, corrected)], judged)
    assert book.lost
    assert readings != expected


def test_a_shipments_silence_is_told_again_by_the_interval_that_was_declared_then(world):
    """It was loaded only once the box had been silent for long, and then with a long interval."""
    records, config = world.records(1), world.shipment_config()
    slow = world.device("box-1", interval_s=600.0, effective_ms=1)
    partition, told, log = world.partition_of_shipment("S1"), [], []
    book, own = world.book(*records), world.lane_of("box-1")
    admit, stage = [world.admit(book, p) for p in range(world.partitions)], world.shipments(book, partition)
    for at in range(SECONDS):
        taken_ms = world.t0_ms + 1_000 * at
        if at == 200:
            book.apply(slow)
        for lane, first in enumerate(admit):
            out = first.process_frame(world.frame(world.line("box-1", at))) if at < 30 and lane == own else []
            for record in [*out, *first.process_tick(world.tick(at + 1))]:
                if record.topic == topics.SHIPMENT_READINGS and record.partition == partition:
                    is_tick = frames.kind_of(record.headers) == "tick"
                    value = record.value
                    log.append((value, is_tick, taken_ms))
                    told += world.alerts(
                        stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
                    )
    assert [alert.rule for alert in told if alert.state == "opened"] == ["signal_lost"]
    kept = [(0, record) for record in records]
    for taken_s, same in ((200, True), (0, False)):
        grown = GrowingBook([*kept, (world.t0_ms + 1_000 * taken_s, slow)])
        retelling = ShipmentRetelling("S1", grown.devices_of("S1"), grown, config)
        assert ([alert for record in log for alert in retelling.take(*record)] == told) == same


def test_who_guarded_what_is_asked_of_every_version_kept(world):
    moved = world.shipment(1, device_ids=["box-7"], effective_ms=5)
    book = GrowingBook([(0, world.shipment(1)), (0, world.shipment(2)), (9, moved)])
    assert book.devices_of("S1") == {"truck-1", "box-1", "seal-1", "box-7"}
    assert book.shipments_of("box-7") == {"S1"}
    assert book.version == 0  # nothing is known yet


def test_a_line_that_is_no_reading_says_nothing_of_how_it_was_judged():
    odd = b'{"device_id":"box-1","boot_id":1,"seq":"2"}'
    good = b'{"device_id":"box-1","boot_id":1,"seq":3,"ref_version":7}'
    assert dict(judged_in(b"\n".join([odd, good]), 40, "box-1")) == {("box-1", 1, 3): Judged(40, 7)}
