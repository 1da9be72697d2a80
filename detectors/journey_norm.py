"""What is usual, place by place: the mean and the spread of each feature, and how far a window is from them.

Idea: means and spreads of windows seen in the same place, drawn towards those of the whole as long as the place has
been seen little (empirical Bayes: Gelman et al., "Bayesian Data Analysis", ch. 5). The squared deviations add up to a
score.

What it learns from is bounded: an unusual window teaches nothing, so that a fault does not become the norm however long
it lasts, unless most vehicles' are so in that place, and for hours (``lasting_change``); no value teaches more than one
``learn_max`` deviations away would (winsorised: Huber and Ronchetti, "Robust Statistics", ch. 1), so that a wild one
poisons nothing; and of each feature the first few values wait until their median says which of them are wild.

Caveat: what is not unusual enough to be told teaches in full, so a change in small enough steps is followed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from statistics import median
from typing import Any, Final

from river import stats
from river.base import AnomalyDetector

from detectors.lasting_change import LastingChange

PLACE: Final = "place"
_LATELY: Final = 60.0  # windows that drift looks back over
_WILD: Final = 3.0  # the most that one window counts for in it
_MAD: Final = 1.4826  # standard deviations to a median absolute deviation, of a normal distribution


class JourneyNorm(AnomalyDetector):  # type: ignore[misc]
    """River estimator for one corridor and direction. ``x``: numbers by feature, and ``place``, a name of where.

    A value that is missing or not finite says and teaches nothing. Bounded: at most ``places_max`` places, of which the
    one heard of longest ago is let go.

    >>> norm = JourneyNorm(floors={"speed_kmh": 3.0})
    >>> for speed in [95, 97, 92, 99, 94, 96, 93, 98]:
    ...     norm.learn_one({"speed_kmh": speed, "place": "110,-399"})
    >>> norm.score_one({"speed_kmh": 94, "place": "110,-399"}) < 0.1
    True
    >>> norm.score_one({"speed_kmh": 35, "place": "110,-399"}) > 0.6
    True
    """

    def __init__(
        self,
        floors: Mapping[str, float] | None = None,
        one_sided: Iterable[str] | None = None,
        half_score_at: float = 5.0,
        unusual: float = 0.5,
        lasting_ms: int = 8 * 3_600_000,
        lasting_most: int = 5,
        lasting_of: int = 8,
        familiar: float = 20.0,
        memory: float = 400.0,
        shrink_windows: float = 6.0,
        deviation_max: float = 12.0,
        places_max: int = 2_048,
        learn_max: float = 6.0,
        first: int = 8,
    ) -> None:
        """``floors``: the least spread of a feature; ``one_sided``: those of which less than usual is no deviation.

        ``half_score_at``: deviations (square root of their sum of squares) that score 0.5. ``memory``: windows after
        which a place's past counts no more than so many. ``unusual``: the score from which a window teaches nothing,
        unless ``lasting_most`` of the last ``lasting_of`` vehicles here were unusual and, where ``familiar`` windows or
        more have taught what is usual, no fewer than half since then, for ``lasting_ms``.
        """
        self.floors = dict(floors or {})
        self.one_sided = frozenset(one_sided or ())
        self.half_score_at = half_score_at
        self.unusual = unusual
        self.lasting_ms = lasting_ms
        self.lasting_most = lasting_most
        self.lasting_of = lasting_of
        self.familiar = familiar
        self.memory = memory
        self.shrink_windows = shrink_windows
        self.deviation_max = deviation_max
        self.places_max = places_max
        self.learn_max = learn_max
        self.first = first
        self.seen = 0
        self.everywhere: dict[str, stats.Var] = {}
        self.within: dict[str, stats.Mean] = {}  # of squared errors of what a place's own mean foretold
        self.places: dict[str, dict[str, stats.Var]] = {}
        self.changes: dict[str, LastingChange] = {}  # by place
        self.waiting: dict[str, list[tuple[str, float]]] = {}  # a feature's first values, with their places
        self.lately: dict[str, stats.Mean] = {}  # of each feature's deviation, in the last windows
        self._let_go: set[str] = set()

    @staticmethod
    def _numbers(x: Mapping[Any, Any]) -> Iterator[tuple[Any, float]]:
        for name, value in x.items():
            if isinstance(value, Real) and math.isfinite(value):
                yield name, float(value)

    def expect(self, x: Mapping[Any, Any]) -> dict[Any, tuple[float, float]]:
        """Of each feature, what is usual where this is: (mean, standard deviation). Nothing where nothing is known."""
        here = self.places.get(str(x.get(PLACE)), {})
        expected = {}
        for name, _ in self._numbers(x):
            everywhere = self.everywhere.get(name)
            if everywhere is None or everywhere.n <= 0:
                continue
            own, within = here.get(name), self.within.get(name)
            total = everywhere.get()
            inner = min(within.get(), total) if within is not None and within.n > 0 else total
            between = max(total - inner, 1e-12 * (1.0 + total))
            pull = inner / between  # so many windows of a place weigh as much as the whole corridor
            mean, spread, doubt = everywhere.mean.get(), inner, between
            if own is not None and own.n > 0:
                n = own.n
                mean = (n * own.mean.get() + pull * mean) / (n + pull)
                doubt = inner / (n + pull)
                if n > 1:
                    spread = ((n - 1) * own.get() + self.shrink_windows * inner) / (n - 1 + self.shrink_windows)
            floor = self.floors.get(name, 0.0)
            variance = spread + doubt + floor * floor
            expected[name] = mean, math.sqrt(max(variance, 1e-12))
        return expected

    def deviations(self, x: Mapping[Any, Any]) -> dict[Any, float]:
        """Of each feature, how many standard deviations it is from what is usual here, within +-deviation_max."""
        most = self.deviation_max
        return {
            name: max(0.0 if name in self.one_sided else -most, min(most, (float(x[name]) - mean) / deviation))
            for name, (mean, deviation) in self.expect(x).items()
        }

    def score_one(self, x: Mapping[Any, Any]) -> float:
        """0 (as usual) to below 1. Changes nothing."""
        squared = sum(z * z for z in self.deviations(x).values())
        return squared / (squared + self.half_score_at * self.half_score_at)

    def learn_one(self, x: Mapping[Any, Any], vehicle: str = "", at_ms: int = 0) -> None:
        """Take a window of this vehicle in, that ended ``at_ms`` (milliseconds since 1970, UTC).

        What is unusual by what is known so far is only counted, unless it lasts.
        """
        place, expected = str(x.get(PLACE)), self.expect(x)
        strange = self.score_one(x) >= self.unusual
        self._visit(place)
        change = self.changes[place]
        change.hear(vehicle, strange, at_ms, self.lasting_most, self.lasting_of)
        taught = not strange or change.lasts(at_ms, self.lasting_ms if self._is_familiar(place) else 0)
        for name, value in self._numbers(x):
            usual = expected.get(name)
            if usual is None:
                self._gather(name, place, value)
                continue
            mean, deviation = usual
            off = (value - mean) / deviation
            lately = self.lately.setdefault(name, stats.Mean())
            lately.update(max(-_WILD, min(_WILD, off)))
            _fade(lately, _LATELY)
            if not taught:
                continue
            most = self.learn_max
            taken = value if -most <= off <= most else mean + math.copysign(most, off) * deviation
            self._learn(name, place, taken)
        self.seen += 1

    def _is_familiar(self, place: str) -> bool:
        return max((var.mean.n for var in self.places[place].values()), default=0.0) >= self.familiar

    def _visit(self, place: str) -> None:
        """Make the place the one heard of last; where there is no room for it, let the first go."""
        here = self.places.pop(place, None)
        if here is None:
            here = {}
            if len(self.places) >= self.places_max:
                oldest = next(iter(self.places))
                del self.places[oldest]
                del self.changes[oldest]
                self._let_go.add(oldest)
        self.places[place] = here
        self.changes.setdefault(place, LastingChange())

    def _gather(self, name: str, place: str, value: float) -> None:
        """Hold a feature's first values back; learn them once there are enough, but for the wild ones."""
        waiting = self.waiting.setdefault(name, [])
        waiting.append((place, value))
        if len(waiting) < self.first:
            return
        middle = median(value for _, value in waiting)
        spread = max(_MAD * median(abs(value - middle) for _, value in waiting), self.floors.get(name, 0.0))
        low, high = middle - self.learn_max * spread, middle + self.learn_max * spread
        for where, early in self.waiting.pop(name):
            if low <= early <= high:
                self._learn(name, where, early)

    def _learn(self, name: str, place: str, value: float) -> None:
        here = self.places.get(place)
        if here is not None:
            own = here.setdefault(name, stats.Var())
            if own.n > 0:
                error = value - own.mean.get()
                within = self.within.setdefault(name, stats.Mean())
                within.update(error * error * own.n / (own.n + 1.0))
                _fade(within, 20.0 * self.memory)
            own.update(value)
            _fade(own, self.memory)
        everywhere = self.everywhere.setdefault(name, stats.Var())
        everywhere.update(value)
        _fade(everywhere, 20.0 * self.memory)

    def drift(self) -> dict[str, float]:
        """Of each feature, how many deviations the last windows lie from what was usual, on the mean: below 0, less."""
        return {name: mean.get() for name, mean in list(self.lately.items())}

    # -- what a score rests on ---------------------------------------------------------------------------------------

    def grounds(self, place: str) -> dict[str, Any]:
        """All that the score of a window in this place rests on, as plain data: some hundreds of bytes."""
        parameters = {name: getattr(self, name) for name in inspect.signature(JourneyNorm).parameters}
        parameters["one_sided"] = sorted(self.one_sided)
        return {
            "parameters": parameters,
            "everywhere": self.dump(),
            "place": place,
            "here": self._dump_norm(place) if place in self.places else None,
        }

    @classmethod
    def on(cls, grounds: Mapping[str, Any]) -> JourneyNorm:
        """A model that scores windows in the place of these ``grounds`` as the one that gave them did."""
        model = cls(**grounds["parameters"])
        model.load(grounds["everywhere"])
        if grounds["here"] is not None:
            model._load_norm(grounds["place"], grounds["here"])
        return model

    # -- checkpoints: ``h`` what holds everywhere, a record a place ------------------------------------------------

    def dump(self) -> list[Any]:
        """What holds everywhere, as plain numbers."""
        return [
            self.seen,
            {name: _dump(var) for name, var in self.everywhere.items()},
            _dump_means(self.within),
            {name: [list(pair) for pair in pairs] for name, pairs in self.waiting.items()},
            _dump_means(self.lately),
        ]

    def let_go(self) -> list[str]:
        """Places let go of since the last call."""
        gone, self._let_go = self._let_go, set()
        return sorted(gone)

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back, also of a release that held no values back and knew no drift."""
        self.seen, everywhere, within, waiting, lately = [*dumped, {}, {}][:5]
        self.everywhere = {name: _load(values) for name, values in everywhere.items()}
        self.within, self.lately = _load_means(within), _load_means(lately)
        self.waiting = {name: [(place, value) for place, value in pairs] for name, pairs in waiting.items()}

    def dump_place(self, place: str) -> list[Any]:
        """One place's norm, and what its last vehicles did, as plain data."""
        return [self._dump_norm(place), self.changes[place].dump()]

    def load_place(self, place: str, dumped: list[Any]) -> None:
        """``dump_place`` back."""
        norm, change = dumped
        self._load_norm(place, norm)
        self.changes[place] = LastingChange.of(change)

    def _dump_norm(self, place: str) -> dict[str, list[float]]:
        return {name: _dump(var) for name, var in self.places[place].items()}

    def _load_norm(self, place: str, dumped: Mapping[str, list[float]]) -> None:
        self.places[place] = {name: _load(values) for name, values in dumped.items()}


def _fade(of: Any, memory: float) -> None:
    """Let a statistic of more weight than ``memory`` weigh just that: what is older counts less and less."""
    mean = of.mean if isinstance(of, stats.Var) else of
    if mean.n > memory:
        share, mean.n = memory / mean.n, memory
        if isinstance(of, stats.Var):
            of._S *= share


def _dump(var: Any) -> list[float]:
    return [var.mean.n, var.mean.get(), var._S]


def _load(values: list[float]) -> Any:
    var = stats.Var()
    var.mean.n, var.mean._mean, var._S = values
    return var


def _dump_means(means: Mapping[str, Any]) -> dict[str, list[float]]:
    return {name: [mean.n, mean.get()] for name, mean in means.items()}


def _load_means(dumped: Mapping[str, list[float]]) -> dict[str, Any]:
    found = {}
    for name, (n, mean) in dumped.items():
        found[name] = stats.Mean()
        found[name].n, found[name]._mean = n, mean
    return found
