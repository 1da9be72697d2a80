"""A reading: what one device measured at one instant, and what that becomes once it is known whose it is.

``Reading`` is the wire's form, decoded strictly (a string is no number); unknown fields are dropped by the decoder.
``ShipmentReading`` is the same reading joined with what was in force at its time. Physics is validated here
(latitude 91 cannot be); behaviour is not (abnormal is what we look for).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from contracts.identifiers import NAME_PATTERN

Name: TypeAlias = Annotated[str, Meta(pattern=NAME_PATTERN)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
LatDeg: TypeAlias = Annotated[float, Meta(ge=-90.0, le=90.0)]
LonDeg: TypeAlias = Annotated[float, Meta(ge=-180.0, le=180.0)]
SealState: TypeAlias = Literal["armed", "open", "removed", "tampered"]
Door: TypeAlias = Literal["open", "closed"]
RegionEvent: TypeAlias = Literal["entered", "left"]

EARLIEST_TIME_MS: Final = 1_577_836_800_000  # 2020-01-01: an older clock was never set, or the unit is seconds
AHEAD_BOUND_MS: Final = 300_000  # a device's clock may run this far ahead of ours
REGION_CHARS_MAX: Final = 128
LINE_BYTES_MAX: Final = 16_384
PAYLOAD_BYTES_MAX: Final = 1_048_576
DEPTH_MAX: Final = 32

NO_FIX: Final = "no_fix"  # 0/0 is what receivers print before they have a position
GAP: Final = "gap"  # a seq was skipped before this one
LATE: Final = "late"  # arrived after the lateness bound: kept, but no window waits for it
DOUBTED_FIX: Final = "doubted_fix"  # where it says it is may be a lie: no rule on places goes by it
NO_SHIPMENT: Final = "no_shipment"  # nothing in the reference says what this device was guarding then

ReadingId: TypeAlias = tuple[str, int, int]  # device_id, boot_id, seq


class Reading(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """One reading as its device sends it. Times in UTC milliseconds, units in the names.

    ``region_event`` says that the device itself saw a region entered or left, ``region`` what it calls that region.
    """

    device_id: Name
    boot_id: Count
    seq: Count
    time_ms: int
    lat_deg: LatDeg | None = None
    lon_deg: LonDeg | None = None
    speed_kmh: Annotated[float, Meta(ge=0.0, le=500.0)] | None = None
    heading_deg: Annotated[float, Meta(ge=0.0, le=360.0)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0.0, le=1e6)] | None = None
    temperature_c: Annotated[float, Meta(ge=-273.15, le=1000.0)] | None = None
    humidity_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    shock_g: Annotated[float, Meta(ge=-1000.0, le=1000.0)] | None = None
    light_lux: Annotated[float, Meta(ge=0.0, le=1e6)] | None = None
    door: Door | None = None
    seal_number: Annotated[str, Meta(max_length=64)] | None = None
    seal_state: SealState | None = None
    battery_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    vibration_g: Annotated[float, Meta(ge=-1000.0, le=1000.0)] | None = None
    seal_openings: Count | None = None
    rfid: Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(max_length=256)] | None = None
    region: Annotated[str, Meta(max_length=REGION_CHARS_MAX)] | None = None
    region_event: RegionEvent | None = None
    exercise: bool = False


class Finding(msgspec.Struct, omit_defaults=True, gc=False, array_like=True):
    """What one device rule says of one reading: how far from normal, and on what grounds.

    ``level`` is ``trip`` (opens or sustains an episode), ``hold`` (says neither) or ``clear`` (closes one). A trip
    ``lasts`` where the rule tripped on the device before, for the same shipment, and has not cleared since.
    """

    rule: str
    level: Literal["trip", "hold", "clear"]
    score: float = 0.0
    evidence: dict[str, float | str | None] = {}
    lasts: bool = False


class ShipmentReading(Reading, omit_defaults=True, gc=False, kw_only=True):
    """A reading with what was in force at its time, and what the device detectors saw in it.

    ``marks`` says what is known against it (``no_fix``, ``gap``, ``late``, ``doubted_fix``, ``no_shipment``); one
    with ``no_fix`` said 0/0 and has no position here.
    ``findings`` holds one entry a rule that the device detectors judged on this reading (see
    ``contracts.alerts.Finding``); a rule that was not judged has none. Distances are along and off the route's line;
    ``inside`` names the geofences it lies in.
    """

    shipment_id: str | None = None
    route_id: str | None = None
    carrier_scac: str | None = None
    device_kind: str | None = None
    direction: str | None = None
    corridor: str | None = None
    sector: str | None = None
    along_km: float | None = None
    off_route_m: float | None = None
    remaining_km: float | None = None
    inside: tuple[str, ...] = ()
    ref_version: int = 0
    marks: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class Tick(msgspec.Struct, gc=False):
    """The line's clock in a partition: every reading that ``source`` had taken before ``time_ms`` is before it."""

    source: str
    time_ms: int


def identity(reading: Reading) -> ReadingId:
    """Who says it: (device_id, boot_id, seq). A reading is the same reading where these three are the same."""
    return reading.device_id, reading.boot_id, reading.seq


def offset_ns(boot_id: int, seq: int) -> int:
    """Nanoseconds, 0 to 999,999, added to an event time so that two readings of one millisecond both live."""
    return (boot_id * 7_919 + seq) % 1_000_000
