"""Status: what a device's broker says of it (its last will), or the device itself: a small JSON object.

It goes on as it was sent, keyed by device, into a compacted topic: the last word of each device.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contracts.identifiers import is_name
from contracts.readings import LINE_BYTES_MAX
from contracts.statuses import Status
from ingest.decoders import Address, levels_in
from ingest.json_checks import UNREADABLE, explain, is_too_deep, is_utf8, text_refusal
from ingest.refusals import Refusal

PATTERN: Final = "v1/+/+/status"


_WANTED: Final = 'A status is one JSON object, such as {"state":"offline"}.'


_decoder = msgspec.json.Decoder(Status)


def address_of(topic: str) -> Address | None:
    """Whom a status topic speaks of; None where it is no status topic."""
    levels = levels_in(PATTERN, topic)
    return None if levels is None else Address(*levels)


def judge(payload: bytes, address: Address) -> bytes | Refusal:
    """The line that goes on, or why none does. Never raises."""
    line = payload.strip(b" \t\r\n")
    if len(line) > LINE_BYTES_MAX:
        return Refusal("too_large", f"A status has {LINE_BYTES_MAX} bytes at most, and this has {len(line)}.", payload)
    fault = address.fault()
    if fault is not None:
        return Refusal("bad_name", fault, payload)
    try:
        status = _decoder.decode(line)
    except UNREADABLE:
        return _whole(explain(line, Status, address.device_id, _WANTED), payload)
    if not is_utf8(line) or is_too_deep(line):
        refusal = text_refusal(line, _WANTED)
        if refusal is not None:
            return _whole(refusal, payload)
    if status.device_id is not None and status.device_id != address.device_id:
        if not is_name(status.device_id):
            return Refusal("bad_name", "device_id must be 1 to 64 of the characters A-Z a-z 0-9 . _ -.", payload)
        return Refusal("topic_mismatch", "device_id is not the topic's device. They must be the same.", payload)
    return line.replace(b"\n", b" ")


def _whole(refusal: Refusal, payload: bytes) -> Refusal:
    return Refusal(refusal.reason, refusal.sentence, payload)
