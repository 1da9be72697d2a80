"""A vehicle leaves its corridor.

Idea: the reading lies further off the route's line than the corridor's half width, by more than its own accuracy, and
does so on several successive readings, so that one bad fix is no detour. Caveat: it knows the route it was given; a
legal diversion needs a new route version, or it is a deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors import explanation
from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="route_deviation",
    version=2,
    severity="warning",
    opened={
        "en": "{device_id} is {off_route_m:.0f} m off its route; the corridor allows {half_width_m:.0f} m.",
        "es": "{device_id} está a {off_route_m:.0f} m de su ruta; el corredor permite {half_width_m:.0f} m.",
    },
    closed={
        "en": "{device_id} is back in its corridor, {off_route_m:.0f} m from the route's line.",
        "es": "{device_id} volvió a su corredor, a {off_route_m:.0f} m del eje de la ruta.",
    },
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``confirm_readings`` outside open an episode, as many inside close it; accuracy counts up to a bound."""

    confirm_readings: int = limit(3, 1, 100, "readings", "outside in a row that open, and inside in a row that close")
    accuracy_max_m: float = limit(200.0, 0, 5_000, "m", "most that a fix's own accuracy excuses")


def score(off_route_m: Any, accuracy_m: Any, half_width_m: Any, outside: Any, on: Any, confirm_readings: int) -> Floats:
    """0 inside the corridor, towards 1 the further off; 0 until so many readings ``outside`` in a row confirm it, where
    no episode is ``on``. Arrays, or numbers; what is not known is NaN, and scores 0.
    """
    told = (off_route_m - accuracy_m > half_width_m) & (on | (outside >= confirm_readings))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return np.where(told, 1.0 - np.divide(half_width_m, off_route_m), 0.0)


class RouteDeviation:
    """Columns: successive readings outside; in an episode, successive readings inside; whether one is on."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(outside=np.int32(0), within=np.int32(0), on=np.bool_(False))
        self._was_on: Bools = np.zeros(0, np.bool_)  # before the round just judged

    def heeds(self, batch: DeviceBatch) -> Bools:
        """What lies outside its corridor, and whoever did before."""
        c, at = self.columns, batch.rows
        return np.asarray((batch.off_route_m > batch.half_width_m) | (c["outside"][at] > 0) | c["on"][at])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Late readings and readings without a fix or a route say nothing."""
        rows = batch.rows
        outside, within, on = self.columns["outside"], self.columns["within"], self.columns["on"]
        known = batch.in_order & np.isfinite(batch.off_route_m) & np.isfinite(batch.half_width_m)
        accuracy_m = self._accuracy_m(batch)
        beyond = known & (batch.off_route_m - accuracy_m > batch.half_width_m)
        inside = known & ~beyond
        outside[rows] = np.where(beyond, outside[rows] + 1, np.where(inside, 0, outside[rows]))
        was_on = on[rows]
        within[rows] = np.where(inside & was_on, within[rows] + 1, np.where(known, 0, within[rows]))
        confirm = self.thresholds.confirm_readings
        excess = score(batch.off_route_m, accuracy_m, batch.half_width_m, outside[rows], was_on, confirm)
        trip = known & (excess > 0.0)
        clear = inside & was_on & (within[rows] >= confirm)
        on[rows] = (was_on | trip) & ~clear
        within[rows[clear]] = 0
        self._was_on = was_on
        return Verdict(levels(trip, clear), np.where(trip, excess, 0.0))

    def _accuracy_m(self, batch: DeviceBatch) -> Floats:
        """What a fix's own accuracy excuses; 0 where it is not known."""
        return np.asarray(np.fmin(np.fmax(batch.accuracy_m, 0.0), self.thresholds.accuracy_max_m))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How far off, how far is allowed, in metres."""
        return {
            "off_route_m": round(float(batch.off_route_m[position]), 1),
            "half_width_m": float(batch.half_width_m[position]),
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """How far off and, at the opening, the readings that confirmed it; usual are the route's line and none."""
        row, on, confirm = batch.rows[position], bool(self._was_on[position]), self.thresholds.confirm_readings
        accuracy_m, half_width_m = float(self._accuracy_m(batch)[position]), float(batch.half_width_m[position])
        return Why(
            lambda x: float(score(x["off_route_m"], accuracy_m, half_width_m, x["outside_readings"], on, confirm)),
            {
                "off_route_m": float(batch.off_route_m[position]),
                "outside_readings": float(self.columns["outside"][row]),
            },
            {"off_route_m": 0.0, "outside_readings": 0.0},
            explanation.ANY,
        )
