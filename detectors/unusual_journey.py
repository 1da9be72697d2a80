"""A journey unlike those before it in the same corridor and direction: a crawl, an odd pace, a way of its own.

Idea: each window's features (speed and its spread, share standing, progress, metres off the line and their spread, the
cargo's place in its band) against what is usual where it is (``journey_norm``), in a model for each corridor, direction
and zone. Caveats: it knows only what it has seen, so the first trucks of a corridor teach it and are not judged, and
those of a change of its traffic are told of until it has lasted (``lasting_change``); windows in stops, queues and
customs, and those on which another rule speaks, are left to those rules, and those near a bridge under a notice to
nobody; a vehicle that speaks less than once in two minutes is not judged, and one that does less than once a minute has
longer windows, and is told of later. The hour of the day is no feature: in its first days, each hour is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.journeys import JourneyWindow
from detectors import explanation
from detectors.explanation import Reason, Why
from detectors.journey_norm import JourneyNorm
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="unusual_journey",
    version=2,
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

ROAD: Final = "road"
BORDER: Final = "border"
TOWN_KM: Final = 22.0
BORDER_KM: Final = 14.0
SAID: Final = 2  # reasons that a sentence has room for
# What a feature is called, and its unit; the least spread it is taken to have. A share is said in per cent.
NAMES: Final[dict[str, tuple[str, str, str, float]]] = {
    "speed_kmh": ("speed", "velocidad", " km/h", 3.0),
    "speed_spread_kmh": ("changes of speed", "cambios de velocidad", " km/h", 2.5),
    "stopped_share": ("time standing", "tiempo detenido", " %", 0.08),
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

    warm_up_windows: int = limit(60, 1, 100_000, "windows", "a corridor must have taught before any is judged")
    open_score: float = limit(0.5, 0.05, 0.99, "score", "score of an unusual window")
    close_score: float = limit(0.4, 0.01, 0.99, "score", "score of a window that is usual again; at most open_score")
    confirm_windows: int = limit(4, 1, 100, "windows", "in a row that open, or close")
    least_readings: int = limit(3, 1, 1_000, "readings", "of its vehicle that a window must have to be judged")
    told_share: float = limit(0.0, 0, 1, "share", "of a window's readings that another rule may speak of")
    memory_windows: float = limit(400.0, 10, 100_000, "windows", "after which what was learnt fades")
    road_deviations: float = limit(5.0, 0.5, 100, "deviations", "from the usual that are score 0.5 on the open road")
    mixed_deviations: float = limit(
        10.0, 0.5, 100, "deviations", "from the usual that are score 0.5 in towns and at the border"
    )

    def __post_init__(self) -> None:
        if not 0 < self.close_score <= self.open_score < 1:
            raise ValueError(
                f"close_score ({self.close_score:g}) must be no more than open_score ({self.open_score:g})"
            )
        if min(self.memory_windows, self.road_deviations, self.mixed_deviations) <= 0 or self.confirm_windows < 1:
            raise ValueError("memory_windows, confirm_windows and deviations must be above 0")


def zone_of(window: JourneyWindow) -> str:
    """The towns at a route's ends and the border have traffic of their own, and so a model."""
    if window.border_km < BORDER_KM:
        return BORDER
    return "town" if window.ends_km < TOWN_KM else ROAD


def fresh(zone: str, thresholds: Thresholds, memory_share: float = 1.0, lasting_h: float = 8.0) -> JourneyNorm:
    """A model that has seen nothing yet, for this zone of a corridor and direction.

    ``memory_share`` is of the thresholds' memory; what is unusual is learnt once most have been so for ``lasting_h``.
    """
    return JourneyNorm(
        FLOORS,
        ONE_SIDED,
        half_score_at=thresholds.road_deviations if zone == ROAD else thresholds.mixed_deviations,
        unusual=thresholds.open_score,
        lasting_ms=round(lasting_h * 3_600_000),
        memory=memory_share * thresholds.memory_windows,
    )


def place_of(window: JourneyWindow) -> str:
    """Where a window is: a square of a quarter of a degree, some 25 km, whichever route goes through it."""
    return f"{math.floor(window.lat_deg * 4)},{math.floor(window.lon_deg * 4)}"


def judged(window: JourneyWindow, thresholds: Thresholds) -> bool:
    """Whether a window says enough, and no other rule has it in hand; nor is it before a bridge under a notice."""
    return (
        not (window.notice is not None and zone_of(window) == BORDER)
        and window.readings >= thresholds.least_readings
        and window.placed_share == 0.0
        and window.told_share <= thresholds.told_share
        and window.stopped_share < 1.0
    )


def why(model: JourneyNorm, x: Mapping[str, Any], open_score: float) -> Why:
    """Each feature of which something is usual in this place; its mean is what is."""
    return Why(model.score_one, x, {name: mean for name, (mean, _) in model.expect(x).items()}, open_score)


def words(reasons: Iterable[Reason], named: Iterable[Reason]) -> dict[str, float | str]:
    """Evidence: ``explanation``'s of these, and the first two that are named in words."""
    told = list(named)
    english: list[str] = []
    spanish: list[str] = []
    for reason in told[:SAID]:
        en, es, unit, _ = NAMES.get(reason.feature, (str(reason.feature), str(reason.feature), "", 0.0))
        value, usual = (number * 100.0 if unit == " %" else number for number in (reason.value, reason.usual))
        digits = 0 if unit else 2
        english.append(f"{en} {value:.{digits}f}{unit}, usually {usual:.{digits}f}{unit}")
        spanish.append(f"{es} {value:.{digits}f}{unit}, lo usual {usual:.{digits}f}{unit}")
    said = explanation.evidence(reasons, told)
    return {**said, "what_en": "; ".join(english), "what_es": "; ".join(spanish)}
