"""Facts read off a device's readings: places entered and left, doors and seals that changed, boots.

One small memory a device; a fact is told once, with an id made of the reading that told of it. A reading older than
one already seen of its device tells nothing: a backlog sent after live data would open doors that have since closed.
"""

from __future__ import annotations

from typing import Any

from contracts.events import Event, EventType, event_id
from contracts.readings import ShipmentReading, identity


class Facts:
    """What each device last said of its places, door, seal and boot. Rows are the caller's."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        # row -> time of the newest reading (ms), its boot, places, door, seal
        self._last: dict[int, list[Any]] = {}

    def observe(self, row: int, reading: ShipmentReading, out: list[Event]) -> None:
        """Append what this reading tells that the device's newest one did not."""
        last = self._last.get(row)
        if last is None:
            last = self._last[row] = [-1, -1, (), None, None]
        time_ms, boot, inside, door, seal = last
        if reading.time_ms < time_ms:
            return
        last[0] = reading.time_ms
        if reading.boot_id != boot:
            last[1] = reading.boot_id
            _tell(out, "DEVICE_STARTED", str(reading.boot_id), reading)
        if reading.off_route_m is not None and reading.inside != inside:
            for place in reading.inside:
                if place not in inside:
                    _tell(out, "GEOFENCE_ENTRY", place, reading)
            for place in inside:
                if place not in reading.inside:
                    _tell(out, "GEOFENCE_EXIT", place, reading)
            last[2] = reading.inside
        if reading.door is not None and reading.door != door:
            last[3] = reading.door
            if door is not None:
                _tell(out, "DOOR_OPENED" if reading.door == "open" else "DOOR_CLOSED", reading.door, reading)
        if reading.seal_state is not None and reading.seal_state != seal:
            last[4] = reading.seal_state
            if seal is not None:
                _tell(out, "SEAL_CHANGED", reading.seal_state, reading)

    def dump(self, row: int) -> list[Any]:
        """One device's memory, for a checkpoint."""
        return list(self._last.get(row, ()))

    def load(self, row: int, dumped: list[Any]) -> None:
        """Put a dumped row back."""
        if dumped:
            time_ms, boot, inside, door, seal = dumped
            self._last[row] = [time_ms, boot, tuple(inside), door, seal]


def _tell(out: list[Event], kind: EventType, what: str, reading: ShipmentReading) -> None:
    out.append(
        Event(
            event_id=event_id(kind, what, identity(reading)),
            type=kind,
            time_ms=reading.time_ms,
            device_id=reading.device_id,
            shipment_id=reading.shipment_id,
            what=what,
            lat_deg=reading.lat_deg,
            lon_deg=reading.lon_deg,
            exercise=reading.exercise,
        )
    )
