"""Every injected fault is there to be found, where and when the truth says; nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from contracts.readings import Reading
from simulators import FaultSpec, Fleet, scenarios
from simulators.faults import VARIANTS, Injection

START_MS = 1_790_000_000_000
RULES = {"seal_breach", "route_deviation", "temperature_excursion", "signal_lost"}  # those that the judge judges
SCENARIOS = {"demo": RULES, "kill": RULES, "day": set(VARIANTS), "rules": set(VARIANTS)}


@pytest.mark.parametrize(("name", "seed"), [("day", 1), ("day", 2), ("rules", 1), ("demo", 3), ("kill", 4)])
def test_the_readings_show_the_truth_and_nothing_but_the_truth(name: str, seed: int, judge: Callable[..., Any]) -> None:
    changes = {"demo": {"horizon_s": 600}, "day": {"horizon_s": 43_200}}.get(name, {})
    simulated = scenarios.load(name).make(seed, START_MS, **changes)
    every_ms = simulated.habits.every_ms
    found = judge(simulated.reference(), simulated.run())
    assert {fault.rule for fault in simulated.truth} == SCENARIOS[name]
    for fault in simulated.truth:
        assert fault.rule not in RULES or any(
            rule == fault.rule and device == fault.device_id and fault.start_ms <= ms <= fault.end_ms + 2 * every_ms
            for rule, device, ms in found
        ), fault
    for rule, device, ms in found:
        assert any(
            (fault.rule == rule or rule in fault.also)
            and fault.device_id == device
            and fault.start_ms <= ms <= fault.end_ms + 2 * every_ms
            for fault in simulated.truth
        ), (rule, device, ms - START_MS)


@pytest.mark.parametrize("seed", range(8))
def test_truth_lies_within_the_run_and_one_fault_at_a_time_touches_a_shipment(seed: int) -> None:
    simulated = scenarios.load("day").make(seed, START_MS)
    episodes: dict[str, dict[str, tuple[int, int]]] = {}
    for fault in simulated.truth:
        assert START_MS <= fault.start_ms < fault.end_ms <= simulated.ends_ms
        spans = episodes.setdefault(fault.shipment_id, {})
        first, last = spans.get(fault.episode_id, (fault.start_ms, fault.end_ms))
        spans[fault.episode_id] = min(first, fault.start_ms), max(last, fault.end_ms)
    for of_shipment in episodes.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(of_shipment.values())))
    assert len({fault.fault_id for fault in simulated.truth}) == len(simulated.truth)


def faulty(spec: FaultSpec, **changes: Any) -> tuple[Fleet, dict[str, list[Reading]]]:
    simulated = Fleet(9, START_MS, 12, faults=[spec], interval_s=10, horizon_s=3600, **changes)
    by_device: dict[str, list[Reading]] = {}
    for _, _, reading in simulated.run():
        by_device.setdefault(reading.device_id, []).append(reading)
    assert simulated.truth
    return simulated, by_device


def test_a_counter_alone_tells_of_an_opening_between_two_readings() -> None:
    simulated, by_device = faulty(
        FaultSpec(rule="seal_breach", first_s=(60, 120), every_s=(300, 400), variants=("counter",))
    )
    for fault in simulated.truth:
        readings = by_device[fault.device_id]
        before = [r for r in readings if r.time_ms < fault.start_ms][-1]
        after = next(r for r in readings if r.time_ms >= fault.start_ms)
        assert (before.seal_state, after.seal_state) == ("armed", "armed")
        assert after.seal_openings == (before.seal_openings or 0) + 1


def test_a_lost_signal_is_longer_than_the_declared_intervals_say_and_leaves_no_hole_in_seq() -> None:
    simulated, by_device = faulty(FaultSpec(rule="signal_lost", first_s=(60, 120), every_s=(300, 400), size=(13, 20)))
    for fault in simulated.truth:
        readings = by_device[fault.device_id]
        before = [r for r in readings if r.time_ms < fault.start_ms][-1]
        after = next(r for r in readings if r.time_ms >= fault.start_ms)
        assert after.time_ms - before.time_ms >= fault.size * 10_000
        assert after.seq in (before.seq + 1, 0)


def test_a_deviation_takes_all_three_devices_of_the_truck() -> None:
    simulated, _ = faulty(
        FaultSpec(rule="route_deviation", first_s=(60, 90), count=1, duration_s=(600, 700), size=(2500, 3000))
    )
    assert {fault.device_id[5] for fault in simulated.truth} == {"T", "C", "S"}
    assert len({fault.episode_id for fault in simulated.truth}) == 1
    assert len({fault.fault_id for fault in simulated.truth}) == 3


def test_what_leaves_its_box_or_is_taken_away_with_it_drives_off_as_fast_as_trucks_do() -> None:
    simulated, _ = faulty(
        FaultSpec(rule="separation", first_s=(60, 90), every_s=(300, 400), duration_s=(900, 1200), size=(250, 3000))
    )
    for rig in simulated.rigs:
        for injection in rig.injections:
            assert 8.0 <= injection.size / (injection.ramp_ms / 1000.0) <= 20.0


@pytest.mark.parametrize("variant", VARIANTS["separation"])
def test_what_stands_while_a_shipment_is_apart_is_a_truth_of_its_own_and_stands(variant: str) -> None:
    simulated, by_device = faulty(
        FaultSpec(
            rule="separation", first_s=(60, 90), count=1, duration_s=(1500, 1600), size=(900, 1000), variants=(variant,)
        )
    )
    stands = [fault for fault in simulated.truth if fault.rule == "unplanned_stop"]
    (apart,) = [fault for fault in simulated.truth if fault.rule == "separation"]
    assert {fault.device_id[5] for fault in stands} == {"T", "C", "S"}
    assert {fault.episode_id for fault in stands} == {apart.episode_id}
    for fault in stands:
        held = [r for r in by_device[fault.device_id] if fault.start_ms <= r.time_ms < fault.end_ms]
        assert fault.end_ms - fault.start_ms >= 660_000
        assert len(held) > 20
        assert max(r.speed_kmh for r in held if r.speed_kmh is not None) < 8.0
    goes = "T" if variant == "left_behind" else "C"
    there = next(fault for fault in stands if fault.device_id[5] == goes)
    assert there.start_ms > apart.start_ms  # it goes away first


def test_a_parting_too_brief_for_a_stop_has_none() -> None:
    simulated, _ = faulty(
        FaultSpec(rule="separation", first_s=(60, 90), count=1, duration_s=(600, 620), size=(900, 1000))
    )
    assert {fault.rule for fault in simulated.truth} == {"separation"}


def test_an_excursion_is_as_large_as_the_truth_says() -> None:
    spec = FaultSpec(
        rule="temperature_excursion", first_s=(60, 120), every_s=(300, 400), duration_s=(120, 180), size=(3, 9)
    )
    simulated, by_device = faulty(spec)
    for fault in simulated.truth:
        trip = next(t for rig in simulated.rigs for t in rig.trips if t.shipment_id == fault.shipment_id)
        assert trip.band_c is not None
        inside = [r.temperature_c for r in by_device[fault.device_id] if fault.start_ms <= r.time_ms < fault.end_ms]
        peak = max(c for c in inside if c is not None) if fault.size > 0 else min(c for c in inside if c is not None)
        assert peak == pytest.approx((trip.band_c[1] if fault.size > 0 else trip.band_c[0]) + fault.size, abs=1.0)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rule": "signal_lost", "size": (9, 12)}, "over 12"),
        ({"rule": "seal_breach", "variants": ("drift",)}, "variants of seal_breach"),
        ({"rule": "seal_breach", "duration_s": (9, 3)}, "least, most"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_with_what_would_be_right(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FaultSpec(first_s=(1, 2), **fields)


@pytest.mark.parametrize("seed", [*range(12), 45, 2026])
def test_the_demo_shows_every_rule_opening_and_closing_within_40_s(seed: int) -> None:
    simulated = scenarios.load("demo").make(seed, START_MS, horizon_s=45)
    early = {fault.rule for fault in simulated.truth if fault.end_ms <= START_MS + 40_000}
    assert early == RULES, f"seed {seed}"
    assert all(fault.end_ms - fault.start_ms <= 30_000 for fault in simulated.truth)


def test_the_demo_never_rests_for_long() -> None:
    simulated = scenarios.load("demo").make(7, START_MS, horizon_s=3600)
    starts = [fault.start_ms for fault in simulated.truth]
    assert max(b - a for a, b in pairwise(starts)) < 60_000
    assert min(Counter(fault.rule for fault in simulated.truth).values()) >= 50


@pytest.mark.parametrize("seed", range(6))
def test_the_kill_scenario_is_exactly_20_000_readings_with_several_faults_of_each_rule(seed: int) -> None:
    simulated = scenarios.load("kill").make(seed, START_MS)
    assert sum(1 for _ in simulated.run()) == 20_000
    counts = Counter(fault.rule for fault in {f.episode_id: f for f in simulated.truth}.values())
    assert set(counts) == RULES
    assert min(counts.values()) >= 3
    assert all(fault.end_ms < simulated.ends_ms - 5_000 for fault in simulated.truth)


@pytest.mark.parametrize("seed", range(4))
def test_a_gap_leaves_its_device_time_to_speak_before_the_run_ends(seed: int) -> None:
    spec = FaultSpec(rule="reading_gap", first_s=(60, 90), every_s=(60, 120), size=(2, 6))
    simulated = Fleet(seed, START_MS, 12, faults=[spec], interval_s=10, horizon_s=1800)
    assert simulated.truth
    assert max(fault.end_ms for fault in simulated.truth) <= simulated.ends_ms - 10 * 10_000


@pytest.mark.parametrize("variant", VARIANTS["reading_gap"])
def test_a_gap_of_any_size_loses_a_reading_at_least(variant: str) -> None:
    spec = FaultSpec(rule="reading_gap", first_s=(60, 90), every_s=(20, 40), size=(1, 3), variants=(variant,))
    simulated, by_device = faulty(spec, reboot_chance=0.0)
    assert len(simulated.truth) > 20
    for fault in simulated.truth:
        readings = by_device[fault.device_id]
        before = [n for n, r in enumerate(readings) if r.time_ms < fault.start_ms][-1]
        after = next(n for n, r in enumerate(readings) if r.time_ms >= fault.end_ms)
        assert readings[after].seq - readings[before].seq > after - before, fault


@pytest.mark.parametrize("from_sample", [-9, -4, 0])
def test_a_device_does_not_restart_amid_the_readings_that_it_loses(from_sample: int) -> None:
    """Of a boot's last readings, and its first, no number tells: such a hole could not be told."""

    def of_truck(simulated: Fleet) -> list[Reading]:
        return [r for _, _, r in simulated.run() if r.device_id == simulated.rigs[0].devices[0].device_id]

    def fleet() -> Fleet:
        return Fleet(9, START_MS, 1, interval_s=1, horizon_s=2100, reboot_chance=1.0, outage_chance=0.0)

    restarted = next(b for a, b in pairwise(of_truck(fleet())) if a.boot_id != b.boot_id)
    simulated, begins_ms = fleet(), restarted.time_ms + 1000 * from_sample - 100
    simulated.rigs[0].inject(Injection("reading_gap", "burst", ("truck",), begins_ms, begins_ms + 9_000, 9.0))
    before, after = next(
        (a, b) for a, b in pairwise(of_truck(simulated)) if a.time_ms < begins_ms and b.time_ms >= begins_ms
    )
    assert after.boot_id == before.boot_id
    assert after.seq - before.seq == 10
