"""A device that should speak is silent.

Idea: seconds of the line's own up-time since the device's last reading arrived, against a number of its declared
intervals. Up-time is counted on ticks, and a jump between ticks counts as one tick, so that an outage of ours is not
a thousand alarms. Caveat: it can't tell a dead zone from a jammer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Floats
from detectors.rule import RuleCard

CARD = RuleCard(
    name="signal_lost",
    version=1,
    severity="warning",
    opened={
        "en": "{device_id} has been silent for {silent_s:.0f} s; it should speak every {interval_s:g} s.",
        "es": "{device_id} lleva {silent_s:.0f} s sin señal; debe transmitir cada {interval_s:g} s.",
    },
    closed={
        "en": "{device_id} speaks again after {silent_s:.0f} s.",
        "es": "{device_id} transmite de nuevo después de {silent_s:.0f} s.",
    },
)

TICK_STEP_MAX_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Silent for this many of its declared intervals, and for ``least_s`` at the least."""

    silent_intervals: float = 10.0
    least_s: float = 8.0


class SignalLost:
    """Columns: the line's up-time (ms) when the device last spoke, whether its silence is an open episode."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(spoke_ms=np.int64(-1), on=np.bool_(False))
        self.uptime_ms = 0
        self.last_tick_ms = -1

    def advance(self, watermark_ms: int) -> None:
        """Count the line's up-time on from this watermark; a jump counts as one tick, a step back as nothing."""
        if self.last_tick_ms >= 0 and watermark_ms > self.last_tick_ms:
            self.uptime_ms += min(watermark_ms - self.last_tick_ms, TICK_STEP_MAX_MS)
        self.last_tick_ms = max(self.last_tick_ms, watermark_ms)

    def spoke(self, row: int) -> bool:
        """The device of this row spoke. True where that ends an open silence."""
        self.columns["spoke_ms"][row] = self.uptime_ms
        was_on = bool(self.columns["on"][row])
        if was_on:
            self.columns["on"][row] = False
        return was_on

    def silent(self, interval_s: Floats) -> Rows:
        """Rows whose silence has just become an episode; ``interval_s`` is as declared, NaN where not judged."""
        n = len(interval_s)
        spoke, on = self.columns["spoke_ms"][:n], self.columns["on"][:n]
        with np.errstate(invalid="ignore"):
            bound_ms = 1_000.0 * np.maximum(self.thresholds.silent_intervals * interval_s, self.thresholds.least_s)
            rows = np.flatnonzero((spoke >= 0) & ~on & (self.uptime_ms - spoke > bound_ms))
        self.columns["on"][rows] = True
        return rows

    def silent_s(self, row: int) -> float:
        """Seconds of up-time since the device of this row spoke."""
        return float(self.uptime_ms - self.columns["spoke_ms"][row]) / 1_000.0
