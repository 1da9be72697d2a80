"""A vehicle leaves its corridor.

Idea: the reading lies further off the route's line than the corridor's half width, by more than its own accuracy, and
does so on several successive readings, so that one bad fix is no detour. Caveat: it knows the route it was given; a
legal diversion needs a new route version, or it is a deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Verdict, levels
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


class RouteDeviation:
    """Columns: successive readings outside; in an episode, successive readings inside; whether one is on."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(outside=np.int32(0), within=np.int32(0), on=np.bool_(False))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """What lies outside its corridor, and whoever did before."""
        c, at = self.columns, batch.rows
        return np.asarray((batch.off_route_m > batch.half_width_m) | (c["outside"][at] > 0) | c["on"][at])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Late readings and readings without a fix or a route say nothing."""
        rows = batch.rows
        outside, within, on = self.columns["outside"], self.columns["within"], self.columns["on"]
        known = batch.in_order & np.isfinite(batch.off_route_m) & np.isfinite(batch.half_width_m)
        accuracy_m = np.fmin(np.fmax(batch.accuracy_m, 0.0), self.thresholds.accuracy_max_m)  # unknown: 0
        beyond = known & (batch.off_route_m - accuracy_m > batch.half_width_m)
        inside = known & ~beyond
        outside[rows] = np.where(beyond, outside[rows] + 1, np.where(inside, 0, outside[rows]))
        was_on = on[rows]
        within[rows] = np.where(inside & was_on, within[rows] + 1, np.where(known, 0, within[rows]))
        trip = beyond & (was_on | (outside[rows] >= self.thresholds.confirm_readings))
        clear = inside & was_on & (within[rows] >= self.thresholds.confirm_readings)
        on[rows] = (was_on | trip) & ~clear
        within[rows[clear]] = 0
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = np.where(beyond, 1.0 - batch.half_width_m / batch.off_route_m, 0.0)
        return Verdict(levels(trip, clear), excess)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How far off, how far is allowed, in metres."""
        return {
            "off_route_m": round(float(batch.off_route_m[position]), 1),
            "half_width_m": float(batch.half_width_m[position]),
        }
