"""The reference: routes, shipments, devices and seals, each version with the time it took effect.

A reading joins the version in force at its own time, not the newest. Sources of fields: ISO 6346, UN/LOCODE, HS,
ISO 17712 (seal class), DCSA (seal source, type, placement). Field checks raise ValueError; ``parse`` says line,
field and reason, so that an officer can mend the file.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from contracts import identifiers
from contracts.readings import Count, Name

Position: TypeAlias = Annotated[list[float], Meta(min_length=2, max_length=3)]  # GeoJSON order: longitude, latitude
DeviceKind: TypeAlias = Literal["truck", "container", "seal", "phone"]
Direction: TypeAlias = Literal["northbound", "southbound"]
Sector: TypeAlias = Literal[
    "semiconductors", "critical_minerals", "electric_vehicles", "biopharmaceuticals", "aerospace", "other"
]


def _check_position(position: list[float]) -> None:
    if not (-180 <= position[0] <= 180 and -90 <= position[1] <= 90):
        raise ValueError(f"is no place on Earth: {position} (GeoJSON order is longitude, latitude)")


class LineString(msgspec.Struct):
    """A GeoJSON LineString."""

    type: Literal["LineString"]
    coordinates: Annotated[list[Position], Meta(min_length=2, max_length=20_000)]

    def __post_init__(self) -> None:
        for position in self.coordinates:
            _check_position(position)


class Polygon(msgspec.Struct):
    """A GeoJSON Polygon: an outer ring, and holes."""

    type: Literal["Polygon"]
    coordinates: Annotated[list[Annotated[list[Position], Meta(min_length=4)]], Meta(min_length=1)]

    def __post_init__(self) -> None:
        for ring in self.coordinates:
            if ring[0][:2] != ring[-1][:2]:
                raise ValueError("a polygon's ring must end where it begins")
            for position in ring:
                _check_position(position)


class Stop(msgspec.Struct):
    """A place where standing still, or opening a seal, is expected: within ``radius_m`` of the point."""

    stop_id: Name
    lat_deg: Annotated[float, Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, Meta(ge=-180, le=180)]
    radius_m: Annotated[float, Meta(gt=0, le=50_000)]
    seal_may_open: bool = False


class Geofence(msgspec.Struct):
    """A named area whose entry and exit are events; in some, customs may open a seal."""

    geofence_id: Name
    area: Polygon
    seal_may_open: bool = False
    queue: bool = False


class Route(msgspec.Struct, tag_field="kind", tag="route", kw_only=True):
    """The way a shipment is expected to take: a line, how far beside it is still on it, and its places."""

    effective_ms: Count
    route_id: Name
    corridor: Name | None = None
    line: LineString
    half_width_m: Annotated[float, Meta(gt=0, le=50_000)]
    approved_stops: list[Stop] = []
    geofences: list[Geofence] = []
    expected_travel_s: Annotated[float, Meta(gt=0)]


class Shipment(msgspec.Struct, tag_field="kind", tag="shipment", kw_only=True):
    """What travels, in what, guarded by which devices, from where to where."""

    effective_ms: Count
    shipment_id: Name
    container: str
    trailer: str | None = None
    truck: str | None = None
    carrier_scac: str
    driver_card: str | None = None
    seal_numbers: list[str] = []
    device_ids: Annotated[list[Name], Meta(min_length=1, max_length=64)]
    route_id: Name
    direction: Direction
    origin: str
    destination: str
    hs_code: str | None = None
    sector: Sector | None = None
    min_temperature_c: float | None = None
    max_temperature_c: float | None = None
    pedimento: str | None = None
    entry_number: str | None = None
    trader: str | None = None
    ends_ms: Count | None = None

    def __post_init__(self) -> None:
        _check_fields(
            ("container", self.container, identifiers.check_container),
            ("carrier_scac", self.carrier_scac, identifiers.check_scac),
            ("origin", self.origin, identifiers.check_locode),
            ("destination", self.destination, identifiers.check_locode),
            ("hs_code", self.hs_code, identifiers.check_hs),
            ("pedimento", self.pedimento, identifiers.check_pedimento),
            ("entry_number", self.entry_number, identifiers.check_entry_number),
            *((f"seal_numbers[{i}]", n, identifiers.check_seal_number) for i, n in enumerate(self.seal_numbers)),
        )
        low, high = self.min_temperature_c, self.max_temperature_c
        if low is not None and high is not None and low > high:
            raise FieldError("min_temperature_c", f"{low} is above max_temperature_c {high}")
        if self.ends_ms is not None and self.ends_ms < self.effective_ms:
            raise FieldError("ends_ms", "is before effective_ms")


class Device(msgspec.Struct, tag_field="kind", tag="device", kw_only=True):
    """A device: whose it is, what it is fixed to, how often it speaks, what it measures."""

    effective_ms: Count
    device_id: Name
    carrier_scac: str
    device_kind: DeviceKind
    interval_s: Annotated[float, Meta(gt=0, le=86_400)]
    sensors: list[str] = []

    def __post_init__(self) -> None:
        _check_fields(("carrier_scac", self.carrier_scac, identifiers.check_scac))


class Seal(msgspec.Struct, tag_field="kind", tag="seal", kw_only=True):
    """A seal as issued. ``class`` is ISO 17712's: I indicative, S security, H high security."""

    effective_ms: Count
    seal_number: str
    class_: Literal["I", "S", "H"] = msgspec.field(name="class")
    source: Literal["CUSTOMS", "CARRIER", "SHIPPER", "PHYTOSANITARY", "VETERINARY"]
    type: Literal["KEYLESS_PADLOCK", "BOLT", "WIRE"]
    placement: Literal["DOOR", "VENT"]

    def __post_init__(self) -> None:
        _check_fields(("seal_number", self.seal_number, identifiers.check_seal_number))


Record: TypeAlias = Route | Shipment | Device | Seal


class FieldError(ValueError):
    """A reference record's field is wrong. ``field`` names it; the message says what would be right."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def _check_fields(*checks: tuple[str, str | None, Any]) -> None:
    for name, value, check in checks:
        if value is not None:
            try:
                check(value)
            except ValueError as error:
                raise FieldError(name, str(error)) from None


_MISSING: Final = re.compile(r"missing required field `([^`]+)`")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


def parse(line: bytes) -> Record:
    """One reference record from its JSON line.

    Raises FieldError; where it is no JSON, msgspec.DecodeError, and UnicodeDecodeError where it is no UTF-8.
    """
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, FieldError):
            raise cause from None
        text, _, path = str(error).partition(" - at `$")
        at, missing = path.strip("`").lstrip("."), _MISSING.search(text)
        if missing is not None:
            raise FieldError(f"{at}.{missing[1]}".lstrip("."), "is missing, and must be there") from None
        raise FieldError(at or "kind", text) from None


def encode(record: Record) -> bytes:
    """A record's JSON line."""
    return _encoder.encode(record)


def id_of(record: Record) -> str:
    """A record's own id within its kind."""
    match record:
        case Route():
            return record.route_id
        case Shipment():
            return record.shipment_id
        case Device():
            return record.device_id
        case Seal():
            return record.seal_number


def kind_of(record: Record) -> str:
    """``route``, ``shipment``, ``device`` or ``seal``."""
    return type(record).__name__.lower()


def key_of(record: Record) -> str:
    """The key it lives under in the compacted topic: kind/id/effective_ms. A newer version never hides an older."""
    return f"{kind_of(record)}/{id_of(record)}/{record.effective_ms}"
