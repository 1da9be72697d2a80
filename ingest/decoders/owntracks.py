"""OwnTracks, the app on a driver's phone: how a small carrier takes part without buying a device.

The app publishes one JSON object a message, told apart by ``_type``, to ``owntracks/{user}/{device}`` and topics below
it. Source of the fields and their units: OwnTracks' booklet, https://owntracks.org/booklet/tech/json.

- ``location`` becomes a reading of boot 0; ``transition`` one of boot 1 where a region was entered, of boot 2 where it
  was left, for who leaves one region for the next does both in one second. Kept of it are ``event``, ``desc`` (the
  region's name, 128 characters at most) and where and when; of ``rid``, ``wtst``, ``t`` and ``tid`` nothing.
- The app counts nothing, so ``seq`` is ``tst``, the second it speaks of. Within one boot a second holds one reading:
  sent again it is a repeat; with another position or region it is dead-lettered as ``identity_conflict``, and the first
  stands. The line is made of what a reading has, so that the same fix sent for two reasons (``t``) is a repeat.
- ``lwt``, the broker's word that the phone has gone, becomes the device's status.
- What else the app sends (waypoints, cards, commands, configuration ...) is no reading: counted, and not kept, for it
  is private to the phone. An encrypted message is refused, for what is in it is lost to us, and so is an unknown type.

The device is called ``{user}--{device}``; two hyphens in a row are the boundary and nothing else, or two phones could
share a name. The phone keeps no journal and hears no receipts; what it queues while offline comes with its own times.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from contracts.readings import LINE_BYTES_MAX, REGION_CHARS_MAX, LatDeg, LonDeg, Reading
from ingest.decoders import Address, Aside, Decoded
from ingest.json_checks import UNREADABLE, explain
from ingest.refusals import Refusal

PATTERN: Final = "owntracks/+/+/#"

LOCATION_BOOT: Final = 0
ENTERED_BOOT: Final = 1
LEFT_BOOT: Final = 2

_JOIN: Final = "--"
_AMBIGUOUS: Final = re.compile(rf"{_JOIN}-|{_JOIN}.*{_JOIN}|^{_JOIN}|{_JOIN}$")
_WANTED: Final = "OwnTracks sends one JSON object a message."
_OTHERS: Final = frozenset(
    ("beacon", "card", "cmd", "configuration", "dump", "msg", "request", "status", "steps", "waypoint", "waypoints")
)

# The bound keeps milliseconds within what JSON readers take as whole numbers.
_Seconds = Annotated[int, Meta(ge=0, le=(2**53 - 1) // 1000)]


class _Message(msgspec.Struct):
    kind: str = msgspec.field(name="_type")


class _Fix(msgspec.Struct):
    """A location. Below zero is what phones say where they do not know a speed, a course, a charge, an accuracy."""

    tst: _Seconds
    lat: LatDeg
    lon: LonDeg
    acc: Annotated[float, Meta(le=1e6)] | None = None
    vel: Annotated[float, Meta(le=500.0)] | None = None
    cog: Annotated[float, Meta(le=360.0)] | None = None
    batt: Annotated[float, Meta(le=100.0)] | None = None


class _Transition(msgspec.Struct):
    """A region entered or left; a beacon's has no position. The app may leave out the region's name."""

    tst: _Seconds
    event: Literal["enter", "leave"]
    desc: str | None = None
    lat: LatDeg | None = None
    lon: LonDeg | None = None
    acc: Annotated[float, Meta(le=1e6)] | None = None


class _Will(msgspec.Struct):
    tst: _Seconds | None = None  # when the phone had connected, not when it went


_message: Final = msgspec.json.Decoder(_Message)
_fix: Final = msgspec.json.Decoder(_Fix)
_transition: Final = msgspec.json.Decoder(_Transition)
_will: Final = msgspec.json.Decoder(_Will)
_encode: Final = msgspec.json.Encoder().encode


def address_from(user: str, device: str) -> Address:
    """Whom a topic speaks of: this user's device, of the carrier that the reference names."""
    return Address(None, f"{user}{_JOIN}{device}")


def decode(payload: bytes, address: Address) -> list[Decoded]:
    """The message's reading, why there is none, or that there need be none. Never raises."""
    return [_judge(payload, address.device_id)]


def _judge(payload: bytes, device_id: str) -> Decoded:
    if _AMBIGUOUS.search(device_id):
        sentence = "The topic's user and device must be there, without two hyphens in a row or one at the boundary."
        return Refusal("bad_name", sentence, payload)
    if not payload:
        return Aside("cleared")  # what a broker passes on when somebody clears a retained message
    try:
        kind = _message.decode(payload).kind
    except UNREADABLE:
        return _explain(payload, _Message)
    if kind == "location":
        return _location(payload, device_id)
    if kind == "transition":
        return _region(payload, device_id)
    if kind == "lwt":
        return _gone(payload, device_id)
    if kind in _OTHERS:
        return Aside(kind)
    if kind == "encrypted":
        sentence = "The message is encrypted, and nobody here has the key. Clear the encryption key in the app."
        return Refusal("wrong_type", sentence, payload)
    sentence = f"_type is {ascii(kind)[:40]}, which is none of OwnTracks' own, such as location or transition."
    return Refusal("wrong_type", sentence, payload)


def _location(payload: bytes, device_id: str) -> Decoded:
    try:
        fix = _fix.decode(payload)
    except UNREADABLE:
        return _named(_explain(payload, _Fix), LOCATION_BOOT)
    reading = Reading(
        device_id=device_id,
        boot_id=LOCATION_BOOT,
        seq=fix.tst,
        time_ms=fix.tst * 1000,
        speed_kmh=_known(fix.vel),
        heading_deg=_known(fix.cog),
        battery_pct=_known(fix.batt),
    )
    return _placed(reading, fix.lat, fix.lon, fix.acc)


def _region(payload: bytes, device_id: str) -> Decoded:
    try:
        found = _transition.decode(payload)
    except UNREADABLE:
        return _named(_explain(payload, _Transition), ENTERED_BOOT)
    reading = Reading(
        device_id=device_id,
        boot_id=ENTERED_BOOT if found.event == "enter" else LEFT_BOOT,
        seq=found.tst,
        time_ms=found.tst * 1000,
        region=found.desc[:REGION_CHARS_MAX] if found.desc else None,
        region_event="entered" if found.event == "enter" else "left",
    )
    return _placed(reading, found.lat, found.lon, found.acc)


def _placed(reading: Reading, lat_deg: float | None, lon_deg: float | None, accuracy_m: float | None) -> Decoded:
    # An accuracy below zero is a phone's way to say that the position is none.
    if lat_deg is not None and lon_deg is not None and (accuracy_m is None or accuracy_m >= 0):
        reading.lat_deg, reading.lon_deg, reading.accuracy_m = lat_deg, lon_deg, accuracy_m
    return _encode(reading), reading


def _gone(payload: bytes, device_id: str) -> Decoded:
    try:
        since_s = _will.decode(payload).tst
    except UNREADABLE:
        return _explain(payload, _Will)
    status: dict[str, object] = {"device_id": device_id, "state": "offline"}
    if since_s is not None:
        status["connected_ms"] = since_s * 1000
    return Aside("lwt", _encode(status))


def _known(value: float | None) -> float | None:
    return None if value is None or value < 0 else value


def _explain(payload: bytes, form: type[msgspec.Struct]) -> Refusal:
    if len(payload) > LINE_BYTES_MAX:
        sentence = (
            f"The message has {len(payload)} bytes and cannot be read; {LINE_BYTES_MAX} are looked at to say why."
        )
        return Refusal("too_large", sentence, payload)
    return explain(payload, form, "", _WANTED)


def _named(refusal: Refusal, boot_id: int) -> Refusal:
    """The refusal with the identity the reading would have had, where its second can be read."""
    try:
        seq = _will.decode(refusal.data).tst
    except UNREADABLE:
        return refusal
    return refusal if seq is None else refusal._replace(boot_id=boot_id, seq=seq)
