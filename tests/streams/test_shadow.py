"""A version in the shadow of another: what only one of them tells is counted, and neither touches the other."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from contracts import frames
from contracts.journeys import JourneyWindow, window_id
from contracts.readings import Tick
from detectors import model_versions
from detectors.model_versions import ModelVersion
from detectors.unusual_journey import Thresholds
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.shadow import Shadow
from streams.shadow_report import Report, report
from streams.shadow_stages import JOURNEYS, journeys

LENGTH_MS = 180_000
WINDOWS = 120
SPEEDS = {1: 45.0, 2: 85.0}  # crawls: the first clear, the second hard to tell
CRAWLS = range(60, 70)


def window(world, n: int, shipment: int, rng: random.Random, exercise: bool = False) -> JourneyWindow:
    start_ms = world.t0_ms - world.t0_ms % LENGTH_MS + n * LENGTH_MS
    speed = (SPEEDS.get(shipment, 95.0) if n in CRAWLS else 95.0) * rng.uniform(0.94, 1.06)
    name = f"S{shipment}"
    return JourneyWindow(
        window_id=window_id(name, exercise, start_ms, start_ms + LENGTH_MS), shipment_id=name, corridor="I35",
        direction="northbound", start_ms=start_ms, end_ms=start_ms + LENGTH_MS, readings=8,
        device_id=f"truck-{shipment}", boot_id=1, seq=8 * n, lat_deg=28.5, lon_deg=-99.51, speed_kmh=speed,
        speed_spread_kmh=rng.uniform(0.5, 3.0), stopped_share=0.0, progress_kmh=speed, pace=1.4,
        off_route_m=rng.uniform(2.0, 8.0), off_route_spread_m=rng.uniform(1.0, 4.0), temperature_dev=0.0,
        ends_km=80.0, border_km=80.0, exercise=exercise,
    )  # fmt: skip


@pytest.fixture(scope="module")
def log(world) -> list[tuple[bytes, bool]]:
    rng = random.Random(3)
    records: list[tuple[bytes, bool]] = []
    for n in range(WINDOWS):
        windows = [window(world, n, shipment, rng) for shipment in range(1, 7)]
        records += [(msgspec.json.encode(w), False) for w in windows]
        drill = window(world, n, 1, rng, exercise=True)
        records.append((msgspec.json.encode(drill), False))
        records += [
            (frames.encode_tick(Tick(f"shipment/{p}", windows[0].end_ms)), True) for p in range(world.partitions)
        ]
    return records


def compared(
    world, log, said: dict[str, bool] | None = None, model: ModelVersion = model_versions.JOURNEY, **limits: Any
) -> Report:
    old = CorridorConfig(world.partitions, world.audiences)
    new = replace(old, thresholds=Thresholds(**limits), model=model)
    book = world.fleet(8)
    shadow = Shadow(JOURNEYS, journeys(0, book, old), journeys(0, book, new))
    for value, is_tick in log:
        shadow.take(value, is_tick)
    return report(JOURNEYS, [shadow], said or {})


def old_alerts(world, log) -> dict[str, str]:
    """By shipment, the id of the alert that the line tells of it."""
    stage = CorridorStage(0, world.fleet(8), CorridorConfig(world.partitions, world.audiences))
    told = []
    for value, is_tick in log:
        out = stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
        told += world.alerts(out)
    return {a.shipment_id: a.alert_id for a in told if not a.exercise}


def test_a_version_in_its_own_shadow_agrees_in_everything(world, log):
    found = compared(world, log)
    (each,) = found.groups.values()
    assert each.judged == {"both": 6 * WINDOWS, "old": 0, "new": 0}
    assert each.told["both"] >= 10
    assert each.told["old"] == each.told["new"] == each.episodes["old"] == each.episodes["new"] == 0
    assert each.episodes["both"] == len(old_alerts(world, log)) == 1
    assert each.correlation.get() > 0.99999
    # One episode is too little to know what it would lose: all else is well.
    assert [(c.name, c.unknown) for c in found.criteria if not c.holds] == [("episodes", "not known yet")]


def test_a_more_sensitive_version_tells_more_and_the_flood_is_seen(world, log):
    (each,) = compared(world, log, road_deviations=3.0, confirm_windows=3).groups.values()
    assert (each.episodes["both"], each.episodes["old"]) == (1, 0)
    assert each.episodes["new"] >= 1
    assert each.told["new"] > 0
    flood = compared(world, log, road_deviations=0.5, open_score=0.41)
    assert not next(c for c in flood.criteria if c.name == "no flood").holds
    assert not flood.ready


def test_a_deaf_version_loses_what_was_told_and_is_not_ready(world, log):
    found = compared(world, log, road_deviations=100.0)
    (each,) = found.groups.values()
    assert each.episodes == {"both": 0, "old": 1, "new": 0}
    assert not next(c for c in found.criteria if c.name == "nothing lost").holds
    assert not found.ready


def test_what_officers_said_decides_what_may_be_lost(world, log):
    alert_id = old_alerts(world, log)["S1"]
    right = compared(world, log, {alert_id[:8]: True, "feed": False}, road_deviations=100.0)
    assert (right.labels.right_lost, right.labels.unknown) == ([alert_id], 1)
    assert not next(c for c in right.criteria if c.name == "labels").holds
    wrong = compared(world, log, {alert_id: False}, road_deviations=100.0)
    assert (wrong.labels.wrong_gone, wrong.labels.right_lost) == (1, [])
    assert next(c for c in wrong.criteria if c.name == "nothing lost").holds  # what was wrong is no loss
    kept = compared(world, log, {alert_id: True})
    assert kept.labels.right_kept == 1


def test_windows_that_only_one_version_judges_are_told_apart(world, log):
    (each,) = compared(world, log, least_readings=9).groups.values()
    assert each.judged == {"both": 0, "old": 6 * WINDOWS, "new": 0}
    assert each.compared == 0


def test_too_few_windows_decide_nothing(world, log):
    found = compared(world, log[: 5 * 9])
    assert not next(c for c in found.criteria if c.name == "windows").holds
    assert not found.ready


def test_nothing_at_all_is_not_ready(world):
    assert not compared(world, []).ready


def test_another_version_of_the_model_is_compared_like_other_thresholds(world, log):
    swift = model_versions.find("unusual_journey", "2-swift")
    found = compared(world, log, model=swift)
    (each,) = found.groups.values()
    assert each.judged["both"] == 6 * WINDOWS
    assert (
        0.8 < each.correlation.get() < 0.99999
    )  # it has learnt otherwise: the control is the version in its own shadow
    assert found.cost_us is None  # nobody gave it a clock
