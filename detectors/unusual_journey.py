"""A journey unlike those before it in the same corridor and direction: a crawl, an odd pace, a way of its own.

Idea: each window's features (speed and its spread, share standing, progress, metres off the line and their spread, the
cargo's place in its band) against what is usual where it is: the mean and the spread of windows seen in the same place,
drawn towards those of the whole corridor as long as the place has been seen little (empirical Bayes: Gelman et al.,
"Bayesian Data Analysis", ch. 5). The squared deviations add up to a score. An unusual window teaches little, so that a
fault does not become the norm. Caveats: it knows only what it has seen, so the first trucks of a corridor, or of a
lasting change of its traffic, teach it and are not judged; windows in stops, queues and customs, and those on which
another rule speaks, are left to those rules. The hour of the day is no feature: in its first days, each hour is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from river import stats
from river.base import AnomalyDetector

from contracts.journeys import JourneyWindow
from detectors.rule import RuleCard

CARD = RuleCard(
    name="unusual_journey",
    version=1,
    severity="warning",
    opened={
        "en": "{device_id} does not travel as others do here: {what_en}.",
        "es": "{device_id} no viaja como los demás en este tramo: {what_es}.",
    },
    closed={
        "en": "{device_id} travels as usual again.",
        "es": "{device_id} viaja otra vez como es habitual.",
    },
)

Reason = tuple[Any, float, float, float]  # a feature, its value, what is usual, by how much the score falls with that
ROAD: Final = "road"
TOWN_KM: Final = 22.0
BORDER_KM: Final = 14.0
PLACE: Final = "place"
# What a feature is called, and its unit; the least spread it is taken to have, in that unit.
NAMES: Final[dict[str, tuple[str, str, str, float]]] = {
    "speed_kmh": ("speed", "velocidad", " km/h", 3.0),
    "speed_spread_kmh": ("changes of speed", "cambios de velocidad", " km/h", 2.5),
    "stopped_share": ("share standing", "proporción detenido", "", 0.08),
    "progress_kmh": ("progress along the route", "avance por la ruta", " km/h", 3.0),
    "off_route_m": ("distance from the line", "distancia al eje", " m", 12.0),
    "off_route_spread_m": ("changes of that distance", "cambios de esa distancia", " m", 12.0),
    "temperature_dev": ("temperature in its band", "temperatura en su rango", "", 0.25),
}
ONE_SIDED: Final = ("speed_spread_kmh", "stopped_share", "off_route_m", "off_route_spread_m")  # less is never unusual
FLOORS: Final = {name: floor for name, (_, _, _, floor) in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Windows a corridor must have taught before any is judged; scores that open and close; how many in a row do.

    A window must have ``least_readings`` of its vehicle, and no more than ``told_share`` of them in the hands of
    another rule. ``..._deviations`` are so many standard deviations from what is usual as score 0.5: on the open road,
    and where traffic is mixed, in towns and at the border.
    """

    warm_up_windows: int = 60
    open_score: float = 0.5
    close_score: float = 0.4
    confirm_windows: int = 3
    least_readings: int = 3
    told_share: float = 0.0
    memory_windows: float = 400.0
    road_deviations: float = 5.0
    mixed_deviations: float = 10.0


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
        unusual_weight: float = 0.05,
        memory: float = 400.0,
        shrink_windows: float = 6.0,
        deviation_max: float = 12.0,
        places_max: int = 2_048,
    ) -> None:
        """``floors``: the least spread of a feature; ``one_sided``: those of which less than usual is no deviation.

        ``half_score_at``: deviations (square root of their sum of squares) that score 0.5. ``memory``: windows after
        which a place's past counts no more than so many.
        """
        self.floors = dict(floors or {})
        self.one_sided = frozenset(one_sided or ())
        self.half_score_at = half_score_at
        self.unusual = unusual
        self.unusual_weight = unusual_weight
        self.memory = memory
        self.shrink_windows = shrink_windows
        self.deviation_max = deviation_max
        self.places_max = places_max
        self.seen = 0
        self.everywhere: dict[str, stats.Var] = {}
        self.within: dict[str, stats.Mean] = {}  # of squared errors of what a place's own mean foretold
        self.places: dict[str, dict[str, stats.Var]] = {}
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

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        """Take a window in; one that is unusual by what is known so far, with little weight."""
        weight = self.unusual_weight if self.score_one(x) >= self.unusual else 1.0
        place = str(x.get(PLACE))
        here = self.places.pop(place, None)
        if here is None:
            here = {}
            if len(self.places) >= self.places_max:
                oldest = next(iter(self.places))
                del self.places[oldest]
                self._let_go.add(oldest)
        self.places[place] = here  # the last is the one heard of last
        for name, value in self._numbers(x):
            own = here.setdefault(name, stats.Var())
            if own.n > 0:
                error = value - own.mean.get()
                within = self.within.setdefault(name, stats.Mean())
                within.update(error * error * own.n / (own.n + 1.0), weight)
                _fade(within, 20.0 * self.memory)
            own.update(value, weight)
            _fade(own, self.memory)
            everywhere = self.everywhere.setdefault(name, stats.Var())
            everywhere.update(value, weight)
            _fade(everywhere, 20.0 * self.memory)
        self.seen += 1

    def why(self, x: Mapping[Any, Any]) -> list[Reason]:
        """Each feature, what falls most first."""
        score = self.score_one(x)
        reasons = [
            (name, float(x[name]), mean, score - self.score_one({**x, name: mean}))
            for name, (mean, _) in self.expect(x).items()
        ]
        return sorted(reasons, key=lambda reason: (-reason[3], str(reason[0])))

    # -- checkpoints: ``h`` what holds everywhere, a record a place ------------------------------------------------

    def dump(self) -> list[Any]:
        """What holds everywhere, as plain numbers."""
        return [
            self.seen,
            {name: _dump(var) for name, var in self.everywhere.items()},
            {name: [mean.n, mean.get()] for name, mean in self.within.items()},
        ]

    def let_go(self) -> list[str]:
        """Places let go of since the last call."""
        gone, self._let_go = self._let_go, set()
        return sorted(gone)

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back."""
        self.seen = dumped[0]
        self.everywhere = {name: _load(values) for name, values in dumped[1].items()}
        self.within = {}
        for name, (n, mean) in dumped[2].items():
            self.within[name] = found = stats.Mean()
            found.n, found._mean = n, mean

    def dump_place(self, place: str) -> dict[str, list[float]]:
        """One place's norm, as plain numbers."""
        return {name: _dump(var) for name, var in self.places[place].items()}

    def load_place(self, place: str, dumped: Mapping[str, list[float]]) -> None:
        """``dump_place`` back."""
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


def zone_of(window: JourneyWindow) -> str:
    """The towns at a route's ends and the border have traffic of their own, and so a model."""
    if window.border_km < BORDER_KM:
        return "border"
    return "town" if window.ends_km < TOWN_KM else ROAD


def fresh(zone: str, thresholds: Thresholds) -> JourneyNorm:
    """A model that has seen nothing yet, for this zone of a corridor and direction."""
    return JourneyNorm(
        FLOORS,
        ONE_SIDED,
        half_score_at=thresholds.road_deviations if zone == ROAD else thresholds.mixed_deviations,
        unusual=thresholds.open_score,
        memory=thresholds.memory_windows,
    )


def place_of(window: JourneyWindow) -> str:
    """Where a window is: a square of a quarter of a degree, some 25 km, whichever route goes through it."""
    return f"{math.floor(window.lat_deg * 4)},{math.floor(window.lon_deg * 4)}"


def judged(window: JourneyWindow, thresholds: Thresholds) -> bool:
    """Whether a window says enough, and no other rule has it in hand."""
    return (
        window.readings >= thresholds.least_readings
        and window.placed_share == 0.0
        and window.told_share <= thresholds.told_share
        and window.stopped_share < 1.0
    )


def words(reasons: list[Reason]) -> dict[str, float | str]:
    """Evidence from ``JourneyNorm.why``: each feature's value and what is usual, and the first two in words."""
    evidence: dict[str, float | str] = {}
    english: list[str] = []
    spanish: list[str] = []
    for name, value, usual, falls in reasons:
        en, es, unit, _ = NAMES.get(name, (str(name), str(name), "", 0.0))
        evidence[str(name)], evidence[f"usual_{name}"] = round(value, 3), round(usual, 3)
        if falls > 0 and (not english or (len(english) < 2 and falls >= reasons[0][3] / 4)):
            digits = 0 if unit else 2
            english.append(f"{en} {value:.{digits}f}{unit}, usually {usual:.{digits}f}{unit}")
            spanish.append(f"{es} {value:.{digits}f}{unit}, lo usual {usual:.{digits}f}{unit}")
    evidence["what_en"], evidence["what_es"] = "; ".join(english), "; ".join(spanish)
    evidence["feature"] = str(reasons[0][0]) if reasons else ""
    return evidence
