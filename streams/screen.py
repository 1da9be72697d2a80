"""Screening: every device rule on every new reading of a frame, round by round, findings put on the readings.

A reading carries a finding only where a rule opens, sustains or closes an episode, so the common reading carries
none. Where it opens or sustains one, the evidence bears a hash of what the rule remembers of the device by then: who
judges the same readings again sees that nothing else was in play.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Final

import numpy as np

from contracts.readings import DOUBTED_FIX, Finding, ShipmentReading
from detectors import catalog
from detectors.columns import Columns, Rows, by_turn, turns
from detectors.device_batch import SEAL_CODES, TRIP, Bools, DeviceBatch, Verdict
from detectors.rule import Choosy, DeviceRule
from streams.corridor import Corridor
from streams.last_places import LastPlaces
from streams.onsets import Onsets
from streams.packed_rows import PackedRows
from streams.reference_book import InForce
from streams.stage import FOREVER_MS
from streams.standings import Standings, seal_columns

_NUMBERS: Final = (
    *("time_ms", "lat_deg", "lon_deg", "speed_kmh", "accuracy_m", "off_route_m", "along_km"),
    *("temperature_c", "humidity_pct", "vibration_g", "shock_g", "battery_pct", "seal_openings"),
)
_numbers_of: Final = attrgetter(*_NUMBERS)
# An update finds devices under roofs and in the dark: what is remembered of them then goes by these names now.
_RENAMED: Final[Mapping[str, str]] = {
    "place.fix_ms": "place.at_ms",
    "place.told_ms": "place.at_ms",
    "place.late_fix_ms": "place.late_at_ms",
    "position_spoofing.lit_ms": "position_spoofing.at_ms",
    "position_spoofing.lit_kmh": "position_spoofing.told_kmh",
}
_NONE_MISSING: Final[Mapping[int, int]] = {}


class Screen:
    """The rules and their columns, each device's newest event time and last place, what trips of it, what the reference
    says of it.

    ``packed`` is what a checkpoint keeps of a device; a rule that it did not know starts afresh.
    """

    __slots__ = ("_clock", "_doubting", "_heeded", "_onsets", "_others", "_places", "_standings", "packed", "rules")

    def __init__(self, rules: Sequence[DeviceRule] | None = None) -> None:
        self.rules = tuple(rules if rules is not None else catalog.device_rules())
        choosy = [(rule, rule if isinstance(rule, Choosy) else None) for rule in self.rules]
        self._doubting = tuple(each for each in choosy if each[0].card.doubts)
        self._others = tuple(each for each in choosy if each not in self._doubting)
        self._clock = Columns(last_ms=np.int64(-1))
        self._onsets = Onsets(rule.card.name for rule in self.rules)
        self._standings = Standings()
        self._places = LastPlaces()
        self._heeded = np.zeros(0, np.bool_)  # by row; True only while a rule's rounds are worked out
        tables = {"clock": self._clock, "standing": self._standings.shipment, "onsets": self._onsets.columns}
        tables["place"] = self._places.columns
        self.packed = PackedRows(tables | {rule.card.name: rule.columns for rule in self.rules}, _RENAMED)

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        self._clock.ensure(size)
        self._onsets.columns.ensure(size)
        self._standings.ensure(size)
        self._places.columns.ensure(size)
        if size > len(self._heeded):
            self._heeded = np.zeros(2 * size, np.bool_)
        for rule in self.rules:
            rule.columns.ensure(size)

    def screen(
        self,
        rows: list[int],
        readings: list[ShipmentReading],
        joined: list[InForce],
        uptime_ms: int = -1,
        missing: Mapping[int, int] = _NONE_MISSING,
        until_ms: int = FOREVER_MS,
    ) -> None:
        """Judge these readings, in order; ``joined`` is what was in force for each. Findings land on the readings.

        ``uptime_ms`` is the line's up-time, below 0 before its first tick; ``missing`` says, by position, how many
        readings of the device the ledger lacked once that one was in, where that may have changed. A time after
        ``until_ms`` cannot be yet: it makes nothing that follows it old.
        """
        if not readings:
            return
        at = np.array(rows, np.intp)
        frame = _Frame(at, _batch(at, readings, joined, uptime_ms, missing))
        self._set_order(frame, until_ms)
        self._standings.fill(frame.whole, rows, joined, frame.rounds)
        found: set[int] = set()
        for rule, choosy in self._doubting:
            doubted = self._judge(rule, choosy, frame, readings, found)
            if doubted:
                frame = _believed(frame, np.concatenate(doubted), readings)
        told = [i for i in found if DOUBTED_FIX in readings[i].marks and readings[i].findings[0].level == "trip"]
        self._places.fill(frame.whole, joined, frame.rounds, until_ms, np.array(told, np.intp))
        for rule, choosy in self._others:
            self._judge(rule, choosy, frame, readings, found)
        for position in sorted(found):
            self._onsets.hear(rows[position], readings[position], bool(frame.whole.in_order[position]))

    def _judge(
        self, rule: DeviceRule, choosy: Choosy | None, frame: _Frame, readings: list[ShipmentReading], found: set[int]
    ) -> list[Rows]:
        """What this rule finds, put on the readings, whose positions go into ``found``; positions of doubted fixes."""
        doubted: list[Rows] = []
        for positions, part in frame.parts if choosy is None else self._shown(choosy, frame):
            verdict = rule.judge(part)
            for i in verdict.level.nonzero()[0].tolist():
                position = int(positions[i])
                reading = readings[position]
                reading.findings = (*reading.findings, _finding(rule, part, verdict, i))
                found.add(position)
            if verdict.doubted is not None:
                doubted.append(positions[verdict.doubted])
        return doubted

    def _set_order(self, frame: _Frame, until_ms: int) -> None:
        """Whether each reading is as new as what came before of its device: two of one millisecond are in order."""
        last_ms, whole = self._clock["last_ms"], frame.whole
        for positions in frame.rounds:
            rows, time_ms = whole.rows[positions], whole.time_ms[positions]
            before_ms = last_ms[rows]
            whole.in_order[positions] = time_ms >= before_ms
            last_ms[rows] = np.maximum(before_ms, np.minimum(time_ms, until_ms))

    def _shown(self, rule: Choosy, frame: _Frame) -> Sequence[tuple[Rows, DeviceBatch]]:
        """The rounds that a choosy rule judges, with their positions: of the devices that it heeds."""
        heeded = rule.heeds(frame.whole).nonzero()[0]
        if not len(heeded):
            return ()
        if len(frame.rounds) == 1:
            return ((heeded, frame.whole.take(heeded)),)
        rows = frame.whole.rows
        self._heeded[rows[heeded]] = True
        use = self._heeded[rows].nonzero()[0]
        self._heeded[rows[use]] = False
        found = [use[positions] for positions in by_turn(frame.turn[use])]
        return [(positions, frame.whole.take(positions)) for positions in found]

    @property
    def nbytes(self) -> int:
        """Memory of all columns, in bytes."""
        kept = self._clock.nbytes + self._onsets.columns.nbytes + self._standings.nbytes
        kept += self._places.columns.nbytes
        return kept + sum(rule.columns.nbytes for rule in self.rules)


class _Frame:
    """A frame's readings, and its rounds: as positions, and as parts of the whole."""

    __slots__ = ("parts", "rounds", "turn", "whole")

    def __init__(self, at: Rows, whole: DeviceBatch) -> None:
        self.whole = whole
        self.turn = turns(at)
        self.rounds = by_turn(self.turn)
        only = len(self.rounds) == 1
        self.parts = [(positions, whole if only else whole.take(positions)) for positions in self.rounds]


def _believed(frame: _Frame, doubted: Rows, readings: list[ShipmentReading]) -> _Frame:
    """The frame without these fixes, for the rules that come after the one that doubts them; the readings are marked.

    Else one false track would be told as leaving the road, as standing and as parting from its cargo too.
    """
    for position in doubted.tolist():
        readings[position].marks = (*readings[position].marks, DOUBTED_FIX)
    return _Frame(frame.whole.rows, frame.whole.without_fixes(doubted))


def _finding(rule: DeviceRule, part: DeviceBatch, verdict: Verdict, i: int) -> Finding:
    """What this rule has just said of the reading at ``i``."""
    trips, evidence = verdict.level[i] == TRIP, rule.evidence(part, i)
    if trips:
        # What the rule says itself stands: it may say a feature's value rounded as its sentences have it.
        evidence = {**rule.why(part, i).evidence(), **evidence, "state_sha256": state_sha256(rule, int(part.rows[i]))}
    return Finding(rule.card.name, "trip" if trips else "clear", round(float(verdict.score[i]), 4), evidence)


def state_sha256(rule: DeviceRule, row: int) -> str:
    """64 hexadecimal digits: of the rule's name and version, and of all that it remembers of this device."""
    said = [rule.card.name, rule.card.version, sorted(rule.columns.row(row).items())]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _batch(
    at: Rows, readings: list[ShipmentReading], joined: list[InForce], uptime_ms: int, missing: Mapping[int, int]
) -> DeviceBatch:
    """Readings as arrays; what is missing is NaN. What the reference and last places decide is filled in later."""
    n = len(readings)
    seal_may_open, may_stand = _permits(readings, joined)
    seal_match, seal_number, seal_expected = seal_columns([r.seal_number for r in readings], joined)
    lacking = np.full(n, -1, np.int64)
    for position, count in missing.items():
        lacking[position] = count
    # One pass over the readings, and one conversion (None is NaN), are half the cost of one for each column.
    values = np.fromiter(chain.from_iterable(map(_numbers_of, readings)), np.float64, n * len(_NUMBERS))
    numbers = dict(zip(_NUMBERS, values.reshape(n, -1).T.copy(), strict=True))
    time_ms = numbers.pop("time_ms").astype(np.int64)  # exact up to 2**53
    no_fix = (numbers["lat_deg"] == 0.0) & (numbers["lon_deg"] == 0.0)
    if no_fix.any():
        numbers["lat_deg"][no_fix] = numbers["lon_deg"][no_fix] = np.nan
    unknown, false = np.full(n, np.nan), np.zeros(n, np.bool_)
    return DeviceBatch(
        rows=at,
        time_ms=time_ms,
        in_order=np.ones(n, np.bool_),
        guarded=false,
        new_shipment=false.copy(),
        kind=np.zeros(n, np.int8),
        sensors=np.zeros(n, np.uint8),
        half_width_m=unknown,
        queue_begins_km=unknown,
        queue_ends_km=unknown,
        may_stand=may_stand,
        min_temperature_c=unknown,
        max_temperature_c=unknown,
        door_open=np.array([r.door == "open" for r in readings], np.bool_),
        seal_code=np.array([SEAL_CODES[r.seal_state] for r in readings], np.int64),
        seal_may_open=seal_may_open,
        placed=np.ones(n, np.bool_),
        seen_ms=time_ms,
        seen_lat_deg=numbers["lat_deg"],
        seen_lon_deg=numbers["lon_deg"],
        seal_match=seal_match,
        seal_number=seal_number,
        seal_expected=seal_expected,
        missing=lacking,
        uptime_ms=np.full(n, uptime_ms, np.int64),
        **numbers,
    )


def _permits(readings: list[ShipmentReading], joined: list[InForce]) -> tuple[Bools, Bools]:
    """Where a seal may be opened, and where standing still is expected: by the places each reading lies in."""
    may_open, may_stand = np.zeros(len(readings), np.bool_), np.zeros(len(readings), np.bool_)
    for i, reading in enumerate(readings):
        if reading.inside:
            may_open[i], may_stand[i] = _permits_of(joined[i].corridor, reading.inside)
    return may_open, may_stand


@lru_cache(maxsize=4096)
def _permits_of(corridor: Corridor | None, inside: tuple[str, ...]) -> tuple[bool, bool]:
    """(a seal may be opened, standing still is expected) in the places of these names."""
    places = [p for p in corridor.places if p.name in inside] if corridor is not None else []
    return any(p.seal_may_open for p in places), any(p.may_stand for p in places)
