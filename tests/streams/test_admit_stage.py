"""Stage 1: each reading once, joined with what was in force, marked with what is known against it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import frames, topics
from contracts.partitioner import partition_of
from contracts.readings import DOUBTED_FIX, Reading, ShipmentReading, identity
from detectors import position_spoofing

OURS = sorted(
    {f.name for f in msgspec.structs.fields(ShipmentReading)} - {f.name for f in msgspec.structs.fields(Reading)}
)


def parsed(line: bytes) -> dict:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = {}
    return {"device_id": None, "seq": None, **found}


def admit(world, *lines: bytes, book=None, stage=None):
    """(readings, everything) of a frame of these lines."""
    stage = stage or world.admit(book or world.fleet())
    out = stage.process_frame(world.frame(*lines)) + stage.flush()
    # As they were sent: partitions keep an order each, not one between them.
    sent = {(d["device_id"], d["seq"]): i for i, d in reversed(list(enumerate(map(parsed, lines))))}
    return sorted(world.readings(out), key=lambda r: sent[r.device_id, r.seq]), out


def test_a_reading_is_joined_with_what_was_in_force(world) -> None:
    (reading,), _ = admit(world, world.line("box-1", lat_deg=28.0, lon_deg=-99.51, temperature_c=4.0))
    assert (reading.shipment_id, reading.route_id, reading.carrier_scac) == ("S1", "I35", "CRDN")
    assert (reading.device_kind, reading.direction, reading.marks) == ("container", "northbound", ())
    assert reading.along_km == pytest.approx(55.6, rel=0.005)
    assert reading.along_km + reading.remaining_km == pytest.approx(166.8, abs=0.1)
    assert reading.off_route_m == pytest.approx(0.0, abs=1.0)
    assert (reading.inside, reading.ref_version, reading.temperature_c) == ((), 9, 4.0)


def test_a_reading_in_a_place_says_so(world) -> None:
    readings, out = admit(
        world,
        world.line(seq=0, lat_deg=27.5, lon_deg=-99.51),
        world.line(seq=1, lat_deg=28.5, lon_deg=-99.51),
    )
    assert [r.inside for r in readings] == [("yard",), ()]
    assert [(e.type, e.what) for e in world.events(out)] == [
        ("DEVICE_STARTED", "1"), ("GEOFENCE_ENTRY", "yard"), ("GEOFENCE_EXIT", "yard"),
    ]  # fmt: skip


def test_a_reading_joins_the_version_of_its_own_time_not_the_newest(world) -> None:
    t0 = world.t0_ms
    book = world.book(
        world.route(), world.route("MEX85"), world.shipment(1, ends_ms=t0 + 30_000),
        world.shipment(2, effective_ms=t0 + 10_000, device_ids=["truck-1"], route_id="MEX85"),
        world.device("truck-1", effective_ms=t0 + 20_000),
    )  # fmt: skip
    times = [5, 15, 25, 9]
    readings, _ = admit(world, *(world.line(seq=i, after_s=t) for i, t in enumerate(times)), book=book)
    assert [r.shipment_id for r in readings] == ["S1", "S2", "S2", "S1"]
    assert [r.device_kind for r in readings] == [None, None, "truck", None]


def test_a_stranger_is_kept_and_marked(world) -> None:
    (reading,), out = admit(world, world.line("stranger", lat_deg=28.0, lon_deg=-99.51))
    assert reading.marks == ("no_shipment",)
    assert (reading.shipment_id, reading.route_id, reading.carrier_scac, reading.along_km) == (None,) * 4
    frame = next(r for r in out if r.topic == topics.SHIPMENT_READINGS)
    assert frame.partition == partition_of("stranger", world.partitions)


def test_marks_say_gap_late_and_no_fix(world) -> None:
    stage = world.admit(world.fleet())
    stage.process_tick(world.tick(500))
    lines = [
        world.line(seq=0, after_s=501),
        world.line(seq=2, after_s=502),
        world.line(seq=3, after_s=503, lat_deg=0, lon_deg=0),
        world.line(seq=4, after_s=379),
        world.line(seq=1, after_s=380),
        world.line("box-1", seq=7, after_s=100, lat_deg=0.0, lon_deg=0.0),
    ]
    readings, _ = admit(world, *lines, stage=stage)
    assert [r.marks for r in readings] == [(), ("gap",), ("no_fix",), ("late",), (), ("gap", "late", "no_fix")]
    assert readings[2].off_route_m is None
    counted = {"passed": 6, "repeats": 0, "conflicts": 0, "unreadable": 0, "gaps": 2, "late": 2}
    assert stage.counters() == counted | {f"{name}_drill": 0 for name in counted}


def test_a_drill_is_counted_apart_too(world) -> None:
    stage = world.admit(world.fleet())
    stage.process_tick(world.tick(500))
    drill = [
        world.line(seq=0, after_s=501, exercise=True),
        world.line(seq=2, after_s=379, exercise=True),  # late, after a gap
        world.line(seq=2, after_s=379, exercise=True),  # a repeat
        world.line(seq=2, after_s=380, exercise=True),  # a repeat with other content
        b'{"exercise": true, "device_id": 7}',
    ]
    stage.process_frame(world.frame(*drill, world.line("box-1", seq=0, after_s=501)))
    counted = {"passed": 2, "repeats": 2, "conflicts": 1, "unreadable": 1, "gaps": 1, "late": 1}
    assert stage.counters() == {**counted, "passed": 3} | {f"{name}_drill": n for name, n in counted.items()}


def test_only_0_0_is_no_fix(world) -> None:
    readings, _ = admit(world, *(world.line(seq=i, lat_deg=i, lon_deg=0) for i in range(2)))
    assert [r.marks for r in readings] == [("no_fix",), ()]
    assert [(r.lat_deg, r.lon_deg) for r in readings] == [(None, None), (1.0, 0.0)]  # or a map draws it off Africa


def test_repeats_are_dropped_within_a_frame_and_over_frames(world) -> None:
    stage, line = world.admit(world.fleet()), world.line()
    assert len(admit(world, line, line, stage=stage)[0]) == 1
    assert admit(world, line, stage=stage) == ([], [])
    assert stage.counters()["repeats"] == 2


def test_the_same_identity_with_other_bytes_is_dead_lettered_and_the_first_stands(world) -> None:
    stage = world.admit(world.fleet())
    stage.process_tick(world.tick(7))
    first, second = world.line(temperature_c=4.0), world.line(temperature_c=9.0)
    readings, out = admit(world, first, second, stage=stage)
    assert [r.temperature_c for r in readings] == [4.0]
    (letter,) = world.letters(out)
    assert (letter.reason, letter.bytes_held(), letter.topic) == ("identity_conflict", second, topics.READINGS)
    assert letter.time_ms == world.t0_ms + 7_000
    assert "truck-1 has sent boot 1, seq 0 before" in letter.sentence


def test_a_conflict_older_than_256_readings_is_only_a_repeat(world) -> None:
    stage = world.admit(world.fleet())
    admit(world, *(world.line(seq=i) for i in range(300)), stage=stage)
    readings, out = admit(world, world.line(seq=3, door="open"), world.line(seq=250, door="open"), stage=stage)
    assert readings == []
    assert [msgspec.json.decode(letter.bytes_held())["seq"] for letter in world.letters(out)] == [250]


@pytest.mark.parametrize(
    "bad",
    [
        b'{"device_id":"truck-1"}',
        b"nonsense",
        b"\xff\xfe",
        b'{"device_id":"truck-1","boot_id":1,"seq":9,"time_ms":1,"door":"\xff"}',
        b'{"device_id":"truck-1","boot_id":1,"seq":9,"time_ms":"now"}',
        b'{"device_id":"truck-1","boot_id":1,"seq":9,"time_ms":1,"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
        b'{"device_id":"a","boot_id":1,"seq":0,"time_ms":1},{"device_id":"a","boot_id":1,"seq":1,"time_ms":1}',
    ],
    ids=["incomplete", "no JSON", "no text", "no UTF-8", "wrong type", "too deep", "two in a line"],
)
def test_a_bad_line_costs_only_itself(world, bad: bytes) -> None:
    readings, out = admit(world, world.line(seq=0), bad, world.line(seq=1))
    assert [r.seq for r in readings] == [0, 1]
    (letter,) = world.letters(out)
    assert (letter.reason, letter.bytes_held()) == ("bad_json", bad)


texts = st.text(st.characters(codec="utf-8"), max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
plausible = {
    "shipment_id": st.just("S2"), "route_id": st.just("MEX85"), "carrier_scac": st.just("EVIL"),
    "device_kind": st.just("seal"), "direction": st.just("southbound"), "along_km": st.just(1.5),
    "corridor": st.just("EVIL"), "sector": st.just("aerospace"),
    "off_route_m": st.just(0.0), "remaining_km": st.just(2.5), "inside": st.just(["yard"]),
    "ref_version": st.just(10**6), "marks": st.just(["late", "no_fix"]),
    "findings": st.just([["seal_breach", "clear", 0.0, {}]]),
}  # fmt: skip


def test_these_are_the_fields_a_device_has_no_say_in() -> None:
    assert sorted(plausible) == OURS


@given(
    st.fixed_dictionaries({}, optional={name: plausible[name] | anything for name in OURS}),
    st.sampled_from(["truck-1", "stranger"]),
    st.booleans(),
)
def test_what_a_device_says_in_fields_of_ours_never_gets_through(world, forged, device_id: str, placed: bool) -> None:
    place = {"lat_deg": 28.2, "lon_deg": -99.40} if placed else {}
    readings, out = admit(world, world.line(device_id, **place, **forged))
    honest, honest_out = admit(world, world.line(device_id, **place))
    assert readings == honest
    assert [e.event_id for e in world.events(out)] == [e.event_id for e in world.events(honest_out)]
    assert world.letters(out) == []


def test_readings_leave_by_shipment_and_facts_and_ticks_with_their_headers(world) -> None:
    stage = world.admit(world.fleet(), partition=1)
    lines = [world.line(d, seq=i, lat_deg=27.5, lon_deg=-99.51) for d in ("truck-1", "truck-2") for i in range(3)]
    out = stage.process_frame(world.frame(*lines))
    assert world.readings(out) == []
    assert stage.waiting == 6
    out += stage.process_tick(world.tick(5))
    assert stage.waiting == 0
    for record in out:
        kind = frames.kind_of(record.headers)
        if record.topic == topics.SHIPMENT_EVENTS:
            event = msgspec.json.decode(record.value)
            headers = dict(record.headers)
            assert headers["ce_id"].decode() == event["event_id"]
            assert headers["ce_time"] == b"2026-09-21T14:13:20.000Z"
            assert record.key == event["shipment_id"].encode()
        elif kind == "frame":
            assert record.key is None
            for reading in world.readings([record]):
                assert record.partition == partition_of(reading.shipment_id, world.partitions)
    ticks = [r for r in out if frames.kind_of(r.headers) == "tick"]
    assert [r.partition for r in ticks] == [0, 1]
    assert [frames.decode_tick(r.value) for r in ticks] == [world.tick(5, "gateway/1")] * 2
    assert out[-2:] == ticks  # everything before a tick comes out before it


def test_output_is_gathered_over_frames_and_cut_at_500(world) -> None:
    stage, out = world.admit(world.fleet()), []
    for i in range(12):
        out += stage.process_frame(world.frame(*(world.line(seq=100 * i + j) for j in range(100))))
    sizes = [r.value.count(b"\n") for r in out if r.topic == topics.SHIPMENT_READINGS]
    assert sizes == [500, 500]
    assert [r.value.count(b"\n") for r in stage.flush()] == [200]
    assert stage.flush() == []


def test_one_device_with_500_readings_in_a_frame_is_judged_in_order(world) -> None:
    def line(seq: int) -> bytes:
        return world.line("seal-1", seq, seal_state="open" if 100 <= seq < 103 else "armed")

    readings, _ = admit(world, *map(line, range(500)))
    assert [r.seq for r in readings] == list(range(500))
    assert [(r.seq, f.level) for r in readings for f in r.findings] == [
        (100, "trip"), (101, "trip"), (102, "trip"), (103, "clear"),
    ]  # fmt: skip


@pytest.mark.parametrize(("ticks", "told_after"), [(True, 15), (False, None)])
def test_one_reading_of_a_fast_clock_blinds_no_rule_and_no_fact(world, ticks: bool, told_after: int | None) -> None:
    """Without ticks nobody knows what time it is: then the old reading's time stands, and shows what it would cost."""
    stage, told, facts = world.admit(world.fleet()), [], []
    for after_s in range(20):
        if ticks:
            stage.process_tick(world.tick(after_s))
        hot, ahead_s = 30.0 if after_s >= 5 else 5.0, 290 if after_s == 3 else 0
        state = "open" if after_s >= 5 else "armed"
        line = world.line("box-1", seq=after_s, after_s=after_s + ahead_s, temperature_c=hot, seal_state=state)
        (reading,), out = admit(world, line, stage=stage)
        told += [after_s for finding in reading.findings if finding.rule == "temperature_excursion"]
        facts += [event.type for event in world.events(out)]
    assert (told[0] <= told_after) if told_after else (told == [])
    assert ("SEAL_CHANGED" in facts) == ticks


@pytest.mark.parametrize("wrong_s", [0, -60, -20, -5, 5, 20, 60, 100, 290])
def test_one_reading_of_a_wrong_clock_blinds_no_rule_on_places(world, wrong_s: int) -> None:
    """A truck that turns off its road long after: neither the wrong time nor what follows is said to be false."""
    stage, told, doubted = world.admit(world.fleet()), {}, []
    for n in range(40):
        stage.process_tick(world.tick(30 * n))
        lat_deg, east_m = 27.6 + min(n, 20) * 750.0 / 111_195.0, 750.0 * max(0, n - 20)
        place = {"lat_deg": lat_deg, "lon_deg": -99.51 + east_m / 98_500.0, "speed_kmh": 90.0}
        line = world.line(seq=n, after_s=30.0 * n + (wrong_s if n == 10 else 0), **place)
        (reading,), _ = admit(world, line, stage=stage)
        for finding in reading.findings:
            told.setdefault(finding.rule, n)
        if DOUBTED_FIX in reading.marks:
            doubted.append(n)
    assert told == {"route_deviation": 23}
    assert not doubted or max(doubted) <= 13


def jumped(seq: int) -> dict[str, float]:
    """Northward at 90 km/h, a reading in 10 s; the fixes of 10 to 29 are 10 km east."""
    east_deg = 0.1 if 10 <= seq < 30 else 0.0
    return {"lat_deg": 27.6 + seq * 250.0 / 111_195.0, "lon_deg": -99.51 + east_deg, "speed_kmh": 90.0}


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_false_track_is_told_as_that_and_not_as_leaving_the_road_too(world, cut: int) -> None:
    lines = [world.line(seq=n, after_s=10.0 * n, **jumped(n)) for n in range(40)]
    stage = world.admit(world.fleet())
    readings = [r for i in range(0, 40, cut) for r in admit(world, *lines[i : i + cut], stage=stage)[0]]
    assert [r.seq for r in readings if DOUBTED_FIX in r.marks] == list(range(10, 30))
    assert {f.rule for r in readings for f in r.findings} == {"position_spoofing"}
    assert all(r.off_route_m is not None and r.lat_deg is not None for r in readings)  # kept as it was told


def test_what_nobody_doubts_is_told_as_leaving_the_road(world) -> None:
    """The control: the same places, and a rule on movement that lets everything pass."""
    believing = {"position_spoofing": position_spoofing.Thresholds(speed_max_kmh=1e6)}
    stage = world.admit(world.fleet(), thresholds=believing)
    readings, _ = admit(world, *(world.line(seq=n, after_s=10.0 * n, **jumped(n)) for n in range(40)), stage=stage)
    assert {f.rule for r in readings for f in r.findings} == {"route_deviation"}


def test_a_new_version_of_the_reference_counts_from_the_next_frame_on(world) -> None:
    book = world.fleet()
    stage = world.admit(book)
    assert admit(world, world.line(seq=0), stage=stage)[0][0].shipment_id == "S1"
    book.apply(world.shipment(9, effective_ms=world.t0_ms, device_ids=["truck-1"]))
    (reading,), _ = admit(world, world.line(seq=1), stage=stage)
    assert (reading.shipment_id, reading.ref_version) == ("S9", 10)


def test_a_drill_is_judged_apart_from_the_real(world) -> None:
    stage = world.admit(world.fleet())
    off = {"lat_deg": 28.0, "lon_deg": -99.40}
    drill = [world.line(seq=i, exercise=True, **off) for i in range(2)]
    real = [world.line(seq=i, **off) for i in range(2, 4)]
    drilled = [world.line(seq=i, exercise=True, **off) for i in range(4, 6)]
    readings, out = admit(world, *drill, *real, *drilled, stage=stage)
    assert [bool(r.findings) for r in readings] == [False, False, False, False, True, True]
    assert all(r.exercise and f.level == "trip" for r in readings for f in r.findings)
    assert [identity(r)[2] for r in readings] == list(range(6))
    assert [(e.type, e.exercise) for e in world.events(out)] == [("DEVICE_STARTED", True), ("DEVICE_STARTED", False)]


def test_a_checkpoint_holds_only_what_changed(world) -> None:
    stage = world.admit(world.fleet())
    stage.process_frame(world.frame(world.line("truck-1"), world.line("box-1")))
    layout = f"s/{stage.screen.packed.layout_id}"
    assert {k for k, _ in stage.changes()} == {"d/truck-1", "d/box-1", layout, "c"}
    stage.process_frame(world.frame(world.line("box-1", 1), world.line("box-1", 1)))
    stage.process_tick(world.tick(1))
    assert {k for k, _ in stage.changes()} == {"d/box-1", "t", "c"}
    assert {k for k, _ in stage.changes()} == {"c"}
    stage.process_frame(world.frame(*(world.line("box-1", seq) for seq in range(2, 40))))
    assert {k for k, _ in stage.changes()} == {"d/box-1", "h/box-1/0", "c"}


def test_what_is_late_is_late_after_a_restart_too(world) -> None:
    stage, saved = world.admit(world.fleet()), {}
    stage.process_tick(world.tick(500))
    world.checkpoint(stage, saved)
    other = world.admit(world.fleet())
    for key, value in saved.items():
        other.restore(key, value)
    readings, _ = admit(world, world.line(after_s=379), world.line(seq=1, after_s=380), stage=other)
    assert [r.marks for r in readings] == [("late",), ()]


def test_counters_are_of_the_partitions_whole_life(world) -> None:
    stage, saved = world.admit(world.fleet()), {}
    admit(world, world.line(), world.line(), stage=stage)
    world.checkpoint(stage, saved)
    other = world.admit(world.fleet())
    for key, value in saved.items():
        other.restore(key, value)
    admit(world, world.line(), world.line(seq=1), stage=other)
    assert (other.counters()["passed"], other.counters()["repeats"]) == (2, 2)
