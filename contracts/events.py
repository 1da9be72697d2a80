"""Events: facts about a shipment or a device, past tense and data only, each with an id made of what it is about."""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from contracts.readings import ReadingId
from contracts.reference import Lane

# Names as DCSA's IoT events have them, where it has one. A geofence is the reference's, a region the device's own.
EventType: TypeAlias = Literal[
    "GEOFENCE_ENTRY",
    "GEOFENCE_EXIT",
    "DOOR_OPENED",
    "DOOR_CLOSED",
    "SEAL_CHANGED",
    "DEVICE_STARTED",
    "BORDER_CROSSED",
    "REGION_ENTERED",
    "REGION_LEFT",
]


class Event(msgspec.Struct, kw_only=True):
    """One fact. ``what`` says what of: the geofence, the seal state, the boot, the bridge, the region's name.

    ``corridor`` to ``sector`` are the shipment's at that time, null without one. ``bridge`` stands where what drives
    enters or leaves a bridge's queue, and where it has crossed. ``lane`` to ``crossing_s`` are a BORDER_CROSSED's
    alone: ``wait_s`` from the queue's entry to the bridge's exit, ``crossing_s`` on the bridge.
    """

    event_id: str
    type: EventType
    time_ms: int
    device_id: str
    shipment_id: str | None
    what: str
    lat_deg: float | None = None
    lon_deg: float | None = None
    exercise: bool = False
    corridor: str | None = None
    direction: str | None = None
    carrier_scac: str | None = None
    sector: str | None = None
    bridge: str | None = None
    lane: Lane | None = None
    wait_s: float | None = None
    crossing_s: float | None = None

    @property
    def enters(self) -> int | None:
        """1 where a place is entered, -1 where it is left: the sum is how many are in it. Null for all else."""
        return {"GEOFENCE_ENTRY": 1, "GEOFENCE_EXIT": -1}.get(self.type)


def event_id(kind: str, what: str, reading: ReadingId) -> str:
    """The id of the event of this kind that this reading told of."""
    return hashlib.sha256("\x1f".join((kind, what, *map(str, reading))).encode()).hexdigest()[:32]
