"""What rules have learnt lasts: after restarts and replays each score, each state, is that of an undisturbed run.

Twenty minutes of three shipments whose sensors have habits of their own (fine, coarse, nearly still), one that sticks,
one cargo that grows warm, one bad value. ``test_laws`` has two minutes of everything else.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from contracts.readings import Finding, ReadingId, identity
from streams.admit_stage import AdmitStage

SHIPMENTS = (1, 2, 3)
SECONDS = 1_200
RESOLUTION = {1: 0.01, 2: 0.5, 3: 0.1}
Found = dict[ReadingId, tuple[Finding, ...]]


def log(world, partition: int) -> list[list[bytes]]:
    """The frames of this partition, three seconds each."""
    rng = random.Random(21)
    found = []
    for begin in range(0, SECONDS, 3):
        lines = []
        for at in range(begin, begin + 3):
            for n in SHIPMENTS:
                warm = n == 2 and 400 <= at < 500
                value = rng.gauss(12.0 if warm else 5.0, 0.2)
                step = RESOLUTION[n]
                told = 5.13 if n == 1 and 700 <= at < 900 else round(round(value / step) * step, 2)
                told = 85.0 if (n, at) == (3, 300) else told
                more: dict[str, Any] = {"temperature_c": told, "humidity_pct": round(rng.gauss(40.0, 1.0))}
                place = {"lat_deg": round(27.6 + 0.0001 * at, 6), "lon_deg": -99.51}
                lines.append(world.line(f"box-{n}", at, **place, **more))
        found.append([line for line in lines if world.lane_of(line.split(b'"')[3].decode()) == partition])
    return found


def hear(world, stage: AdmitStage, lines: list[bytes], at: int, found: Found) -> None:
    """A frame, then the ticks of its seconds; what a replay says again must be the same."""
    out = stage.process_frame(world.frame(*lines)) if lines else []
    for second in range(3):
        out += stage.process_tick(world.tick(3 * at + second + 1))
    for reading in world.readings(out):
        assert found.setdefault(identity(reading), reading.findings) == reading.findings


def book(world) -> Any:
    known = world.fleet(len(SHIPMENTS))
    for n in SHIPMENTS:
        sensors = ["temperature", "humidity"]
        known.apply(
            world.record(
                kind="device", effective_ms=1, device_id=f"box-{n}", carrier_scac="CRDN", device_kind="container",
                interval_s=1.0, sensors=sensors,
            )
        )  # fmt: skip
    return known


@pytest.fixture(scope="module")
def undisturbed(world) -> Found:
    found: Found = {}
    for partition in range(world.partitions):
        stage = world.admit(book(world), partition)
        for at, lines in enumerate(log(world, partition)):
            hear(world, stage, lines, at, found)
    return found


def test_the_run_has_episodes_of_learnt_habits_and_of_a_warm_cargo(undisturbed: Found):
    trips = [f for findings in undisturbed.values() for f in findings if f.level == "trip"]
    assert {"temperature_excursion", "sensor_stuck"} <= {f.rule for f in trips}
    assert all(f.evidence["state_sha256"] for f in trips)
    assert len(undisturbed) == len(SHIPMENTS) * SECONDS


@pytest.mark.parametrize("seed", range(4))
def test_scores_and_states_after_restarts_equal_an_undisturbed_runs(world, undisturbed: Found, seed: int):
    rng, found = random.Random(seed), dict[ReadingId, tuple[Finding, ...]]()
    deaths = 0
    for partition in range(world.partitions):
        frames, saved = log(world, partition), dict[str, bytes]()
        stage, covered, at = world.admit(book(world), partition), -1, 0
        while at < len(frames):
            hear(world, stage, frames[at], at, found)
            draw = rng.random()
            if draw < 0.04:
                world.checkpoint(stage, saved)
                covered = at
            elif draw < 0.06:
                deaths += 1
                stage = world.admit(book(world), partition)
                for key in rng.sample(sorted(saved), len(saved)):
                    stage.restore(key, saved[key])
                at = covered
            at += 1
    assert deaths > 5
    assert found == undisturbed


def test_a_restart_that_forgets_is_seen(world, undisturbed: Found):
    """The control: a stage that begins anew in the middle says otherwise."""
    found: Found = {}
    for partition in range(world.partitions):
        stage = world.admit(book(world), partition)
        for at, lines in enumerate(log(world, partition)):
            if at == 280:
                stage = world.admit(book(world), partition)
            hear(world, stage, lines, at, found)
    assert found != undisturbed
