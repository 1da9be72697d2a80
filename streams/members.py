"""Members: which devices travel with which shipment, each pair numbered, so that state in columns can name them.

Numbers are kept in checkpoints: columns written before a crash mean the same after it. A drill's shipment is another
one than the real. Numbers of shipments that are over are used again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from contracts.readings import ShipmentReading
from detectors.columns import Columns, Rows
from streams.stage import StateChange, pack, unpack

# The lower, the rather is a device taken for the vehicle; what may only ever be cargo comes from CARGO on.
KIND_RANKS: Final = {"truck": 0, "phone": 1, "container": 2, "seal": 3}
CARGO: Final = 2
UNKNOWN_KIND: Final = 4
RANK_SHIFT: Final = 20  # below the kind, bits of a hash of the name: an order of devices that no arrival changes

_NOBODY: Final = ("", False, None, -1)
_Ship = tuple[str, bool]  # shipment_id, whether it is a drill


class Members:
    """``columns`` holds each member's ``ship`` and ``rank``; ``ships`` and ``devices`` are names by number."""

    def __init__(self) -> None:
        self.ships: list[_Ship | None] = []
        self.devices: list[str] = []
        self.columns = Columns(ship=np.int32(-1), rank=np.int64(0))
        self._ship_numbers: dict[_Ship, int] = {}
        self._numbers: dict[tuple[int, str], int] = {}
        self._of_row: list[tuple[str, bool, str | None, int]] = []  # each device's member of the moment
        self._free_ships: list[int] = []
        self._free: list[int] = []
        self._dirty_ships: set[int] = set()
        self._dirty: set[int] = set()

    def of(self, rows: Sequence[int], readings: Sequence[ShipmentReading]) -> list[int]:
        """The members that these readings are of; ``rows`` are their devices'. Each reading must have a shipment."""
        of_row = self._of_row
        if rows and (most := max(rows)) >= len(of_row):
            of_row.extend([_NOBODY] * (most + 1 - len(of_row)))
        numbers = []
        for row, reading in zip(rows, readings, strict=True):
            shipment_id, exercise, kind, number = of_row[row]
            if shipment_id != reading.shipment_id or exercise is not reading.exercise or kind != reading.device_kind:
                shipment_id, exercise, kind = reading.shipment_id or "", reading.exercise, reading.device_kind
                number = self._join((shipment_id, exercise), reading.device_id, kind)
                of_row[row] = (shipment_id, exercise, kind, number)
            numbers.append(number)
        return numbers

    def _join(self, name: _Ship, device_id: str, kind: str | None) -> int:
        ship = self._ship_numbers.get(name)
        if ship is None:
            ship = self._free_ships.pop() if self._free_ships else len(self.ships)
            self._set_ship(ship, name)
            self._dirty_ships.add(ship)
        number = self._numbers.get((ship, device_id))
        if number is None:
            number = self._free.pop() if self._free else len(self.devices)
        rank = (KIND_RANKS.get(kind or "", UNKNOWN_KIND) << RANK_SHIFT) | (
            zlib.crc32(device_id.encode()) & ((1 << RANK_SHIFT) - 1)
        )
        self._set(number, ship, device_id, rank)
        self._dirty.add(number)
        return number

    def _set_ship(self, ship: int, name: _Ship) -> None:
        self.ships.extend([None] * (ship + 1 - len(self.ships)))
        self.ships[ship] = name
        self._ship_numbers[name] = ship

    def _set(self, number: int, ship: int, device_id: str, rank: int) -> None:
        self.devices.extend([""] * (number + 1 - len(self.devices)))
        self.columns.ensure(number + 1)
        self.devices[number] = device_id
        self.columns["ship"][number], self.columns["rank"][number] = ship, rank
        self._numbers[ship, device_id] = number

    def find(self, shipment_id: str, exercise: bool) -> int | None:
        """A shipment's number, where it has one."""
        return self._ship_numbers.get((shipment_id, exercise))

    def forget(self, ships: Iterable[int]) -> None:
        """These shipments are over: their numbers, and their members', may be another's."""
        gone = set(ships)
        for ship in gone:
            name = self.ships[ship]
            if name is not None:
                del self._ship_numbers[name]
            self.ships[ship] = None
            self._free_ships.append(ship)
            self._dirty_ships.add(ship)
        of: Rows = np.flatnonzero(np.isin(self.columns["ship"][: len(self.devices)], list(gone)))
        for number in of.tolist():
            del self._numbers[int(self.columns["ship"][number]), self.devices[number]]
            self.devices[number] = ""
            self.columns["ship"][number] = -1
            self._free.append(number)
            self._dirty.add(number)
        over = set(of.tolist())
        self._of_row = [_NOBODY if known[3] in over else known for known in self._of_row]

    def changes(self) -> Iterator[StateChange]:
        """Names given and taken back since the last call: ``s/`` shipments, ``m/`` members."""
        for ship in sorted(self._dirty_ships):
            name = self.ships[ship]
            yield f"s/{ship}", None if name is None else pack(name)
        for number in sorted(self._dirty):
            ship, rank = (int(self.columns[name][number]) for name in ("ship", "rank"))
            yield f"m/{number}", None if ship < 0 else pack([ship, self.devices[number], rank])
        self._dirty_ships.clear()
        self._dirty.clear()

    def restore(self, kind: str, number: int, value: bytes) -> None:
        """One of ``changes`` back."""
        if kind == "s":
            shipment_id, exercise = unpack(value)
            self._set_ship(number, (shipment_id, exercise))
        else:
            self._set(number, *unpack(value))

    def restored(self) -> None:
        """All is back: the numbers that nobody has are free."""
        self._free_ships = [ship for ship, name in enumerate(self.ships) if name is None]
        self._free = [number for number, device_id in enumerate(self.devices) if not device_id]
