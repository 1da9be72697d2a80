"""A version of ``sensor_anomaly`` in the shadow of another: each value by both, each episode of a series once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from contracts import frames
from contracts.readings import Tick
from contracts.sensors import MINUTE_MS, SensorValue
from detectors import model_versions
from detectors.model_versions import SENSOR, ModelVersion
from detectors.sensor_watch import Thresholds
from streams.rank_correlation import RankCorrelation
from streams.sensor_stage import SensorConfig, SensorStage, source_of
from streams.shadow import Comparison, Shadow, Verdict
from streams.shadow_report import Report, report
from streams.shadow_stages import SENSORS, sensors

OWN_RANGE = model_versions.find("sensor_anomaly", f"{SENSOR.version}-own-range")
MINUTES = 600
WARM_UP = 120
SOFT, HARD = range(350, 380), range(480, 510)  # minutes: 0.3 degrees too warm, then 12
BRIDGE = "bridge-1:northbound:FAST"
LIMITS = Thresholds(0.5, WARM_UP)
Log = list[tuple[bytes, bool]]


def values(world, minute: int, rng: random.Random, exercise: bool = False) -> list[SensorValue]:
    at_ms = world.t0_ms + minute * MINUTE_MS
    warm = 12.0 if minute in HARD else 0.3 if minute in SOFT else 0.0
    common = {"time_ms": at_ms, "boot_id": 1, "seq": minute, "exercise": exercise}
    # Who crosses is another truck each time: the series is the bridge's.
    wait_s = 900.0 + rng.gauss(0.0, 20.0) + (4_000.0 if minute in HARD else 0.0)
    return [
        SensorValue(
            subject="box-1", sensor="temperature_c", device_id="box-1", low=-200.0, high=850.0,
            value=4 + 0.2 * math.sin(minute / 20) + rng.gauss(0.0, 0.02) + warm, **common,
        ),
        SensorValue(
            subject=BRIDGE, sensor="wait_s", device_id=f"truck-{minute % 7}", low=0.0, high=20_000.0, value=wait_s,
            **common,
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def log(world) -> Log:
    rng, records = random.Random(6), []
    for minute in range(MINUTES):
        frame = values(world, minute, rng) + values(world, minute, rng, exercise=True)[:1]
        records.append((msgspec.json.Encoder().encode_lines(frame), False))
        records += [
            (frames.encode_tick(Tick(source_of(p), world.t0_ms + (minute + 1) * MINUTE_MS)), True)
            for p in range(world.partitions)
        ]
    return records


def compared(
    world,
    log: Log,
    model: ModelVersion = SENSOR,
    said: dict[str, bool] | None = None,
    clock: Callable[[], int] = lambda: 0,
    **limits: Any,
) -> Report:
    old = SensorConfig(world.partitions, world.audiences, thresholds=LIMITS)
    new = replace(old, model=model, thresholds=replace(LIMITS, **limits))
    book = world.fleet(2)
    shadow = Shadow(SENSORS, sensors(0, book, old), sensors(0, book, new), clock=clock)
    for value, is_tick in log:
        shadow.take(value, is_tick)
    return report(SENSORS, [shadow], said or {})


def holds(found: Report) -> dict[str, bool]:
    return {criterion.name: criterion.holds for criterion in found.criteria}


def test_a_version_in_its_own_shadow_agrees_in_every_value_and_episode(world, log: Log):
    found = compared(world, log)
    assert list(found.groups) == ["temperature_c", "wait_s"]
    for each in found.groups.values():
        assert each.judged["both"] == each.compared > MINUTES - WARM_UP - 10
        assert each.told["both"] > 0
        assert each.episodes["both"] >= 1
        for counts in (each.judged, each.told, each.episodes):
            assert counts["old"] == counts["new"] == 0
        assert each.correlation.get() == pytest.approx(1.0)
    assert found.compared < SENSORS.least
    assert holds(found) == {
        "values": False, "episodes": False, "correlation": True, "no flood": True, "nothing lost": True,
        "time open": True, "labels": True,
    }  # fmt: skip
    assert not found.ready  # all that it lacks is values, a week of them, and what they would tell


def test_another_model_is_compared_sensor_by_sensor(world, log: Log):
    temperature = compared(world, log, OWN_RANGE).groups["temperature_c"]
    assert temperature.judged["both"] == temperature.compared > MINUTES - WARM_UP - 10
    assert temperature.told["new"] > temperature.told["old"]  # the soft one, in parts of a range of a thousand degrees
    assert temperature.episodes["both"] >= 1
    assert temperature.episodes["new"] >= 1
    assert 0.2 < temperature.correlation.get() < 0.99


def test_a_deaf_version_loses_what_was_told_and_officers_words_count(world, log: Log):
    stage = SensorStage(0, world.fleet(2), SensorConfig(world.partitions, world.audiences, thresholds=LIMITS))
    told = []
    for value, is_tick in log:
        told += world.alerts(stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value))
    ids = sorted({alert.alert_id for alert in told if not alert.exercise})
    deaf = compared(world, log, said={ids[0]: True, ids[1]: False}, open_score=0.99)
    lost = sum(each.episodes["old"] for each in deaf.groups.values())
    assert lost == len(ids) >= 2
    assert (deaf.labels.right_lost, deaf.labels.wrong_gone) == ([ids[0]], 1)
    assert not holds(deaf)["nothing lost"]
    assert not holds(deaf)["labels"]
    same = compared(world, log, said={ids[0]: True})
    assert holds(same)["labels"]
    assert same.labels.right_kept == 1


def test_a_version_that_never_closes_is_seen_and_how_long_its_alerts_stand_open(world, log: Log):
    config = SensorConfig(world.partitions, world.audiences, thresholds=LIMITS)
    endless = replace(config, thresholds=replace(LIMITS, calm_values=10_000))
    for new, until_closed in ((config, True), (endless, False)):
        shadow = Shadow(SENSORS, sensors(0, world.fleet(2), config), sensors(0, world.fleet(2), new))
        for value, is_tick in log:
            shadow.take(value, is_tick)
        # Of those open at the end, what was heard counts: from minute 480 to minute 600.
        old_ms, new_ms = shadow.open_ms()
        assert (new_ms == old_ms, holds(report(SENSORS, [shadow], {}))["time open"]) == (until_closed, until_closed)
        assert 2 * len(HARD) * MINUTE_MS < old_ms < 2.2 * 60 * MINUTE_MS
        assert until_closed or 2 * 110 * MINUTE_MS < new_ms <= 2 * 120 * MINUTE_MS + 120_000


def test_the_flood_of_a_version_that_tells_of_everything_is_seen(world, log: Log):
    found = compared(world, log, OWN_RANGE, open_score=0.06, calm_values=1)
    assert not holds(found)["no flood"]


def test_what_a_version_costs_is_said_and_one_that_costs_twice_as_much_is_not_ready(world, log: Log):
    even = count(0, 1_000)
    fair = compared(world, log[:400], clock=lambda: next(even))
    assert fair.cost_us is not None
    assert fair.cost_us[0] == fair.cost_us[1] > 0.0
    assert holds(fair)["cost"]
    # The clock is asked four times a record, and who is first takes turns: the new one's are these of eight.
    times = iter([0, 1, 1, 4, 4, 7, 7, 8] * 10_000)
    base = count(0)
    slow = compared(world, log[:400], clock=lambda: 8_000 * (next(base) // 8) + 1_000 * next(times))
    assert slow.cost_us is not None
    assert slow.cost_us[1] == pytest.approx(3 * slow.cost_us[0])
    assert not holds(slow)["cost"]


def test_a_sensor_of_which_one_version_says_nothing_has_no_order_and_no_part_in_the_correlation():
    groups = {name: Comparison(RankCorrelation()) for name in ("light_lux", "shock_g")}
    for n in range(100):
        groups["light_lux"].add(Verdict(0.0, tells=False, warm=True), Verdict(n / 100, tells=False, warm=True))
        groups["shock_g"].add(Verdict(n / 100, tells=False, warm=True), Verdict(n / 200, tells=False, warm=True))
    assert groups["light_lux"].correlation.get() is None
    shadow = SimpleNamespace(
        groups=groups, heard=0, drift=dict, episodes=lambda: ([], []), spent_ns=lambda: (0, 0), open_ms=lambda: (0, 0)
    )
    said = {criterion.name: criterion.says for criterion in report(SENSORS, [shadow], {}).criteria}
    assert said["correlation"].startswith("ranks of scores correlate at 1.000")
    assert said["values"].startswith("200 values")


def test_partitions_share_what_they_compare(world, log: Log):
    config, book, groups = SensorConfig(world.partitions, world.audiences, thresholds=LIMITS), world.fleet(2), {}
    shadows = [Shadow(SENSORS, sensors(p, book, config), sensors(p, book, config), groups) for p in (0, 1)]
    for shadow in shadows:
        for value, is_tick in log:
            shadow.take(value, is_tick)
    once, both = compared(world, log), report(SENSORS, shadows, {})
    assert both.compared == 2 * once.compared
    assert both.groups["wait_s"].episodes["both"] == 2 * once.groups["wait_s"].episodes["both"]
