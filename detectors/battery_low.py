"""A device is about to fall silent for want of power.

Idea: the charge that the device reports is at or below a bound on three readings in a row, so that a bad sample under
load is nothing, nor two of them; it must recover past a higher bound to close, or a charge that hovers would tell
again and again.
Caveat: a battery's percentage is the device's own estimate; cold makes it fall for a night and recover by itself, and
a device that reports none is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detectors import explanation
from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="battery_low",
    version=2,
    severity="info",
    opened={
        "en": "{device_id} has {battery_pct:.0f} % of charge left; {low_pct:g} % or less is low: charge or replace it.",
        "es": "A {device_id} le queda {battery_pct:.0f} % de carga; {low_pct:g} % o menos es poco: recargue o cambie.",
    },
    closed={
        "en": "{device_id} has {battery_pct:.0f} % of its battery again.",
        "es": "{device_id} tiene de nuevo {battery_pct:.0f} % de batería.",
    },
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``confirm_readings`` in a row at or below ``low_pct`` open an episode; at ``recovered_pct`` it closes."""

    low_pct: float = limit(15.0, 1, 95, "%", "charge at or below which a reading is low")
    recovered_pct: float = limit(20.0, 2, 100, "%", "charge at which the episode closes; above low_pct")
    confirm_readings: int = limit(3, 1, 100, "readings", "low ones in a row that open")

    def __post_init__(self) -> None:
        if not 0 < self.low_pct < self.recovered_pct <= 100:
            raise ValueError(f"low_pct ({self.low_pct:g}) must be below recovered_pct ({self.recovered_pct:g})")


_FULL_PCT: Final = 100.0


def score(charge_pct: Floats, low_readings: Any, on: Any, thresholds: Thresholds) -> Floats:
    """The share of ``recovered_pct`` that is used up; 0 where no episode is ``on`` and none has been confirmed."""
    confirmed = (charge_pct <= thresholds.low_pct) & (low_readings >= thresholds.confirm_readings)
    return np.where(on | confirmed, np.clip(1.0 - charge_pct / thresholds.recovered_pct, 0.0, 1.0), 0.0)


class BatteryLow:
    """Columns: successive low readings, and whether an episode is on."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(low=np.int16(0), on=np.bool_(False))
        self._was_on: Bools = np.zeros(0, np.bool_)  # before the round just judged

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Low charges, and whoever had one before."""
        c, at = self.columns, batch.rows
        return np.asarray((batch.battery_pct <= self.thresholds.low_pct) | (c["low"][at] > 0) | c["on"][at])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Late readings say nothing of now. Score: ``score``."""
        at, t, c = batch.rows, self.thresholds, self.columns
        has = batch.in_order & np.isfinite(batch.battery_pct)
        charge = np.where(has, batch.battery_pct, _FULL_PCT)
        low, was_on = has & (charge <= t.low_pct), c["on"][at]
        if not (low.any() or was_on.any() or c["low"][at].any()):
            return quiet(batch)
        count = np.minimum(c["low"][at] + np.int16(1), np.int16(t.confirm_readings))
        count = c["low"][at] = np.where(low, count, np.where(has, np.int16(0), c["low"][at]))
        clear = was_on & has & (charge >= t.recovered_pct)
        used = score(charge, count, was_on, t)
        trip = batch.guarded & has & (used > 0.0)
        c["on"][at] = (was_on | trip) & ~clear
        self._was_on = was_on
        return Verdict(levels(trip, clear), np.where(trip, used, 0.0))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The charge and the bound, in per cent."""
        return {"battery_pct": round(float(batch.battery_pct[position]), 1), "low_pct": self.thresholds.low_pct}

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The charge and, at the opening, the readings that confirmed it; usual are a full battery and none."""
        t, on = self.thresholds, bool(self._was_on[position])
        low_readings = float(self.columns["low"][batch.rows[position]])
        return Why(
            lambda x: float(score(x["battery_pct"], x["low_readings"], on, t)),
            {"battery_pct": float(batch.battery_pct[position]), "low_readings": low_readings},
            {"battery_pct": _FULL_PCT, "low_readings": 0.0},
            explanation.ANY,
        )
