"""All ideas, in the order of the table, each with the sentence that says what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from deploy.detection.benchmark import Declared
from deploy.detection.ideas import added, parts
from deploy.detection.ideas.change_points import ChangePoints
from deploy.detection.ideas.conformal_neighbours import ConformalNeighbours
from deploy.detection.ideas.contexts import ContextualAnomaly
from deploy.detection.ideas.extreme_values import ExtremeValues
from deploy.detection.ideas.likelihood import ForecastLikelihood, Likelihood
from deploy.detection.ideas.matrix_profile import MatrixProfile
from deploy.detection.ideas.nearest_ever import NearestEver
from deploy.detection.ideas.relative_entropy import RelativeEntropy
from deploy.detection.ideas.resonance import Resonance
from deploy.detection.ideas.sampled_windows import SampledWindows
from deploy.detection.ideas.z_score import ZScore
from deploy.detection.peers import Factory, Step
from detectors.sensor_anomaly import SensorAnomaly

ALONE: Final = "alone"
PART: Final = "a part of ours"
ADDED: Final = "added to ours"
KINDS: Final = {
    ALONE: "ideas of others, alone",
    PART: "ours without a part, or with another constant",
    ADDED: "ours with something more",
}


@dataclass(frozen=True, slots=True)
class Idea:
    """``has_level``: 0.5 is meant as the level of an alarm."""

    name: str
    kind: str
    says: str
    factory: Factory
    has_level: bool = True


def factory_of(make: Callable[[float, float], Any]) -> Factory:
    """A River detector of a declared range, as the benchmark wants it: it scores, then learns."""

    def factory(declared: Declared) -> Step:
        detector = make(*declared.ends)

        def step(time_ms: int, value: float) -> float:
            x = {"value": value, "time_ms": time_ms}
            if isinstance(detector, SensorAnomaly):
                return detector.score_then_learn(x)
            score = detector.score_one(x)
            detector.learn_one(x)
            return float(score)

        return step

    return factory


OURS: Final = Idea("SensorAnomaly", "ours", "as it is", factory_of(SensorAnomaly))

_ALONE: Final = (
    ("z-score", "standard deviations from the mean of all before", ZScore),
    ("nearest ever", "distance to the nearest value that ever was", NearestEver),
    ("down-sampled windows", "distance to the nearest window of 8 means of 4 values", SampledWindows),
    ("ART categories", "the shape of the last samples fits no category (ARTime)", Resonance),
    ("contexts", "no context foretold it (CAD OSE)", ContextualAnomaly),
    ("KNN-CAD", "rank of the distance of the last 19 values to their neighbours", ConformalNeighbours),
    ("likelihood, sequences", "HTM's likelihood of a Markov memory's errors", Likelihood),
    ("likelihood, forecast", "HTM's likelihood of a linear forecast's errors", ForecastLikelihood),
    ("DSPOT", "generalised Pareto tail of what leaves a moving mean", ExtremeValues),
    ("matrix profile", "distance of the last 8 values' shape to the nearest before", MatrixProfile),
    ("change points", "Bayesian: the run began anew within 5 values", ChangePoints),
    ("relative entropy", "the last 48 values' histogram is like none before", RelativeEntropy),
)


def _all() -> Iterator[Idea]:
    for name, says, lone in _ALONE:
        yield Idea(name, ALONE, says, factory_of(lone), has_level=False)
    for of_parts in (parts.without, parts.scaled):
        for name, says, ours in of_parts():
            yield Idea(name, PART, says, factory_of(ours))
    for of_added in (added.axes, added.ideas, added.others):
        for name, says, ours in of_added():
            yield Idea(name, ADDED, says, factory_of(ours))
    for name, says, scored in added.rescored():
        yield Idea(name, ADDED, says, factory_of(scored), has_level=False)


def all_ideas() -> dict[str, Idea]:
    """Every idea but ours as it is, by name."""
    return {idea.name: idea for idea in _all()}
