"""The rule for false positions opens on jumps, mirrors and frozen fixes, not on jitter, tunnels or a lone bad fix."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from detectors.position_spoofing import PositionSpoofing

METRE = 1.0 / 111_195.0
STEP_S = 30.0
SEED = 961


def truck(first: int, last: int, aside_m: float = 0.0, seed: int = 1, **other: Any) -> list[dict[str, Any]]:
    """A truck northward at 90 km/h, a reading in 30 s, its receiver's noise 8 m; ``aside_m``: its fixes are east."""
    return [at(k, 750.0 * k, aside_m, seed, **other) for k in range(first, last)]


def at(k: float, north_m: float, east_m: float = 0.0, seed: int = 1, **other: Any) -> dict[str, Any]:
    rng = random.Random(f"{seed}/{k}/{north_m}")
    lat = 27.6 + (north_m + rng.gauss(0, 8)) * METRE
    lon = -99.5 + (east_m + rng.gauss(0, 8)) * METRE / math.cos(math.radians(27.6))
    place = {"lat_deg": round(lat, 6), "lon_deg": round(lon, 6), "speed_kmh": 90.0, "accuracy_m": 8.0}
    return {**place, "time_ms": round(1_000 * STEP_S * k), **other}


def variant(rule: PositionSpoofing, batch: Any) -> Any:
    return rule.evidence(batch(), 0)["variant"]


def test_a_track_that_jumped_opens_at_its_second_fix_and_closes_when_it_jumps_back(hear, batch) -> None:
    rule = PositionSpoofing()
    said = hear(rule, *truck(0, 5), *truck(5, 20, aside_m=9_000))
    assert said == ["-"] * 6 + ["trip"] * 14
    assert variant(rule, batch) == "jumped"
    assert hear(rule, *truck(20, 24)) == ["clear", "-", "-", "-"]


@pytest.mark.parametrize("mirror", [(-1, 1), (1, -1), (-1, -1)])
def test_a_mirrored_track_is_called_so(hear, batch, mirror: tuple[int, int]) -> None:
    rule = PositionSpoofing()
    mirrored = [{**r, "lat_deg": mirror[0] * r["lat_deg"], "lon_deg": mirror[1] * r["lon_deg"]} for r in truck(5, 9)]
    assert hear(rule, *truck(0, 5), *mirrored) == ["-"] * 6 + ["trip"] * 3
    assert variant(rule, batch) == "mirrored"
    assert hear(rule, *truck(9, 11)) == ["clear", "-"]


def test_latitude_and_longitude_exchanged_are_a_mirror_too(hear, batch) -> None:
    rule = PositionSpoofing()
    places = [at(k, 0.0, lat_deg=27.6 + 0.001 * k, lon_deg=85.0) for k in range(3)]
    swapped = [{**p, "lat_deg": 85.0, "lon_deg": 27.6} for p in [at(k, 0.0) for k in range(3, 6)]]
    assert hear(rule, *places, *swapped)[-1] == "trip"
    assert variant(rule, batch) == "mirrored"


def test_a_replay_of_the_track_before_is_a_jump_back(hear) -> None:
    old = [{**r, "time_ms": r["time_ms"] + round(20 * 1_000 * STEP_S)} for r in truck(0, 10)]
    assert hear(PositionSpoofing(), *truck(0, 20), *old, *truck(30, 33)) == (
        ["-"] * 21 + ["trip"] * 9 + ["clear", "-", "-"]
    )


def test_frozen_fixes_open_while_the_speed_drives_on_and_close_when_the_fix_moves(hear, batch) -> None:
    rule = PositionSpoofing()
    frozen = [{**truck(4, 5)[0], "time_ms": r["time_ms"]} for r in truck(5, 25)]
    said = hear(rule, *truck(0, 5), *frozen)
    assert said == ["-"] * 6 + ["trip"] * 19
    assert variant(rule, batch) == "frozen"
    # 15 km further on: what was driven meanwhile is no jump.
    assert hear(rule, *truck(25, 29)) == ["clear", "-", "-", "-"]


def test_a_truck_that_stands_may_repeat_its_fix(hear) -> None:
    still = [{**at(0, 0.0), "time_ms": 30_000 * k, "speed_kmh": 0.0} for k in range(500)]
    assert set(hear(PositionSpoofing(), *still)) == {"-"}


def test_a_lone_bad_fix_is_none(hear) -> None:
    said = hear(PositionSpoofing(), *truck(0, 5), at(5, 60_000.0, 40_000.0), *truck(6, 10))
    assert set(said) == {"-"}


def driven(step_s: float, first: int, last: int, aside_m: float = 0.0, **other: Any) -> list[dict[str, Any]]:
    """The same truck, heard each ``step_s`` seconds."""
    return [at(n * step_s / STEP_S, 25.0 * n * step_s, aside_m, **other) for n in range(first, last)]


@pytest.mark.parametrize("lost", [0, 1, 2, 5, 120])
@pytest.mark.parametrize(("step_s", "aside_m"), [(5.0, 600.0), (30.0, 2_000.0), (30.0, -9_000.0), (120.0, 6_000.0)])
def test_a_lone_bad_fix_is_none_whatever_is_lost_after_it(
    hear, batch, step_s: float, aside_m: float, lost: int
) -> None:
    after = driven(step_s, 21 + lost, 30 + lost)
    readings = [*driven(step_s, 0, 20), *driven(step_s, 20, 21, aside_m), *after]
    rule = PositionSpoofing()
    assert set(hear(rule, *readings)) == {"-"}
    assert doubted(*readings, batch=batch) == [False] * 20 + [True] + [False] * 9
    assert hear(rule, *driven(step_s, 30 + lost, 33 + lost, 60_000.0)) == ["-", "trip", "trip"]


@pytest.mark.parametrize("lost", [0, 1, 120])
def test_a_lone_bad_fix_is_none_where_it_stands(hear, batch, lost: int) -> None:
    yard = [at(k, 0.0, 2_000.0 * (k == 5), speed_kmh=0.0) for k in range(130) if not 5 < k <= 5 + lost]
    assert set(hear(PositionSpoofing(), *yard)) == {"-"}
    assert doubted(*yard, batch=batch).count(True) == 1


@pytest.mark.parametrize("ahead_m", [900.0, 1_150.0, 1_450.0, 1_500.0, 2_200.0])
def test_a_lone_bad_fix_from_which_the_way_on_is_no_jump_is_none(hear, batch, ahead_m: float) -> None:
    readings = [*truck(0, 5), at(5, 3_750.0 + ahead_m), *truck(6, 12)]
    assert set(hear(PositionSpoofing(), *readings)) == {"-"}
    assert doubted(*readings, batch=batch) == [False] * 5 + [True] + [False] * 6


@pytest.mark.parametrize("other", [{"speed_kmh": 0.0}, {"speed_kmh": math.nan}, {"speed_kmh": 40.0}], ids=str)
@pytest.mark.parametrize("ahead_m", [900.0, 1_150.0, 1_600.0, 2_200.0])
def test_a_lone_bad_fix_is_none_whatever_speed_comes_with_it(hear, ahead_m: float, other: dict[str, float]) -> None:
    assert set(hear(PositionSpoofing(), *truck(0, 5), at(5, 3_750.0 + ahead_m, **other), *truck(6, 12))) == {"-"}


@pytest.mark.parametrize(("step_s", "behind_m"), [(30.0, 900.0), (30.0, 1_200.0), (30.0, 2_300.0), (60.0, 4_000.0)])
def test_a_lone_bad_fix_behind_is_none_though_the_way_on_is_a_jump(hear, step_s: float, behind_m: float) -> None:
    """It was no jump itself; and whoever jumps afterwards is told of."""
    bad = at(5 * step_s / STEP_S, 25.0 * step_s * 5 - behind_m)
    rule = PositionSpoofing()
    assert set(hear(rule, *driven(step_s, 0, 5), bad, *driven(step_s, 6, 12))) == {"-"}
    assert hear(rule, *driven(step_s, 12, 15, 60_000.0)) == ["-", "trip", "trip"]


def test_bad_fixes_to_either_side_are_none_but_where_one_may_have_driven_to_them(hear) -> None:
    """By chance: of one to each side, 0.8 to 4 km off, few are told, all of them where it may have turned."""
    rng, told = random.Random(SEED), []
    for _ in range(60):
        off_m, way = math.exp(rng.uniform(math.log(800.0), math.log(4_000.0))), rng.uniform(0.0, math.tau)
        bad = at(5, 3_750.0 + off_m * math.cos(way), off_m * math.sin(way))
        if "trip" in hear(PositionSpoofing(), *truck(0, 5), bad, *truck(6, 12)):
            told.append(math.hypot(750.0 + off_m * math.cos(way), off_m * math.sin(way)))
    assert len(told) < 8, f"seed {SEED}"
    assert all(abs(from_last_m - 750.0) < 150.0 for from_last_m in told), f"seed {SEED}: {told}"


@pytest.mark.parametrize("lost", [1, 2, 5, 10])
def test_a_false_track_is_told_at_its_second_fix_whatever_was_lost_after_its_first(hear, lost: int) -> None:
    """The control: whoever drives on from a jump, and cannot have come there without it."""
    false = [*truck(5, 6, aside_m=9_000), *truck(6 + lost, 9 + lost, aside_m=9_000)]
    assert hear(PositionSpoofing(), *truck(0, 5), *false) == ["-"] * 6 + ["trip"] * 3


@pytest.mark.parametrize("step_s", [30.0, 120.0])
def test_a_false_track_is_told_from_where_the_truck_may_be_by_its_speed_as_well(hear, step_s: float) -> None:
    """As far behind as it drives from the first fix before the jump to the second after it: as if it had turned."""
    back = [at(n * step_s / STEP_S, 25.0 * step_s * (n - 4.0)) for n in range(5, 8)]
    assert hear(PositionSpoofing(), *driven(step_s, 0, 5), *back) == ["-"] * 6 + ["trip"] * 2


def test_what_one_round_has_of_many_devices_is_judged_as_each_alone_also_after_a_restart(batch) -> None:
    """One goes on from before its jump, one from it, one jumps back, one drives on: in the same rounds."""
    after = truck(7, 10)
    devices = [
        [*truck(0, 5), *truck(5, 6, aside_m=2_000), *after],
        [*truck(0, 5), *truck(5, 6, aside_m=9_000), *truck(7, 10, aside_m=9_000)],
        [*truck(0, 5), *truck(5, 6, aside_m=60_000), *after],
        [*truck(0, 6), *after],
    ]
    alone = []
    for readings in devices:
        rule = PositionSpoofing()
        rule.columns.ensure(1)
        verdicts = [rule.judge(batch(rows=[0], **reading)) for reading in readings]
        alone.append([(int(v.level[0]), v.doubted is not None and bool(v.doubted[0])) for v in verdicts])
    together: list[list[tuple[int, bool]]] = [[] for _ in devices]
    rule = PositionSpoofing()
    rule.columns.ensure(len(devices))
    for readings in zip(*devices, strict=True):
        before, rule = rule, PositionSpoofing()
        rule.columns.ensure(len(devices))
        for row, values in enumerate(before.columns.dump_rows(range(len(devices)))):
            rule.columns.set_row(row, values)
        verdict = rule.judge(batch(len(devices), **{name: [r[name] for r in readings] for name in readings[0]}))
        doubts = [False] * len(devices) if verdict.doubted is None else verdict.doubted.tolist()
        for said, level, doubt in zip(together, verdict.level.tolist(), doubts, strict=True):
            said.append((level, doubt))
    assert together == alone
    assert [max(level for level, _ in said) for said in alone] == [0, 1, 0, 0]


def test_of_a_device_that_tells_no_speed_nobody_knows_which_track_it_left(hear) -> None:
    mute = {"speed_kmh": math.nan}
    readings = [*truck(0, 5, **mute), *truck(5, 6, aside_m=2_000, **mute), *truck(7, 10, **mute)]
    assert hear(PositionSpoofing(), *readings) == ["-"] * 6 + ["trip"] * 3


@pytest.mark.parametrize("repeats", [1, 2, 10])
def test_a_first_fix_where_the_receiver_was_switched_off_is_no_track(hear, batch, repeats: int) -> None:
    """Booked before it, with it, or with the first true one. The controls: what is held for long, or two fixes."""
    for booked in (None, 0, repeats):
        kept = at(0, 0.0, 90_000.0, speed_kmh=0.0, guarded=booked != repeats)
        stale = [{**kept, "time_ms": at(k, 0.0)["time_ms"]} for k in range(repeats)]
        drive = [{**r, "new_shipment": k == booked} for k, r in enumerate([*stale, *truck(repeats, 20)])]
        rule = PositionSpoofing()
        assert set(hear(rule, *drive)) == {"-"}
        assert doubted(*drive, batch=batch) == [False] * 20
        assert hear(rule, *truck(20, 23, aside_m=9_000.0)) == ["-", "trip", "trip"]
    held = [{**kept, "time_ms": at(k, 0.0)["time_ms"], "guarded": True} for k in range(11)]
    assert hear(PositionSpoofing(), *held, *truck(11, 14))[11:] == ["-", "trip", "trip"]
    moving = [at(k, 0.0, 90_000.0 + 5.0 * k, speed_kmh=0.0) for k in range(2)]
    assert hear(PositionSpoofing(), *moving, *truck(2, 5)) == ["-", "-", "-", "trip", "trip"]


def test_who_jumps_from_its_first_fix_on_and_does_not_end_is_told(hear) -> None:
    """One jump is left open, and no more: after it whoever goes on jumping has a track that is doubted."""
    jumps = [r for k in range(20) for r in truck(k, k + 1, aside_m=90_000.0 * (-1) ** k * k)]
    assert hear(PositionSpoofing(), *jumps) == ["-"] * 3 + ["trip"] * 17


def told_late(drive: list[dict[str, Any]], k: int, shift_s: float) -> list[dict[str, Any]]:
    """The same drive, of which one reading's time is wrong; what then comes before what was told says nothing."""
    wrong = {**drive[k], "time_ms": drive[k]["time_ms"] + round(1_000 * shift_s)}
    wrong["in_order"] = k == 0 or wrong["time_ms"] >= drive[k - 1]["time_ms"]
    return [*drive[:k], wrong, *drive[k + 1 :]]


WRONG_S = (-200, -100, -60, -30, -29, -20, -5, 5, 20, 29, 30, 45, 60, 200, 290)


@pytest.mark.parametrize("shift_s", WRONG_S)
@pytest.mark.parametrize("k", [1, 2, 60])
def test_one_wrong_time_opens_nothing_and_is_soon_forgotten(hear, batch, shift_s: float, k: int) -> None:
    drive = told_late(truck(0, 80), k, shift_s)
    assert set(hear(PositionSpoofing(), *drive)) == {"-"}
    assert not any(doubted(*drive, batch=batch)[k + 6 :])


@pytest.mark.parametrize("shift_s", WRONG_S)
def test_a_track_that_jumps_is_told_whatever_time_was_wrong_before(hear, shift_s: float) -> None:
    """The control: these steps are no clock's."""
    away = truck(60, 70, aside_m=9_000)
    said = hear(PositionSpoofing(), *told_late(truck(0, 60), 55, shift_s), *away, *truck(70, 73))
    assert said == ["-"] * 61 + ["trip"] * 9 + ["clear", "-", "-"]


@pytest.mark.parametrize("shift_s", WRONG_S)
def test_a_track_that_jumps_back_is_believed_whatever_time_was_wrong_meanwhile(hear, shift_s: float) -> None:
    away = told_late(truck(10, 40, aside_m=60_000), 10, shift_s)
    assert hear(PositionSpoofing(), *truck(0, 10), *away, *truck(40, 45))[-5:] == ["clear", "-", "-", "-", "-"]


@pytest.mark.parametrize("ahead_s", [10, 25, 29, 40, 100, 290])
def test_a_clock_that_is_set_right_is_no_jump(hear, ahead_s: float) -> None:
    fast = [{**r, "time_ms": r["time_ms"] + round(1_000 * ahead_s)} for r in truck(0, 60)]
    assert set(hear(PositionSpoofing(), *fast, *truck(60, 90))) == {"-"}


def test_a_jump_as_the_clock_is_set_right_is_one(hear) -> None:
    """The control: as far as it may have driven, the truck is nowhere near."""
    fast = [{**r, "time_ms": r["time_ms"] + 60_000} for r in truck(0, 60)]
    assert hear(PositionSpoofing(), *fast, *truck(60, 64, aside_m=9_000)) == ["-"] * 61 + ["trip"] * 3


@pytest.mark.parametrize("shift_s", WRONG_S)
def test_a_track_that_falls_back_is_told_whatever_time_was_wrong_before(hear, shift_s: float) -> None:
    said = hear(PositionSpoofing(), *told_late(truck(0, 60), 58, shift_s), *falling_back(60, 80))
    assert "trip" in said[60:68]


@pytest.mark.parametrize("seed", range(5))
def test_jitter_of_a_bad_sky_is_none(hear, seed: int) -> None:
    rng = random.Random(seed)
    drive = truck(0, 300, seed=seed)
    for reading in drive:
        if rng.random() < 0.1:
            reading["lat_deg"] += rng.gauss(0, 60) * METRE
            reading["accuracy_m"] = 60.0
    assert set(hear(PositionSpoofing(), *drive)) == {"-"}


def test_a_tunnel_or_a_dead_zone_is_no_jump(hear) -> None:
    dark = [{**r, "lat_deg": math.nan, "lon_deg": math.nan} for r in truck(5, 12)]
    assert set(hear(PositionSpoofing(), *truck(0, 5), *dark, *truck(12, 15))) == {"-"}
    assert set(hear(PositionSpoofing(), *truck(0, 5), *truck(60, 65))) == {"-"}


def test_a_device_that_reports_every_quarter_of_an_hour_may_drive(hear) -> None:
    assert set(hear(PositionSpoofing(), *truck(0, 600)[::30])) == {"-"}


def test_readings_of_one_millisecond_may_be_a_little_apart(hear) -> None:
    assert set(hear(PositionSpoofing(), *[at(1, 60.0 * i) for i in range(4)])) == {"-"}


def test_a_track_that_stays_where_it_jumped_to_is_believed_in_the_end(hear) -> None:
    said = hear(PositionSpoofing(), *truck(0, 5), *truck(5, 260, aside_m=300_000))
    assert said.count("clear") == 1
    assert 240 <= said.index("clear") <= 248
    assert set(said[said.index("clear") + 1 :]) == {"-"}


@pytest.mark.parametrize(("changes", "after"), [(True, ["clear", "-", "-"]), (False, ["trip"] * 3)])
def test_what_was_doubted_under_one_shipment_is_not_told_of_the_next(hear, changes: bool, after: list[str]) -> None:
    """A false track that began unseen ended by a jump to the true one, on which the next journey begins."""
    rule = PositionSpoofing()
    assert hear(rule, *truck(0, 5, aside_m=9_000), *truck(5, 9))[-1] == "trip"
    first, *others = truck(9, 12)
    assert hear(rule, {**first, "new_shipment": changes}, *others) == after


def test_that_the_next_shipment_begins_without_a_fix_or_with_a_bad_one_tells_nothing_of_the_one_before(hear) -> None:
    dark = {"time_ms": round(9_000 * STEP_S), "new_shipment": True}
    lone = {**truck(9, 10, aside_m=-9_000)[0], "new_shipment": True}
    for first in (dark, lone):
        rule = PositionSpoofing()
        assert hear(rule, *truck(0, 5, aside_m=9_000), *truck(5, 9))[-1] == "trip"
        assert "trip" not in hear(rule, first, *truck(10, 14))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("false_until", [10, 11, 20])
def test_a_false_track_that_is_left_under_the_next_shipment_leaves_the_true_one_undoubted(
    hear, batch, false_until: int, dark: bool
) -> None:
    """It was told of the shipment that ended at the tenth reading; of the next nobody is told."""
    readings = [*truck(0, 5), *truck(5, false_until, aside_m=9_000), *truck(false_until, 40)]
    readings[10]["new_shipment"] = True
    if dark:
        readings[10] = {"time_ms": readings[10]["time_ms"], "new_shipment": True}
    rule = PositionSpoofing()
    assert hear(rule, *readings[:10])[-1] == "trip"
    assert set(hear(rule, *readings[10:])) <= {"-", "clear"}
    assert not any(doubted(*readings, batch=batch)[false_until:])


@pytest.mark.parametrize("begins", [12, 30])
def test_once_the_true_track_is_found_again_a_jump_under_the_next_shipment_is_one(hear, begins: int) -> None:
    first, *others = truck(10, begins)
    rule = PositionSpoofing()
    assert hear(rule, *truck(0, 5), *truck(5, 10, aside_m=9_000))[-1] == "trip"
    hear(rule, {**first, "new_shipment": True}, *others)
    assert hear(rule, *truck(begins, begins + 3, aside_m=9_000))[-1] == "trip"


@pytest.mark.parametrize("stale", [1, 2, 3])
def test_a_device_that_was_carried_and_switched_on_before_its_shipment_is_not_told_of(hear, stale: int) -> None:
    """Its first fixes are of where it was switched off, 1,500 km away; then it stands in the yard, and is booked."""
    first = [at(k, 1_500_000.0, guarded=False, speed_kmh=0.0) for k in range(stale)]
    before = [at(k, 0.0, guarded=False, speed_kmh=0.0) for k in range(stale, 20)]
    booked = [at(k, 0.0, new_shipment=k == 20, speed_kmh=0.0) for k in range(20, 60)]
    assert set(hear(PositionSpoofing(), *first, *before, *booked)) == {"-"}


def test_steps_of_a_day_before_are_not_told_of_a_shipment(hear) -> None:
    rule = PositionSpoofing()
    hear(rule, *truck(0, 10, guarded=False), *falling_back(10, 30, guarded=False))
    later = [at(k, 0.0, new_shipment=k == 2_400, speed_kmh=0.0) for k in range(2_400, 2_420)]
    assert set(hear(rule, *later)) == {"-"}


def test_what_was_left_open_is_forgotten_after_hours(hear) -> None:
    """Elsewhere than where the trusted track may have come, and at any place after two hours, a jump is one."""
    first, *others = truck(10, 12, aside_m=9_000)
    begun = [*truck(0, 5), *truck(5, 10, aside_m=9_000), {**first, "new_shipment": True}, *others]
    far, late = PositionSpoofing(), PositionSpoofing()
    hear(far, *begun)
    assert hear(far, *truck(12, 16, aside_m=900_000))[-1] == "trip"
    hear(late, *begun, *truck(12, 260, aside_m=9_000))
    assert hear(late, *truck(260, 264))[-1] == "trip"


def test_steps_that_the_speed_contradicts_are_not_told_of_the_next_shipment(hear) -> None:
    rule = PositionSpoofing()
    assert hear(rule, *truck(0, 10), *falling_back(10, 30))[-1] == "trip"
    north_m = 750.0 * 29 - 187.5 * 20
    onwards = [at(k, north_m + 750.0 * (k - 29), new_shipment=k == 30) for k in range(30, 50)]
    assert "trip" not in hear(rule, *onwards)


def test_a_jump_as_the_shipment_changes_is_one(hear) -> None:
    jumped = [{**r, "new_shipment": n == 0} for n, r in enumerate(truck(5, 8, aside_m=9_000))]
    assert hear(PositionSpoofing(), *truck(0, 5), *jumped)[-1] == "trip"


def doubted(*readings: dict[str, Any], batch: Any) -> list[bool]:
    """Whether the rule would have others go by each fix."""
    rule = PositionSpoofing()
    rule.columns.ensure(1)
    verdicts = [rule.judge(batch(rows=[0], **reading)) for reading in readings]
    return [v.doubted is not None and bool(v.doubted[0]) for v in verdicts]


def test_a_fix_is_doubted_from_the_first_that_jumped_until_it_is_back(batch) -> None:
    there_and_back = [*truck(0, 5), *truck(5, 12, aside_m=9_000), *truck(12, 15)]
    assert doubted(*there_and_back, batch=batch) == [False] * 5 + [True] * 7 + [False] * 3


def falling_back(first: int, last: int, **other: Any) -> list[dict[str, Any]]:
    """The same truck, whose fixes lose a quarter of its way and so lie behind it, 190 m more each step."""
    return [at(k, 750.0 * k - 187.5 * (k - first + 1), **other) for k in range(first, last)]


def test_a_fix_that_its_own_speed_contradicts_is_doubted_long_before_that_is_told(batch) -> None:
    assert doubted(*truck(0, 5), *falling_back(5, 8), batch=batch) == [False] * 5 + [True] * 3


def test_a_track_that_is_slower_and_says_so_is_not_doubted(batch) -> None:
    behind = falling_back(5, 12, speed_kmh=67.5)[1:]  # what is away from its companions, as it says, may be parted
    assert doubted(*behind, batch=batch) == [False] * 6


def test_a_lone_bad_fix_is_doubted_and_nothing_else(batch) -> None:
    said = doubted(*truck(0, 5), *truck(5, 6, aside_m=9_000), *truck(6, 9), batch=batch)
    assert said == [False] * 5 + [True] + [False] * 3


def test_a_repeated_fix_is_doubted_on_the_move_and_not_where_it_stands(batch) -> None:
    drives = [*truck(0, 5), *({**at(4, 3_000.0), "time_ms": 30_000 * k} for k in range(5, 8))]
    assert doubted(*drives, batch=batch) == [False] * 5 + [True] * 3
    stands = [{**reading, "speed_kmh": 0.0} for reading in drives]
    assert doubted(*stands, batch=batch) == [False] * 8


def test_late_readings_say_and_teach_nothing(hear) -> None:
    rule, undisturbed = PositionSpoofing(), PositionSpoofing()
    late = at(-1, 500_000.0, in_order=False)
    assert set(hear(rule, *[r for reading in truck(0, 8) for r in (reading, late)])) == {"-"}
    hear(undisturbed, *truck(0, 8))
    assert str(rule.columns.row(0)) == str(undisturbed.columns.row(0))


def test_a_late_fix_that_is_the_newest_teaches_nothing_but_since_when_there_is_none(hear) -> None:
    rule, undisturbed = PositionSpoofing(), PositionSpoofing()
    late = at(9, 500_000.0, speed_kmh=40.0, in_order=False)
    assert set(hear(rule, *truck(0, 8), *blind(8, 12), late)) == {"-"}
    hear(undisturbed, *truck(0, 8), *blind(8, 12))
    taught, before = rule.columns.row(0), undisturbed.columns.row(0)
    assert {name for name in taught if str(taught[name]) != str(before[name])} == {
        "lit_ms",
        "lit_kmh",
        "blind",
        "gap_s",
    }
    assert (taught["lit_ms"], taught["lit_kmh"], taught["blind"]) == (270_000, 40.0, 0)


def test_what_guards_nothing_is_not_told_of_but_is_once_it_does(hear) -> None:
    away = truck(5, 9, aside_m=9_000, guarded=False)
    assert set(hear(PositionSpoofing(), *truck(0, 5, guarded=False), *away)) == {"-"}
    assert hear(PositionSpoofing(), *truck(0, 5, guarded=False), *away, *truck(9, 10, aside_m=9_000))[-1] == "trip"


@pytest.mark.parametrize(
    ("readings", "features"),
    [
        (truck(5, 9, aside_m=9_000), ["speed_kmh"]),
        ([{**truck(4, 5)[0], "time_ms": r["time_ms"]} for r in truck(5, 25)], ["claimed_km", "repeated_fixes"]),
        ([at(k, 750.0 * (5 + 0.75 * (k - 5))) for k in range(5, 20)], ["moved_km", "strange_steps"]),
        ([{"time_ms": 30_000 * k, "vibration_g": 0.2} for k in range(5, 400)], ["dark_s", "fixless_readings"]),
    ],
)
def test_the_features_named_are_those_without_which_there_would_be_no_alert(hear, batch, readings, features) -> None:
    rule = PositionSpoofing()
    assert hear(rule, *truck(0, 5), *readings[:-1])[-1] == "trip"
    last = batch(**readings[-1])
    score = float(rule.judge(last).score[0])
    why = rule.why(last, 0)
    evidence = why.evidence()
    assert evidence["features"].split(",") == features
    assert why.score() == pytest.approx(score, abs=1e-12)  # by the rule's own function
    for feature in features:
        assert evidence[f"falls_{feature}"] > 0.05
        assert why.score(**{feature: why.usual[feature]}) < why.below <= score


def test_evidence_says_the_jump_and_the_bound(hear, batch) -> None:
    rule = PositionSpoofing()
    hear(rule, *truck(0, 5), *truck(5, 8, aside_m=9_000))
    evidence = {**rule.why(batch(), 0).evidence(), **rule.evidence(batch(), 0)}
    assert evidence["jump_km"] == pytest.approx(9.03, abs=0.1)
    assert evidence["speed_kmh"] == pytest.approx(1_084, rel=0.02)
    assert (evidence["jump_s"], evidence["speed_max_kmh"]) == (30.0, 160.0)
    assert evidence["what_en"] == "it moved 9.0 km in 30 s"


def blind(first: int, last: int, **other: Any) -> list[dict[str, Any]]:
    """A device that speaks each half minute and has no fix, and so no speed."""
    nowhere = dict.fromkeys(("lat_deg", "lon_deg", "speed_kmh", "accuracy_m"), math.nan)
    return [{**nowhere, "time_ms": round(1_000 * STEP_S * k), **other} for k in range(first, last)]


@pytest.mark.parametrize("pace", [0.75, 1.3])
def test_a_track_that_falls_back_or_gains_while_the_speed_goes_on_opens_and_closes(hear, batch, pace: float) -> None:
    rule = PositionSpoofing()
    false = [{**at(k, 750.0 * (60 + pace * (k - 60)))} for k in range(60, 100)]
    said = hear(rule, *truck(0, 60), *false)
    assert said == ["-"] * 64 + ["trip"] * 36
    assert variant(rule, batch) == "astray"
    assert hear(rule, *[at(k, 750.0 * (60 + pace * 39 + k - 99)) for k in range(100, 110)])[3:5] == ["clear", "-"]


def test_brakes_bends_and_traffic_lights_are_no_false_track(hear) -> None:
    rng, drive, north_m, kmh = random.Random(4), [], 0.0, 50.0
    for k in range(3_000):  # a second each: lights, curves, a crawl and a sprint, with the speed as it is
        kmh = max(0.0, min(80.0, kmh + rng.uniform(-6.0, 6.0) - (25.0 if rng.random() < 0.02 else 0.0)))
        north_m += kmh / 3.6
        told = {"speed_kmh": kmh + rng.uniform(-2.0, 2.0), "time_ms": 1_000 * k}
        drive.append({**at(k, north_m, east_m=900.0 * math.sin(north_m / 600.0) * 0.3), **told})
    assert set(hear(PositionSpoofing(), *drive)) == {"-"}
    assert set(hear(PositionSpoofing(), *drive[::30])) == {"-"}


def test_a_device_without_a_fix_for_longer_than_a_tunnel_is_jammed_while_it_drives_on(hear, batch) -> None:
    rule = PositionSpoofing()
    said = hear(rule, *truck(0, 60), *blind(60, 80, vibration_g=0.2))
    assert said == ["-"] * 69 + ["trip"] * 11
    assert rule.evidence(batch(**blind(79, 80)[0]), 0)["what_en"].startswith("it drives on and has had none for 10 min")
    assert hear(rule, *truck(80, 83)) == ["clear", "-", "-"]


@pytest.mark.parametrize(
    "dark",
    [
        blind(60, 64, vibration_g=0.2),  # a tunnel
        blind(60, 200, vibration_g=0.02),  # a roof: it stands
        blind(60, 200, shock_g=-0.05),
        [],
    ],
)
def test_a_tunnel_and_a_roof_are_no_jamming(hear, dark: list[dict[str, Any]]) -> None:
    assert set(hear(PositionSpoofing(), *truck(0, 60), *dark, *truck(200, 204))) == {"-"}


def test_a_seal_feels_nothing_so_it_must_have_been_on_the_highway(hear) -> None:
    slow = [{**r, "speed_kmh": 55.0} for r in truck(59, 60)]
    assert set(hear(PositionSpoofing(), *truck(0, 59), *slow, *blind(60, 100))) == {"-"}
    assert "trip" in hear(PositionSpoofing(), *truck(0, 60), *blind(60, 100))


def test_a_device_that_tells_its_place_but_now_and_then_is_not_jammed(hear) -> None:
    now_and_then = [r if k % 20 == 0 else blind(k, k + 1, vibration_g=0.2)[0] for k, r in enumerate(truck(0, 600))]
    assert set(hear(PositionSpoofing(), *now_and_then)) == {"-"}
