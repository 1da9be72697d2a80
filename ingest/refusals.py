"""A refusal: bytes that go no further, the reason in one word, and in a sentence what would be right."""

from __future__ import annotations

from typing import NamedTuple

from contracts.deadletters import Reason


class Refusal(NamedTuple):
    """One line, or one whole payload, that was refused.

    ``data`` is what was judged: the line without the blanks around it, or the whole payload. ``boot_id`` and ``seq``
    are set where the line said readably which reading of the topic's own device it is, else both are None: then only
    the SHA-256 of ``data`` can name it to its device. ``time_ms`` is set where a decoder refused the line for a fault
    that comes after a wrong time, and the time can be read: it is judged with those of all others.
    """

    reason: Reason
    sentence: str
    data: bytes
    boot_id: int | None = None
    seq: int | None = None
    time_ms: int | None = None
