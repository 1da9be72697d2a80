"""Frames: many readings in one Kafka record, one JSON line each, all of one partition.

A frame has a null key and the header ``type=frame``; a tick is a record of its own with ``type=tick``. One record a
reading was measured to cost more than everything else the line does together. ``kcat`` prints a frame as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from contracts.readings import Reading, ShipmentReading, Tick

_R = TypeVar("_R", bound=Reading)

FRAME_READINGS_MAX: Final = 500
FRAME_BYTES_MAX: Final = 262_144

TYPE: Final = "type"
FRAME_HEADERS: Final = [(TYPE, b"frame")]
TICK_HEADERS: Final = [(TYPE, b"tick")]

# What decoding bytes that are no readings may raise.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_tick = msgspec.json.Decoder(Tick)
_readings = msgspec.json.Decoder(list[Reading])
_shipment_readings = msgspec.json.Decoder(list[ShipmentReading])
_encoder = msgspec.json.Encoder()


def kind_of(headers: Iterable[tuple[str, bytes]] | dict[str, bytes] | None) -> str:
    """``frame`` or ``tick``, read from a record's headers; ``frame`` where there are none."""
    pairs = headers.items() if isinstance(headers, dict) else (headers or ())
    for name, value in pairs:
        if name == TYPE:
            return value.decode("ascii", "replace")
    return "frame"


def lines_of(value: bytes) -> list[bytes]:
    """A frame's lines, without the newline; blank ones are left out."""
    return [line for line in value.split(b"\n") if line]


def decode_readings(lines: Sequence[bytes]) -> list[Reading]:
    """The readings of a frame's lines, in order. Raises one of UNREADABLE where a line is not a reading."""
    return _one_each(_readings.decode(b"[" + b",".join(lines) + b"]"), lines)


def decode_shipment_readings(lines: Sequence[bytes]) -> list[ShipmentReading]:
    """The joined readings of a frame's lines. Raises one of UNREADABLE where a line is not one."""
    return _one_each(_shipment_readings.decode(b"[" + b",".join(lines) + b"]"), lines)


def _one_each(readings: list[_R], lines: Sequence[bytes]) -> list[_R]:
    if len(readings) != len(lines):
        raise msgspec.DecodeError("a line must hold one reading")
    return readings


def encode_lines(readings: Sequence[Reading]) -> bytes:
    """A frame's value: one JSON line a reading, each ended by a newline."""
    return _encoder.encode_lines(readings)


def encode_tick(tick: Tick) -> bytes:
    """A tick's value."""
    return _encoder.encode(tick)


def decode_tick(value: bytes) -> Tick:
    """The tick in a record's value. Raises msgspec.DecodeError."""
    return _tick.decode(value)
