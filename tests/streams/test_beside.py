"""A version beside what the line told: what that knew of a subject is not asked of one that has heard too little."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest

from contracts import frames
from contracts.alerts import Alert
from contracts.readings import Tick
from contracts.sensors import MINUTE_MS, SensorValue
from detectors.model_versions import SENSOR
from detectors.sensor_watch import CARD, Thresholds
from streams.beside import Beside, Told
from streams.sensor_stage import SensorConfig, SensorStage, source_of
from streams.shadow_report import Report, report
from streams.shadow_stages import SENSORS, sensors

LIMITS = Thresholds(0.5, 120)
MINUTES = 600
KEPT = 200  # minutes that Kafka holds no longer
EARLY, LATE = range(150, 180), range(480, 510)  # twelve degrees too warm: before what is kept, and in it
SERIES, SENSOR_NAME = "box-1:temperature_c", "temperature_c"
Log = list[tuple[bytes, bool]]


@pytest.fixture(scope="module")
def log(world) -> Log:
    rng, records = random.Random(8), []
    for minute in range(MINUTES):
        warm = 12.0 if minute in EARLY or minute in LATE else 0.0
        value = SensorValue(
            subject="box-1", sensor=SENSOR_NAME, device_id="box-1", low=-30.0, high=30.0, boot_id=1, seq=minute,
            time_ms=world.t0_ms + minute * MINUTE_MS,
            value=4 + 0.2 * math.sin(minute / 20) + rng.gauss(0.0, 0.02) + warm,
        )  # fmt: skip
        records.append((msgspec.json.encode(value), False))
        until_ms = world.t0_ms + (minute + 1) * MINUTE_MS
        records += [(frames.encode_tick(Tick(source_of(p), until_ms)), True) for p in range(world.partitions)]
    return records


@pytest.fixture(scope="module")
def alerts(world, log: Log) -> list[Alert]:
    """What the line told, which has heard all."""
    stage = SensorStage(0, world.fleet(2), SensorConfig(world.partitions, world.audiences, thresholds=LIMITS))
    told: list[Alert] = []
    for value, is_tick in log:
        told += world.alerts(stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value))
    return told


def told_of(alerts: list[Alert]) -> Told:
    told = Told()
    for alert in alerts:
        told.take(alert, SERIES, SENSOR_NAME)
    return told


def beside(world, log: Log, told: Told, **limits: Any) -> Beside:
    config = SensorConfig(world.partitions, world.audiences, thresholds=replace(LIMITS, **limits))
    new = Beside(SENSORS, told, sensors(0, world.fleet(2), config))
    for value, is_tick in log:
        new.take(value, is_tick)
    return new


def found(new: Beside, said: dict[str, bool] | None = None) -> Report:
    return report(SENSORS, [new], said or {}, told=True)


def minutes(world, episodes) -> list[int]:
    return [(episode.opened_ms - world.t0_ms) // MINUTE_MS for episode in episodes]


def test_what_opens_and_ends_within_one_frame_is_of_its_series_too(world):
    """A backlog of hours is one frame, of a box whose goods' band is part of its series' name."""
    values = []
    for minute in range(MINUTES):
        warm = 12.0 if minute in EARLY or minute in LATE else 0.0
        level = 4 + 0.2 * math.sin(minute / 20) + random.Random(minute).gauss(0.0, 0.02) + warm
        values.append(
            SensorValue(
                subject="box-1", sensor=SENSOR_NAME, device_id="box-1", low=-30.0, high=30.0, band="2..8", boot_id=1,
                seq=minute, time_ms=world.t0_ms + minute * MINUTE_MS, value=level,
            )
        )  # fmt: skip
    backlog = msgspec.json.Encoder().encode_lines(values)
    stage = SensorStage(0, world.fleet(2), SensorConfig(world.partitions, world.audiences, thresholds=LIMITS))
    told = Told()
    for alert in world.alerts(stage.process_frame(backlog)):
        told.take(alert, values[0].series, SENSOR_NAME)
    (each,) = found(beside(world, [(backlog, False)], told)).groups.values()
    assert each.episodes == {"both": 2, "old": 0, "new": 0}


def test_what_the_line_told_and_the_new_version_tells_is_of_both(world, log: Log, alerts: list[Alert]):
    told = told_of(alerts)
    assert [m in range(EARLY.start, EARLY.stop + 2) for m in minutes(world, told.episodes.values())] == [True, False]
    assert set(told.versions.values()) == {SENSOR.name}
    both = found(beside(world, log, told))
    (each,) = both.groups.values()
    assert each.episodes == {"both": 2, "old": 0, "new": 0}
    assert each.judged == {"both": 0, "old": 0, "new": each.compared}
    assert each.compared == MINUTES - LIMITS.warm_up_values
    assert both.cost_us is None


def test_alerts_of_several_audiences_and_in_any_order_are_one_episode_each(alerts: list[Alert]):
    once, twice = told_of(alerts), told_of([*reversed(alerts), *alerts])
    assert sorted(once.episodes) == sorted(twice.episodes)
    assert {i: (e.opened_ms, e.closed_ms) for i, e in once.episodes.items()} == {
        i: (e.opened_ms, e.closed_ms) for i, e in twice.episodes.items()
    }


def test_what_the_line_told_before_the_new_version_could_judge_is_not_lost(world, log: Log, alerts: list[Alert]):
    """It has heard from minute KEPT on, and judges after its warm-up: of the early episode it can't know."""
    kept = log[KEPT * (1 + world.partitions) :]
    each = found(beside(world, kept, told_of(alerts))).groups[SENSOR_NAME]
    assert each.episodes == {"both": 1, "old": 0, "new": 0}
    # The control: one that is told once it could judge is lost where it tells nothing.
    deaf = found(beside(world, kept, told_of(alerts), open_score=0.99)).groups[SENSOR_NAME]
    assert deaf.episodes == {"both": 0, "old": 1, "new": 0}


def test_what_the_line_told_of_later_records_than_were_read_is_not_lost(world, log: Log, alerts: list[Alert]):
    """The line goes on while its records are read, and its alerts are read last."""
    until = 470 * (1 + world.partitions)
    each = found(beside(world, log[:until], told_of(alerts))).groups[SENSOR_NAME]
    assert each.episodes == {"both": 1, "old": 0, "new": 0}


def test_what_goes_on_since_before_it_could_judge_is_no_news(world, log: Log, alerts: list[Alert]):
    """The line's episode opened in the warm-up and was never closed: what the new one tells meanwhile is no flood."""
    early = [alert for alert in alerts if alert.state == "opened"][:1]
    kept = log[KEPT * (1 + world.partitions) :]
    new = beside(world, kept, told_of(early))
    assert len(new._new.episodes) == 1
    assert new.episodes() == ([], [])
    # The control: nothing told at all, and it is new.
    assert found(beside(world, kept, Told())).groups[SENSOR_NAME].episodes == {"both": 0, "old": 0, "new": 1}


def test_of_what_goes_on_since_before_it_could_judge_one_alert_is_no_news(world, log: Log, alerts: list[Alert]):
    """The line's episode was never closed, and the new version tells two in its time."""
    opened = next(alert for alert in alerts if alert.state == "opened")
    at_first = msgspec.structs.replace(opened, opened_ms=world.t0_ms + 60 * MINUTE_MS)
    new = beside(world, log, told_of([at_first]))
    assert len(new._new.episodes) == 2
    assert found(new).groups[SENSOR_NAME].episodes == {"both": 0, "old": 0, "new": 1}


def test_what_the_line_told_later_is_no_excuse_for_one_that_stays_open(world, log: Log, alerts: list[Alert]):
    late = [alert for alert in alerts if alert.opened_ms > world.t0_ms + LATE.start * MINUTE_MS]
    new = beside(world, log[: 400 * (1 + world.partitions)], told_of(late), calm_values=10_000)
    assert found(new).groups[SENSOR_NAME].episodes == {"both": 0, "old": 0, "new": 1}


def test_a_version_that_never_closes_tells_one_of_a_sensor_and_its_alerts_stand_open(
    world, log: Log, alerts: list[Alert]
):
    endless = beside(world, log, told_of(alerts), calm_values=10_000)
    report_of = found(endless)
    assert report_of.groups[SENSOR_NAME].episodes == {"both": 1, "old": 1, "new": 0}
    holds = {each.name: each.holds for each in report_of.criteria}
    assert (holds["nothing lost"], holds["time open"]) == (False, False)
    old_ms, new_ms = endless.open_ms()
    assert new_ms >= (MINUTES - EARLY.start - 2) * MINUTE_MS
    assert old_ms < 2 * 60 * MINUTE_MS
    closing = beside(world, log, told_of(alerts))  # the control
    assert closing.open_ms() == (old_ms, old_ms)
    assert {each.name: each.holds for each in found(closing).criteria}["time open"]


def test_time_open_is_of_what_the_new_version_judged(world, log: Log, alerts: list[Alert]):
    """An episode from before it was warm until after the last that it heard counts in between."""
    opened = next(alert for alert in alerts if alert.state == "opened")
    always = msgspec.structs.replace(opened, opened_ms=world.t0_ms)
    old_ms, _ = beside(world, log[: 400 * (1 + world.partitions)], told_of([always])).open_ms()
    # Minute 120 is the first that it judges, and a minute is known once it is over.
    assert old_ms == (400 - LIMITS.warm_up_values - 1) * MINUTE_MS
    never = beside(world, log[: 100 * (1 + world.partitions)], told_of([always]))
    assert never.open_ms() == (0, 0)


def test_drills_and_subjects_that_were_not_heard_are_no_part(world, log: Log, alerts: list[Alert]):
    told = Told()
    for alert in alerts:
        told.take(msgspec.structs.replace(alert, exercise=True), SERIES, SENSOR_NAME)
        told.take(
            msgspec.structs.replace(alert, alert_id=f"{alert.alert_id[:-1]}-"), "box-9:temperature_c", SENSOR_NAME
        )
    assert {episode.subject for episode in told.episodes.values()} == {"box-9:temperature_c"}
    new = beside(world, log, told)
    assert new.episodes()[0] == []


def test_of_a_subject_that_goes_on_in_another_group_the_episode_counts_where_it_was_told(
    world, log: Log, alerts: list[Alert]
):
    told = Told()
    for alert in alerts:
        told.take(alert, SERIES, "another")
    assert beside(world, log, told).episodes()[0] == []
    assert len(beside(world, log, told_of(alerts)).episodes()[0]) == 2  # the control


def test_an_alert_of_before_versions_had_names_is_of_its_rules_version(alerts: list[Alert]):
    nameless = {k: v for k, v in alerts[0].evidence.items() if k != "model_version"}
    told = told_of([msgspec.structs.replace(alerts[0], evidence=nameless, rule_version=3)])
    assert list(told.versions.values()) == [f"{CARD.name}@3"]


def test_scores_that_are_not_kept_stand_in_nobodys_way_and_are_not_called_alike(world, log: Log, alerts: list[Alert]):
    criteria = {each.name: each for each in found(beside(world, log, told_of(alerts))).criteria}
    assert (criteria["correlation"].holds, criteria["correlation"].unknown) == (True, "not kept")
    assert criteria["values"].says.startswith(f"{MINUTES - LIMITS.warm_up_values} values judged anew")
    assert "cost" not in criteria


def test_what_officers_said_counts_by_the_ids_that_the_line_told(world, log: Log, alerts: list[Alert]):
    ids = [alert.alert_id for alert in alerts if alert.state == "opened"]
    kept = found(beside(world, log, told_of(alerts)), {ids[0]: True, ids[1][:12]: False})
    assert (kept.labels.right_kept, kept.labels.wrong_kept) == (1, [ids[1]])
    deaf = found(beside(world, log, told_of(alerts), open_score=0.99), {ids[0]: True})
    assert deaf.labels.right_lost == [ids[0]]
    assert not deaf.ready


def test_its_time_is_taken_and_the_lines_is_not_known(world, log: Log):
    ticking = count(0, 1_000)
    new = Beside(
        SENSORS, Told(), sensors(0, world.fleet(2), SensorConfig(world.partitions, world.audiences)),
        clock=lambda: next(ticking),
    )  # fmt: skip
    for value, is_tick in log[:40]:
        new.take(value, is_tick)
    assert new.spent_ns() == (0, 40_000)
