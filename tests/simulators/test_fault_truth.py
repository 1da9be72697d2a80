"""What a played fault is by the rules' definitions: what else it is as well, and what no rule could have told of it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from contracts.readings import Reading
from detectors import battery_low, position_spoofing, sensor_watch, separation, shock, signal_lost, unplanned_stop
from simulators import Fault, FaultSpec, Fleet, scenarios
from simulators.fault_draws import CLOCKS_S, OUTLIERS_M
from simulators.fault_truth import A_BLOW_G, A_SHARE, A_STOP_MS, HEARD_MS, LOW_PCT, SLIGHT
from simulators.faults import ALSO, ALSO_SLIGHT, SILENCE_INTERVALS, silence_unit_ms
from simulators.life import Life
from simulators.rigs import Rig
from simulators.sick_sensors import FIELDS

START_MS = 1_790_000_000_000
EVERY_MS = 10_000


def simulated_by(spec: FaultSpec, **changes: Any) -> Fleet:
    return Fleet(9, START_MS, 12, faults=[spec], **{"interval_s": 10, "horizon_s": 3600, **changes})


def heard(simulated: Fleet) -> dict[str, list[Reading]]:
    by_device: dict[str, list[Reading]] = defaultdict(list)
    for _, _, reading in simulated.run():
        by_device[reading.device_id].append(reading)
    return by_device


def played(spec: FaultSpec, **changes: Any) -> tuple[list[Fault], dict[str, list[Reading]]]:
    simulated = simulated_by(spec, **changes)
    assert simulated.truth
    return simulated.truth, heard(simulated)


def test_the_simulator_and_the_rules_mean_the_same_by_a_fault() -> None:
    assert shock.Thresholds().threshold_g == A_BLOW_G
    assert battery_low.Thresholds().low_pct == LOW_PCT
    assert sensor_watch.Thresholds().warm_up_values * 60_000 == HEARD_MS
    assert separation.Thresholds().clock_s == CLOCKS_S
    spoofing = position_spoofing.Thresholds()
    assert spoofing.step_share + spoofing.speed_doubt_kmh / 90.0 < A_SHARE < 0.16
    # What hangs on when a reading happens to be sent has room between the two.
    silence = signal_lost.Thresholds()
    assert silence.silent_intervals < SILENCE_INTERVALS
    assert silence.least_s * 1_000.0 / silence.silent_intervals == silence_unit_ms(1_000.0, dead_zones=True)
    assert unplanned_stop.Thresholds().stop_s * 1000.0 < A_STOP_MS


def gaps(size: tuple[float, float], variant: str = "burst") -> FaultSpec:
    return FaultSpec(rule="reading_gap", first_s=(60, 120), every_s=(300, 400), size=size, variants=(variant,))


def test_a_hole_that_outlasts_a_silence_is_one_of_the_same_episode_in_which_nothing_is_heard() -> None:
    truth, by_device = played(gaps((13, 30)))
    holes = {fault.episode_id: fault for fault in truth if fault.rule == "reading_gap"}
    silences = [fault for fault in truth if fault.rule == "signal_lost"]
    assert len(silences) == len(holes) >= 3
    for silent in silences:
        hole = holes[silent.episode_id]
        assert (silent.subject, silent.start_ms, silent.end_ms) == (hole.subject, hole.start_ms, hole.end_ms)
        assert silent.size == hole.size  # readings lost: a device speaks once in each interval
        of = by_device[silent.device_id]
        before = [r for r in of if r.time_ms < silent.start_ms][-1]
        after = next(r for r in of if r.time_ms > before.time_ms)
        assert after.time_ms - before.time_ms > SILENCE_INTERVALS * EVERY_MS


@pytest.mark.parametrize(("dead_zones", "interval_s"), [(True, 30), (False, 10)])
def test_a_silence_outlasts_a_dead_zone_where_there_are_any_however_often_a_device_speaks(
    dead_zones: bool, interval_s: int
) -> None:
    """A jammer's as well as a hole's: of holes of 13 to 30 readings none is one then."""
    life = Life(dead_zones=dead_zones)
    silent = FaultSpec(rule="signal_lost", first_s=(60, 120), every_s=(300, 400), size=(13, 16))
    truth, _ = played(silent, life=life, horizon_s=7_200)
    lasts_s = [(fault.end_ms - fault.start_ms) / 1_000.0 for fault in truth]
    assert all(13 * interval_s <= each <= 16 * interval_s + 10.0 for each in lasts_s)
    holes, _ = played(gaps((13, 30)), life=life, horizon_s=7_200)
    assert ("signal_lost" in {fault.rule for fault in holes}) == (not dead_zones)


@pytest.mark.parametrize(("size", "variant"), [((1, 11), "burst"), ((20, 40), "scattered")])
def test_a_hole_through_which_a_device_is_heard_in_time_is_no_silence(size: tuple[float, float], variant: str) -> None:
    truth, by_device = played(gaps(size, variant))
    assert {fault.rule for fault in truth} == {"reading_gap"}
    for fault in truth:
        around = range(fault.start_ms - EVERY_MS, fault.end_ms + EVERY_MS)
        heard_ms = [r.time_ms for r in by_device[fault.device_id] if r.time_ms in around]
        assert max(b - a for a, b in pairwise(heard_ms)) < (SILENCE_INTERVALS + 1.5) * EVERY_MS


def false_tracks(least_s: float, most_s: float, **changes: Any) -> Fleet:
    """Tracks that are false for so long while their device tells the truck's own speed."""
    often = {"first_s": (60, 90), "every_s": (60, 90), "duration_s": (least_s, most_s)}
    spec = FaultSpec(rule="position_spoofing", variants=("plausible",), **often)
    fleet = simulated_by(spec, **{"horizon_s": 14_400, **changes})
    assert len({fault.episode_id for fault in fleet.truth}) == len(fleet.truth) >= 20, "each is one truth"
    return fleet


def rig_of(fleet: Fleet, fault: Fault) -> Rig:
    (rig,) = [rig for rig in fleet.rigs if any(device.device_id == fault.device_id for device in rig.devices)]
    return rig


def apart_m(fleet: Fleet, fault: Fault, time_ms: float) -> float:
    """How far a false track lies behind where clocks would put its truck on the road, by what is played."""
    rig = rig_of(fleet, fault)
    (played,) = [i for i in rig.injections if int(i.end_ms) == fault.end_ms]
    trip = rig.trip_at(played.start_ms)
    assert trip is not None
    times_ms = [played.start_ms, time_ms - 1000.0 * CLOCKS_S, time_ms, played.end_ms]
    first, earlier, now, last = trip.along_km(np.array(times_ms)).tolist()
    return 1000.0 * (float(played.size) * min(now - first, last - now) - (now - earlier))


def test_a_false_track_as_near_to_its_speed_as_that_may_be_wrong_is_a_parting_to_its_companions() -> None:
    fleet = false_tracks(500, 700)
    shares = {int(i.end_ms): i.size for rig in fleet.rigs for i in rig.injections}
    assert {(shares[fault.end_ms] < A_SHARE, fault.rule, fault.variant, fault.exempt) for fault in fleet.truth} == {
        (True, "separation", SLIGHT, ""),
        (False, "position_spoofing", "plausible", ""),
    }
    assert min(shares.values()) < 0.08 < 0.3 < max(shares.values())
    for fault in fleet.truth:
        parted = fault.rule == "separation"
        assert (fault.units, fault.subject) == (("m", fault.shipment_id) if parted else ("share", fault.device_id))
        assert fault.also == (ALSO_SLIGHT if parted else ALSO["position_spoofing"])


def partings(fleet: Fleet) -> list[Fault]:
    found = [fault for fault in fleet.truth if fault.rule == "separation"]
    assert len(found) >= 5
    return found


def test_it_is_one_from_where_neither_receivers_nor_clocks_would_put_it_so_far_behind() -> None:
    fleet = false_tracks(500, 700)
    for fault in partings(fleet):
        assert apart_m(fleet, fault, fault.start_ms - 2_000) < OUTLIERS_M <= apart_m(fleet, fault, fault.start_ms + 1)
        assert fault.begins_ms is not None
        assert max(apart_m(fleet, fault, ms) for ms in range(fault.begins_ms, fault.end_ms, 1000)) < fault.size - 100


@pytest.mark.parametrize("every_s", [10, 60])
def test_while_it_is_one_all_three_devices_tell_where_they_are_twice_at_least(every_s: float) -> None:
    fleet = false_tracks(400, 700, interval_s=every_s, life=Life(dead_zones=True))
    by_device = heard(fleet)
    for fault in partings(fleet):
        for device in rig_of(fleet, fault).devices:
            of = [r for r in by_device[device.device_id] if fault.start_ms <= r.time_ms < fault.end_ms]
            apart = [r for r in of if apart_m(fleet, fault, r.time_ms) >= OUTLIERS_M]
            assert len(apart) >= 2
            assert all(r.lat_deg is not None for r in apart)


@pytest.mark.parametrize(("least_s", "most_s", "every_s"), [(100, 150, 10), (150, 260, 60)])
def test_one_that_never_lies_so_far_behind_or_not_for_two_of_its_readings_is_nobodys_to_tell(
    least_s: float, most_s: float, every_s: float
) -> None:
    fleet = false_tracks(least_s, most_s, interval_s=every_s)
    slight = [fault for fault in fleet.truth if fault.units == "m" or fault.size < A_SHARE]
    assert {(fault.rule, fault.exempt) for fault in slight} == {("position_spoofing", "slight")}
    far = 0
    for fault in slight:
        apart = [ms for ms in range(fault.start_ms, fault.end_ms, 1000) if apart_m(fleet, fault, ms) >= OUTLIERS_M]
        assert len(apart) <= 2.1 * every_s + 1
        far += len(apart) > 0
    assert (far > 0) == (every_s == 60)


@pytest.mark.parametrize(
    ("rule", "size", "why"),
    [
        ("shock", 3.499, "below"), ("shock", 3.5, ""), ("battery_low", 15.06, "below"), ("battery_low", 15.04, ""),
    ],
)  # fmt: skip
def test_what_does_not_come_to_its_rules_bound_is_below_it_as_it_is_told(rule: Any, size: float, why: str) -> None:
    spec = FaultSpec(rule=rule, first_s=(60, 90), every_s=(300, 400), duration_s=(600, 700), size=(size, size))
    truth, by_device = played(spec)
    assert {fault.exempt for fault in truth} == {why}
    for fault in truth:
        during = [r for r in by_device[fault.device_id] if fault.start_ms <= r.time_ms < fault.end_ms]
        if rule == "shock":
            assert (max(abs(r.shock_g or 0.0) for r in during) >= A_BLOW_G) == (why == "")
        else:
            assert (min(r.battery_pct or 100.0 for r in during) <= LOW_PCT) == (why == "")


@pytest.mark.parametrize("watched", [True, False])
def test_a_sick_sensor_that_the_reference_does_not_declare_is_not_watched(watched: bool) -> None:
    spec = FaultSpec(rule="sensor_anomaly", first_s=(60, 90), every_s=(120, 180), duration_s=(300, 400))
    simulated = Fleet(9, START_MS, 12, faults=[spec], horizon_s=7200, life=Life(watched_sensors=watched))
    assert len(simulated.truth) >= 10
    declared = {
        record.device_id: record.sensor_ranges for record in simulated.reference() if hasattr(record, "sensors")
    }
    texts = {(d.device_id, int(i.end_ms)): i.text for r in simulated.rigs for i in r.injections for d in r.devices}
    for fault in simulated.truth:
        field = FIELDS[texts[fault.device_id, fault.end_ms]]
        assert fault.exempt == ("unheard" if field in declared[fault.device_id] else "unwatched")


def test_a_sensor_is_judged_once_it_was_heard_for_a_day_a_boxs_temperature_with_goods_of_the_same_band() -> None:
    simulated = scenarios.load("hard-sensors").make(1, START_MS, shipments=10)
    sick = [fault for fault in simulated.truth if fault.rule == "sensor_anomaly" and fault.exempt != "unwatched"]
    rigs = {device.device_id: rig for rig in simulated.rigs for device in rig.devices}
    minutes: dict[tuple[str, Any], set[int]] = defaultdict(set)
    for _, _, reading in simulated.run():
        minutes[reading.device_id, None].add(reading.time_ms // 60_000)
        trip = rigs[reading.device_id].trip_at(reading.time_ms)
        if trip is not None:
            minutes[reading.device_id, ("band", trip.band_c)].add(reading.time_ms // 60_000)
    told = set()
    for fault in sick:
        rig = rigs[fault.device_id]
        (injection,) = [i for i in rig.injections if i.rule == fault.rule and int(i.start_ms) == fault.start_ms]
        trip = rig.trip_at(injection.start_ms)
        assert trip is not None
        series = ("band", trip.band_c) if injection.text == "temperature" else None
        heard = sum(minute < fault.start_ms // 60_000 for minute in minutes[fault.device_id, series])
        if abs(heard - HEARD_MS / 60_000) > 30:  # a box is heard from a little before its trip
            told.add(fault.exempt)
            assert fault.exempt == ("" if heard > HEARD_MS / 60_000 else "unheard"), (fault, heard)
    assert told == {"", "unheard"}
