"""Puente's own form: one JSON object a message, pretty-printed or not, or NDJSON, a backlog of one object a line.

Lines go on byte for byte as they were sent, blanks around them left out; of an object printed over several lines the
newlines become blanks, which in JSON they are. A blank line is no line. Where a key comes twice the last wins; only
where what it overwrites was wrong is the line written anew, since strict decoders look at both.
"""

from __future__ import annotations

from typing import Final

import msgspec

from contracts.readings import LINE_BYTES_MAX, Reading
from ingest.decoders import Address, Decoded
from ingest.json_checks import UNREADABLE, explain, is_too_deep, is_utf8, text_refusal, without_repeated_keys
from ingest.refusals import Refusal

PATTERN: Final = "v1/+/+/readings"

# A reading takes 57 bytes at the least, so a payload of 1 MiB holds fewer than this: the bound is only ever met by
# what is no backlog, and keeps one message from becoming half a million dead letters.
LINES_MAX: Final = 20_000

_BLANKS: Final = b" \t\r\n"
_decoder = msgspec.json.Decoder(Reading)
_any = msgspec.json.Decoder(msgspec.Raw)


def decode(payload: bytes, address: Address) -> list[Decoded]:
    """Every line of the payload, in order: its bytes and its reading, or its refusal. Never raises."""
    whole = payload.strip(_BLANKS)
    if b"\n" not in whole:
        return [_line(whole or payload, address)]
    lines = [line for raw in whole.split(b"\n") if (line := raw.strip(_BLANKS))]
    if _is_json(lines[0]):
        return _batch(lines, address)
    if _is_json(whole):
        return [_line(whole.replace(b"\n", b" "), address)]
    if all(line.startswith(b"{") for line in lines) or any(_is_reading_like(line) for line in lines):
        return _batch(lines, address)
    return [_line(whole, address)]  # one object printed over lines, and broken: one refusal, not one a line


def _batch(lines: list[bytes], address: Address) -> list[Decoded]:
    decoded = [_line(line, address) for line in lines[:LINES_MAX]]
    if len(lines) > LINES_MAX:
        rest = b"\n".join(lines[LINES_MAX:])
        sentence = f"The payload has {len(lines)} lines; {LINES_MAX} are read at most. Send the rest by itself."
        decoded.append(Refusal("too_large", sentence, rest))
    return decoded


def _line(line: bytes, address: Address) -> Decoded:
    if len(line) > LINE_BYTES_MAX:
        sentence = f"The line has {len(line)} bytes; {LINE_BYTES_MAX} are taken at most."
        return Refusal("too_large", sentence, line)
    try:
        reading = _decoder.decode(line)
    except UNREADABLE:
        return _last_values(line) or explain(line, Reading, address.device_id)
    # The strict decoder skips what it does not know, so what is in there is judged apart.
    if not is_utf8(line) or is_too_deep(line):
        refusal = text_refusal(line)
        if refusal is not None:
            own = reading.device_id == address.device_id
            return refusal._replace(boot_id=reading.boot_id, seq=reading.seq) if own else refusal
    return line, reading


def _last_values(line: bytes) -> tuple[bytes, Reading] | None:
    """The reading where only a value that the same key overwrites later was wrong: the last wins, and goes on alone."""
    rewritten = without_repeated_keys(line)
    if rewritten is None or len(rewritten) > LINE_BYTES_MAX or is_too_deep(rewritten):
        return None
    try:
        return rewritten, _decoder.decode(rewritten)
    except UNREADABLE:
        return None


def _is_json(data: bytes) -> bool:
    try:
        _any.decode(data)
    except UNREADABLE:
        return False
    return True


def _is_reading_like(line: bytes) -> bool:
    # An object within a broken printed one may have a line to itself too, but no device_id.
    return line.startswith(b"{") and b'"device_id"' in line and _is_json(line)
