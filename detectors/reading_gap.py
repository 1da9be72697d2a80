"""Readings of a device are missing, and nobody sends them after.

Idea: a device numbers its readings, and the ledger knows which numbers have come. A hole between them may yet be
filled, for a device that was without coverage sends live data first and its backlog when it can; so a hole is told
only once it has stood for a grace time, and closes when it is filled or given up. The grace time is counted in the
line's own up-time, on ticks, so that an outage of ours is nobody's gap; it is looked at when the device speaks, for
one that does not is another rule's. Caveat: what was lost before a boot's first reading that came, or after its last,
leaves no hole; a reading that was refused leaves one, and lies in the dead letters; phones (OwnTracks) number their
readings by the clock and are exempt. A hole of a shipment before is not held against the next.

Unlike other rules it hears late readings: they are what fills a hole. They open nothing, for a shipment that has ended
since would be told of a hole anew. A hole is given up after an hour, so that what is lost then is told of again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detectors import explanation
from detectors.columns import Columns
from detectors.device_batch import KIND_CODES, Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="reading_gap",
    version=2,
    severity="info",
    opened={
        "en": "{device_id} has had readings missing ({missing:.0f}) for {stood_s:.0f} s; they were not sent later.",
        "es": "{device_id}: faltan lecturas ({missing:.0f}) desde hace {stood_s:.0f} s y no se han reenviado.",
    },
    closed={
        "en": "{device_id}: {outcome_en}.",
        "es": "{device_id}: {outcome_es}.",
    },
)
_NEVER: Final = -1
_FEW: Final = 20.0  # so many missing readings score 0.5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds of up-time: a hole is told after ``grace_s`` and given up after ``give_up_s``."""

    grace_s: float = limit(120.0, 5, 86_400, "s", "up-time after which a hole is told; below give_up_s")
    give_up_s: float = limit(3_600.0, 60, 604_800, "s", "up-time after which it is no longer asked for")

    def __post_init__(self) -> None:
        if not self.grace_s < self.give_up_s:
            raise ValueError(f"grace_s ({self.grace_s:g}) must be below give_up_s ({self.give_up_s:g})")


def score(missing: Floats, stood_s: Any, thresholds: Thresholds) -> Floats:
    """Towards 1 with the number of readings that are missing; 0 while they may come yet, and once they are given up."""
    asked_for = (stood_s >= thresholds.grace_s) & (stood_s < thresholds.give_up_s)
    return np.where(asked_for, missing / (missing + _FEW), 0.0)


class ReadingGap:
    """Columns: readings missing, those of them no longer asked for, since when the others are (up-time, ms)."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            missing=np.int32(0),
            forgiven=np.int32(0),
            since_ms=np.int64(_NEVER),
            stood_s=np.float32(0),
            on=np.bool_(False),
        )
        self._stood_s: Floats = np.zeros(0)  # as the round just judged had it

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Devices of which something is missing that has not been given up, or of which that has changed."""
        c, at = self.columns, batch.rows
        known = c["missing"][at]
        changed = (batch.missing >= 0) & (batch.missing != known)
        stands = (known != c["forgiven"][at]) | (c["stood_s"][at] > 0.0)
        return np.asarray(changed | stands | ((known > 0) & (batch.kind == KIND_CODES["phone"])))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of what is missing, and for how long."""
        c, at, t = self.columns, batch.rows, self.thresholds
        known = c["missing"][at]
        changed = batch.missing >= 0
        if not (changed.any() or known.any()):
            return quiet(batch)
        missing = np.where(changed, np.minimum(batch.missing, 2**31 - 1), known)
        missing = np.where(batch.kind == KIND_CODES["phone"], 0, missing)
        forgiven = np.minimum(c["forgiven"][at], missing)
        forgiven = np.where(batch.in_order & (batch.new_shipment | ~batch.guarded), missing, forgiven)
        open_now = missing > forgiven
        since, was_on = c["since_ms"][at], c["on"][at]
        since = np.where(open_now & (batch.uptime_ms >= 0), np.where(since == _NEVER, batch.uptime_ms, since), _NEVER)
        stood_s = np.where(since == _NEVER, 0.0, (batch.uptime_ms - since) / 1000.0)
        given_up = open_now & (stood_s >= t.give_up_s)
        lost = score((missing - forgiven).astype(np.float64), stood_s, t)
        trip = batch.guarded & batch.in_order & (lost > 0.0)
        clear = was_on & (given_up | ~open_now) & batch.guarded
        c["missing"][at] = missing
        c["forgiven"][at] = np.where(given_up, missing, forgiven)
        c["since_ms"][at] = np.where(given_up, _NEVER, since)
        c["stood_s"][at] = stood_s
        c["on"][at] = (was_on | trip) & open_now & ~given_up
        self._stood_s = stood_s
        return Verdict(levels(trip, clear), np.where(trip, lost, 0.0))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How many readings are missing and for how long (s); at the end, what became of them."""
        c, row = self.columns, batch.rows[position]
        missing = float(c["missing"][row]) - float(c["forgiven"][row])
        facts: dict[str, float | str | None] = {
            "missing": missing,
            "stood_s": round(float(c["stood_s"][row]), 1),
            "grace_s": self.thresholds.grace_s,
        }
        if not c["on"][row]:
            filled = c["missing"][row] == 0
            facts["outcome_en"] = "the missing readings have come" if filled else "the missing readings are given up"
            facts["outcome_es"] = "llegaron las lecturas que faltaban" if filled else "se dan por perdidas las lecturas"
        return facts

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """How many are missing, and for how long; usual is that none is."""
        c, row, t = self.columns, batch.rows[position], self.thresholds
        return Why(
            lambda x: float(score(x["missing"], x["stood_s"], t)),
            {"missing": float(c["missing"][row] - c["forgiven"][row]), "stood_s": float(self._stood_s[position])},
            {"missing": 0.0, "stood_s": 0.0},
            explanation.ANY,
        )
