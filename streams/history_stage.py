"""The history sink's repeat check, one partition of joined readings: which of a frame's readings the store lacks.

After a restart the frames between the checkpoint and the log's end of that moment may have been written already by
whoever died: for those, the store itself is asked (``doubtful``), so that nothing passes the check twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from contracts import frames
from contracts.readings import ReadingId, ShipmentReading, identity
from streams.drilling import DRILLS, Drilling
from streams.ledger import REPEAT, Ledger
from streams.stage import StateChange, pack, unpack

NOTHING: Final[frozenset[ReadingId]] = frozenset()


class HistoryStage:
    """See the module. ``check_identity`` is off only in the fault test's control run."""

    def __init__(self, check_identity: bool = True) -> None:
        self.check_identity = check_identity
        self.ledger = Ledger()
        self.drilling = Drilling()
        self._rows: dict[str, int] = {}
        self._names: list[str] = []
        self._dirty: set[int] = set()
        self._counters = {"passed": 0, "repeats": 0, "held": 0, "unreadable": 0, "passed_drill": 0, "repeats_drill": 0}

    def decode(self, value: bytes) -> list[ShipmentReading]:
        """A frame's readings; a line that is none is counted and left to stage 2, which dead-letters it."""
        lines = frames.lines_of(value)
        try:
            return frames.decode_shipment_readings(lines)
        except frames.UNREADABLE:
            pass
        readings: list[ShipmentReading] = []
        for line in lines:
            try:
                readings += frames.decode_shipment_readings([line])
            except frames.UNREADABLE:
                self._counters["unreadable"] += 1
        return readings

    def lacking(self, readings: list[ShipmentReading], held: Collection[ReadingId] = NOTHING) -> list[ShipmentReading]:
        """Those to write: not passed before, and not among what the store has said it holds."""
        fresh: list[ShipmentReading] = []
        passed: list[ShipmentReading] = []
        rows: list[int] = []
        drills = 0
        for reading in readings:
            row = self._row(reading.device_id)
            if self.ledger.admit(row, reading.boot_id, reading.seq) == REPEAT and self.check_identity:
                self._counters["repeats"] += 1
                self._counters["repeats_drill"] += reading.exercise
                continue
            self._dirty.add(row)
            rows.append(row)
            passed.append(reading)
            drills += reading.exercise
            if held and identity(reading) in held and self.check_identity:
                self._counters["held"] += 1
                continue
            fresh.append(reading)
        self._counters["passed"] += len(passed)
        self._counters["passed_drill"] += drills
        if drills:
            self.drilling.hear(rows, passed)
        else:
            self.drilling.hear_real(rows)
        return fresh

    @property
    def devices(self) -> tuple[int, int]:
        """How many are remembered: of the real, and of those that drill."""
        drill = len(self.drilling)
        return len(self._names) - drill, drill

    def _row(self, device_id: str) -> int:
        row = self._rows.get(device_id)
        if row is None:
            row = self._rows[device_id] = len(self._names)
            self._names.append(device_id)
            self.ledger.ensure(row + 1)
        return row

    def changes(self) -> Iterator[StateChange]:
        """A record a device that spoke (``d/``), one a device that drills (``x/``), and the counters."""
        for row in self._dirty:
            yield f"d/{self._names[row]}", pack(self.ledger.dump(row))
        self._dirty.clear()
        yield from self.drilling.changes(self._names)
        yield "c", pack(self._counters)

    def restore(self, key: str, value: bytes) -> None:
        """One record of ``changes`` back."""
        kind, _, name = key.partition("/")
        if kind == "c":
            self._counters.update(unpack(value))
        elif kind == DRILLS:
            self.drilling.restore(self._row(name))
        else:
            self.ledger.load(self._row(name), unpack(value))

    def counters(self) -> dict[str, int]:
        """Totals of this partition's life."""
        return dict(self._counters)
