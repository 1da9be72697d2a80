"""The reference: routes, shipments, devices, seals, bridges' notices, each version with the time it took effect.

A reading joins the version in force at its own time, not the newest. Sources of fields: ISO 6346, UN/LOCODE, HS,
ISO 17712 (seal class), DCSA (seal source, type, placement). Field checks raise ValueError; ``parse`` says line,
field and reason, so that an officer can mend the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from contracts import identifiers
from contracts.readings import Count, Name

Position: TypeAlias = Annotated[list[float], Meta(min_length=2, max_length=3)]  # GeoJSON order: longitude, latitude
DeviceKind: TypeAlias = Literal["truck", "container", "seal", "phone"]
Direction: TypeAlias = Literal["northbound", "southbound"]
Lane: TypeAlias = Literal["standard", "fast"]
Sector: TypeAlias = Literal[
    "semiconductors", "critical_minerals", "electric_vehicles", "biopharmaceuticals", "aerospace", "other"
]

Announced: TypeAlias = Literal["holiday", "closure", "works", "other"]

SealClass: TypeAlias = Literal["I", "S", "H"]
SealSource: TypeAlias = Literal["CUSTOMS", "CARRIER", "SHIPPER", "PHYTOSANITARY", "VETERINARY"]
SealType: TypeAlias = Literal["KEYLESS_PADLOCK", "BOLT", "WIRE"]
SealPlacement: TypeAlias = Literal["DOOR", "VENT"]
# A reading's fields that can be watched as a series of their own, and what of a crossing can.
Watchable: TypeAlias = Literal[
    "temperature_c", "humidity_pct", "vibration_g", "shock_g", "light_lux", "battery_pct", "speed_kmh"
]
WatchableOfCrossing: TypeAlias = Literal["wait_s", "crossing_s"]
# What a device may say that it measures.
SENSORS: Final = (
    "position",
    "speed",
    "temperature",
    "humidity",
    "light",
    "door",
    "shock",
    "vibration",
    "seal",
    "battery",
)
SensorRange: TypeAlias = Annotated[list[float], Meta(min_length=2, max_length=2)]  # lowest, highest


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


class Stop(msgspec.Struct, forbid_unknown_fields=True):
    """A place where standing still, or opening a seal, is expected: within ``radius_m`` of the point."""

    stop_id: Name
    lat_deg: Annotated[float, Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, Meta(ge=-180, le=180)]
    radius_m: Annotated[float, Meta(gt=0, le=50_000)]
    seal_may_open: bool = False


class Geofence(msgspec.Struct, forbid_unknown_fields=True):
    """A named area whose entry and exit are events; in some, customs may open a seal.

    A crossing is read off the areas that name their ``bridge``: the ``queue`` before it, those of it that are a
    ``lane`` (none: standard), and, being neither, the span itself. Where the span declares ``sensor_ranges`` (seconds,
    lowest and highest), what its crossings take is watched for what it has never been.
    """

    geofence_id: Name
    area: Polygon
    seal_may_open: bool = False
    queue: bool = False
    bridge: Name | None = None
    lane: Lane | None = None
    sensor_ranges: dict[WatchableOfCrossing, SensorRange] = {}

    def __post_init__(self) -> None:
        if self.lane is not None and self.bridge is None:
            raise ValueError("a lane must name its bridge")
        if self.sensor_ranges and (self.bridge is None or self.queue or self.lane is not None):
            raise ValueError("only a bridge's span has sensor_ranges: it must name its bridge, and be no queue or lane")
        try:
            _check_ranges(self.sensor_ranges)
        except FieldError as error:
            raise ValueError(str(error)) from None  # whose place in the record is msgspec's to say


class Route(msgspec.Struct, tag_field="kind", tag="route", kw_only=True, forbid_unknown_fields=True):
    """The way a shipment is expected to take: a line, how far beside it is still on it, and its places."""

    effective_ms: Count
    route_id: Name
    corridor: Name | None = None
    line: LineString
    half_width_m: Annotated[float, Meta(gt=0, le=50_000)]
    approved_stops: list[Stop] = []
    geofences: list[Geofence] = []
    expected_travel_s: Annotated[float, Meta(gt=0)]

    @property
    def corridor_name(self) -> str:
        """The corridor it runs in; a route that names none is its own."""
        return self.corridor or self.route_id


class Shipment(msgspec.Struct, tag_field="kind", tag="shipment", kw_only=True, forbid_unknown_fields=True):
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
        # One spelling from here on: who compares two shipments' containers compares text.
        self.container = identifiers.check_container(self.container)
        low, high = self.min_temperature_c, self.max_temperature_c
        if low is not None and high is not None and low > high:
            raise FieldError("min_temperature_c", f"{low} is above max_temperature_c {high}")
        if self.ends_ms is not None:
            _check_end(self.effective_ms, self.ends_ms)


class Device(msgspec.Struct, tag_field="kind", tag="device", kw_only=True, forbid_unknown_fields=True):
    """A device: whose it is, what it is fixed to, how often it speaks, what it measures.

    Each sensor in ``sensor_ranges`` (lowest and highest value that it is to measure, in the reading's unit) is watched
    minute by minute for what it has never done; the others are not.
    """

    effective_ms: Count
    device_id: Name
    carrier_scac: str
    device_kind: DeviceKind
    interval_s: Annotated[float, Meta(gt=0, le=86_400)]
    sensors: list[str] = []
    sensor_ranges: dict[Watchable, SensorRange] = {}

    def __post_init__(self) -> None:
        _check_fields(("carrier_scac", self.carrier_scac, identifiers.check_scac))
        _check_ranges(self.sensor_ranges)


class Seal(msgspec.Struct, tag_field="kind", tag="seal", kw_only=True, forbid_unknown_fields=True):
    """A seal as issued. ``class`` is ISO 17712's: I indicative, S security, H high security."""

    effective_ms: Count
    seal_number: str
    class_: SealClass = msgspec.field(name="class")
    source: SealSource
    type: SealType
    placement: SealPlacement

    def __post_init__(self) -> None:
        _check_fields(("seal_number", self.seal_number, identifiers.check_seal_number))


class Notice(msgspec.Struct, tag_field="kind", tag="notice", kw_only=True, forbid_unknown_fields=True):
    """What is announced of a bridge: from ``effective_ms`` until ``ends_ms`` (excluded) it is not as usual.

    Who waits or crosses there meanwhile is neither told of as a strange time nor learnt from. ``direction`` or ``lane``
    left out: of all.
    """

    effective_ms: Count
    notice_id: Name
    bridge: Name
    reason: Announced
    direction: Direction | None = None
    lane: Lane | None = None
    ends_ms: Count

    def __post_init__(self) -> None:
        _check_end(self.effective_ms, self.ends_ms)

    def is_of(self, bridge: str, direction: str | None, lane: str | None) -> bool:
        """Whether it is of this lane of a bridge; None asks of any."""
        of_lane = lane is None or self.lane in (None, lane)
        return self.bridge == bridge and self.direction in (None, direction) and of_lane


Record: TypeAlias = Route | Shipment | Device | Seal | Notice


class FieldError(ValueError):
    """A reference record's field is wrong. ``field`` names it; the message says what would be right."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def _check_ranges(ranges: Mapping[Any, list[float]]) -> None:
    for name, (low, high) in ranges.items():
        if not low < high:
            raise FieldError(f"sensor_ranges.{name}", f"its lowest value {low} must be below its highest {high}")


def _check_end(effective_ms: int, ends_ms: int) -> None:
    if ends_ms < effective_ms:
        raise FieldError("ends_ms", "is before effective_ms")


def _check_fields(*checks: tuple[str, str | None, Any]) -> None:
    for name, value, check in checks:
        if value is not None:
            try:
                check(value)
            except ValueError as error:
                raise FieldError(name, str(error)) from None


_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()

_KINDS: Final[dict[str, Any]] = {"route": Route, "shipment": Shipment, "device": Device, "seal": Seal, "notice": Notice}
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": tuple(_KINDS),
    "device_kind": get_args(DeviceKind),
    "direction": get_args(Direction),
    "lane": get_args(Lane),
    "sector": get_args(Sector),
    "reason": get_args(Announced),
    "class": get_args(SealClass),
    "source": get_args(SealSource),
    "type": get_args(SealType),
    "placement": get_args(SealPlacement),
    "line.type": ("LineString",),
    "area.type": ("Polygon",),
    "sensor_ranges": get_args(Watchable),
    "geofences.sensor_ranges": get_args(WatchableOfCrossing),
}
_TYPES: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_LIMITS: Final = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_NAMED: Final = re.compile(r"(?:missing required|contains unknown) field `([^`]+)`")
_EXPECTED: Final = re.compile(
    r"Expected `([^`]+)`(?:, got `(\w+)`| (of length )?([<>]=?) ([0-9.e+]+)|( matching regex).*)?\Z"
)


def _worded(text: str, at: str, line: bytes) -> FieldError:
    """What msgspec says of a value, in the words of those who wrote it. ``at`` is the field's path, "" the record's."""
    named, expected = _NAMED.search(text), _EXPECTED.match(text)
    if named is not None:
        field = f"{at}.{named[1]}".lstrip(".")
        if "missing" in text:
            return FieldError(field, "is missing, and must be there")
        near = difflib.get_close_matches(named[1], _fields_at(at, line), n=1)
        return FieldError(field, "is no field of this record" + (f"; did you mean {near[0]}?" if near else ""))
    field = at or "kind"
    plain = re.sub(r"\[\d+\]", "", field).split(".")
    choices = _CHOICES.get(".".join(plain[-2:])) or _CHOICES.get(plain[-1])
    if text.startswith("Invalid") and choices:
        found = re.search(r"'(.*)'\Z", text)
        return FieldError(field, f"must be {_or(choices)}{f', not {found[1]}' if found else ''}")
    if text.startswith("Number out of range"):
        return FieldError(field, "must be a finite number: this one is larger than any")
    if expected is None:
        return FieldError(field, text)
    kinds, got, length, sign, limit, named_so = expected.groups()
    if got and not at:
        return FieldError("line", "a record must be a JSON object")
    if named_so:
        return FieldError(field, "must be 1 to 64 of letters, digits, '.', '_' or '-'")
    wanted = _or(_TYPES.get(kind, kind) for kind in kinds.split(" | "))
    if got:
        return FieldError(field, f"must be {wanted}, not {_TYPES.get(got, got)}")
    if length:
        few = "at least" if sign == ">=" else "at most"
        return FieldError(field, f"must be {wanted} of {few} {limit}")
    return FieldError(field, f"must be {wanted}{f' {_LIMITS[sign]} {float(limit):.16g}' if sign else ''}")


def _or(words: Iterable[str]) -> str:
    *firsts, last = words
    return f"{', '.join(firsts)} or {last}" if firsts else last


def _fields_at(at: str, line: bytes) -> list[str]:
    """The fields that the object at this path may have."""
    part = {"approved_stops": Stop, "geofences": Geofence}.get(at.partition("[")[0])
    kind: Any = part or _KINDS[msgspec.json.decode(line)["kind"]]
    return [field.encode_name for field in msgspec.structs.fields(kind)]


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
        text, _, path = str(error).partition(" - at `")
        raise _worded(text, path.removeprefix("key` in `").strip("`").lstrip("$."), line) from None


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
        case Notice():
            return record.notice_id


def kind_of(record: Record) -> str:
    """``route``, ``shipment``, ``device``, ``seal`` or ``notice``."""
    return type(record).__name__.lower()


def key_of(record: Record) -> str:
    """The key it lives under in the compacted topic: kind/id/effective_ms. A newer version never hides an older."""
    return f"{kind_of(record)}/{id_of(record)}/{record.effective_ms}"
