"""Drilling: whose last reading was a drill's, so that a count of devices never holds a drill's beside the real.

A device is of one kind at a time: what the newest reading that passed said it was. A partition's worth, by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from contracts.readings import ShipmentReading
from streams.stage import StateChange

DRILLS: Final = "x"  # of its records in a checkpoint: ``x/`` and the device's name
_SO: Final = b"\xc3"  # true, packed


class Drilling:
    """The rows of devices that drill. ``len()`` counts them."""

    def __init__(self) -> None:
        self._rows: set[int] = set()
        self._dirty: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def hear(self, rows: Sequence[int], readings: Iterable[ShipmentReading]) -> None:
        """These devices have spoken, in this order, some of them for a drill."""
        for row, reading in zip(rows, readings, strict=True):
            if reading.exercise != (row in self._rows):
                self._dirty.add(row)
                (self._rows.add if reading.exercise else self._rows.discard)(row)

    def hear_real(self, rows: Iterable[int]) -> None:
        """These devices have spoken, none of them for a drill. Costs nothing where nobody drilled."""
        if self._rows and (back := self._rows.intersection(rows)):
            self._rows -= back
            self._dirty |= back

    def changes(self, names: Sequence[str]) -> Iterator[StateChange]:
        """Who began to drill, and who no longer does, since the last call."""
        for row in sorted(self._dirty):
            yield f"{DRILLS}/{names[row]}", _SO if row in self._rows else None
        self._dirty.clear()

    def restore(self, row: int) -> None:
        """One of ``changes`` back."""
        self._rows.add(row)
