"""Phones count nothing: their ``seq`` is a second. What the admit stage makes of that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.readings import ShipmentReading
from ingest.admission import admit
from streams.ledger import counts_nothing

World = Any  # tests/streams/conftest.py has it

DEVICE = "jaime--pixel-7"
ROUTE_LAT, ROUTE_LON = 27.6, -99.51


def phone(world: World, after_s: int, kind: str = "location", **more: Any) -> bytes:
    """The line the decoder makes of what the app sends that many seconds past t0."""
    message = {"_type": kind, "tst": world.t0_ms // 1000 + after_s, "lat": ROUTE_LAT, "lon": ROUTE_LON, **more}
    (line,), _, _ = admit("owntracks/jaime/pixel-7", json.dumps(message).encode(), world.t0_ms + 100_000_000)
    return line.data


def crossed(world: World, after_s: int, event: str, region: str) -> bytes:
    """The line of a region entered or left."""
    return phone(world, after_s, "transition", event=event, desc=region)


@pytest.fixture(params=[True, False], ids=["in the reference", "unknown"])
def stage(request: pytest.FixtureRequest, world: World) -> Any:
    records = [world.route(), world.shipment(1, device_ids=[DEVICE])]
    records.append(world.device(DEVICE, interval_s=60.0))
    return world.admit(world.book(*records) if request.param else world.book())


def passed(world: World, stage: Any, *lines: bytes) -> list[ShipmentReading]:
    return world.readings(stage.process_frame(world.frame(*lines)) + stage.flush())


def test_seconds_that_a_phone_was_silent_are_no_gap(world: World, stage: Any) -> None:
    readings = passed(world, stage, *(phone(world, s) for s in (0, 30, 90, 4_000)))
    assert len(readings) == 4
    assert not any("gap" in r.marks for r in readings)
    assert stage.counters()["gaps"] == 0


def test_the_control_a_device_that_counts_and_skips_has_a_gap(world: World, stage: Any) -> None:
    readings = passed(world, stage, *(world.line(DEVICE, seq=s, lat_deg=27.6, lon_deg=-99.51) for s in (0, 30)))
    assert ["gap" in r.marks for r in readings] == [False, True]


def test_a_seq_is_a_clock_only_where_it_is_the_readings_own_second() -> None:
    assert counts_nothing(1_790_000_000, 1_790_000_000_000)
    assert not counts_nothing(1_790_000_000, 1_790_000_000_001)
    assert not counts_nothing(0, 0)
    assert not counts_nothing(41, 1_790_000_000_000)


def test_the_same_fix_sent_for_another_reason_is_a_repeat(world: World, stage: Any) -> None:
    again = phone(world, 5, t="u", created_at=world.t0_ms // 1000 + 9, conn="w")
    assert len(passed(world, stage, phone(world, 5, t="p"), again)) == 1
    assert (stage.counters()["repeats"], stage.counters()["conflicts"]) == (1, 0)


def test_two_positions_of_one_second_the_first_stands_and_the_other_is_dead_lettered(world: World, stage: Any) -> None:
    (reading,) = passed(world, stage, phone(world, 5), phone(world, 5, lat=27.7))
    assert reading.lat_deg == ROUTE_LAT
    assert stage.counters()["conflicts"] == 1


def test_a_location_and_the_transitions_of_one_second_all_live(world: World, stage: Any) -> None:
    left, entered = (crossed(world, 5, event, name) for event, name in (("leave", "Patio"), ("enter", "Muelle 4")))
    readings = passed(world, stage, phone(world, 5), left, entered)
    assert [(r.boot_id, r.region_event, r.region) for r in readings] == [
        (0, None, None), (2, "left", "Patio"), (1, "entered", "Muelle 4"),
    ]  # fmt: skip


def test_a_second_region_entered_within_a_second_is_dead_lettered_and_the_same_told_again_is_not(
    world: World, stage: Any
) -> None:
    first, second = (crossed(world, 5, "enter", name) for name in ("Patio", "Muelle 4"))
    out = stage.process_frame(world.frame(first, second, first))
    (reading,) = world.readings(out + stage.flush())
    assert reading.region == "Patio"
    (letter,) = world.letters(out)
    assert (letter.reason, b"Muelle 4" in letter.bytes_held()) == ("identity_conflict", True)
    assert (stage.counters()["repeats"], stage.counters()["conflicts"]) == (2, 1)


def test_a_region_entered_or_left_is_told_by_its_name_once_also_when_it_comes_late(world: World, stage: Any) -> None:
    lines = [phone(world, 90), crossed(world, 60, "enter", "Muelle 4"), crossed(world, 80, "leave", "x" * 200)]
    events = world.events(stage.process_frame(world.frame(*lines, *lines)))
    told = [(e.type, e.what, e.time_ms - world.t0_ms) for e in events if e.type.startswith("REGION")]
    assert told == [("REGION_ENTERED", "Muelle 4", 60_000), ("REGION_LEFT", "x" * 128, 80_000)]


def test_a_transition_between_locations_is_no_start_of_the_device(world: World, stage: Any) -> None:
    lines = [phone(world, 0), crossed(world, 1, "enter", "a"), phone(world, 2), crossed(world, 3, "leave", "a")]
    out = stage.process_frame(world.frame(*lines))
    assert "DEVICE_STARTED" not in [event.type for event in world.events(out)]


def test_what_a_phone_sends_hours_late_passes_once(world: World, stage: Any) -> None:
    live = passed(world, stage, phone(world, 20_000))
    backlog = [phone(world, s) for s in range(0, 18_000, 60)]
    assert len(live) == 1
    assert len(passed(world, stage, *backlog)) == 300
    assert passed(world, stage, *backlog) == []


@pytest.mark.parametrize(("device_id", "told"), [(DEVICE, False), ("truck-1", True)], ids=["a phone", "the control"])
def test_a_silence_of_minutes_is_no_reading_gap_of_a_phone(world: World, device_id: str, told: bool) -> None:
    records = [world.route(), world.shipment(1, device_ids=[device_id]), world.device(device_id, interval_s=60.0)]
    stage = world.admit(world.book(*records))

    def line(after_s: int) -> bytes:
        fix = {"lat_deg": ROUTE_LAT, "lon_deg": ROUTE_LON}
        return phone(world, after_s) if device_id == DEVICE else world.line(device_id, seq=after_s, **fix)

    for second in range(330):
        stage.process_tick(world.tick(second))
        if second in (2, 30):
            passed(world, stage, line(second))
    (reading,) = passed(world, stage, line(330))
    assert ("reading_gap" in {finding.rule for finding in reading.findings}) is told
