"""Every variant of ours is another detector than ours, and one that says nothing new is seen to be none."""

from __future__ import annotations

import math
import random
from functools import cache

import pytest

from deploy.detection.benchmark import Declared
from deploy.detection.ideas.axes import Axis, RunLength
from deploy.detection.ideas.catalog import ALONE, OURS, all_ideas, factory_of
from deploy.detection.ideas.pair_axes import PairCells, paired
from deploy.detection.ideas.parts import OnePhase, other, shaped
from deploy.detection.ideas.week_axes import WeekAgo
from deploy.detection.peers import Factory
from detectors.known_cells import KnownCells
from detectors.told_once import ToldOnce
from detectors.week_profile import WeekProfile

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
ROWS, SEEDS = 3000, 8
VARIANTS = [name for name, idea in all_ideas().items() if idea.kind != ALONE]


@cache
def eventful(seed: int) -> tuple[float, ...]:
    """A month of quarters of an hour, of a range 0 to 100: a day's swing, a weekend, and now and then a spike, or a
    stretch that is stuck, noisy, on another level, or far out."""
    rng = random.Random(seed)
    values = []
    for row in range(ROWS):
        weekend = row // 96 % 7 in (2, 3)
        values.append(40.0 + (3.0 if weekend else 9.0) * math.sin(2 * math.pi * row / 96) + rng.gauss(0.0, 0.4))
    row = rng.randrange(60, 200)
    while row < ROWS:
        kind, stretch = (
            rng.choice(("spike", "stuck", "noisy", "level", "far")),
            range(row, min(row + rng.randrange(5, 300), ROWS)),
        )
        level = rng.uniform(-12.0, 12.0)
        if kind == "spike":
            values[row] += rng.choice((-25.0, 15.0, 30.0))
        for at in stretch:
            if kind == "stuck":
                values[at] = values[row]
            elif kind == "noisy":
                values[at] += rng.gauss(0.0, 3.0)
            elif kind == "level":
                values[at] += level
            elif kind == "far":
                values[at] = 92.0 + rng.gauss(0.0, 1.0)
        row = stretch[-1] + rng.randrange(60, 300)
    return tuple(values)


def scores(factory: Factory, seed: int = 0) -> list[float]:
    step = factory(Declared(0.0, 100.0, 0))
    return [step(15 * MINUTE_MS * row, value) for row, value in enumerate(eventful(seed))]


@cache
def ours(seed: int = 0) -> list[float]:
    return scores(OURS.factory, seed)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_scores_between_0_and_1_and_sooner_or_later_otherwise_than_ours(name: str) -> None:
    for seed in range(SEEDS):
        found = scores(all_ideas()[name].factory, seed)
        assert all(0.0 <= score <= 1.0 for score in found)
        if found != ours(seed):
            return
    pytest.fail(f"{name} is ours on {SEEDS} eventful series")


def test_a_variant_that_changes_nothing_is_ours() -> None:
    assert scores(factory_of(shaped())) == ours()
    assert scores(factory_of(shaped(told=other(ToldOnce, memory=ToldOnce.memory)))) == ours()


def test_a_constant_that_ours_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError):
        shaped(nonsense=1.0)
    with pytest.raises(AttributeError):
        other(ToldOnce, nonsense=1.0)


def test_one_phase_is_one_profile_and_not_two() -> None:
    one, two = OnePhase(24, 0.1), WeekProfile(24, 0.1)
    for minute in (5, 10, 40, 50):  # two in each half of an hour
        for profile in (one, two):
            profile.learn(minute * MINUTE_MS, 10.0 if minute < 30 else 20.0)
    assert one.usual(5 * MINUTE_MS) == one.usual(50 * MINUTE_MS) == 15.0
    assert two.usual(5 * MINUTE_MS) == pytest.approx(40.0 / 3.0)  # as often as each cut was visited


def test_a_pair_is_as_far_as_the_larger_difference_to_the_nearest_known() -> None:
    cells: KnownCells = PairCells()
    cells.visit(paired(0.5, 0.5), True)
    assert cells.distance(paired(0.5, 0.5)) == 0.0
    assert cells.distance(paired(0.5 + 8 / 64, 0.5)) == pytest.approx(8 / 64)
    assert cells.distance(paired(0.5 + 8 / 64, 0.5 - 4 / 64)) == pytest.approx(8 / 64)
    assert cells.distance(paired(0.0, 0.0)) == 0.25


def placed(axis: Axis, rows: list[tuple[int, float]]) -> list[float]:
    found = []
    for time_ms, part in rows:
        found.append(axis.place(time_ms, part, 0.0))
        axis.learn(time_ms, part, 0.0)
    return found


def test_a_run_is_as_long_as_the_value_stays_the_same() -> None:
    assert placed(RunLength(), [(0, part) for part in (0.1, 0.2, 0.2, 0.2, 0.3)]) == [
        0.0,
        0.0,
        0.0,
        math.log2(3) - 1,
        0.0,
    ]


def test_a_week_ago_is_the_first_value_of_that_quarter_of_an_hour_a_week_ago() -> None:
    rows = [(0, 0.1), (MINUTE_MS, 0.2), (7 * DAY_MS, 0.4), (8 * DAY_MS, 0.9)]
    assert placed(WeekAgo(), rows) == pytest.approx([0.0, 0.0, 0.3, 0.0])
