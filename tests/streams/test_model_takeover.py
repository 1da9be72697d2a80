"""One version of a model where another has learnt: what means the same is gone on from, nothing else is misread."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from contracts.journeys import JourneyWindow, window_id
from contracts.sensors import MINUTE_MS, SensorValue
from detectors import model_versions, sensor_watch, unusual_journey
from detectors.model_versions import JOURNEY, SENSOR, ModelVersion
from streams.journey_models import JourneyModels
from streams.sensor_models import SensorModels, rejudge

LENGTH_MS = 180_000
SWIFT = model_versions.find("unusual_journey", f"{JOURNEY.version}-swift")
STRANGER = replace(JOURNEY, version="another", goes_on_from=frozenset())
OWN_RANGE = model_versions.find("sensor_anomaly", f"{SENSOR.version}-own-range")
Saved = dict[str, bytes]


def window(n: int, speed: float) -> JourneyWindow:
    start_ms = n * LENGTH_MS
    return JourneyWindow(
        window_id=window_id("S1", False, start_ms, start_ms + LENGTH_MS), shipment_id="S1", corridor="I35",
        direction="northbound", start_ms=start_ms, end_ms=start_ms + LENGTH_MS, readings=8, device_id="truck-1",
        boot_id=1, seq=n, lat_deg=28.5 + (n % 4), lon_deg=-99.51, speed_kmh=speed, speed_spread_kmh=1.0,
        stopped_share=0.0, progress_kmh=speed, pace=1.4, off_route_m=4.0, off_route_spread_m=2.0, temperature_dev=0.0,
        ends_km=80.0, border_km=80.0, exercise=False,
    )  # fmt: skip


def journeys(version: ModelVersion, saved: Saved, windows: range) -> JourneyModels:
    """Models of this version on what was saved, which they hear these windows on and save over."""
    models = JourneyModels(unusual_journey.Thresholds(), version)
    for key, value in random.Random(1).sample(sorted(saved.items()), len(saved)):
        models.restore(*key.split("/", 1), value)
    rng = random.Random(windows.start)
    for n in windows:
        models.judge(window(n, rng.gauss(95.0, 4.0)))
    save(models, saved)
    return models


def save(models: JourneyModels | SensorModels, saved: Saved) -> None:
    for key, value in models.changes():
        saved.pop(key, None)
        if value is not None:
            saved[key] = value


def learnt(models: JourneyModels) -> list[object]:
    (norm,) = models.by_name.values()
    return [norm.dump(), {place: norm.dump_place(place) for place in sorted(norm.places)}]


@pytest.mark.parametrize("version", [JOURNEY, SWIFT, STRANGER], ids=lambda version: version.name)
def test_a_version_reads_its_own(version: ModelVersion):
    saved: Saved = {}
    before = learnt(journeys(version, saved, range(100)))
    again = journeys(version, saved, range(0))
    assert (learnt(again), again.anew) == (before, 0)


def test_the_swift_norm_goes_on_from_what_its_elder_has_learnt_and_back():
    saved: Saved = {}
    before = learnt(journeys(JOURNEY, saved, range(100)))
    swift = journeys(SWIFT, saved, range(0))
    assert (learnt(swift), swift.anew) == (before, 0)
    taught = learnt(journeys(SWIFT, saved, range(100, 200)))
    assert taught != before
    assert learnt(journeys(JOURNEY, saved, range(0))) == taught


def test_what_another_norm_has_learnt_is_not_read_and_gone_with_the_next_checkpoint():
    saved: Saved = {}
    journeys(STRANGER, saved, range(100))
    keys = set(saved)
    assert len(keys) == 5  # what holds everywhere, and four places
    models = journeys(JOURNEY, saved, range(1))
    assert models.anew == len(keys)
    assert learnt(models)[0][0] == 1  # type: ignore[index]  # windows seen
    assert len(saved) == 2
    assert journeys(JOURNEY, saved, range(0)).anew == 0


def value(minute: int, number: float) -> SensorValue:
    return SensorValue(
        subject="box-1", sensor="temperature_c", time_ms=minute * MINUTE_MS, value=number, low=-200.0, high=850.0,
        device_id="box-1", boot_id=1, seq=minute,
    )  # fmt: skip


def sensors(version: ModelVersion, saved: Saved, minutes: range, jump: float = 0.0) -> SensorModels:
    models = SensorModels(sensor_watch.Thresholds(warm_up_values=120), version)
    for key, kept in random.Random(1).sample(sorted(saved.items()), len(saved)):
        models.restore(*key.split("/", 1), kept)
    rng = random.Random(minutes.start)
    for minute in minutes:
        models.judge(value(minute, rng.gauss(4.0, 0.2) + jump), doubtful=False)
    save(models, saved)
    return models


NAME = ("box-1:temperature_c", False)


def score(models: SensorModels) -> float:
    return models.judge(value(10_000, 9.0), doubtful=False).score


@pytest.mark.parametrize("version", [SENSOR, OWN_RANGE], ids=lambda version: version.name)
def test_a_detector_comes_back_as_its_own_version_left_it(version: ModelVersion):
    saved: Saved = {}
    through = sensors(version, saved, range(300))
    again = sensors(version, dict(saved), range(0))
    assert again.newest_ms(NAME) == 299 * MINUTE_MS
    assert again.anew == 0
    assert score(again) == score(through) > 0.5


@pytest.mark.parametrize(("before", "after"), [(SENSOR, OWN_RANGE), (OWN_RANGE, SENSOR)])
def test_another_version_begins_the_series_anew_and_still_knows_what_it_was_told(
    before: ModelVersion, after: ModelVersion
):
    saved: Saved = {}
    sensors(before, saved, range(300))
    models = sensors(after, saved, range(0))
    assert models.newest_ms(NAME) == 299 * MINUTE_MS  # what comes again is a repeat to this version too
    assert models.anew == 1
    assert score(models) == 0.0  # it has heard nothing, and says nothing
    save(models, saved)
    assert sensors(after, saved, range(300, 600)).anew == 0
    back = sensors(after, saved, range(0))
    assert (back.newest_ms(NAME), back.anew) == (599 * MINUTE_MS, 0)
    assert score(back) > 0.5


def test_a_score_comes_out_again_by_the_version_that_gave_it():
    models = sensors(OWN_RANGE, {}, range(300))
    told = value(10_000, 9.0)
    judged = models.judge(told, doubtful=False)
    assert judged.strange
    again = rejudge(told, judged.state, models.thresholds)
    assert (again.score, again.state_sha256) == (judged.score, judged.state_sha256)
