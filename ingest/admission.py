"""Admission: what of a message goes on, and what is refused and why. It judges what cannot be, never what is odd.

Size comes first, then whom the topic names: where that is no name, or another carrier's device, the whole payload is
refused at once. Then what the
decoder says of each line, then what holds for every device family: that its clock can
be right and that it speaks on its own topic. One bad line never costs the others. What takes memory of earlier
readings (the same identity with other bytes, a skipped ``seq``) is judged later, by the admit stage.
"""

from __future__ import annotations

from typing import NamedTuple

from contracts.identifiers import is_name
from contracts.readings import AHEAD_BOUND_MS, EARLIEST_TIME_MS, PAYLOAD_BYTES_MAX, Reading
from ingest import decoders
from ingest.carriers import Carriers
from ingest.decoders import Address, Aside
from ingest.refusals import Refusal


class Line(NamedTuple):
    """A reading that goes on: its identity and the bytes of its line in the frame."""

    device_id: str
    boot_id: int
    seq: int
    data: bytes


class Admission(NamedTuple):
    """What became of one message. Every line of it is in exactly one of the lists, each in the order sent."""

    accepted: list[Line]
    refused: list[Refusal]
    aside: list[Aside]


def admit(topic: str, payload: bytes, now_ms: int, carriers: Carriers | None = None) -> Admission:
    """Judge a message that came on this topic at ``now_ms`` (UTC milliseconds). Never raises, whatever the bytes.

    ``carriers`` says whose each device is; without it any carrier may speak for any device.
    """
    found = decoders.find(topic)
    if found is None:
        sentence = "No decoder reads this topic. Readings go to v1/{carrier_scac}/{device_id}/readings."
        return Admission([], [Refusal("unknown_topic", sentence, payload)], [])
    if len(payload) > PAYLOAD_BYTES_MAX:
        sentence = (
            f"The payload has {len(payload)} bytes; {PAYLOAD_BYTES_MAX} are taken at most. Send a backlog in parts."
        )
        return Admission([], [Refusal("too_large", sentence, payload)], [])
    decoder, address = found
    fault = address.fault()
    if fault is not None:
        # Nothing of it could go on, and a refusal a line would multiply what a stranger sends.
        return Admission([], [Refusal("bad_name", fault, payload)], [])
    fault = carrier_fault(address, now_ms, carriers)
    if fault is not None:
        return Admission([], [Refusal("carrier_mismatch", fault, payload)], [])
    accepted: list[Line] = []
    refused: list[Refusal] = []
    aside: list[Aside] = []
    latest_ms = now_ms + AHEAD_BOUND_MS
    for decoded in decoder.decode(payload, address):
        if isinstance(decoded, (Refusal, Aside)):
            if isinstance(decoded, Aside):
                aside.append(decoded)
            else:
                refused.append(_time_first(decoded, now_ms))
            continue
        line, reading = decoded
        device_id = reading.device_id
        if device_id == address.device_id and EARLIEST_TIME_MS <= reading.time_ms <= latest_ms:
            accepted.append(Line(device_id, reading.boot_id, reading.seq, line))
        else:
            refused.append(_refuse(line, reading, address, now_ms))
    return Admission(accepted, refused, aside)


def carrier_fault(address: Address, now_ms: int, carriers: Carriers | None) -> str | None:
    """That this topic's carrier may not speak for its device, in a sentence; None where it may."""
    scac = address.carrier_scac
    if carriers is None or scac is None or carriers.allows(address.device_id, scac, now_ms):
        return None
    return (
        f"The topic's carrier is {scac}, and the reference says that {address.device_id} is another's. A device speaks "
        "under its own carrier's code."
    )


def _time_fault(time_ms: int, now_ms: int) -> str | None:
    """What is wrong with a reading's time at ``now_ms``, in a sentence; None where its clock can be right."""
    if time_ms < EARLIEST_TIME_MS:
        hint = " It looks like seconds." if EARLIEST_TIME_MS <= time_ms * 1000 <= now_ms + AHEAD_BOUND_MS else ""
        when = f"{time_ms}, before" if time_ms > -(2**63) else "far before"
        return f"time_ms is {when} 2020.{hint} Send milliseconds since 1970, in UTC."
    if time_ms > now_ms + AHEAD_BOUND_MS:
        ahead = f"{(time_ms - now_ms) // 1000} s" if time_ms < 2**63 else "far"
        return f"time_ms is {ahead} ahead of now; {AHEAD_BOUND_MS // 1000} s are allowed. Set the device's clock."
    return None


def _time_first(refusal: Refusal, now_ms: int) -> Refusal:
    """The refusal itself, or that of its line's time, where that is wrong too and comes first."""
    sentence = None if refusal.time_ms is None else _time_fault(refusal.time_ms, now_ms)
    return refusal if sentence is None else refusal._replace(reason="bad_time", sentence=sentence)


def _refuse(line: bytes, reading: Reading, address: Address, now_ms: int) -> Refusal:
    """Why a readable reading does not go on, by the first that is wrong: its time, its name, its topic."""
    own = reading.device_id == address.device_id
    boot_id, seq = (reading.boot_id, reading.seq) if own else (None, None)
    sentence = _time_fault(reading.time_ms, now_ms)
    if sentence is not None:
        return Refusal("bad_time", sentence, line, boot_id, seq)
    if not is_name(reading.device_id):
        sentence = "device_id must be 1 to 64 of the characters A-Z a-z 0-9 . _ -."
        return Refusal("bad_name", sentence, line, boot_id, seq)
    sentence = (
        f"device_id is {reading.device_id}, and the topic says {ascii(address.device_id)[:80]}. They must be the same."
    )
    return Refusal("topic_mismatch", sentence, line, boot_id, seq)
