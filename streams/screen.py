"""Screening: every device rule on every new reading of a frame, round by round, findings put on the readings.

A reading carries a finding only where a rule opens, sustains or closes an episode, so the common reading carries
none. Where it opens or sustains one, the evidence bears a hash of what the rule remembers of the device by then: who
judges the same readings again sees that nothing else was in play.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from contracts.readings import Finding, ShipmentReading
from detectors import catalog
from detectors.columns import Columns, Rows, rounds
from detectors.device_batch import SEAL_CODES, TRIP, Bools, DeviceBatch, Floats
from detectors.rule import DeviceRule
from streams.packed_rows import PackedRows
from streams.reference_book import InForce
from streams.standings import Standings, seal_columns

_NONE_MISSING: Final[Mapping[int, int]] = {}


class Screen:
    """The rules and their columns, each device's newest event time, and what the reference says of it.

    ``packed`` is what a checkpoint keeps of a device; a rule that it did not know starts afresh.
    """

    __slots__ = ("_clock", "_standings", "packed", "rules")

    def __init__(self, rules: Sequence[DeviceRule] | None = None) -> None:
        self.rules = tuple(rules if rules is not None else catalog.device_rules())
        self._clock = Columns(last_ms=np.int64(-1))
        self._standings = Standings()
        tables = {"clock": self._clock, "standing": self._standings.shipment}
        self.packed = PackedRows(tables | {rule.card.name: rule.columns for rule in self.rules})

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        self._clock.ensure(size)
        self._standings.ensure(size)
        for rule in self.rules:
            rule.columns.ensure(size)

    def screen(
        self,
        rows: list[int],
        readings: list[ShipmentReading],
        joined: list[InForce],
        uptime_ms: int = -1,
        missing: Mapping[int, int] = _NONE_MISSING,
    ) -> None:
        """Judge these readings, in order; ``joined`` is what was in force for each. Findings land on the readings.

        ``uptime_ms`` is the line's up-time, below 0 before its first tick; ``missing`` says, by position, how many
        readings of the device the ledger lacked once that one was in, where that may have changed.
        """
        if not readings:
            return
        at = np.array(rows, np.intp)
        whole = _batch(at, readings, joined, uptime_ms, missing)
        last_ms = self._clock["last_ms"]
        for positions in rounds(at):
            if len(positions) == len(at):
                part, part_rows, part_joined = whole, rows, joined
            else:
                part = whole.take(positions)
                part_rows, part_joined = part.rows.tolist(), [joined[i] for i in positions.tolist()]
            part.in_order = part.time_ms >= last_ms[part.rows]  # two readings of one millisecond are in order
            last_ms[part.rows] = np.maximum(last_ms[part.rows], part.time_ms)
            self._standings.fill(part, part_rows, part_joined)
            self._judge(part, positions, readings)

    def _judge(self, part: DeviceBatch, positions: Rows, readings: list[ShipmentReading]) -> None:
        for rule in self.rules:
            verdict = rule.judge(part)
            for i in np.flatnonzero(verdict.level):
                reading = readings[positions[i]]
                trips = verdict.level[i] == TRIP
                evidence = rule.evidence(part, int(i))
                if trips:
                    evidence = {**evidence, "state_sha256": state_sha256(rule, int(part.rows[i]))}
                score = round(float(verdict.score[i]), 4)
                finding = Finding(rule.card.name, "trip" if trips else "clear", score, evidence)
                reading.findings = (*reading.findings, finding)

    @property
    def nbytes(self) -> int:
        """Memory of all columns, in bytes."""
        return self._clock.nbytes + self._standings.nbytes + sum(r.columns.nbytes for r in self.rules)


def state_sha256(rule: DeviceRule, row: int) -> str:
    """64 hexadecimal digits: of the rule's name and version, and of all that it remembers of this device."""
    said = [rule.card.name, rule.card.version, sorted(rule.columns.row(row).items())]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _batch(
    at: Rows, readings: list[ShipmentReading], joined: list[InForce], uptime_ms: int, missing: Mapping[int, int]
) -> DeviceBatch:
    """Readings as arrays; what is missing is NaN. What the reference decides is filled in round by round."""
    n = len(readings)
    seal_may_open, may_stand = _permits(readings, joined)
    seal_match, seal_number, seal_expected = seal_columns([r.seal_number for r in readings], joined)
    lacking = np.full(n, -1, np.int64)
    for position, count in missing.items():
        lacking[position] = count
    unknown, false = np.full(n, np.nan), np.zeros(n, np.bool_)
    lat_deg, lon_deg = _numbers([r.lat_deg for r in readings]), _numbers([r.lon_deg for r in readings])
    no_fix = (lat_deg == 0.0) & (lon_deg == 0.0)
    if no_fix.any():
        lat_deg[no_fix] = lon_deg[no_fix] = np.nan
    return DeviceBatch(
        rows=at,
        time_ms=np.array([r.time_ms for r in readings], np.int64),
        in_order=np.ones(n, np.bool_),
        guarded=false,
        new_shipment=false.copy(),
        kind=np.zeros(n, np.int8),
        sensors=np.zeros(n, np.uint8),
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        speed_kmh=_numbers([r.speed_kmh for r in readings]),
        accuracy_m=_numbers([r.accuracy_m for r in readings]),
        off_route_m=_numbers([r.off_route_m for r in readings]),
        half_width_m=unknown,
        may_stand=may_stand,
        temperature_c=_numbers([r.temperature_c for r in readings]),
        min_temperature_c=unknown,
        max_temperature_c=unknown,
        humidity_pct=_numbers([r.humidity_pct for r in readings]),
        vibration_g=_numbers([r.vibration_g for r in readings]),
        shock_g=_numbers([r.shock_g for r in readings]),
        battery_pct=_numbers([r.battery_pct for r in readings]),
        seal_code=np.array([SEAL_CODES[r.seal_state] for r in readings], np.int64),
        seal_openings=_numbers([r.seal_openings for r in readings]),
        seal_may_open=seal_may_open,
        seal_match=seal_match,
        seal_number=seal_number,
        seal_expected=seal_expected,
        missing=lacking,
        uptime_ms=np.full(n, uptime_ms, np.int64),
    )


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array(values, np.float64)


def _permits(readings: list[ShipmentReading], joined: list[InForce]) -> tuple[Bools, Bools]:
    """Where a seal may be opened, and where standing still is expected: by the places each reading lies in."""
    may_open, may_stand = np.zeros(len(readings), np.bool_), np.zeros(len(readings), np.bool_)
    for i, reading in enumerate(readings):
        corridor = joined[i].corridor
        if reading.inside and corridor is not None:
            places = [p for p in corridor.places if p.name in reading.inside]
            may_open[i] = any(p.seal_may_open for p in places)
            may_stand[i] = any(p.may_stand for p in places)
    return may_open, may_stand
