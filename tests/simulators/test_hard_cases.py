"""What is hard to tell is there, its sizes drawn, its truth beside it; and so is the normal life that looks like it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.readings import Reading
from contracts.reference import Notice, Shipment
from simulators import Fault, FaultSpec, Fleet, climate, scenarios
from simulators.delays import Delays
from simulators.fault_draws import CLOCKS_S, OUTLIERS_M
from simulators.fault_effects import failing_level
from simulators.fault_truth import A_BLOW_G, LOW_PCT
from simulators.faults import BURST_S, HARD, NOT_IN_EVERY_LINE, OF_SHIPMENT, Injection
from simulators.journeys import LOT_KMH, Trip
from simulators.life import Life
from simulators.places import BRIDGES
from simulators.sick_sensors import FIELDS, SATURATED, USUAL_NOISE
from streams.reference_book import ReferenceBook

START_MS = 1_790_000_000_000
SEED = 7
EVERY_MS = 30_000
CLOCKS_MS = 2_000  # no clock is further off


class Played:
    """A fleet's run by device, and what was true."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.by_device: dict[str, list[Reading]] = defaultdict(list)
        self.sent_ms: dict[tuple[str, int, int], int] = {}
        for send_ms, _, reading in fleet.run():
            self.by_device[reading.device_id].append(reading)
            self.sent_ms[reading.device_id, reading.boot_id, reading.seq] = send_ms

    def faults(self, rule: str, variant: str) -> list[Fault]:
        found = [fault for fault in self.fleet.truth if (fault.rule, fault.variant) == (rule, variant)]
        assert found, (rule, variant)
        return found

    def during(self, fault: Fault, device_id: str | None = None) -> list[Reading]:
        """Readings within a fault, whatever their device's clock is off."""
        of = self.by_device[device_id or fault.device_id]
        return [r for r in of if fault.start_ms + 2 * CLOCKS_MS <= r.time_ms < fault.end_ms - CLOCKS_MS]

    def injection(self, fault: Fault) -> Injection:
        """What its truck's devices play."""
        rig = next(r for r in self.fleet.rigs if any(d.device_id == fault.device_id for d in r.devices))
        begins_ms = fault.start_ms + CLOCKS_MS if fault.begins_ms is None else fault.begins_ms
        (found,) = [i for i in rig.injections if i.rule == fault.rule and abs(i.start_ms - begins_ms) <= 1.0]
        return found

    def beside(self, other: Played, fault: Fault, field: str) -> list[tuple[float, float]]:
        """What a device told within a fault, and what it told there in another run of the same devices."""
        told = {r.time_ms: getattr(r, field) for r in other.by_device[fault.device_id]}
        found = [(getattr(r, field), told[r.time_ms]) for r in self.during(fault)]
        assert len(found) >= 10
        return found

    def trip(self, fault: Fault) -> Trip:
        return next(t for rig in self.fleet.rigs for t in rig.trips if t.shipment_id == fault.shipment_id)

    def devices(self, fault: Fault) -> dict[str, str]:
        """Device ids by kind of the truck that a fault is of."""
        rig = next(r for r in self.fleet.rigs if any(t.shipment_id == fault.shipment_id for t in r.trips))
        return {device.kind: device.device_id for device in rig.devices}


@pytest.fixture(scope="module")
def hard() -> Played:
    return Played(scenarios.load("hard").make(SEED, START_MS))


@pytest.fixture(scope="module")
def well() -> Played:
    """The same ten hours with all sensors well: what they would have told."""
    fleet = scenarios.load("hard").make(SEED, START_MS)
    for rig in fleet.rigs:
        rig.injections = [i for i in rig.injections if i.rule not in ("sensor_anomaly", "sensor_stuck")]
    return Played(fleet)


@pytest.fixture(scope="module")
def calm() -> Played:
    return Played(scenarios.load("quiet-hard").make(SEED, START_MS, horizon_s=72_000))


UNITS_TOLD = {  # degrees Fahrenheit for Celsius, a share for per cent, m/s² for g
    "temperature_c": (1.8, 32.0),
    "humidity_pct": (0.01, 0.0),
    "shock_g": (9.80665, 0.0),
    "vibration_g": (9.80665, 0.0),
}


def apart(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two places, in degrees."""
    return math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0]))) * 111_195.0


def metres(a: Reading, b: Reading) -> float:
    one, other = ((r.lat_deg or 0.0, r.lon_deg or 0.0) for r in (a, b))
    return apart(one, other)


def claimed_m(a: Reading, b: Reading) -> float:
    """How far a device says that it drove between two readings."""
    return ((a.speed_kmh or 0.0) + (b.speed_kmh or 0.0)) / 2 / 3.6 * (b.time_ms - a.time_ms) / 1000.0


def no_fix(reading: Reading) -> bool:
    return (reading.lat_deg, reading.lon_deg) == (0.0, 0.0)


def without_fix(of: list[Reading]) -> Iterator[list[Reading]]:
    """Runs of readings without a fix."""
    run: list[Reading] = []
    for reading in of:
        if no_fix(reading):
            run.append(reading)
        elif run:
            yield run
            run = []


def test_every_hard_case_is_played_several_times_in_sizes_that_are_drawn(hard: Played) -> None:
    for rule, variants in HARD.items():
        for variant in variants:
            episodes = {fault.episode_id: fault for fault in hard.faults(rule, variant)}
            sizes = {fault.size for fault in episodes.values()}
            # A box left at a rest for good comes as far apart as the way from there is long: two of one rest, as far.
            alike = variant == "unit" or (variant == "swapped" and len(sizes) > len(episodes) / 2)
            assert len(sizes) == len(episodes) or alike, (rule, variant)
            assert all(fault.units for fault in episodes.values())


def test_the_truth_is_the_seeds(hard: Played) -> None:
    assert scenarios.load("hard").make(SEED, START_MS).truth == hard.fleet.truth
    assert scenarios.load("hard").make(SEED + 1, START_MS).truth != hard.fleet.truth


def test_the_truth_speaks_of_devices_and_shipments_that_are_known(hard: Played) -> None:
    shipments = {record.shipment_id for record in hard.fleet.reference() if isinstance(record, Shipment)}
    for fault in hard.fleet.truth:
        assert fault.shipment_id in shipments
        assert fault.subject == (fault.shipment_id if fault.rule in OF_SHIPMENT else fault.device_id)
        assert START_MS <= fault.start_ms < fault.end_ms <= hard.fleet.ends_ms


def test_a_slow_drift_stays_inside_the_corridor_for_long_and_is_a_fault_once_it_is_out(hard: Played) -> None:
    for fault in hard.faults("route_deviation", "slow"):
        way, half_m = hard.trip(fault).way, hard.fleet.half_width_m
        of = hard.by_device[fault.device_id]
        off_m = {
            r.time_ms: float(way.off_m(np.array([r.lat_deg]), np.array([r.lon_deg]))[0])
            for r in of
            if fault.start_ms - 900_000 <= r.time_ms < fault.end_ms
        }
        before = [m for t, m in off_m.items() if t < fault.start_ms]
        assert max(before) < half_m + 20.0
        assert sum(m > 0.3 * half_m for m in before) >= 10
        assert max(off_m.values()) == pytest.approx(fault.size, rel=0.2)


def test_what_a_device_tells_of_its_speed_contains_how_it_leaves_its_road() -> None:
    spec = FaultSpec(rule="route_deviation", first_s=(60, 90), count=1, duration_s=(900, 900), size=(4000, 4000))
    played = Played(Fleet(5, START_MS, 12, interval_s=10, horizon_s=1800, faults=(spec,)))
    fault = played.faults("route_deviation", "sideways")[0]
    leaving = [r for r in played.during(fault) if fault.start_ms + 30_000 < r.time_ms < fault.start_ms + 200_000]
    for a, b in pairwise(leaving):
        assert metres(a, b) == pytest.approx(claimed_m(a, b), abs=60.0)


def test_a_jammer_takes_the_fix_of_all_devices_for_longer_than_any_tunnel(hard: Played, calm: Played) -> None:
    for fault in hard.faults("position_spoofing", "jammed"):
        assert fault.end_ms - fault.start_ms >= 360_000
        told = hard.during(fault)
        assert len(told) >= 10
        assert all(no_fix(r) and r.speed_kmh is None for r in told)
    trucks = [of for device_id, of in calm.by_device.items() if device_id[5] == "T"]
    driven = [run for of in trucks for run in without_fix(of) if all((r.vibration_g or 0.0) > 0.1 for r in run)]
    runs = [run[-1].time_ms - run[0].time_ms for run in driven if len(run) > 1]
    assert runs, "there are tunnels"
    assert max(runs) < 180_000


def test_a_jammer_of_the_radio_silences_a_whole_truck_and_leaves_no_hole(hard: Played) -> None:
    by_episode: dict[str, list[Fault]] = defaultdict(list)
    for fault in hard.faults("signal_lost", "jammed"):
        by_episode[fault.episode_id].append(fault)
        assert hard.during(fault) == []
    assert all(sorted(f.device_id[5] for f in of) == ["C", "S", "T"] for of in by_episode.values())


def where(track: list[Reading], time_ms: float) -> tuple[float, float]:
    """Where a device was at this time, on the straight line between its readings before and after."""
    times = [r.time_ms for r in track]
    return tuple(float(np.interp(time_ms, times, [getattr(r, name) for r in track])) for name in ("lat_deg", "lon_deg"))  # type: ignore[return-value]


def test_a_plausible_false_track_tells_its_own_speed_and_only_the_other_devices_contradict_it(hard: Played) -> None:
    for fault in hard.faults("separation", "plausible"):
        assert fault.begins_ms is not None
        tracks = {device: of for device in hard.devices(fault).values() if (of := hard.during(fault, device))}
        false = tracks[fault.device_id]
        driven_m = sum(metres(a, b) for a, b in pairwise(false))
        assert sum(claimed_m(a, b) for a, b in pairwise(false)) == pytest.approx(driven_m, rel=0.03)
        middle_ms = (fault.begins_ms + fault.end_ms) / 2
        at = {device: where(track, middle_ms) for device, track in tracks.items()}
        for one, other in combinations(at, 2):
            apart_m = apart(at[one], at[other])
            if fault.device_id in (one, other):
                assert apart_m == pytest.approx(fault.size, abs=160.0)  # clocks 2 s off, receivers, a bend
            else:
                assert apart_m < 160.0


def test_a_plausible_false_track_is_a_fault_from_where_neither_receivers_nor_clocks_would_put_it(hard: Played) -> None:
    for fault in hard.faults("separation", "plausible"):
        assert fault.begins_ms is not None
        assert fault.exempt == ""
        injection = hard.injection(fault)
        shows_ms = fault.start_ms + CLOCKS_MS
        share = (shows_ms - fault.begins_ms) / injection.ramp_ms
        earlier_km, now_km = hard.trip(fault).along_km(np.array([shows_ms - 1000.0 * CLOCKS_S, shows_ms]))
        assert share * fault.size - 1000.0 * (now_km - earlier_km) == pytest.approx(OUTLIERS_M, abs=10.0)


@pytest.mark.parametrize(("size_m", "exempt"), [(150.0, "slight"), (450.0, "")])
def test_one_that_lies_no_further_behind_than_its_clock_may_be_is_nobodys_to_tell(size_m: float, exempt: str) -> None:
    spec = FaultSpec(
        rule="separation", first_s=(600, 900), duration_s=(1200, 2400), size=(size_m, size_m), variants=("plausible",)
    )
    fleet = Fleet(5, START_MS, 8, horizon_s=14_400, faults=[spec])
    assert {(fault.rule, fault.exempt) for fault in fleet.truth} == {("separation", exempt)}


def test_a_false_track_that_tells_the_trucks_speed_does_not_go_as_far_as_that_says(hard: Played) -> None:
    for fault in hard.faults("position_spoofing", "plausible"):
        of = hard.during(fault)
        first = of[: len(of) // 2 - 1]
        told_m, moved_m = (sum(way(a, b) for a, b in pairwise(first)) for way in (claimed_m, metres))
        assert moved_m / told_m == pytest.approx(1.0 - fault.size, abs=0.05)


def test_a_reefer_that_gives_up_slowly_is_a_fault_from_when_its_air_is_too_warm(hard: Played) -> None:
    for fault in hard.faults("temperature_excursion", "failing"):
        band_c = hard.trip(fault).band_c
        assert band_c is not None
        rig = next(r for r in hard.fleet.rigs if any(d.device_id == fault.device_id for d in r.devices))
        injection = next(
            i for i in rig.injections if i.shows_ms is not None and int(i.shows_ms) == fault.start_ms + CLOCKS_MS
        )
        assert fault.start_ms - injection.start_ms > 600_000, "it warms for long before it is too warm"
        (box,) = (d.key for d in rig.devices if d.kind == "container")
        for time_ms, out in ((fault.start_ms - 10_000, False), (fault.start_ms + 20_000, True)):
            share = (time_ms - injection.start_ms) / (injection.end_ms - injection.start_ms)
            usual = climate.reefer_c(box, np.array([float(time_ms)]), band_c, hard.fleet.habits.wave)[0]
            level = failing_level(np.array([share]))[0]
            assert (usual + level * (band_c[1] + fault.size - usual) > band_c[1]) == out
        told = [r.temperature_c or 0.0 for r in hard.during(fault)]
        assert max(told) > band_c[1] + 0.5 * fault.size


def test_a_cooled_box_warms_where_its_doors_are_lawfully_open_and_only_there(calm: Played) -> None:
    warmed = 0
    for rig in calm.fleet.rigs:
        box = next(d.device_id for d in rig.devices if d.kind == "container")
        for trip in (t for t in rig.trips if t.band_c is not None):
            assert trip.band_c is not None
            last_open_ms = -math.inf
            for r in calm.by_device[box]:
                if not trip.start_ms <= r.time_ms <= trip.ends_ms:
                    continue
                last_open_ms = r.time_ms if r.door == "open" else last_open_ms
                assert r.temperature_c is not None
                if r.temperature_c > trip.band_c[1] + 0.6:
                    warmed += 1
                    assert r.time_ms - last_open_ms < 1_800_000
    assert warmed > 50


def test_a_box_is_borrowed_where_its_truck_rests_lawfully(hard: Played) -> None:
    for fault in hard.faults("separation", "borrowed"):
        trip = hard.trip(fault)
        along_km = float(trip.along_km(np.array([float(fault.start_ms)]))[0])
        assert any(m.kind == "stop" and m.start_km <= along_km <= m.end_km for m in trip.way.marks)
        devices = hard.devices(fault)
        middle_ms = (fault.start_ms + fault.end_ms) / 2
        truck, box = (
            min(hard.during(fault, devices[k]), key=lambda r: abs(r.time_ms - middle_ms))
            for k in ("truck", "container")
        )
        assert metres(truck, box) == pytest.approx(fault.size, rel=0.15, abs=60.0)


def test_a_swapped_box_is_left_at_a_rest_or_carried_back_for_good_and_its_truck_drives_on(hard: Played) -> None:
    left = 0
    for fault in hard.faults("separation", "swapped"):
        trip, swap = hard.trip(fault), hard.injection(fault)
        rest_km = float(trip.along_km(np.array([swap.start_ms]))[0])
        assert any(m.kind == "stop" and m.start_km <= rest_km <= m.end_km for m in trip.way.marks)
        assert fault.end_ms == min(trip.ends_ms, hard.fleet.ends_ms)
        there = trip.way.at(np.array([rest_km - swap.value / 1000.0]))
        left += swap.value == 0.0
        for kind in ("container", "seal"):
            told = hard.during(fault, hard.devices(fault)[kind])
            settled = [r for r in told if r.time_ms > swap.start_ms + swap.ramp_ms + 60_000 and not no_fix(r)]
            assert len(settled) >= 30
            assert all(apart((r.lat_deg or 0.0, r.lon_deg or 0.0), (there[0][0], there[1][0])) < 160.0 for r in settled)
            assert all(r.door != "open" and r.seal_state != "open" for r in settled)
        truck = [r for r in hard.during(fault, hard.devices(fault)["truck"]) if not no_fix(r)]
        gone_km = trip.along_km(np.array([float(truck[-1].time_ms)])) - (rest_km - swap.value / 1000.0)
        assert 1000.0 * gone_km[0] == pytest.approx(fault.size, rel=0.1, abs=1500.0)
    assert 0 < left < len(hard.faults("separation", "swapped"))


def test_a_swap_is_a_fault_from_where_two_receivers_alone_would_not_put_them_so_far_apart(hard: Played) -> None:
    for fault in hard.faults("separation", "swapped"):
        trip, swap = hard.trip(fault), hard.injection(fault)
        shows_ms = np.array([float(fault.start_ms + CLOCKS_MS)])
        rest_km, truck_km = (float(trip.along_km(at)[0]) for at in (np.array([swap.start_ms]), shows_ms))
        carried_m = swap.value * min(1.0, (shows_ms[0] - swap.start_ms) / max(swap.ramp_ms, 1.0))
        assert 1000.0 * (truck_km - rest_km) + carried_m == pytest.approx(OUTLIERS_M, abs=50.0)  # a second's drive


def test_whose_box_was_swapped_has_no_shipment_after_it(hard: Played) -> None:
    for fault in hard.faults("separation", "swapped"):
        rig = next(r for r in hard.fleet.rigs if any(t.shipment_id == fault.shipment_id for t in r.trips))
        assert rig.trips[-1].shipment_id == rig.shipments[-1].shipment_id == fault.shipment_id
        assert len(rig.trips) == len(rig.shipments) == len(rig.seals)
        after = [r.time_ms for r in hard.by_device[fault.device_id] if r.time_ms > rig.trips[-1].ends_ms + CLOCKS_MS]
        assert not after


def test_who_goes_away_from_a_rest_stands_on_the_road_and_who_stays_may(hard: Played) -> None:
    stands = hard.faults("unplanned_stop", "parted")
    apart = {f.episode_id: f for variant in ("borrowed", "swapped") for f in hard.faults("separation", variant)}
    for fault in stands:
        whole = apart[fault.episode_id]
        assert {d: kind for kind, d in hard.devices(fault).items()}[fault.device_id] in hard.injection(whole).kinds
        held = [r for r in hard.during(fault) if r.time_ms > fault.start_ms + EVERY_MS]
        assert len(held) >= 15
        assert max(r.speed_kmh or 0.0 for r in held) < 8.0
        trip = hard.trip(fault)
        lat, lon = np.array([r.lat_deg for r in held]), np.array([r.lon_deg for r in held])
        for mark in trip.way.marks:
            centre = trip.way.at(np.array([(mark.start_km + mark.end_km) / 2]))
            away_km = np.hypot(lat - centre[0], (lon - centre[1]) * np.cos(np.radians(lat))) * 111.195
            assert away_km.min() > (mark.end_km - mark.start_km) / 2, mark


def test_a_volley_is_blow_upon_blow_with_calm_between(hard: Played) -> None:
    struck = calm = 0
    for fault in hard.faults("shock", "volley"):
        told = [abs(r.shock_g or 0.0) for r in hard.during(fault)]
        blows = [g for g in told if g > 3.1]  # more than any road's
        first = [abs(r.shock_g or 0.0) for r in hard.by_device[fault.device_id] if r.time_ms >= fault.start_ms][:2]
        assert max(first) > 3.1, "of the first two, for by its own clock one may lie just before the fault"
        assert all(0.69 * fault.size < g < 1.31 * fault.size for g in blows)
        struck, calm = struck + len(blows), calm + len(told) - len(blows)
    assert 0.4 < struck / (struck + calm) < 0.75


def test_a_burst_befalls_several_trucks_within_minutes() -> None:
    spec = FaultSpec(rule="unplanned_stop", first_s=(900, 1200), count=1, size=(12, 20), together=(3, 3))
    truth = Fleet(5, START_MS, 30, horizon_s=7200, faults=(spec,)).truth
    begun = sorted({fault.episode_id: fault.start_ms for fault in truth}.values())
    assert len(begun) == 3
    assert begun[-1] - begun[0] <= 1000 * BURST_S + 12 * 45_000
    assert len({fault.shipment_id for fault in truth}) == 3
    assert len({fault.size for fault in truth}) == 3


def test_firmware_does_it_to_a_whole_carrier_at_once_and_to_nobody_else() -> None:
    spec = FaultSpec(
        rule="sensor_anomaly", first_s=(3600, 3600), count=1, duration_s=(1800, 1800), size=(10, 10), fleet_wide=True
    )
    fleet = Fleet(5, START_MS, 30, horizon_s=10_800, faults=(spec,))
    assert len({(f.start_ms, f.end_ms, f.episode_id, f.device_id[:4]) for f in fleet.truth}) == 1
    rigs = [rig for rig in fleet.rigs if rig.scac == fleet.truth[0].device_id[:4]]
    under_way = [rig for rig in rigs if rig.trip_at(START_MS + 3_600_000) is not None]
    assert len(fleet.truth) >= 0.6 * len(under_way) >= 3


@pytest.mark.parametrize(("variant", "sign"), [("ahead", 1.0), ("behind", -1.0)])
def test_a_clock_that_drifts_is_off_by_what_the_truth_says_and_set_right_at_the_end(
    hard: Played, variant: str, sign: float
) -> None:
    set_right = 0
    for fault in hard.faults("clock_drift", variant):
        off_s: dict[int, float] = {}  # by when it was sent; what waited for coverage says nothing
        for r in hard.by_device[fault.device_id]:
            sent_ms = hard.sent_ms[r.device_id, r.boot_id, r.seq]
            off_s[sent_ms] = (r.time_ms - sent_ms) / 1e3
        late = [s for at, s in off_s.items() if fault.end_ms - 600_000 < at < fault.end_ms]
        after = [s for at, s in off_s.items() if fault.end_ms + 5_000 < at < fault.end_ms + 300_000]
        assert np.median(late) == pytest.approx(sign * fault.size, abs=4.0)
        if after:  # a box is not heard once it is delivered
            set_right += 1
            assert abs(float(np.median(after))) < 4.0
    assert set_right >= 1


@pytest.mark.parametrize(("variant", "sign"), [("ahead", 1.0), ("behind", -1.0)])
def test_a_clock_drifts_away_little_by_little_for_six_tenths_of_its_time(variant: str, sign: float) -> None:
    spec = FaultSpec(
        rule="clock_drift", first_s=(600, 900), duration_s=(3000, 3600), size=(30, 90), variants=(variant,)
    )
    drifting, exact = (Fleet(5, START_MS, 12, interval_s=10, horizon_s=9000, faults=of) for of in ((spec,), ()))
    true_ms = {(r.device_id, r.boot_id, r.seq): r.time_ms for _, _, r in exact.run()}
    by_device = Played(drifting).by_device
    assert drifting.truth
    for fault in drifting.truth:
        told = [(true_ms[r.device_id, r.boot_id, r.seq], r.time_ms) for r in by_device[fault.device_id]]
        during = [(true, time) for true, time in told if fault.start_ms <= true < fault.end_ms]
        assert len(during) > 200
        for true, time in during:
            share = (true - fault.start_ms) / (fault.end_ms - fault.start_ms)
            assert (time - true) / 1000.0 == pytest.approx(sign * fault.size * min(1.0, share / 0.6), abs=0.01)
        assert all(time == true for true, time in told if not fault.start_ms <= true < fault.end_ms)


def test_a_sensor_in_the_wrong_unit_tells_what_is_true_in_another(hard: Played, well: Played) -> None:
    for fault in hard.faults("sensor_anomaly", "unit"):
        field = FIELDS[hard.injection(fault).text]
        times, zero = UNITS_TOLD[field]
        assert fault.size == times
        for told, true in hard.beside(well, fault, field):
            assert told == pytest.approx(
                min(true * times + zero, 100.0 if field == "humidity_pct" else math.inf), abs=0.006
            )


def test_a_noisy_sensor_is_as_many_times_noisier_as_the_truth_says(hard: Played, well: Played) -> None:
    for fault in hard.faults("sensor_anomaly", "noisy"):
        sensor = hard.injection(fault).text
        pairs = [(a, b) for a, b in hard.beside(well, fault, FIELDS[sensor]) if a not in (0.0, 100.0)]  # its stops
        assert len(pairs) >= 30
        assert float(np.std([told - true for told, true in pairs])) == pytest.approx(
            fault.size * USUAL_NOISE[sensor], rel=0.35
        )


@pytest.mark.parametrize("variant", ["frozen", "saturated"])
def test_a_stuck_sensor_tells_one_value_while_what_is_true_goes_on(hard: Played, well: Played, variant: str) -> None:
    moved = 0
    for fault in hard.faults("sensor_stuck", variant):
        sensor = hard.injection(fault).text
        told, true = (set(of) for of in zip(*hard.beside(well, fault, FIELDS[sensor]), strict=True))
        (stuck_at,) = told
        assert (stuck_at in SATURATED[sensor]) == (variant == "saturated")
        moved += len(true) > 3
    assert moved >= 3


def test_a_sensor_is_sick_where_the_truth_says_and_nowhere_else(hard: Played, well: Played) -> None:
    sick = [f for f in hard.fleet.truth if f.rule in ("sensor_anomaly", "sensor_stuck")]
    for device_id, readings in hard.by_device.items():
        for told, true in zip(readings, well.by_device[device_id], strict=True):
            if any(getattr(told, field) != getattr(true, field) for field in FIELDS.values()):
                assert any(
                    f.device_id == device_id and f.start_ms <= told.time_ms < f.end_ms + CLOCKS_MS for f in sick
                ), told


def test_in_ten_hours_no_watched_sensor_is_judged_and_the_truth_says_so(hard: Played) -> None:
    why = {fault.rule for fault in hard.fleet.truth if fault.exempt}
    assert why == {"sensor_anomaly"}
    assert "" not in {fault.exempt for fault in hard.fleet.truth if fault.rule == "sensor_anomaly"}


def test_customs_open_and_close_a_seal_within_one_interval_where_they_may(calm: Played) -> None:
    peeks = 0
    for rig in calm.fleet.rigs:
        seal = next(d.device_id for d in rig.devices if d.kind == "seal")
        for a, b in pairwise(calm.by_device[seal]):
            rose = (b.seal_openings or 0) > (a.seal_openings or 0)
            peeks += (
                rose and (a.seal_state, b.seal_state) == ("armed", "armed") and b.time_ms - a.time_ms < 2 * EVERY_MS
            )
    assert peeks >= 5


@pytest.mark.parametrize("kind", ["T", "C", "S"])
def test_a_truck_and_its_load_under_a_roof_have_no_fix_for_as_long_as_they_stand_there(calm: Played, kind: str) -> None:
    of_kind = [of for device_id, of in calm.by_device.items() if device_id[5] == kind]
    runs = [run[-1].time_ms - run[0].time_ms for of in of_kind for run in without_fix(of)]
    assert sum(ms > 600_000 for ms in runs) >= 5


def test_boxes_and_seals_are_opened_without_a_fix_too(calm: Played) -> None:
    opened = [r for of in calm.by_device.values() for r in of if "open" in (r.door, r.seal_state) and no_fix(r)]
    assert {r.device_id[5] for r in opened} == {"C", "S"}
    assert len(opened) >= 50


def test_a_load_stands_under_the_same_roof_as_its_truck(calm: Played) -> None:
    for rig in calm.fleet.rigs:
        (truck, *load) = (calm.by_device[d.device_id] for d in rig.devices)
        runs = [(run[0].time_ms, run[-1].time_ms) for run in without_fix(truck)]
        roofs = [(a, b) for a, b in runs if b - a > 600_000]
        for of in load:
            inner = [r for r in of for a, b in roofs if a + EVERY_MS < r.time_ms < b - EVERY_MS]
            # From one roof to the next the truck may roll between two of its own readings.
            assert all(no_fix(r) or (r.speed_kmh or 0.0) > 1.0 for r in inner)


def test_who_comes_to_a_lot_rolls_in_at_a_lots_speed_each_stay_at_another(calm: Played) -> None:
    rolled = set()
    for trip in (trip for rig in calm.fleet.rigs for trip in rig.trips):
        for mark in trip.way.marks[1:]:
            if mark.kind in ("yard", "customs"):
                into = np.linspace(trip.passes_ms(mark.start_km), trip.passes_ms(mark.middle_km), 20)[1:-1]
                kmh = trip.speed_kmh(into)
                assert (kmh < LOT_KMH[1] + 0.1).all()
                rolled.add(round(float(kmh.max()), 3))
    assert len(rolled) > 40
    assert min(rolled) < 15.0 < 30.0 < 40.0 < max(rolled), "slower and faster than any one bound"


def test_a_seal_is_not_opened_while_its_truck_still_rolls_in(calm: Played) -> None:
    opened = [(trip, a) for rig in calm.fleet.rigs for trip in rig.trips for a, _ in trip.seal_open_ms]
    assert len(opened) > 40
    assert all(trip.speed_kmh(np.array([a]))[0] == 0.0 for trip, a in opened)


def test_clocks_are_a_little_off_each_by_its_own(calm: Played) -> None:
    off = {d.key % 4093 for rig in calm.fleet.rigs for d in rig.devices}
    assert len(off) > 50
    exact = Fleet(5, START_MS, 2, horizon_s=600)
    wrong = Fleet(5, START_MS, 2, horizon_s=600, life=Life(clock_off_s=2.0))
    moved = [b.time_ms - a.time_ms for (_, _, a), (_, _, b) in zip(exact.run(), wrong.run(), strict=True)]
    assert 0 < max(map(abs, moved)) <= 2_000
    assert len(set(moved)) == 6


def test_a_hard_day_with_nothing_wrong_breaks_no_rule_but_that_doors_let_the_warmth_in(
    calm: Played, judge: Callable[..., Any]
) -> None:
    assert {fault.exempt for fault in calm.fleet.truth} == {"below"}
    assert {rule for rule, _, _ in judge(calm.fleet.reference(), calm.fleet.run())} <= {"temperature_excursion"}


def test_a_hard_day_with_nothing_wrong_has_what_comes_near_to_a_blow_and_to_a_low_charge(calm: Played) -> None:
    for fault in calm.faults("shock", "blow"):
        (most_g,) = {abs(r.shock_g or 0.0) for r in calm.during(fault)} or {fault.size}
        assert most_g == fault.size
        assert 3.0 <= fault.size < A_BLOW_G
    lows = [f for f in calm.fleet.truth if f.rule == "battery_low"]
    assert len(lows) >= 3
    for fault in lows:
        level = float(np.median([r.battery_pct for r in calm.during(fault)]))  # a bad sample under load is not it
        assert level == pytest.approx(fault.size, abs=0.06)
        assert level > LOW_PCT


def in_the_queue(of: Played) -> Iterator[tuple[Trip, float, float]]:
    """Each trip with when it comes to the bridge's queue and when it leaves it (s of the run)."""
    for trip in (trip for rig in of.fleet.rigs for trip in rig.trips):
        queue = trip.way.mark("queue")
        enters_s, leaves_s = ((trip.passes_ms(km) - START_MS) / 1000.0 for km in (queue.start_km, queue.end_km))
        yield trip, enters_s, leaves_s


def test_nobody_crosses_a_closed_bridge_and_those_that_came_wait_for_hours(calm: Played) -> None:
    delays = calm.fleet.delays
    closed_s, opens_s = ((ms - START_MS) / 1000.0 for ms in delays.closed_ms)
    of = [(a, b) for trip, a, b in in_the_queue(calm) if trip.way.bridge == delays.closed_bridge]
    assert not [b for _, b in of if closed_s < b < opens_s]
    assert sum(a < opens_s < b and b - a > 7_200.0 for a, b in of) >= 3


def test_a_holidays_line_takes_as_many_times_as_long_as_its_run_drew_it_to(calm: Played) -> None:
    life, delays = calm.fleet.habits.life, calm.fleet.delays
    from_s, until_s = ((ms - START_MS) / 1000.0 for ms in delays.holiday_ms)
    assert from_s < until_s
    trips = {trip.shipment_id: trip for rig in without(life, "holiday_lasts_s").rigs for trip in rig.trips}
    times = []
    for trip, enters_s, leaves_s in in_the_queue(calm):
        if trip.way.bridge == delays.closed_bridge or not from_s <= enters_s < until_s:
            continue
        queue, other = trip.way.mark("queue"), trips[trip.shipment_id]
        far_km = queue.start_km - life.line_km[1]
        came_s, other_came_s = ((t.passes_ms(far_km) - START_MS) / 1000.0 for t in (trip, other))
        own_s, over_s = ((other.passes_ms(km) - START_MS) / 1000.0 for km in (queue.start_km, queue.end_km))
        longer_s = (leaves_s - came_s) - (over_s - other_came_s)
        times.append(1.0 + longer_s / (over_s - own_s))
    assert len([t for t in times if t > 1.5]) >= 4
    assert np.median([t for t in times if t > 1.5]) == pytest.approx(delays.holiday_times, rel=0.25)


def without(life: Life, *spans: str, seed: int = SEED) -> Fleet:
    """The fleet of the hard day with nothing wrong, without these of what may befall its bridges."""
    usual = dict.fromkeys(spans, (0.0, 0.0)) | ({"closed_bridge": None} if "closed_lasts_s" in spans else {})
    quiet = scenarios.load("quiet-hard")
    return Fleet(seed, START_MS, quiet.fleet.shipments, horizon_s=72_000, life=msgspec.structs.replace(life, **usual))


@pytest.mark.parametrize("seed", [SEED, 3, 4, 5])
def test_who_waits_longer_for_a_holiday_or_a_closed_bridge_waits_under_its_notice(seed: int) -> None:
    """From where it comes to the line until it is over the bridge: in whatever span, and however much longer."""
    life = scenarios.load("quiet-hard").life
    held_up = without(life, seed=seed)
    book = ReferenceBook()
    for record in held_up.reference():
        book.apply(record)
    usual = {
        t.shipment_id: t
        for rig in without(life, "holiday_lasts_s", "closed_lasts_s", seed=seed).rigs
        for t in rig.trips
    }
    longer = 0
    for trip in (trip for rig in held_up.rigs for trip in rig.trips):
        queue = trip.way.mark("queue")
        far_km = queue.start_km - life.line_km[1]
        came_ms, leaves_ms = (trip.passes_ms(km) for km in (far_km, queue.end_km))
        usual_ms = [usual[trip.shipment_id].passes_ms(km) for km in (far_km, queue.end_km)]
        if leaves_ms - came_ms > usual_ms[1] - usual_ms[0] + 1000.0:
            longer += 1
            for at_ms in range(int(trip.passes_ms(queue.start_km)), int(leaves_ms), 300_000):
                assert book.notice(str(trip.way.bridge), trip.way.direction, "standard", at_ms, at_ms), seed
    assert longer >= 8
    other = next(bridge for bridge in BRIDGES.values() if bridge != held_up.delays.closed_bridge)
    assert not book.notice(other, "northbound", "standard", START_MS, START_MS + 1)


@pytest.mark.parametrize("line_km", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("times", [1.0, 5.0])
@pytest.mark.parametrize("shut", [False, True], ids=["holiday", "and-closed"])
def test_a_notice_holds_until_the_last_who_came_on_a_holiday_has_gone(line_km: float, times: float, shut: bool) -> None:
    """But for the few in whose long queue each hop takes longer, too; closed while it stands there, it goes on."""
    hour_ms = 3_600_000.0
    trips = [trip for rig in Fleet(SEED, START_MS, 60, horizon_s=72_000).rigs for trip in rig.trips]
    late = 0
    for trip in trips:
        queue = trip.way.mark("queue")
        comes_ms = trip.passes_ms(queue.start_km - line_km)
        delays = Delays(
            (comes_ms - hour_ms, comes_ms + 1.0),
            times,
            trip.way.bridge if shut else None,
            (comes_ms + hour_ms / 5, comes_ms + 6 * hour_ms),
            (line_km, line_km),
        )
        leaves_ms = delays.held_up(trip).passes_ms(queue.end_km)
        ends_ms = max(notice.ends_ms or 0 for notice in delays.notices() if notice.bridge == trip.way.bridge)
        late += leaves_ms >= ends_ms
    assert late <= (0.0 if shut else 0.04 * len(trips))


def test_the_same_seed_draws_the_same_delays_and_other_seeds_others_of_either_bridge() -> None:
    life = scenarios.load("quiet-hard").life
    drawn = [life.delays(seed, START_MS) for seed in range(12)]
    assert drawn == [life.delays(seed, START_MS) for seed in range(12)]
    for differs in ("holiday_ms", "holiday_times", "closed_ms"):
        assert len({getattr(of, differs) for of in drawn}) == len(drawn)
    assert {of.closed_bridge for of in drawn} == set(BRIDGES.values())
    named = msgspec.structs.replace(life, closed_bridge="COLOMBIA")
    assert {named.delays(seed, START_MS).closed_bridge for seed in range(12)} == {"COLOMBIA"}


def test_what_a_run_draws_lies_between_the_least_and_the_most_that_its_scenario_says() -> None:
    life = scenarios.load("quiet-hard").life
    for of in (life.delays(seed, START_MS) for seed in range(50)):
        for (least, most), span in ((life.holiday_from_s, of.holiday_ms), (life.closed_from_s, of.closed_ms)):
            assert least <= (span[0] - START_MS) / 1000.0 <= most
        for (least, most), span in ((life.holiday_lasts_s, of.holiday_ms), (life.closed_lasts_s, of.closed_ms)):
            assert least <= (span[1] - span[0]) / 1000.0 <= most
        assert life.holiday_times[0] <= of.holiday_times <= life.holiday_times[1]


def test_a_life_without_a_holiday_or_a_closed_bridge_announces_none_and_holds_nobody_up() -> None:
    of = Life().delays(1, START_MS)
    assert of.notices() == []
    trips = [trip for rig in Fleet(SEED, START_MS, 6, horizon_s=36_000).rigs for trip in rig.trips]
    assert [of.held_up(trip) for trip in trips] == trips


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"holiday_times": (3.0, 2.0)}, "holiday_times must be .least, most."),
        ({"closed_from_s": (-1.0, 2.0)}, "closed_from_s must be .least, most., not negative"),
        ({"holiday_times": (0.5, 2.0)}, "holiday_times must be at least 1"),
        ({"closed_bridge": "GATEWAY", "closed_lasts_s": (1, 2)}, "closed_bridge is WORLD-TRADE, COLOMBIA or any"),
        ({"closed_bridge": "any"}, "closed_lasts_s must be above 0"),
    ],
)
def test_a_life_that_cannot_be_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Life(**fields)


def test_a_drill_gives_no_notice_of_a_real_bridge() -> None:
    drill = Fleet(SEED, START_MS, 2, horizon_s=600, life=scenarios.load("quiet-hard").life, exercise=True)
    assert drill.delays.notices()
    assert not [record for record in drill.reference() if isinstance(record, Notice)]


def stands_before_its_queue(of: Played) -> Iterator[tuple[Trip, float, float]]:
    """Each stand of ten minutes or more on the road before a bridge's queue: kilometres before it, minutes."""
    for trip in (trip for rig in of.fleet.rigs for trip in rig.trips):
        queue, (customs, *_) = trip.way.mark("queue"), [m for m in trip.way.marks if m.name.startswith("EXPORT")]
        for (t0, t1), (s0, s1) in zip(pairwise(trip.t_ms.tolist()), pairwise(trip.s_km.tolist()), strict=True):
            before_km = queue.start_km - s0
            in_customs = customs.start_km <= s0 <= customs.end_km
            if s1 - s0 < 1e-6 and 0.2 < before_km < 20.0 and not in_customs and t1 - t0 >= 600_000:
                yield trip, before_km, (t1 - t0) / 60_000.0


def test_lines_outgrow_the_bridges_queue_by_kilometres_and_stand_there_for_long(calm: Played) -> None:
    life = calm.fleet.habits.life
    stands = list(stands_before_its_queue(calm))
    assert len({trip.shipment_id for trip, _, _ in stands}) >= 3
    assert max(km for _, km, _ in stands) > 2.0
    assert max(km for _, km, _ in stands) <= life.line_km[1] + 0.1
    short = scenarios.load("quiet-hard")
    none = Fleet(SEED, START_MS, short.fleet.shipments, horizon_s=72_000, life=replaced(life))
    assert not list(stands_before_its_queue(Played(none))), "without a line beyond it nobody stands there"


def replaced(life: Life) -> Life:
    return msgspec.structs.replace(life, line_km=(0.0, 0.0))


def test_who_waits_in_a_line_through_customs_has_its_seal_open_while_it_is_there(calm: Played) -> None:
    stayed = 0
    for trip in (trip for rig in calm.fleet.rigs for trip in rig.trips):
        for a, b in trip.seal_open_ms:
            for km in trip.along_km(np.array([a, b])):
                where = [m for m in trip.way.marks if m.start_km <= km <= m.end_km]
                assert any(m.seal_may_open for m in where), (trip.shipment_id, km)
                stayed += any(m.name.startswith("EXPORT") for m in where)
    assert stayed >= 4


def test_a_heat_wave_rises_over_hours_in_every_box_that_nothing_cools_and_hardly_in_a_reefer(calm: Played) -> None:
    life, wave = calm.fleet.habits.life, calm.fleet.habits.wave
    assert wave.from_ms - START_MS >= 3_600_000
    assert wave.rises_ms >= 3_600_000
    rest = {
        "shipments": len(calm.fleet.rigs),
        "horizon_s": 72_000.0,
        "life": msgspec.structs.replace(life, heat_wave_c=(0, 0)),
    }
    usual = {(r.device_id, r.time_ms): r.temperature_c for _, _, r in Fleet(SEED, START_MS, **rest).run()}
    hotter: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for rig in calm.fleet.rigs:
        box = next(d.device_id for d in rig.devices if d.kind == "container")
        for r in calm.by_device[box]:
            trip, was_c = rig.trip_at(r.time_ms), usual.get((box, r.time_ms))
            if trip is not None and was_c is not None and r.temperature_c is not None:
                more_c = float(wave.hotter_c(np.array([float(r.time_ms)]))[0])
                if trip.band_c is None or max(r.temperature_c, was_c) <= trip.band_c[1]:  # no doors let the warmth in
                    hotter[trip.band_c is None].append((r.temperature_c - was_c, more_c))
    assert {round(more_c, 6) for _, more_c in hotter[True]} >= {0.0, round(wave.most_c, 6)}
    assert all(abs(told - more_c) < 0.6 for told, more_c in hotter[True])  # in steps of half a degree, some sensors
    assert all(-0.6 < told < 0.2 * wave.most_c + 0.6 for told, _ in hotter[False])


def test_a_run_without_a_heat_wave_has_none_and_two_seeds_have_different_ones() -> None:
    at = np.array([START_MS + 90_000_000.0])
    assert Life().heat_wave(1, START_MS).hotter_c(at)[0] == 0.0
    life = scenarios.load("quiet-sensors").life
    assert life.heat_wave(1, START_MS) == life.heat_wave(1, START_MS) != life.heat_wave(2, START_MS)


def test_a_seal_is_opened_and_closed_within_one_interval_where_it_may_not(hard: Played) -> None:
    for fault in hard.faults("seal_breach", "counter"):
        of = hard.by_device[fault.device_id]
        before = [r for r in of if r.time_ms < fault.start_ms][-1]
        after = next(r for r in of if r.time_ms >= fault.start_ms + 2 * CLOCKS_MS)
        assert (before.seal_state, after.seal_state) == ("armed", "armed")
        assert after.seal_openings == (before.seal_openings or 0) + 1
        trip = hard.trip(fault)
        along_km = float(trip.along_km(np.array([float(fault.start_ms)]))[0])
        assert not any(m.start_km <= along_km <= m.end_km for m in trip.way.marks)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rule": "shock", "fleet_wide": True}, "fleet_wide are faults of"),
        ({"rule": "shock", "together": (3, 2)}, "together must be"),
        ({"rule": "clock_drift", "variants": ("sideways",)}, "ahead, behind"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FaultSpec(first_s=(1, 2), **fields)


def test_what_not_every_line_has_a_rule_for_is_true_all_the_same(hard: Played) -> None:
    assert {fault.rule for fault in hard.fleet.truth} >= set(NOT_IN_EVERY_LINE)
