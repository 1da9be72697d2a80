"""A cargo is struck, dropped or rammed.

Idea: the peak acceleration that a device reports for its interval, of either sign, against what roads, bridges'
expansion joints and couplings do (well under 2 g in a loaded trailer, 3 g in an empty one on a bad road); one reading
is enough, for a blow has no
second. Caveat: it says how hard, not on what; a device knocked by hand or badly fixed tells of blows that the cargo
never felt, and one that reports momentary values instead of peaks misses most of them.

A late reading may open an episode, for a blow in a dead zone was still a blow; it never closes one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Verdict, levels, quiet
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="shock",
    version=2,
    severity="warning",
    opened={
        "en": "{device_id} took a blow of {shock_g:.1f} g; up to {threshold_g:g} g is expected.",
        "es": "{device_id} recibió un golpe de {shock_g:.1f} g; se espera hasta {threshold_g:g} g.",
    },
    closed={
        "en": "{device_id} is calm again, at {shock_g:.1f} g.",
        "es": "{device_id} está de nuevo en calma, con {shock_g:.1f} g.",
    },
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Accelerations (g, either sign) of at least ``threshold_g`` are a blow."""

    threshold_g: float = limit(3.5, 0.5, 200, "g", "acceleration, of either sign, that is a blow")


class Shock:
    """Column: whether an episode is on."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(on=np.bool_(False))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Blows, and whoever has an episode."""
        return np.asarray((np.abs(batch.shock_g) >= self.thresholds.threshold_g) | self.columns["on"][batch.rows])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score 0.5 at the threshold, 1 at twice as much; 0 below it."""
        has = np.isfinite(batch.shock_g)
        if not has.any():
            return quiet(batch)
        at, on, least_g = batch.rows, self.columns["on"], self.thresholds.threshold_g
        size_g = np.abs(np.where(has, batch.shock_g, 0.0))
        trip = has & batch.guarded & (size_g >= least_g)
        was_on = on[at]
        clear = was_on & has & batch.in_order & ~trip
        on[at] = (was_on | trip) & ~clear
        score = np.where(trip, np.minimum(1.0, size_g / (2.0 * least_g)), 0.0)
        return Verdict(levels(trip, clear), score)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How hard, and what is expected at most, in g."""
        return {
            "shock_g": round(abs(float(batch.shock_g[position])), 3),
            "threshold_g": self.thresholds.threshold_g,
        }
