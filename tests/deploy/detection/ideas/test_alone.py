"""Each idea of others says something in its range, and finds what nobody could miss; one that is broken does not."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from deploy.detection.benchmark import Declared
from deploy.detection.ideas.catalog import ALONE, all_ideas
from deploy.detection.ideas.change_points import ChangePoints
from deploy.detection.ideas.conformal_neighbours import ConformalNeighbours
from deploy.detection.ideas.contexts import Contexts
from deploy.detection.ideas.extreme_values import ExtremeValues, Tail
from deploy.detection.ideas.likelihood import Likelihood
from deploy.detection.ideas.lone import Lone
from deploy.detection.ideas.matrix_profile import MatrixProfile
from deploy.detection.ideas.nearest_ever import NearestEver
from deploy.detection.ideas.relative_entropy import RelativeEntropy
from deploy.detection.ideas.resonance import Resonance
from deploy.detection.ideas.sampled_windows import SampledWindows
from deploy.detection.ideas.z_score import ZScore
from deploy.detection.peers import Factory

ROWS, CALM, STRANGE = 1500, 1000, 1400
PERIOD = 48
STEP_MS = 900_000
LONES: list[type[Lone]] = [
    *(ChangePoints, ConformalNeighbours, ExtremeValues, Likelihood, MatrixProfile, NearestEver, RelativeEntropy),
    *(Resonance, SampledWindows, ZScore),
]


def rocking(seed: int = 4) -> list[float]:
    """A quantity of a declared range 0 to 100 that rocks between 30 and 50, and is 95 for a while."""
    rng = random.Random(seed)
    values = [40.0 + 8.0 * math.sin(2 * math.pi * row / PERIOD) + rng.gauss(0.0, 0.5) for row in range(ROWS)]
    values[STRANGE : STRANGE + 20] = [95.0 + rng.gauss(0.0, 0.5) for _ in range(20)]
    return values


def scores(factory: Factory, values: list[float]) -> list[float]:
    step = factory(Declared(0.0, 100.0, 0))
    return [step(STEP_MS * row, value) for row, value in enumerate(values)]


def finds(factory: Factory) -> bool:
    """Whether nothing of the calm stretch before is stranger than the strange one."""
    found = scores(factory, rocking())
    return max(found[STRANGE : STRANGE + 48]) > max(found[CALM:STRANGE])


@pytest.mark.parametrize("name", [name for name, idea in all_ideas().items() if idea.kind == ALONE])
def test_an_idea_scores_between_0_and_1_and_finds_what_nobody_could_miss(name: str) -> None:
    factory = all_ideas()[name].factory
    assert all(0.0 <= score <= 1.0 for score in scores(factory, rocking()))
    assert finds(factory)


def test_an_idea_that_is_broken_does_not_find_it() -> None:
    assert not finds(lambda _: lambda *_: 0.5)
    assert not finds(lambda _: lambda _, value: 1.0 - value / 100.0)


@pytest.mark.parametrize("lone", LONES, ids=lambda lone: lone.__name__)
def test_scoring_twice_is_scoring_once_and_what_is_missing_teaches_nothing(lone: type[Lone]) -> None:
    once, twice = lone(0.0, 100.0), lone(0.0, 100.0)
    for value in rocking()[: CALM + 20]:
        x: dict[str, Any] = {"value": value, "time_ms": 0}
        assert twice.score_one(x) == twice.score_one(x) == once.score_one(x)
        for none in ({}, {"value": None}, {"value": math.nan}, {"value": math.inf}):
            assert twice.score_one(none) == 0.0
            twice.learn_one(none)
        once.learn_one(x)
        twice.learn_one(x)
    assert twice.heard == once.heard == CALM + 20


# -- what each is, beside that ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "tail", "shape"),
    [
        (lambda rng: rng.expovariate(1.0), lambda x: math.exp(-x), (0.0, 0.25)),
        (lambda rng: rng.paretovariate(2.0) - 1.0, lambda x: (1.0 + x) ** -2.0, (0.3, 0.8)),
    ],
    ids=["exponential", "Pareto"],
)
def test_a_fitted_tail_is_that_of_what_it_was_fitted_to(draw: Any, tail: Any, shape: tuple[float, float]) -> None:
    rng = random.Random(11)
    fitted = Tail([draw(rng) for _ in range(2000)])
    for _ in range(4000):
        fitted.learn(draw(rng))
    assert shape[0] < fitted.shape < shape[1]
    level = next(x / 1000.0 for x in range(100_000) if tail(x / 1000.0) < 0.01)
    assert fitted.probability(level) == pytest.approx(0.01, rel=0.4)
    assert fitted.probability(-1.0) == 1.0


def test_a_change_of_level_is_a_change_point_and_noise_is_none() -> None:
    rng, detector, found = random.Random(2), ChangePoints(0.0, 100.0), []
    for row in range(600):
        x = {"value": (40.0 if row < 500 else 60.0) + rng.gauss(0.0, 2.0)}
        found.append(detector.score_one(x))
        detector.learn_one(x)
    assert max(found[200:500]) < 0.3
    assert max(found[500:505]) > 0.9
    assert max(found[520:]) < 0.3


def test_the_matrix_profile_is_the_distance_to_the_nearest_shape_that_does_not_overlap() -> None:
    """Held against every pair of windows, one by one."""
    rng, long = random.Random(5), 8
    values = [rng.random() for _ in range(300)]
    detector = MatrixProfile(0.0, 1.0)
    for value in values[:-1]:
        detector.learn_one({"value": value})
    shapes = []
    for end in range(long, len(values) + 1):
        window = np.array(values[end - long : end])
        window = window - window.mean()
        shapes.append(window / np.linalg.norm(window))
    nearest = min(float(np.linalg.norm(shapes[-1] - before)) for before in shapes[: -long - 1])
    assert detector.score_one({"value": values[-1]}) == pytest.approx(nearest / 2.0)


def test_what_contexts_have_foretold_is_no_surprise_and_what_breaks_the_round_is() -> None:
    contexts = Contexts()
    surprises = [contexts.surprise(((0, 2), (1, 2), (0, 3), (1, 3))[row % 4]) for row in range(200)]
    assert max(surprises[100:]) == 0.0
    assert surprises[1] > 0.0
    assert contexts.surprise((1, 3)) > 0.5


def test_a_neighbour_rank_is_quiet_for_a_while_after_an_alarm() -> None:
    detector, found = ConformalNeighbours(0.0, 100.0), []
    for value in rocking():
        found.append(detector.score_one({"value": value}))
        detector.learn_one({"value": value})
    alarm = next(row for row in range(STRANGE, ROWS) if found[row] >= 0.9965)
    assert set(found[alarm + 1 : ROWS]) == {0.5}
