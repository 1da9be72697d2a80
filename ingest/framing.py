"""Framing: lines gathered into frames, each frame of one Kafka partition.

A record a reading was measured to cost more than everything else the line does together; a frame of hundreds costs
next to nothing. A frame closes at 500 readings, at 256 KiB, or when its first line has waited the linger. Within a
device the order of lines is the order they were added in, since a device has one partition.

Each line carries a token, whatever its giver must settle once the frame is held; framing never looks at it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from contracts.frames import FRAME_BYTES_MAX, FRAME_READINGS_MAX
from contracts.partitioner import partition_of

Token = TypeVar("Token")


class Frame(Generic[Token]):
    """Lines of one partition, in order, with a token a line."""

    __slots__ = ("lines", "opened_ms", "partition", "size", "tokens")

    def __init__(self, partition: int, opened_ms: float) -> None:
        self.partition = partition
        self.opened_ms = opened_ms
        self.lines: list[bytes] = []
        self.tokens: list[Token] = []
        self.size = 0  # bytes of the value, newlines counted

    def value(self) -> bytes:
        """The Kafka record's value: one line a reading, each ended by a newline."""
        return b"\n".join(self.lines) + b"\n"


class Gatherer(Generic[Token]):
    """The open frames, at most one a partition.

    ``now_ms`` is any clock that never goes back; only differences count. Nothing is lost in here: what was added
    comes out of ``add``, ``due`` or ``flush`` exactly once.
    """

    def __init__(
        self,
        partitions: int,
        linger_ms: float,
        readings_max: int = FRAME_READINGS_MAX,
        bytes_max: int = FRAME_BYTES_MAX,
    ) -> None:
        self._partitions = partitions
        self._linger_ms = linger_ms
        self._readings_max = readings_max
        self._bytes_max = bytes_max
        self._open: dict[int, Frame[Token]] = {}  # in the order they were opened, so the first is due first

    def add(self, device_id: str, line: bytes, token: Token, now_ms: float) -> list[Frame[Token]]:
        """Take a line; returns the frames this closed, in order: none, the one it did not fit in, or its own."""
        partition = partition_of(device_id, self._partitions)
        closed: list[Frame[Token]] = []
        frame = self._open.get(partition)
        size = len(line) + 1
        if frame is not None and frame.size + size > self._bytes_max:
            closed.append(self._open.pop(partition))
            frame = None
        if frame is None:
            frame = self._open[partition] = Frame(partition, now_ms)
        frame.lines.append(line)
        frame.tokens.append(token)
        frame.size += size
        if len(frame.lines) >= self._readings_max or frame.size >= self._bytes_max:
            closed.append(self._open.pop(partition))
        return closed

    def next_due_ms(self) -> float | None:
        """When the oldest open frame has waited its linger; None where none is open."""
        for frame in self._open.values():
            return frame.opened_ms + self._linger_ms
        return None

    def due(self, now_ms: float) -> list[Frame[Token]]:
        """Close and return the frames that have waited their linger."""
        opened_by_ms = now_ms - self._linger_ms
        due = [partition for partition, frame in self._open.items() if frame.opened_ms <= opened_by_ms]
        return [self._open.pop(partition) for partition in due]

    def flush(self) -> list[Frame[Token]]:
        """Close and return every open frame."""
        frames = list(self._open.values())
        self._open.clear()
        return frames
