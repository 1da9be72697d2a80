"""Screening: every device rule on every new reading of a frame, round by round, findings put on the readings.

A reading carries a finding only where a rule opens, sustains or closes an episode, so the common reading carries
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from contracts.readings import Finding, ShipmentReading
from detectors import catalog
from detectors.columns import Columns, rounds
from detectors.device_batch import SEAL_CODES, TRIP, DeviceBatch
from detectors.rule import DeviceRule
from streams.reference_book import InForce

_NAN: Final = float("nan")


class Screen:
    """The rules and their columns, and each device's newest event time."""

    __slots__ = ("_clock", "rules")

    def __init__(self, rules: Sequence[DeviceRule] | None = None) -> None:
        self.rules = tuple(rules if rules is not None else catalog.device_rules())
        self._clock = Columns(last_ms=np.int64(-1))

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        self._clock.ensure(size)
        for rule in self.rules:
            rule.columns.ensure(size)

    def screen(self, rows: list[int], readings: list[ShipmentReading], joined: list[InForce]) -> None:
        """Judge these readings, in order; ``joined`` is what was in force for each. Findings land on the readings."""
        if not readings:
            return
        at = np.array(rows, np.intp)
        whole = _batch(at, readings, joined)
        last_ms = self._clock["last_ms"]
        for positions in rounds(at):
            part = whole if len(positions) == len(at) else whole.take(positions)
            part.in_order = part.time_ms >= last_ms[part.rows]  # two readings of one millisecond are in order
            last_ms[part.rows] = np.maximum(last_ms[part.rows], part.time_ms)
            for rule in self.rules:
                verdict = rule.judge(part)
                for i in np.flatnonzero(verdict.level):
                    reading = readings[positions[i]]
                    trips = verdict.level[i] == TRIP
                    finding = Finding(
                        rule.card.name,
                        "trip" if trips else "clear",
                        round(float(verdict.score[i]), 4),
                        rule.evidence(part, int(i)),
                    )
                    reading.findings = (*reading.findings, finding)

    def dump_rows(self, rows: Sequence[int]) -> list[list[Any]]:
        """These devices' rows of every rule, for a checkpoint: what ``load`` takes, one each."""
        last_ms = self._clock["last_ms"][np.asarray(rows, np.intp)].tolist()
        names = [rule.card.name for rule in self.rules]
        states = zip(*(rule.columns.dump_rows(rows) for rule in self.rules), strict=True)
        return [[at_ms, dict(zip(names, state, strict=True))] for at_ms, state in zip(last_ms, states, strict=True)]

    def load(self, row: int, dumped: list[Any]) -> None:
        """Put a dumped row back; a rule the checkpoint did not know starts afresh."""
        self.ensure(row + 1)
        self._clock["last_ms"][row] = dumped[0]
        for rule in self.rules:
            rule.columns.set_row(row, dumped[1].get(rule.card.name, {}))

    @property
    def nbytes(self) -> int:
        """Memory of all columns, in bytes."""
        return self._clock.nbytes + sum(r.columns.nbytes for r in self.rules)


def _batch(at: Any, readings: list[ShipmentReading], joined: list[InForce]) -> DeviceBatch:
    """Readings as arrays; what is missing is NaN."""
    shipments = [j.shipment for j in joined]
    return DeviceBatch(
        rows=at,
        time_ms=np.array([r.time_ms for r in readings], np.int64),
        in_order=np.ones(len(readings), np.bool_),
        guarded=np.array([s is not None for s in shipments], np.bool_),
        off_route_m=np.array([r.off_route_m for r in readings], np.float64),
        half_width_m=np.array([j.corridor.half_width_m if j.corridor else _NAN for j in joined], np.float64),
        accuracy_m=np.array([r.accuracy_m for r in readings], np.float64),
        temperature_c=np.array([r.temperature_c for r in readings], np.float64),
        min_temperature_c=np.array([s.min_temperature_c if s else None for s in shipments], np.float64),
        max_temperature_c=np.array([s.max_temperature_c if s else None for s in shipments], np.float64),
        seal_code=np.array([SEAL_CODES[r.seal_state] for r in readings], np.int64),
        seal_openings=np.array([r.seal_openings for r in readings], np.float64),
        seal_may_open=np.array([_may_open(r, j) for r, j in zip(readings, joined, strict=True)], np.bool_),
    )


def _may_open(reading: ShipmentReading, joined: InForce) -> bool:
    if not reading.inside or joined.corridor is None:
        return False
    return any(p.seal_may_open for p in joined.corridor.places if p.name in reading.inside)
