"""Events: facts about a shipment or a device, past tense and data only, each with an id made of what it is about."""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from contracts.readings import ReadingId

# Names as DCSA's IoT events have them, where it has one.
EventType: TypeAlias = Literal[
    "GEOFENCE_ENTRY", "GEOFENCE_EXIT", "DOOR_OPENED", "DOOR_CLOSED", "SEAL_CHANGED", "DEVICE_STARTED"
]


class Event(msgspec.Struct, kw_only=True):
    """One fact. ``what`` says what of: the geofence, the seal state, the boot."""

    event_id: str
    type: EventType
    time_ms: int
    device_id: str
    shipment_id: str | None
    what: str
    lat_deg: float | None = None
    lon_deg: float | None = None
    exercise: bool = False


def event_id(kind: str, what: str, reading: ReadingId) -> str:
    """The id of the event of this kind that this reading told of."""
    return hashlib.sha256("\x1f".join((kind, what, *map(str, reading))).encode()).hexdigest()[:32]
