"""Watched sensors: a minute is told once, judged once, and alike after any death; nothing is watched unasked."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.events import Event
from contracts.models import SensorState
from contracts.readings import Tick
from contracts.sensors import MINUTE_MS, SensorValue
from detectors import model_versions
from detectors.sensor_watch import Thresholds
from streams.sensor_models import rejudge
from streams.sensor_stage import SensorConfig, SensorStage, source_of
from streams.stage import pack, unpack

SEEDS = range(6)
MINUTES = 400
FAULT = range(330, 360)
# Hours, not days: a series' first hundred values are never judged, and that is all that is waited for here.
SOON = Thresholds(0.5, 120)
RANGES = {"temperature_c": [-30.0, 30.0]}


def value(world, minute: int, number: float, **more: Any) -> SensorValue:
    fields = {
        "subject": "box-1", "sensor": "temperature_c", "time_ms": world.t0_ms + minute * MINUTE_MS, "value": number,
        "low": -30.0, "high": 30.0, "device_id": "box-1", "boot_id": 1, "seq": 60 * minute, "shipment_id": "S1",
        "lat_deg": 27.6, "lon_deg": -99.51, **more,
    }  # fmt: skip
    return SensorValue(**fields)


def temperatures(seed: int = 5) -> list[float]:
    """A reefer's hours: a slow swing with noise; in ``FAULT`` 12 degrees warmer, well within the sensor's range."""
    rng = random.Random(seed)
    return [4 + math.sin(m / 20) + rng.gauss(0, 0.1) + (12.0 if m in FAULT else 0.0) for m in range(MINUTES)]


class Line:
    """A sensors' stage that hears frames and ticks of stage 1's partitions."""

    def __init__(self, world, thresholds: Thresholds = SOON, **config: Any) -> None:
        self.world, self.book = world, world.fleet(2)
        self.config = SensorConfig(world.partitions, world.audiences, thresholds=thresholds, **config)
        self.stage = SensorStage(0, self.book, self.config)
        self.alerts: list[Alert] = []
        self.states: dict[str, SensorState] = {}
        self.saved: dict[str, bytes] = {}

    def hear(self, *told: SensorValue) -> None:
        out = self.stage.process_frame(msgspec.json.Encoder().encode_lines(told))
        self.alerts += self.world.alerts(out)
        for record in out:
            if record.topic == topics.MODELS:
                state = msgspec.json.decode(record.value, type=SensorState)
                assert self.states.setdefault(state.key, state) == state

    def tick(self, time_ms: int, *partitions: int) -> None:
        for partition in partitions or range(self.world.partitions):
            self.alerts += self.world.alerts(self.stage.process_tick(Tick(source_of(partition), time_ms)))

    def save(self) -> None:
        self.world.checkpoint(self.stage, self.saved)

    def die(self, rng: random.Random) -> None:
        self.stage = SensorStage(0, self.book, self.config)
        for key in rng.sample(sorted(self.saved), len(self.saved)):
            self.stage.restore(key, self.saved[key])


def play(line: Line, rng: random.Random | None = None) -> list[tuple[str, int]]:
    """All minutes; with ``rng``, saved and killed now and then, and told again from where it was saved."""
    told = [value(line.world, minute, number) for minute, number in enumerate(temperatures())]
    at = saved_at = 0
    while at < len(told):
        line.hear(told[at])
        line.tick(told[at].time_ms + MINUTE_MS)
        at += 1
        if rng is not None and rng.random() < 0.05:
            line.save()
            saved_at = at
        if rng is not None and rng.random() < 0.02:
            line.die(rng)
            at = saved_at
    return sorted({(alert.alert_id, alert.revision): None for alert in line.alerts})


def test_a_box_that_is_warmer_than_ever_is_told_once_with_what_is_usual_and_closed_when_it_is_as_before(world) -> None:
    line = Line(world)
    play(line)
    opened, closed = (next(a for a in line.alerts if a.state == state) for state in ("opened", "closed"))
    assert [a.state for a in line.alerts if a.state != "updated"] == ["opened", "closed"]
    assert opened.opened_ms == world.t0_ms + (FAULT.start + 1) * MINUTE_MS
    assert (opened.device_id, opened.shipment_id, opened.rule) == ("box-1", "S1", "sensor_anomaly")
    said = opened.evidence
    assert said["sensor"] == "temperature_c"
    assert said["axis_value"] > said["usual_axis_value"] == 0.0
    named = str(said["features"]).split(",")
    assert {"axis_value", "axis_usual_of_1_h"} <= set(named)
    assert set(named) <= {f"axis_{axis}" for axis in str(said["axes"]).split(",")}
    assert said["usual_temperature_c"] == pytest.approx(4.0, abs=1.5)
    assert said["temperature_c"] > 8.0
    assert min(said[f"falls_{name}"] for name in named) > 0.0
    assert "value" in str(said["axes"])
    assert len(str(said["state_sha256"])) == 64
    assert said["model_version"] == f"sensor_anomaly@{opened.rule_version}"
    assert "model_waived_by" not in said
    assert opened.messages["en"].startswith("The temperature of box-1 is as never before: ")
    assert closed.closed_ms is not None
    assert closed.closed_ms > world.t0_ms + FAULT.stop * MINUTE_MS


def test_an_alert_that_a_release_with_other_words_opened_is_closed_in_those_of_today(world) -> None:
    line = Line(world)
    for minute, number in enumerate(temperatures()):
        line.hear(value(world, minute, number))
        for known in line.stage.episodes.open.values():
            known.alert.evidence["what_en"] = "a temperature"
    closed = next(a for a in line.alerts if a.state == "closed")
    assert closed.messages["en"] == "The temperature of box-1 is as before again."
    assert closed.messages["es"] == "La temperatura de box-1 vuelve a estar como antes."


def test_with_each_alert_the_state_that_judged_is_told_and_gives_the_same_score(world) -> None:
    once, killed = Line(world), Line(world)
    play(once)
    play(killed, random.Random(3))
    told = [a for a in once.alerts if a.state != "closed"]
    assert killed.states == once.states
    assert [f"{a.alert_id}/{a.revision}" for a in told] == list(once.states)
    for alert in told:
        state = once.states[f"{alert.alert_id}/{alert.revision}"]
        found = rejudge(state.value, state.state, once.config.thresholds)
        assert round(found.score, 4) == alert.score
        assert found.state_sha256 == state.state_sha256 == alert.evidence["state_sha256"]
        assert ",".join(str(reason.feature) for reason in found.named) == alert.evidence["features"]
        assert {f"falls_{reason.feature}": round(reason.falls, 4) for reason in found.reasons} == {
            key: fall for key, fall in alert.evidence.items() if key.startswith("falls_")
        }


def test_the_same_hours_without_the_warmth_tell_nothing(world) -> None:
    line = Line(world)
    for minute, number in enumerate(temperatures()):
        line.hear(value(world, minute, number - 12.0 * (minute in FAULT)))
    assert line.alerts == []


@pytest.mark.parametrize("seed", SEEDS)
def test_deaths_change_no_alert_and_no_score(world, seed: int) -> None:
    undisturbed, killed = Line(world), Line(world)
    expected = play(undisturbed)
    assert play(killed, random.Random(seed)) == expected, f"seed {seed}"
    assert killed.stage.models.judge(value(world, MINUTES, 4.0), True) == undisturbed.stage.models.judge(
        value(world, MINUTES, 4.0), True
    )
    assert killed.stage.counters()["passed"] == MINUTES


DAY = 1_440


def reefer_days(spells: list[tuple[int, int, float]], days: int, seed: int = 5) -> list[float]:
    """A reefer at 4 degrees; each spell is a first minute, how many, and what it measures in them."""
    rng, level = random.Random(seed), [4.0] * days * DAY
    for first, minutes, at in spells:
        level[first : first + minutes] = [at] * minutes
    return [rng.gauss(each, 0.3) for each in level]


@pytest.mark.parametrize("minutes", [60, 180, 300])
def test_however_often_hours_of_warmth_come_each_is_told_until_it_is_over_and_nothing_else_is(
    world, minutes: int
) -> None:
    line, begins = Line(world), [2 * DAY + 600, 3 * DAY + 600, 4 * DAY + 1_080]
    for minute, number in enumerate(reefer_days([(first, minutes, 20.0) for first in begins], 6)):
        line.hear(value(world, minute, number))
        line.tick(world.t0_ms + (minute + 1) * MINUTE_MS)
    told = [(a.state, round((a.at_ms - world.t0_ms) / MINUTE_MS)) for a in line.alerts]
    assert [state for state, _ in told] == ["opened", "closed"] * 3
    for first, (_, opened), (_, closed) in zip(begins, told[::2], told[1::2], strict=True):
        assert first <= opened <= first + 5
        assert first + minutes + 10 <= closed <= first + minutes + 20
    assert {a.messages["en"] for a in line.alerts if a.state == "closed"} == {
        "The temperature of box-1 is as before again."
    }


def compressor(minute: int) -> float:
    """A reefer whose compressor goes on and off."""
    return 2.5 if minute // 17 % 2 else 5.5


def outside_air(minute: int) -> float:
    return 15.0 - 6.0 * math.cos(2.0 * math.pi * (minute % DAY - 180) / DAY)


def constant(_: int) -> float:
    return 4.0


def warmer_by(much: float) -> Callable[[int], float]:
    return lambda _: much


def failing(in_minutes: float) -> Callable[[int], float]:
    """It warms up to 25 degrees, ever more slowly."""
    return lambda minute: 21.0 * (1.0 - math.exp(-minute / in_minutes))


@pytest.mark.parametrize(
    ("usual", "days", "spell"),
    [
        pytest.param(constant, 8, failing(20.0), id="constant, failing in 20 minutes"),
        pytest.param(constant, 8, lambda minute: min(16.0, minute), id="constant, a degree a minute"),
        pytest.param(compressor, 8, warmer_by(8.0), id="compressor, 8 degrees"),
        pytest.param(compressor, 8, warmer_by(16.0), id="compressor, 16 degrees"),
        pytest.param(compressor, 8, failing(20.0), id="compressor, failing in 20 minutes"),
        pytest.param(outside_air, 2, warmer_by(6.0), id="outside air, two days old, 6 degrees"),
        pytest.param(outside_air, 2, warmer_by(10.0), id="outside air, two days old, 10 degrees"),
        pytest.param(outside_air, 8, warmer_by(6.0), id="outside air, 6 degrees"),
    ],
)
def test_hours_that_were_told_are_told_again_whatever_is_usual_and_however_they_come(
    world, usual: Callable[[int], float], days: int, spell: Callable[[int], float]
) -> None:
    """On the day after, at the same hour, and on the third at another; what is usual is not told in between."""
    line, rng, hours = Line(world, Thresholds()), random.Random(9), 200
    begins = [days * DAY + 600, (days + 1) * DAY + 600, (days + 2) * DAY + 900]
    for minute in range((days + 3) * DAY):
        within = next((minute - first for first in begins if first <= minute < first + hours), None)
        number = usual(minute) + rng.gauss(0.0, 0.2) + (0.0 if within is None else spell(within))
        line.hear(value(world, minute, number))
    told = [(a.state, round((a.at_ms - world.t0_ms) / MINUTE_MS)) for a in line.alerts]
    assert [state for state, _ in told] == ["opened", "closed"] * 3
    for first, (_, opened), (_, closed) in zip(begins, told[::2], told[1::2], strict=True):
        assert first <= opened < first + hours
        assert first + hours <= closed <= first + hours + 20
    assert not [a for a in line.alerts if a.state == "closed" and "taken as usual" in a.messages["en"]]


@pytest.mark.parametrize("level", [10.0, 12.0, 16.0])
def test_an_hour_that_comes_every_day_at_any_time_is_told_every_day(world, level: float) -> None:
    line, rng, days = Line(world, Thresholds()), random.Random(3), range(3, 14)
    begins = [day * DAY + rng.randrange(60, 21 * 60) for day in days]
    warm = {first + minute for first in begins for minute in range(60)}
    for minute in range(14 * DAY):
        number = level if minute in warm else 4.0 + 2.0 * math.sin(minute / 13)
        line.hear(value(world, minute, number + rng.gauss(0.0, 0.3)))
    opened = [round((a.at_ms - world.t0_ms) / MINUTE_MS) for a in line.alerts if a.state == "opened"]
    assert [minute // DAY for minute in opened] == list(days)
    assert all(minute in warm for minute in opened)


def test_what_stays_for_longer_than_hours_is_said_to_be_taken_as_usual_from_then_on(world) -> None:
    line = Line(world)
    for minute, number in enumerate(reefer_days([(2 * DAY, 2 * DAY, 12.0)], 4)):
        line.hear(value(world, minute, number))
    opened, closed = line.alerts
    assert (opened.state, closed.state) == ("opened", "closed")
    assert 8 * 60 <= (closed.at_ms - opened.at_ms) / MINUTE_MS <= 9 * 60
    now = f"{closed.evidence['closed_value']:.1f} °C"
    assert closed.messages == {
        "en": f"The temperature of box-1 is still about {now}; from now on that is taken as usual.",
        "es": f"La temperatura de box-1 sigue en torno a {now}; desde ahora eso se toma como lo usual.",
    }


def stays(
    world, levels: Callable[[int], float], days: int, noise: Callable[[int], float]
) -> list[tuple[str, int, str]]:
    """What is told of a sensor whose first minutes are ``levels``: state, minute, and the English sentence."""
    line, rng = Line(world, Thresholds()), random.Random(11)
    for minute in range(days * DAY):
        line.hear(value(world, minute, levels(minute) + rng.gauss(0.0, noise(minute))))
    return [(a.state, round((a.at_ms - world.t0_ms) / MINUTE_MS), a.messages["en"]) for a in line.alerts]


@pytest.mark.parametrize("begins_at", [0, 800])
@pytest.mark.parametrize(
    ("usual", "warmer_c"),
    [
        (constant, -12.0), (constant, 4.0), (compressor, -12.0), (compressor, 12.0), (outside_air, -12.0),
        (outside_air, 4.0),
    ],
)  # fmt: skip
def test_a_change_to_stay_is_usual_after_eight_hours_however_long_the_sensor_was_heard_before(
    world, usual: Callable[[int], float], warmer_c: float, begins_at: int
) -> None:
    """And said to be so, whatever has become usual at the hour at which it closes."""
    begins = 8 * DAY + begins_at
    told = stays(world, lambda minute: usual(minute) + warmer_c * (minute >= begins), 10, lambda _: 0.3)
    (opened, at, _), (closed, ends, sentence) = told
    assert (opened, closed) == ("opened", "closed")
    assert begins <= at <= begins + 5
    assert 8 * 60 <= ends - at <= 9 * 60
    assert sentence.endswith("from now on that is taken as usual.")


@pytest.mark.parametrize("noise_c", [3.0, 6.0])
def test_a_sensor_that_has_become_noisy_for_good_is_told_until_that_is_usual_and_not_for_ever(
    world, noise_c: float
) -> None:
    """Values as they ever were come in between, and end nothing."""
    begins = 8 * DAY + 700
    told = stays(world, constant, 11, lambda minute: noise_c if minute >= begins else 0.3)
    assert [state for state, _, _ in told[:2]] == ["opened", "closed"]
    assert told[1][1] - told[0][1] <= 9 * 60
    assert sum(state == "opened" for state, _, _ in told) <= 2
    assert told[-1][0] == "closed"


@pytest.mark.parametrize(("days", "warmer_c"), [(2, -12.0), (3, 12.0), (4, 8.0), (5, -8.0)])
def test_a_change_to_stay_in_a_sensors_first_week_is_not_told_again_in_the_second(
    world, days: int, warmer_c: float
) -> None:
    begins = days * DAY + 300
    told = stays(world, lambda minute: 4.0 + warmer_c * (minute >= begins), days + 9, lambda _: 0.3)
    assert [state for state, _, _ in told] == ["opened", "closed"]
    assert told[1][1] - told[0][1] <= 9 * 60


@pytest.mark.parametrize(
    ("hours", "level"), [(72, -18.0), (9, 7.0), (9, 12.0)], ids=["frozen goods for days", "9 h at 7", "9 h at 12"]
)
def test_hours_that_were_told_are_told_again_after_something_else_had_come_to_stay(
    world, hours: int, level: float
) -> None:
    first, between, again = 10 * DAY, 12 * DAY, 18 * DAY + 600

    def levels(minute: int) -> float:
        if first <= minute < first + 120 or again <= minute < again + 120:
            return 20.0
        return level if between <= minute < between + 60 * hours else 4.0

    told = stays(world, levels, 19, lambda _: 0.3)
    assert [minute for state, minute, _ in told if state == "opened" and again <= minute < again + 10]


def test_what_comes_just_after_a_change_has_become_usual_is_not_learnt_with_it(world) -> None:
    begins = 3 * DAY
    for later in (0, 4, 10):
        worse = begins + 8 * 60 + later

        def levels(minute: int, worse: int = worse) -> float:
            if worse <= minute < worse + 240 or worse + 3 * DAY <= minute < worse + 3 * DAY + 240:
                return 25.0
            return 12.0 if minute >= begins else 4.0

        told = stays(world, levels, 8, lambda _: 0.3)
        again = [minute for state, minute, _ in told if state == "opened" and minute >= worse + 3 * DAY]
        assert again
        assert again[0] < worse + 3 * DAY + 10


def test_one_wild_minute_hides_no_warmth_that_comes_soon_after_it(world) -> None:
    for gap in (0, 1, 5, 20, 60, 95):
        line, numbers = Line(world), reefer_days([(2 * DAY + gap + 1, 180, 20.0)], 3)
        numbers[2 * DAY] = 44.5  # the mean of a good value and of a probe that starts with 85
        for minute, number in enumerate(numbers):
            line.hear(value(world, minute, number))
        told = {(a.state, (a.at_ms - world.t0_ms) // MINUTE_MS - 2 * DAY) for a in line.alerts}
        open_at = [at for state, at in told if state == "opened"]
        shut_at = [at for state, at in told if state == "closed"]
        assert any(at <= gap + 7 for at in open_at), gap
        assert max(shut_at) >= gap + 180, gap


def test_a_minute_told_again_is_judged_once_and_without_the_check_it_is_judged_twice(world) -> None:
    line, control = Line(world), Line(world, check_identity=False)
    for one in (line, control):
        one.hear(value(world, 0, 4.0), value(world, 1, 4.0))
        one.hear(value(world, 0, 4.0), value(world, 1, 4.0))
    assert (line.stage.counters()["passed"], line.stage.counters()["repeats"]) == (2, 2)
    assert control.stage.counters()["passed"] == 4


def test_another_declared_range_begins_anew_also_after_a_death(world) -> None:
    line = Line(world)
    for minute in range(200):
        line.hear(value(world, minute, 4.0))
    line.save()
    line.hear(value(world, 200, 4.0, high=60.0))
    line.save()
    line.die(random.Random(1))
    line.hear(value(world, 201, 50.0, high=60.0))
    assert line.alerts == []
    line.hear(*(value(world, minute, 50.0) for minute in range(202, 204)))
    assert line.alerts == [], "of the first range nothing is known any more either"


def test_a_detector_that_another_version_wrote_begins_anew_and_is_not_misread(world) -> None:
    line = Line(world)
    for minute in range(200):
        line.hear(value(world, minute, 4.0))
    line.save()
    known = line.saved["m/box-1:temperature_c"]
    line.saved["m/box-1:temperature_c"] = pack(unpack(known)[1:])
    line.die(random.Random(1))
    line.hear(value(world, 199, 4.0), value(world, 200, 16.0))
    assert line.alerts == []
    assert line.stage.counters()["repeats"] == 1, "what was judged before is known all the same"
    line.save()
    assert unpack(line.saved["m/box-1:temperature_c"])[0] == unpack(known)[0], "the old one is not kept"
    line.die(random.Random(1))
    line.hear(*(value(world, minute, 4.0) for minute in range(201, 330)), value(world, 330, 16.0))
    assert [alert.state for alert in line.alerts] == ["opened"]


@pytest.mark.parametrize(("before", "told"), [("7", 1), ("6", 0)])
def test_a_version_goes_on_from_what_one_learnt_that_means_the_same_by_it(world, before: str, told: int) -> None:
    line = Line(world, model=dataclasses.replace(model_versions.SENSOR, version=before))
    for minute in range(200):
        line.hear(value(world, minute, 4.0))
    line.save()
    line.config = Line(world).config
    line.die(random.Random(1))
    line.hear(value(world, 200, 16.0))
    assert len(line.alerts) == told


def test_a_checkpoint_writes_a_series_whole_only_now_and_then_and_little_of_it_in_between(world) -> None:
    line, written = Line(world), []
    for minute, number in enumerate(temperatures()):
        line.hear(value(world, minute, number))
        written.append({key: len(data or b"") for key, data in line.stage.changes()})
    whole = [sizes["m/box-1:temperature_c"] for sizes in written if "m/box-1:temperature_c" in sizes]
    assert len(whole) == pytest.approx(MINUTES / 64, abs=1)
    assert max(whole) < 16_384
    assert max(sizes["v/box-1:temperature_c"] for sizes in written) < 64 * 20


def test_a_series_silent_for_two_months_is_forgotten_and_one_that_speaks_is_kept(world) -> None:
    line, month = Line(world), 30 * 24 * 60
    line.hear(value(world, 0, 4.0), value(world, 0, 4.0, exercise=True))
    line.save()
    line.die(random.Random(1))
    line.hear(value(world, month, 4.0))
    line.tick(world.t0_ms + 61 * 24 * 60 * MINUTE_MS)
    line.save()
    assert {key for key in line.saved if key[0] in "mv"} == {"v/box-1:temperature_c"}
    assert len(line.stage.models) == 1


@pytest.mark.parametrize("wrong", [{"subject": 3}, {"low": 5.0, "high": 5.0}, {"sensor": "colour"}, {"value": None}])
def test_what_is_no_value_is_a_dead_letter_and_the_rest_of_its_frame_is_judged(world, wrong: dict[str, Any]) -> None:
    line = Line(world)
    right = msgspec.to_builtins(value(world, 0, 4.0))
    out = line.stage.process_frame(msgspec.json.Encoder().encode_lines([{**right, **wrong}, right]))
    assert [letter.topic for letter in world.letters(out)] == [topics.SENSOR_VALUES]
    assert line.stage.counters()["passed"] == line.stage.counters()["unreadable"] == 1


@pytest.mark.parametrize("exercise", [False, True])
def test_an_episode_closes_at_once_when_the_box_is_to_keep_another_range_and_the_other_series_is_heard(
    world, exercise: bool
) -> None:
    line = Line(world)
    for minute, number in enumerate(temperatures()[: FAULT.start + 5]):
        line.hear(value(world, minute, number, band="2..8", exercise=exercise))
    assert [a.state for a in line.alerts] == ["opened"]
    other = FAULT.start + 5
    line.hear(value(world, other, 60.0, sensor="humidity_pct", low=0.0, high=100.0, exercise=exercise))
    line.hear(value(world, other, 16.0, subject="box-11", device_id="box-11", exercise=exercise))
    line.hear(value(world, other, 16.0, exercise=not exercise))
    assert [a.state for a in line.alerts] == ["opened"]
    line.hear(value(world, other, 16.0, exercise=exercise))
    assert [a.state for a in line.alerts] == ["opened", "closed"]
    assert "What temperature box-1 is to keep has changed, as for other goods" in line.alerts[-1].messages["en"]
    assert "Cambió la temperatura que debe mantener box-1, como para otra mercancía" in line.alerts[-1].messages["es"]
    line.tick(world.t0_ms + (other + 90) * MINUTE_MS)
    assert len(line.alerts) == 2


def test_a_box_that_guards_nothing_any_more_is_not_said_to_carry_other_goods(world) -> None:
    line = Line(world)
    for minute, number in enumerate(temperatures()[: FAULT.start + 5]):
        line.hear(value(world, minute, number, band="2..8"))
    line.hear(value(world, FAULT.start + 5, 16.0, shipment_id=None))
    assert "guards this shipment no longer" in line.alerts[-1].messages["en"]


def test_an_episode_that_an_earlier_release_opened_closes_by_what_was_usual_then(world) -> None:
    line, told = Line(world), temperatures()
    for minute, number in enumerate(told):
        line.hear(value(world, minute, number))
        if minute == FAULT.stop + 2:
            line.save()
            line.saved["o/box-1:temperature_c"] = pack(unpack(line.saved["o/box-1:temperature_c"])[:2])
            line.die(random.Random(1))
    assert [a.state for a in line.alerts if a.state != "updated"] == ["opened", "closed"]
    assert line.alerts[-1].messages["en"] == "The temperature of box-1 is as before again."


@pytest.mark.parametrize("dies", [False, True])
def test_a_series_silent_for_sixty_days_is_forgotten_at_the_same_value_whether_a_process_died_or_not(
    world, dies: bool
) -> None:
    line, days_ms = Line(world), 60 * 1_440 * MINUTE_MS
    for minute, number in enumerate(temperatures()[: FAULT.start]):
        line.hear(value(world, minute, number))
    last_ms = world.t0_ms + (FAULT.start - 1) * MINUTE_MS
    line.tick(last_ms + days_ms - MINUTE_MS)  # swept here, and not for six hours
    if dies:
        line.save()
        line.die(random.Random(1))
    line.tick(last_ms + days_ms + MINUTE_MS)
    line.hear(value(world, FAULT.start + 60 * 1_440 + 5, 16.0))
    assert [a.state for a in line.alerts] == ["opened"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bridges_crossings_are_judged_in_order_whatever_order_they_come_in(world, seed: int) -> None:
    rng = random.Random(seed)
    crossings = [
        value(
            world, n, 600.0 + rng.uniform(-40, 40) + (3000.0 if n == 250 else 0.0), subject="WTB:northbound:standard",
            sensor="crossing_s", low=0.0, high=7200.0, device_id=f"truck-{n % 2 + 1}", shipment_id=f"S{n % 2 + 1}",
        )
        for n in range(300)
    ]  # fmt: skip
    in_order, shuffled = Line(world), Line(world)
    in_order.hear(*crossings)
    shuffled.hear(*rng.sample(crossings, len(crossings)))
    shuffled.save()
    shuffled.die(rng)
    for line in (in_order, shuffled):
        line.tick(world.t0_ms + 500 * MINUTE_MS, 0)
        assert line.alerts == [], "not before every partition has spoken"
        line.tick(world.t0_ms + 500 * MINUTE_MS, 1)
    opened = [a for a in in_order.alerts if a.state == "opened"]
    assert [a.evidence["measured_ms"] for a in opened] == [crossings[250].time_ms], f"seed {seed}"
    assert "WTB (hacia el norte, carril normal)" in opened[0].messages["es"]
    assert shuffled.alerts == in_order.alerts
    shuffled.hear(crossings[0])
    assert shuffled.stage.counters()["repeats"] == 1, "what comes too late is no news"


def test_an_episode_closes_when_its_shipment_ends_and_when_nothing_more_is_measured(world) -> None:
    for ends, minutes, said in (
        (True, 5, "guards this shipment no longer"),
        (False, 61, "no value has come for an hour"),
    ):
        line = Line(world)
        for minute, number in enumerate(temperatures()[: FAULT.start + 1]):
            line.hear(value(world, minute, number))
        last_ms = world.t0_ms + FAULT.start * MINUTE_MS
        line.tick(last_ms + MINUTE_MS)
        if ends:
            line.book.apply(world.shipment(1, ends_ms=last_ms + 2 * MINUTE_MS))
        line.tick(last_ms + 3 * MINUTE_MS - (1 if ends else 0))
        line.tick(last_ms + (minutes + 1) * MINUTE_MS)
        assert [a.state for a in line.alerts] == ["opened", "closed"]
        assert said in line.alerts[-1].messages["en"]


def broken_off(world, how: str, again: bool = True) -> list[Alert]:
    """A reefer at 20 °C for five hours, of which an hour is told; then an hour and a quarter breaks the episode off."""
    line, rng, first = Line(world, Thresholds()), random.Random(4), 3 * DAY + 600
    held: list[SensorValue] = []
    for minute in range(first + 300 + 120):
        at_ms = world.t0_ms + minute * MINUTE_MS
        number = (20.0 if first <= minute < first + 300 else 4.0) + rng.gauss(0.0, 0.3)
        other = how == "other goods" and minute >= first + 60
        told = value(world, minute, number, shipment_id="S7" if other else "S1")
        quiet = first + 60 <= minute < first + 135
        if other and minute == first + 60:
            line.book.apply(world.shipment(1, ends_ms=at_ms))
            line.book.apply(world.shipment(7, effective_ms=at_ms, device_ids=["box-1"]))
        if quiet and how == "buffered":
            held.append(told)
        elif not (quiet and how == "silent"):
            line.hear(*held, told)
            held = []
        line.tick(at_ms + MINUTE_MS)
    return line.alerts


@pytest.mark.parametrize("how", ["silent", "buffered", "other goods"])
def test_an_episode_that_was_broken_off_is_told_again_while_it_goes_on_and_its_end_is_no_news(world, how: str) -> None:
    told = [(a.state, (a.at_ms - world.t0_ms) // MINUTE_MS - 3 * DAY - 600) for a in broken_off(world, how)]
    assert [state for state, _ in told if state != "updated"] == ["opened", "closed", "opened", "closed"]
    opened, again = (minute for state, minute in told if state == "opened")
    assert opened < 60 < again < 140  # what was kept for later comes with its own times
    assert 300 < told[-1][1] < 330
    # The control: without a break there is one episode.
    assert [a.state for a in broken_off(world, "not at all") if a.state != "updated"] == ["opened", "closed"]


@pytest.mark.parametrize("minutes", [60, 200])
def test_what_was_told_of_a_compressor_is_told_each_day_at_whatever_hour_it_comes(world, minutes: int) -> None:
    line, rng = Line(world, Thresholds()), random.Random(1)
    begins = [day * DAY + rng.randrange(60, 1200) for day in range(8, 14)]
    warm = {minute for begin in begins for minute in range(begin, begin + minutes)}
    for minute in range(14 * DAY):
        line.hear(value(world, minute, compressor(minute) + rng.gauss(0.0, 0.2) + (9.0 if minute in warm else 0.0)))
    opened = [(a.at_ms - world.t0_ms) // MINUTE_MS for a in line.alerts if a.state == "opened"]
    assert [sum(begin <= minute <= begin + minutes for minute in opened) for begin in begins] == [1] * len(begins)


def test_what_lasted_for_eight_hours_and_is_over_is_not_said_to_be_still_there(world) -> None:
    first = 3 * DAY + 600
    told = stays(world, lambda minute: 12.0 if first <= minute < first + 484 else 4.0, 5, lambda _: 0.1)
    (_, _, sentence) = told[1]
    assert sentence.startswith("The temperature of box-1 is about ")
    assert ", as before; about 12." in sentence
    # One minute less, and it never became usual.
    told = stays(world, lambda minute: 12.0 if first <= minute < first + 470 else 4.0, 5, lambda _: 0.1)
    assert told[1][2] == "The temperature of box-1 is as before again."


def swings(world, days: int, begins: int, minutes: int, warmer_c: float) -> list[tuple[str, int, str]]:
    """What is told of a box in the outside air that is warmer for a while, with its hour counted from the beginning."""
    first = days * DAY + begins

    def levels(minute: int) -> float:
        return outside_air(minute) + warmer_c * (first <= minute < first + minutes)

    return [(state, at - first, said) for state, at, said in stays(world, levels, days + 2, lambda _: 0.3)]


@pytest.mark.parametrize("days", [2, 8])
@pytest.mark.parametrize("begins", range(0, DAY, 360))
@pytest.mark.parametrize("warmer_c", [8.0, -12.0])
def test_a_spell_in_a_swinging_series_is_open_until_it_is_over_and_its_end_is_as_before(
    world, days: int, begins: int, warmer_c: float
) -> None:
    """Though what it measures is known of other hours, and from its first week on; what was told may be usual then."""
    (opened, at, _), (closed, ends, sentence) = swings(world, days, begins, 200, warmer_c)
    assert (opened, closed) == ("opened", "closed")
    assert 0 <= at < 200 < ends <= 230
    assert sentence.endswith(("is as before again.", ", as is usual at this hour."))


@pytest.mark.parametrize("days", [2, 8])
@pytest.mark.parametrize("begins", [0, 600, 900])
@pytest.mark.parametrize("warmer_c", [8.0, -8.0])
def test_a_change_to_stay_in_a_swinging_series_is_never_said_to_be_as_before(
    world, days: int, begins: int, warmer_c: float
) -> None:
    """Whatever it passes by in its eight hours was usual at one hour or another."""
    (opened, at, _), (closed, ends, sentence) = swings(world, days, begins, 3 * DAY, warmer_c)
    assert (opened, closed) == ("opened", "closed")
    assert 8 * 60 <= ends - at <= 9 * 60
    assert sentence.endswith("from now on that is taken as usual.")


def test_what_was_told_on_the_day_before_is_not_said_to_be_as_never_before(world) -> None:
    line = Line(world, Thresholds())
    for minute, number in enumerate(reefer_days([(day * DAY + 600, 60, 20.0) for day in (2, 3, 4)], 5)):
        line.hear(value(world, minute, number))
    first, second, third = (a for a in line.alerts if a.state == "opened")
    assert first.messages["en"].startswith("The temperature of box-1 is as never before: ")
    assert [a.evidence["told_before"] for a in (first, second, third)] == [False, True, True]
    for again in (second, third):
        assert again.messages["en"].startswith("The temperature of box-1 is again as was told before: ")
        assert again.messages["es"].startswith("La temperatura de box-1 está otra vez como ya se avisó: ")


def test_what_grows_worse_in_its_first_episode_was_not_told_before(world) -> None:
    line, first = Line(world, Thresholds()), 2 * DAY
    for minute, number in enumerate(reefer_days([(first, 10, 5.8), (first + 10, 60, 30.0)], 3, seed=1)[: first + 60]):
        line.hear(value(world, minute, number))
    assert [alert.state for alert in line.alerts] == ["opened", "updated"]
    for alert in line.alerts:
        assert alert.evidence["told_before"] is False
        assert alert.messages["en"].startswith("The temperature of box-1 is as never before: ")


@pytest.mark.parametrize("minutes", [200, 520])
def test_a_death_while_a_spell_lasts_or_ends_changes_no_sentence(world, minutes: int) -> None:
    first, rng = 2 * DAY + 600, random.Random(7)
    numbers = [outside_air(m) + rng.gauss(0.0, 0.3) + 8.0 * (first <= m < first + minutes) for m in range(first + 700)]
    undisturbed, killed = Line(world, Thresholds()), Line(world, Thresholds())
    for line in (undisturbed, killed):
        line.hear(*(value(world, minute, number) for minute, number in enumerate(numbers[:first])))
        for minute in range(first, len(numbers)):
            line.hear(value(world, minute, numbers[minute]))
            if line is killed and minute % 7 == 0:
                line.save()
                line.die(rng)
    assert [alert.state for alert in undisturbed.alerts][:2] == ["opened", "closed"]
    assert killed.alerts == undisturbed.alerts


def test_an_open_episode_of_the_release_before_is_restored_and_closed(world) -> None:
    line, rng = Line(world), random.Random(1)
    for minute, number in enumerate(temperatures()):
        line.hear(value(world, minute, number))
        if minute == FAULT.start + 5:
            line.save()
            line.saved["o/box-1:temperature_c"] = pack(unpack(line.saved["o/box-1:temperature_c"])[:2])
            line.die(rng)
    assert [alert.state for alert in line.alerts if alert.state != "updated"] == ["opened", "closed"]


def test_a_value_of_days_ago_is_told_as_otherwise_than_usual_and_not_as_never_before(world) -> None:
    line, first = Line(world, Thresholds()), 3 * DAY
    for minute, number in enumerate(reefer_days([(first, 720, 12.0)], 4)):
        line.hear(value(world, minute, number))
    warm, back = (a for a in line.alerts if a.state == "opened")
    assert warm.messages["en"].startswith("The temperature of box-1 is as never before: ")
    assert back.at_ms >= world.t0_ms + (first + 720) * MINUTE_MS
    assert "value" not in str(back.evidence["axes"]).split(",")
    assert back.messages["en"].startswith("The temperature of box-1 is otherwise than usual now: ")
    assert back.messages["es"].startswith("La temperatura de box-1 está fuera de lo usual ahora: ")


@pytest.mark.parametrize("what", ["range", "version"])
def test_an_episode_whose_series_begins_anew_is_closed_at_once_and_says_why(world, what: str) -> None:
    line, rng, first = Line(world, Thresholds()), random.Random(4), 2 * DAY
    for minute in range(first + 60):
        high = 40.0 if what == "range" and minute >= first + 30 else 30.0
        level = 20.0 if minute >= first else 4.0
        line.hear(value(world, minute, level + rng.gauss(0.0, 0.1), high=high))
        if what == "version" and minute == first + 29:
            line.save()
            key = "m/box-1:temperature_c"
            line.saved[key] = pack([1, *unpack(line.saved[key])[1:]])
            line.die(rng)
    closed = line.alerts[-1]
    assert (closed.state, (closed.at_ms - world.t0_ms) // MINUTE_MS) == ("closed", first + 31)
    assert closed.messages["en"] == (
        "The temperature of box-1: what was known of it is put aside, for its range or its model has changed; it is "
        "learnt anew before it is judged again."
    )
    assert "porque cambió su rango o su modelo" in closed.messages["es"]


@pytest.mark.parametrize(("quiet_h", "closed"), [(1.0, True), (6.0, False)])
def test_a_lane_that_is_empty_for_an_hour_or_two_ends_no_episode_of_its_bridge(
    world, quiet_h: float, closed: bool
) -> None:
    line, rng, at = Line(world, quiet_bridge_ms=int(quiet_h * 60 * MINUTE_MS)), random.Random(4), 0
    for n in range(300):
        at += 80 if n > 290 else 5
        took_s = 600.0 + rng.uniform(-40.0, 40.0) + (4_000.0 if n >= 290 else 0.0)
        line.hear(
            value(
                world, at, took_s, subject="WTB:northbound:standard", sensor="crossing_s", low=0.0, high=7_200.0,
                device_id=f"truck-{n % 2 + 1}", shipment_id=f"S{n % 2 + 1}",
            )
        )  # fmt: skip
        for minute in range(80 if n >= 290 else 5):
            line.tick(world.t0_ms + (at + minute) * MINUTE_MS)
    said = [a.messages["en"] for a in line.alerts if a.state == "closed"]
    assert bool(said) == closed
    assert all(s.startswith("The crossing of WTB (northbound, standard lane): no value has come for ") for s in said)


HOLIDAY = range(300, 330)


def crossings(world, notice: range = range(0)) -> list[SensorValue]:
    """A crossing each five minutes that takes five times as long in ``HOLIDAY`` and once more at the end."""
    rng = random.Random(4)
    return [
        value(
            world, 5 * n, 600.0 + rng.uniform(-40.0, 40.0) + (3_000.0 if n in HOLIDAY or n >= 380 else 0.0),
            subject="WTB:northbound:standard", sensor="crossing_s", low=0.0, high=7_200.0,
            device_id=f"truck-{n % 2 + 1}", shipment_id=f"S{n % 2 + 1}", notice="christmas" if n in notice else None,
        )
        for n in range(400)
    ]  # fmt: skip


def cross(line: Line, told: list[SensorValue]) -> list[Alert]:
    for one in told:
        line.hear(one)
        for minute in range(5):
            line.tick(one.time_ms + minute * MINUTE_MS)
    return line.alerts


def opened_at(world, alerts: list[Alert]) -> list[int]:
    """Which crossings opened an alert."""
    return [(int(a.evidence["measured_ms"]) - world.t0_ms) // (5 * MINUTE_MS) for a in alerts if a.state == "opened"]


def test_crossings_under_a_notice_are_neither_told_of_nor_learnt_and_later_ones_are_told(world) -> None:
    without, under = Line(world), Line(world)
    assert opened_at(world, cross(without, crossings(world)))[0] == HOLIDAY.start
    assert opened_at(world, cross(under, crossings(world, HOLIDAY))) == [380], "nothing like it has been learnt"
    assert under.stage.counters()["noticed"] == len(HOLIDAY)


def test_a_notice_given_while_an_alert_is_open_closes_it_and_the_next_crossing_that_is_strange_opens_one(world) -> None:
    alerts = cross(Line(world), crossings(world, range(305, 320)))
    assert opened_at(world, alerts)[:2] == [300, 320]
    closed = next(a for a in alerts if a.state == "closed")
    assert closed.evidence["closed_notice"] == "christmas"
    assert closed.messages == {
        "en": "The crossing of WTB (northbound, standard lane) is not judged while notice christmas for this bridge is "
        "in force.",
        "es": "El cruce de WTB (hacia el norte, carril normal) no se juzga mientras esté vigente el aviso christmas "
        "sobre este puente.",
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_death_under_a_notice_changes_nothing(world, seed: int) -> None:
    told, line, rng = crossings(world, range(305, 320)), Line(world), random.Random(seed)
    for at in range(len(told)):
        cross(line, told[at : at + 1])
        if rng.random() < 0.05:
            line.save()
            line.die(rng)
    assert line.alerts == cross(Line(world), told), f"seed {seed}"


# -- stage 1's part ------------------------------------------------------------------------------------------------


def values(out) -> list[SensorValue]:
    told = [r for r in out if r.topic == topics.SENSOR_VALUES and frames.kind_of(r.headers) == "frame"]
    return [msgspec.json.decode(line, type=SensorValue) for r in told for line in frames.lines_of(r.value)]


def box(world, ranges: dict[str, list[float]]):
    device = msgspec.to_builtins(world.device("box-1"))
    return world.record(**{**device, "sensor_ranges": ranges})


def lines(world, count: int = 200) -> list[bytes]:
    return [world.line("box-1", n, temperature_c=4.0 + (n % 60), humidity_pct=50.0) for n in range(count)]


def test_stage_1_tells_the_mean_of_each_minute_of_what_is_declared_and_only_of_that(world) -> None:
    book = world.fleet(1)
    book.apply(box(world, RANGES))
    stage = world.admit(book)
    told = values(stage.process_frame(world.frame(*lines(world))))
    assert {one.sensor for one in told} == {"temperature_c"}
    whole = [one for one in told if one.readings == 60]
    assert [one.value for one in whole] == [pytest.approx(33.5)] * len(whole)
    assert len(whole) == 2
    assert all(one.time_ms % MINUTE_MS == 0 for one in told)
    assert (told[0].shipment_id, told[0].low, told[0].high) == ("S1", -30.0, 30.0)


def test_nothing_declared_nothing_told_and_no_tick_sent(world) -> None:
    stage = world.admit(world.fleet(1))
    out = stage.process_frame(world.frame(*lines(world))) + stage.process_tick(world.tick(300))
    assert [r for r in out if r.topic == topics.SENSOR_VALUES] == []
    assert not any(key.startswith("n/") for key, _ in stage.changes())


@pytest.mark.parametrize("seed", SEEDS)
def test_however_readings_are_framed_and_whoever_dies_the_minutes_are_the_same(world, seed: int) -> None:
    rng, book = random.Random(seed), world.fleet(1)
    book.apply(box(world, {**RANGES, "humidity_pct": [0.0, 100.0]}))
    sent = lines(world, 400)
    whole = values(world.admit(book).process_frame(world.frame(*sent)))
    stage, saved, at, told, saved_at = world.admit(book), {}, 0, {}, 0
    while at < len(sent):
        size = rng.randint(1, 90)
        for one in values(stage.process_frame(world.frame(*sent[at : at + size]))):
            before = told.setdefault((one.series, one.time_ms), one)
            assert before == one, f"seed {seed}"
        at += size
        if rng.random() < 0.4:
            world.checkpoint(stage, saved)
            saved_at = at
        if rng.random() < 0.2:
            stage, at = world.admit(book), saved_at
            for key in rng.sample(sorted(saved), len(saved)):
                stage.restore(key, saved[key])
    assert list(told.values()) == whole


def test_other_goods_are_another_series_and_other_sensors_know_nothing_of_goods(world) -> None:
    book = world.fleet(1)
    book.apply(box(world, {**RANGES, "humidity_pct": [0.0, 100.0]}))
    stage = world.admit(book)
    told = values(stage.process_frame(world.frame(*lines(world, 61))))
    book.apply(world.shipment(1, effective_ms=world.t0_ms + 61_000, min_temperature_c=-25.0, max_temperature_c=None))
    told += values(stage.process_frame(world.frame(*lines(world, 300)[61:])))
    assert told[0].series == "box-1:humidity_pct"
    temperatures = [one.series for one in told if one.sensor == "temperature_c"]
    assert (temperatures[0], temperatures[-1]) == ("box-1:temperature_c:2..8", "box-1:temperature_c:-25..")


def test_a_reading_of_a_minute_already_told_is_left_out(world) -> None:
    book = world.fleet(1)
    book.apply(box(world, RANGES))
    told = values(
        world.admit(book).process_frame(
            world.frame(
                world.line("box-1", 0, after_s=0, temperature_c=4.0),
                world.line("box-1", 1, after_s=120, temperature_c=5.0),
                world.line("box-1", 2, after_s=30, temperature_c=25.0),
                world.line("box-1", 3, after_s=240, temperature_c=5.0),
            )
        )
    )
    assert [one.value for one in told] == [4.0, 5.0]


def test_a_tick_goes_to_every_partition_once_a_minute(world) -> None:
    book = world.fleet(1)
    book.apply(box(world, RANGES))
    stage = world.admit(book)
    ticks = [r for s in range(300) for r in stage.process_tick(world.tick(s)) if r.topic == topics.SENSOR_VALUES]
    assert len(ticks) == pytest.approx(5 * world.partitions, abs=world.partitions)
    assert {r.partition for r in ticks} == set(range(world.partitions))


def test_a_drills_minutes_are_a_series_of_their_own(world) -> None:
    line = Line(world)
    for minute, number in enumerate(temperatures()[: FAULT.start]):
        line.hear(value(world, minute, number))
    line.hear(value(world, FAULT.start, 25.0, exercise=True))
    assert line.alerts == [], "the drill's first value has nothing before it"
    line.hear(value(world, FAULT.start, 25.0))
    assert [a.state for a in line.alerts] == ["opened"]


def test_what_a_crossing_took_is_told_where_the_span_declares_it(world) -> None:
    from streams.sensor_values import of_crossings

    yard = [[-99.52, 27.48], [-99.50, 27.48], [-99.50, 27.52], [-99.52, 27.52], [-99.52, 27.48]]
    span = {
        "geofence_id": "span", "bridge": "WTB", "area": {"type": "Polygon", "coordinates": [yard]},
        "sensor_ranges": {"crossing_s": [0.0, 7200.0]},
    }  # fmt: skip
    route = msgspec.to_builtins(world.route())
    book = world.fleet(1)
    book.apply(world.record(**{**route, "geofences": [span]}))
    assert book.watches
    stage = world.admit(book)
    (reading,) = world.readings(
        [*stage.process_frame(world.frame(world.line("truck-1", 7, lat_deg=27.5, lon_deg=-99.51))), *stage.flush()]
    )
    fact = Event(
        event_id="x", type="BORDER_CROSSED", time_ms=reading.time_ms, device_id="truck-1", shipment_id="S1", what="WTB",
        direction="northbound", bridge="WTB", lane="fast", wait_s=900.0, crossing_s=240.0,
    )  # fmt: skip

    def told() -> SensorValue:
        (found,) = of_crossings([fact], [reading], [book.in_force("truck-1", reading.time_ms)], book)
        return found

    assert (told().series, told().value, told().seq) == ("WTB:northbound:fast:crossing_s", 240.0, 7)
    assert told().of_a_crossing
    assert told().notice is None
    notice: Any = {"kind": "notice", "notice_id": "works", "bridge": "WTB", "reason": "works"}
    queued_ms = reading.time_ms - 900_000
    for begins_ms, ends_ms, under in [
        (queued_ms - 9_000, queued_ms, False),
        (queued_ms - 9_000, queued_ms + 1, True),
        (reading.time_ms, reading.time_ms + 1, True),
        (reading.time_ms + 1, reading.time_ms + 9, False),
    ]:
        book = world.book(*world.records(1), world.record(**{**route, "geofences": [span]}))
        book.apply(world.record(**notice, effective_ms=begins_ms, ends_ms=ends_ms))
        assert told().notice == ("works" if under else None), (begins_ms, ends_ms)


@pytest.mark.parametrize(
    ("ranges", "says"),
    [({"temperature_c": [5.0, 5.0]}, "below"), ({"temperature_c": [5.0]}, "sensor_ranges"), ({"seal": [0, 1]}, "")],
)
def test_a_range_that_is_none_is_refused_by_its_field(world, ranges: Any, says: str) -> None:
    with pytest.raises(ValueError, match="sensor_ranges") as refused:
        box(world, ranges)
    assert says in str(refused.value)
