"""Facts read off a device's readings: places entered and left, bridges crossed, doors and seals that changed, boots.

One small memory a device; a fact is told once, with an id made of the reading that told of it. A reading older than
one already seen of its device tells nothing: a backlog sent after live data would open doors that have since closed.
A region that the device itself saw entered or left is told also when it comes late: it is no state, and has its time.

What a place means for a crossing is the reference's to say (``contracts.reference.Geofence``): a bridge's queue, its
lanes, its span. A crossing is told of what drives, or a truck's container and seal would each cross once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from contracts.events import Event, EventType, event_id
from contracts.readings import ShipmentReading, identity
from contracts.reference import Geofence, Lane
from streams.ledger import counts_nothing
from streams.stage import FOREVER_MS

_DRIVEN: Final = frozenset({"truck", "phone"})
_QUEUED_MS_MAX: Final = 12 * 3_600_000  # who entered a queue longer ago than this did not wait in it
NO_PLACES: Final[Mapping[str, Geofence]] = {}


class Facts:
    """What each device last said of its places, crossing, door, seal and boot. Rows are the caller's."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        # row -> time of the newest reading (ms), its boot, places, door, seal, and the crossing under way:
        # bridge, lane, when it entered the queue, when the span (ms, None before)
        self._last: dict[int, list[Any]] = {}

    def observe(
        self,
        row: int,
        reading: ShipmentReading,
        out: list[Event],
        places: Mapping[str, Geofence] = NO_PLACES,
        until_ms: int = FOREVER_MS,
    ) -> None:
        """Append what this reading tells that the device's newest one did not. ``places``: its route's, by name.

        A time after ``until_ms`` cannot be yet: it makes nothing that follows it old.
        """
        if reading.region_event is not None:
            kind: EventType = "REGION_ENTERED" if reading.region_event == "entered" else "REGION_LEFT"
            _tell(out, kind, reading.region or "", reading)
        last = self._last.get(row)
        if last is None:
            last = self._last[row] = [-1, -1, (), None, None, None]
        time_ms, boot, inside, door, seal, _ = last
        if reading.time_ms < time_ms:
            return
        last[0] = min(reading.time_ms, until_ms)
        if reading.boot_id != boot:
            last[1] = reading.boot_id
            if not counts_nothing(reading.seq, reading.time_ms):
                _tell(out, "DEVICE_STARTED", str(reading.boot_id), reading)
        if reading.off_route_m is not None and reading.inside != inside:
            _move(inside, reading, out, places)
            last[2] = reading.inside
            if reading.device_kind in _DRIVEN:
                last[5] = _cross(last[5], [places[p] for p in reading.inside if p in places], reading, out)
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
            time_ms, boot, inside, door, seal, crossing = [*dumped, None][:6]
            self._last[row] = [time_ms, boot, tuple(inside), door, seal, crossing]


def _move(inside: tuple[str, ...], reading: ShipmentReading, out: list[Event], places: Mapping[str, Geofence]) -> None:
    """The places entered, then those left."""
    before = len(out)
    for place in reading.inside:
        if place not in inside:
            _tell(out, "GEOFENCE_ENTRY", place, reading)
    for place in inside:
        if place not in reading.inside:
            _tell(out, "GEOFENCE_EXIT", place, reading)
    if reading.device_kind in _DRIVEN:
        for event in out[before:]:
            area = places.get(event.what)
            event.bridge = area.bridge if area is not None and area.queue else None


def _cross(
    crossing: list[Any] | None, areas: list[Geofence], reading: ShipmentReading, out: list[Event]
) -> list[Any] | None:
    """The crossing under way after the places have changed; tells of it where the bridge has been left."""
    now_ms = reading.time_ms
    if crossing is not None and now_ms - crossing[2] > _QUEUED_MS_MAX:
        crossing = None
    queue = next((a.bridge for a in areas if a.queue and a.bridge), None)
    if queue is not None and (crossing is None or crossing[0] != queue):
        crossing = [queue, "standard", now_ms, None]
    if crossing is None:
        return None
    bridge, _, queued_ms, span_ms = crossing
    lane: Lane | None = next((a.lane for a in areas if a.lane and a.bridge == bridge), None)
    if lane is not None:
        crossing[1] = lane
    if any(a.bridge == bridge and not a.queue and a.lane is None for a in areas):
        crossing[3] = now_ms if span_ms is None else span_ms
    elif queue is not None:
        crossing[3] = None  # back from the span
    elif span_ms is not None:
        wait_s, crossing_s = (now_ms - queued_ms) / 1000.0, (now_ms - span_ms) / 1000.0
        _tell(out, "BORDER_CROSSED", bridge, reading)
        told = out[-1]
        told.bridge, told.lane, told.wait_s, told.crossing_s = bridge, crossing[1], wait_s, crossing_s
        return None
    return crossing


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
            corridor=reading.corridor,
            direction=reading.direction,
            carrier_scac=reading.carrier_scac,
            sector=reading.sector,
        )
    )
