"""What is said of a strange value holds of the very detector that judged it, whatever the series does."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest

from contracts.sensors import SensorValue
from detectors import sensor_watch
from detectors.sensor_watch import UNUSUALLY, Thresholds, opening
from streams.sensor_models import Judgement, SensorModels, rejudge
from streams.stage import unpack

LIMITS = Thresholds(open_score=0.3, warm_up_values=150)


def swinging(seed: int) -> Iterator[float]:
    """A sensor that swings, is noisy, and is off by something for a while now and then."""
    rng = random.Random(seed)
    print(f"seed {seed}")
    amplitude, noise, period, off, minutes = rng.uniform(2, 12), rng.choice([0.05, 0.4, 2.0]), 90, 0.0, 0
    for minute in range(1_500):
        if rng.random() < 0.003:
            off, minutes = rng.uniform(-30, 30), rng.randint(1, 200)
        minutes -= 1
        yield amplitude * math.sin(minute / period * 6.28) + rng.gauss(0, noise) + off * (minutes > 0)


def strange(seed: int) -> Iterator[tuple[SensorValue, Judgement]]:
    models, told, calm = SensorModels(LIMITS), False, 0
    for minute, number in enumerate(swinging(seed)):
        value = SensorValue(
            subject="box-1", sensor="temperature_c", device_id="box-1", low=-40.0, high=60.0, band="", boot_id=1,
            seq=minute, time_ms=1_700_000_000_000 + minute * 60_000, value=number,
        )  # fmt: skip
        judgement = models.judge(value, told)
        if judgement.strange:
            yield value, judgement
        calm = 0 if judgement.strange else calm + judgement.calm
        told = judgement.strange or (told and calm < 15)


def score_of(judgement: Judgement, value: SensorValue, number: float) -> float:
    """What the detector that judged gives this number in the value's place."""
    _, _, low, high, dumped, _, again = unpack(judgement.state)
    detector = sensor_watch.fresh(low, high)
    detector.load(dumped)
    return detector.score_with({"value": number, "time_ms": value.time_ms}, again=again)


@pytest.mark.parametrize("seed", range(6))
def test_the_usual_is_named_only_where_the_value_in_its_place_would_have_been_less_strange(seed: int) -> None:
    for value, judgement in strange(seed):
        less = score_of(judgement, value, judgement.usual) < judgement.score
        assert judgement.not_alone == (not less)
        said = opening(judgement.told_before, judgement.been_there, judgement.not_alone) or sensor_watch.CARD.opened
        assert ("{usual}" in said["en"]) == ("{usual}" in said["es"]) == less
        assert rejudge(value, judgement.state, LIMITS) == judgement


def test_both_come_about() -> None:
    """The control: else neither would be tested."""
    assert {judgement.not_alone for seed in range(6) for _, judgement in strange(seed)} == {True, False}
    assert "{usual}" not in UNUSUALLY["en"]


@pytest.mark.parametrize("seed", range(6))
def test_an_axis_that_says_nothing_at_the_digits_shown_is_no_reason(seed: int) -> None:
    reasons = [reason for _, judgement in strange(seed) for reason in judgement.reasons]
    named = [reason for _, judgement in strange(seed) for reason in judgement.named]
    assert reasons
    assert all(round(float(reason.value), 3) > 0.0 or reason in named for reason in reasons)
