"""Dead letters: what the line refused, why, and enough of its bytes to look at and to send again."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Literal, TypeAlias, get_args

import msgspec

BYTES_MAX: Final = 65_536
TOPIC_MAX: Final = 256  # characters of a topic that are kept; a sound one has at most 81

Reason: TypeAlias = Literal[
    "too_large",
    "not_utf8",
    "bad_json",
    "too_deep",
    "wrong_type",
    "out_of_range",
    "bad_time",
    "bad_name",
    "topic_mismatch",
    "carrier_mismatch",
    "identity_conflict",
    "unknown_topic",
    "history_refused",
]
REASONS: Final[tuple[str, ...]] = get_args(Reason)


class DeadLetter(msgspec.Struct):
    """One refusal. ``sentence`` says what was wrong and what would be right; ``topic`` is where the bytes came from.

    ``bytes_base64`` holds at most the first 64 KiB; ``length`` and ``sha256`` are of all of them.
    """

    reason: Reason
    sentence: str
    topic: str
    time_ms: int
    bytes_base64: str
    length: int
    sha256: str

    def bytes_held(self) -> bytes:
        """The bytes kept, at most 64 KiB."""
        return base64.b64decode(self.bytes_base64)


def dead_letter(reason: Reason, sentence: str, topic: str, time_ms: int, data: bytes) -> DeadLetter:
    """A dead letter for these bytes."""
    return DeadLetter(
        reason=reason,
        sentence=sentence,
        topic=topic[:TOPIC_MAX],
        time_ms=time_ms,
        bytes_base64=base64.b64encode(data[:BYTES_MAX]).decode("ascii"),
        length=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
