"""What a line says of being a drill's, before or without its being read as a reading: drills are counted apart."""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAY_BE: Final = b'"exercise"'  # no payload without these bytes is a drill's
_SAYS: Final = re.compile(rb'"exercise"\s*:\s*true\b')


class _Marked(msgspec.Struct):
    exercise: bool = False


_marked: Final = msgspec.json.Decoder(_Marked)


def is_drill(line: bytes) -> bool:
    """Whether this reading is a drill's. False where it is no reading at all."""
    if MAY_BE not in line:
        return False
    try:
        return _marked.decode(line).exercise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def says_drill(data: bytes) -> bool:
    """Whether bytes that nobody could read as a reading say that they are a drill's."""
    return _SAYS.search(data) is not None
