"""A cargo is struck, dropped or rammed.

Idea: the peak acceleration that a device reports for its interval, of either sign, against what roads, bridges'
expansion joints and couplings do (well under 2 g in a loaded trailer, 3 g in an empty one on a bad road); one reading
is enough, for a blow has no second. Blow upon blow is one episode, until there has been none for a while: an alert for
each would be dozens of one load that has come loose. A value at the sensor's rail may be a blow beyond its range, or a
sensor that has died there: it is a blow once another value follows, told with that one, unless it has stayed for so
long that ``sensor_stuck`` tells it. Caveat: it says how hard, not on what; a device knocked by hand or
badly fixed tells of blows that the cargo never felt, and one that reports momentary values instead of peaks misses most
of them; one beyond the sensor's range, after which the device says nothing more, is told by its silence alone.

A late reading may open an episode, for a blow in a dead zone was still a blow; it never closes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Bools, DeviceBatch, Floats, Ints, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard
from detectors.sensor_stuck import SHOCK_RAILS_G

CARD = RuleCard(
    name="shock",
    version=4,
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
_RAILS_G: Final = np.array(SHOCK_RAILS_G, np.float32)
_STUCK: Final = 5  # readings at a rail, one after another, that ``sensor_stuck`` tells by its defaults


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Accelerations (g, either sign) of at least ``threshold_g`` are a blow; ``calm_s`` seconds without one close."""

    threshold_g: float = limit(3.5, 0.5, 200, "g", "acceleration, of either sign, that is a blow")
    calm_s: float = limit(300.0, 0, 86_400, "s", "time without a blow that closes")


def score(size_g: Floats, threshold_g: float) -> Floats:
    """0 for what is no blow, 0.5 at the threshold, 1 at twice as much."""
    return np.where(size_g >= threshold_g, np.minimum(1.0, size_g / (2.0 * threshold_g)), 0.0)


class Shock:
    """Columns: when the last blow fell (ms) and how hard (g), whether an episode is on; the rail that the sensor is at
    (g, signed), since when (ms) and for how many readings.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            struck_ms=np.int64(-1),
            struck_g=np.float64(0.0),
            on=np.bool_(False),
            rail_g=np.float32(0.0),
            rail_ms=np.int64(-1),
            railed=np.int16(0),
        )

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Blows, whoever has an episode, and whoever was at a rail."""
        c, at = self.columns, batch.rows
        return np.asarray((np.abs(batch.shock_g) >= self.thresholds.threshold_g) | c["on"][at] | (c["railed"][at] > 0))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of how hard the blow was, of either sign."""
        has = np.isfinite(batch.shock_g)
        if not has.any():
            return quiet(batch)
        c, at = self.columns, batch.rows
        told_g = np.where(has & batch.guarded, batch.shock_g, 0.0)
        at_rail, beyond_g, beyond_ms = self._at_rail(at, batch.time_ms, told_g, has)
        now_g = np.where(at_rail, 0.0, np.abs(told_g))
        fell_ms = np.where(now_g >= self.thresholds.threshold_g, batch.time_ms, beyond_ms)
        size_g = np.maximum(now_g, beyond_g)
        hard = score(size_g, self.thresholds.threshold_g)
        trip = has & batch.guarded & (hard > 0.0)
        was_on = c["on"][at]
        c["struck_ms"][at] = struck_ms = np.where(trip, np.maximum(c["struck_ms"][at], fell_ms), c["struck_ms"][at])
        c["struck_g"][at] = np.where(trip, size_g, c["struck_g"][at])
        calm = batch.time_ms - struck_ms >= 1_000.0 * self.thresholds.calm_s
        clear = was_on & has & batch.in_order & ~trip & calm
        c["on"][at] = (was_on | trip) & ~clear
        return Verdict(levels(trip, clear), np.where(trip, hard, 0.0))

    def _at_rail(self, at: Rows, time_ms: Ints, told_g: Floats, has: Bools) -> tuple[Bools, Floats, Ints]:
        """Follow who is at a rail: who is now; of whom that is over, and was a blow, how hard (g) and when (ms)."""
        c, told = self.columns, told_g.astype(np.float32)
        railed = c["railed"][at]
        at_rail = (np.abs(told)[:, None] == _RAILS_G).any(axis=1) & (np.abs(told) >= self.thresholds.threshold_g)
        if not (at_rail.any() or railed.any()):
            return at_rail, np.zeros(len(at)), time_ms
        stays = at_rail & (railed > 0) & (told == c["rail_g"][at])
        blow = has & ~stays & (railed > 0) & (railed < _STUCK)
        beyond_g = np.where(blow, np.abs(c["rail_g"][at]), 0.0).astype(np.float64)
        beyond_ms = c["rail_ms"][at]
        begins = at_rail & ~stays
        c["rail_g"][at] = np.where(begins, told, c["rail_g"][at])
        c["rail_ms"][at] = np.where(begins, time_ms, beyond_ms)
        count = np.where(stays, np.minimum(railed + np.int16(1), np.int16(_STUCK)), np.int16(0))
        c["railed"][at] = np.where(begins, np.int16(1), np.where(has, count, railed))
        return at_rail, beyond_g, beyond_ms

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How hard, and what no blow that is expected reaches, in g; minutes since the last blow."""
        c, row = self.columns, batch.rows[position]
        return {
            "shock_g": round(float(c["struck_g"][row]), 3),
            "threshold_g": self.thresholds.threshold_g,
            "calm_min": round(max(0, int(batch.time_ms[position] - c["struck_ms"][row])) / 60_000.0, 1),
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The blow; usual is none."""
        least_g, struck_g = self.thresholds.threshold_g, float(self.columns["struck_g"][batch.rows[position]])
        return Why(
            lambda x: float(score(x["shock_g"], least_g)),
            {"shock_g": struck_g},
            {"shock_g": 0.0},
            0.5,
        )
