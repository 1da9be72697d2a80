"""A cargo is struck, dropped or rammed.

Idea: the peak acceleration that a device reports for its interval, of either sign, against what roads, bridges'
expansion joints and couplings do (well under 2 g in a loaded trailer, 3 g in an empty one on a bad road); one reading
is enough, for a blow has no second. Blow upon blow is one episode, until there has been none for a while: an alert for
each would be dozens of one load that has come loose. Caveat: it says how hard, not on what; a device knocked by hand or
badly fixed tells of blows that the cargo never felt, and one that reports momentary values instead of peaks misses most
of them.

A late reading may open an episode, for a blow in a dead zone was still a blow; it never closes one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="shock",
    version=3,
    severity="warning",
    opened={
        "en": "{device_id} took a blow of {shock_g:.2f} g; less than {threshold_g:g} g is expected.",
        "es": "{device_id} recibió un golpe de {shock_g:.2f} g; se esperan menos de {threshold_g:g} g.",
    },
    closed={
        "en": "{device_id} has taken no blow for {calm_min:.0f} min.",
        "es": "{device_id} no ha recibido golpes en {calm_min:.0f} min.",
    },
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Accelerations (g, either sign) of at least ``threshold_g`` are a blow; ``calm_s`` seconds without one close."""

    threshold_g: float = limit(3.5, 0.5, 200, "g", "acceleration, of either sign, that is a blow")
    calm_s: float = limit(300.0, 0, 86_400, "s", "time without a blow that closes")


def score(size_g: Floats, threshold_g: float) -> Floats:
    """0 for what is no blow, 0.5 at the threshold, 1 at twice as much."""
    return np.where(size_g >= threshold_g, np.minimum(1.0, size_g / (2.0 * threshold_g)), 0.0)


class Shock:
    """Columns: when the last blow fell (ms), whether an episode is on."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(struck_ms=np.int64(-1), on=np.bool_(False))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Blows, and whoever has an episode."""
        return np.asarray((np.abs(batch.shock_g) >= self.thresholds.threshold_g) | self.columns["on"][batch.rows])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of how hard the blow was, of either sign."""
        has = np.isfinite(batch.shock_g)
        if not has.any():
            return quiet(batch)
        at, on, struck_ms = batch.rows, self.columns["on"], self.columns["struck_ms"]
        hard = score(np.abs(np.where(has, batch.shock_g, 0.0)), self.thresholds.threshold_g)
        trip = batch.guarded & (hard > 0.0)
        was_on = on[at]
        struck_ms[at] = np.where(trip, np.maximum(struck_ms[at], batch.time_ms), struck_ms[at])
        calm = batch.time_ms - struck_ms[at] >= 1_000.0 * self.thresholds.calm_s
        clear = was_on & has & batch.in_order & ~trip & calm
        on[at] = (was_on | trip) & ~clear
        return Verdict(levels(trip, clear), np.where(trip, hard, 0.0))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How hard, and what no blow that is expected reaches, in g; minutes since the last blow."""
        calm_ms = int(batch.time_ms[position] - self.columns["struck_ms"][batch.rows[position]])
        return {
            "shock_g": round(abs(float(batch.shock_g[position])), 3),
            "threshold_g": self.thresholds.threshold_g,
            "calm_min": round(max(0, calm_ms) / 60_000.0, 1),
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The blow; usual is none."""
        least_g = self.thresholds.threshold_g
        return Why(
            lambda x: float(score(x["shock_g"], least_g)),
            {"shock_g": abs(float(batch.shock_g[position]))},
            {"shock_g": 0.0},
            0.5,
        )
