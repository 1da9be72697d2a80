"""What a record of a reference file may not be though it has every field's form: faults seen before it is loaded.

Not in ``contracts.reference``, whose readers leave out what it refuses: what was loaded before a check was made is to
be read on. Pure: a record comes in, (field, what would be right) come out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import shapely

from contracts import identifiers
from contracts.reference import SENSORS, Device, Notice, Polygon, Record, Route, Shipment
from contracts.topics import DAY_MS

Fault: TypeAlias = tuple[str, str]

NOTICE_DAYS_MAX: Final = 31  # a watch is not put off for good by one record
TRAVEL_S_MAX: Final = 42 * 86_400  # six weeks: more is milliseconds, or no journey of a truck
_EXTENT_DEG_MIN: Final = 1e-5  # a metre or so
_SECONDS_BELOW: Final = 1_000_000_000_000  # as milliseconds it is in 2001, before any record; as seconds, far from now
_AT: Final = re.compile(r"\[(\S+) (\S+)\]")
_TEXTS: Final = ("trailer", "truck", "driver_card", "trader")


def faults(record: Record) -> Iterator[Fault]:
    """Every fault of one record: its field, and what is wrong with it."""
    for name in ("effective_ms", "ends_ms"):
        time_ms = getattr(record, name, None)
        if time_ms is not None and 1 <= time_ms < _SECONDS_BELOW:
            yield name, f"looks like seconds: it must be UTC milliseconds, not {time_ms}"
    match record:
        case Route():
            yield from _of_route(record)
        case Shipment():
            yield from _of_shipment(record)
        case Device():
            yield from _of_device(record)
        case Notice():
            if record.ends_ms - record.effective_ms > NOTICE_DAYS_MAX * DAY_MS:
                yield "ends_ms", f"must be within {NOTICE_DAYS_MAX} days of effective_ms: give another notice for more"


def _of_route(route: Route) -> Iterator[Fault]:
    places = route.line.coordinates
    if all(max(axis) - min(axis) < _EXTENT_DEG_MIN for axis in ([p[0] for p in places], [p[1] for p in places])):
        yield "line.coordinates", "is a line of no length: all its positions are one place"
    if route.expected_travel_s > TRAVEL_S_MAX:
        why = f"must be seconds from end to end, six weeks ({TRAVEL_S_MAX}) at most, not {route.expected_travel_s:g}"
        yield "expected_travel_s", why
    for i, fence in enumerate(route.geofences):
        why_not = _why_no_area(fence.area)
        if why_not:
            yield f"geofences[{i}].area", why_not


def _why_no_area(area: Polygon) -> str:
    """Why a polygon bounds no area that a place can be in or out of, or "" where it does. Shapely's validity (OGC)."""
    outer, *holes = [[position[:2] for position in ring] for ring in area.coordinates]
    said = str(shapely.is_valid_reason(shapely.Polygon(outer, holes)))
    if said == "Valid Geometry":
        return ""
    found = _AT.search(said)
    at = f" at [{found[1]}, {found[2]}]" if found else ""
    if said.startswith(("Self-intersection", "Ring Self-intersection")):
        return f"must be a polygon whose rings cross neither themselves nor each other: they do{at}"
    return f"must be a polygon that bounds an area: {said.partition('[')[0].lower()}{at}"


def _of_shipment(shipment: Shipment) -> Iterator[Fault]:
    for name in ("origin", "destination"):
        try:
            identifiers.check_country_of(getattr(shipment, name))
        except ValueError as error:
            yield name, str(error)
    for name in _TEXTS:
        text = getattr(shipment, name)
        if text is not None and not text.strip():
            yield name, "is empty: name it, or leave the field out"
        elif text is not None and not text.isprintable():
            yield name, "must be text of one line, without control characters"
    ids = shipment.device_ids
    for i, device_id in enumerate(ids):
        if device_id in ids[:i]:
            yield f"device_ids[{i}]", f"names {device_id} a second time"
    begins, ends = identifiers.country_of(shipment.origin), identifiers.country_of(shipment.destination)
    if (begins, ends) == (("US", "MX") if shipment.direction == "northbound" else ("MX", "US")):
        yield "direction", f"{shipment.direction} contradicts a way from {shipment.origin} to {shipment.destination}"


def _of_device(device: Device) -> Iterator[Fault]:
    for i, name in enumerate(device.sensors):
        if name not in SENSORS:
            near = difflib.get_close_matches(name, SENSORS, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(SENSORS)}"
            yield f"sensors[{i}]", f"{name!r} is no sensor that is known; {known}"
