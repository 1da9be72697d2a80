"""What a stage is: one object a partition; frames and ticks in, records out, changed state for its checkpoint.

A stage is deterministic: the same records in the same order, from the same state, give the same output. So after a
crash it may run again from its checkpoint, and whoever reads its output drops what is repeated by identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from contracts import frames
from contracts.readings import ShipmentReading, Tick


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send. ``partition`` is explicit; ``key`` is null for frames and ticks."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


StateChange = tuple[str, bytes | None]  # key, value; None forgets the key


class Stage(Protocol):
    """One partition's worth of a stage."""

    @property
    def waiting(self) -> int:
        """Readings taken in that ``flush`` would send on."""
        ...

    def process_frame(self, value: bytes) -> list[Outgoing]:
        """Take a frame in. What comes out may be of earlier frames too, and some may stay inside until ``flush``."""
        ...

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        """Take a tick in; everything before it comes out first."""
        ...

    def flush(self) -> list[Outgoing]:
        """Everything still inside. A checkpoint covers a frame only once what it made has been delivered."""
        ...

    def changes(self) -> Iterator[StateChange]:
        """State that has changed since the last call, by key."""
        ...

    def restore(self, key: str, value: bytes) -> None:
        """Put one key of checkpointed state back."""
        ...

    def counters(self) -> dict[str, int]:
        """Totals over this partition's whole life, checkpoints included: ``passed``, ``repeats`` ..."""
        ...


pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder()


def unpack(value: bytes) -> Any:
    """Plain data from a checkpoint's value."""
    return _unpack.decode(value)


def cloud_event(kind: str, event_id: str, source: str, time_ms: int) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents 1.0 headers, Kafka binary binding, for records of one fact each."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", f"puente.{kind}".encode()),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_time", _iso(time_ms).encode()),
        ("content-type", b"application/json"),
    )


def _iso(time_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class FrameGatherer:
    """Gathers readings per target partition across input frames, or frames would shrink to a handful on their way."""

    def __init__(self, topic: str, partitions: int) -> None:
        self.topic = topic
        self._waiting: list[list[ShipmentReading]] = [[] for _ in range(partitions)]
        self.held = 0

    def add(self, partition: int, reading: ShipmentReading) -> None:
        """Put one reading in line for its partition."""
        self._waiting[partition].append(reading)
        self.held += 1

    def full(self) -> list[Outgoing]:
        """Frames that have reached their size."""
        out = []
        for partition, waiting in enumerate(self._waiting):
            while len(waiting) >= frames.FRAME_READINGS_MAX:
                out.append(self._frame(partition, waiting[: frames.FRAME_READINGS_MAX]))
                del waiting[: frames.FRAME_READINGS_MAX]
        return out

    def flush(self) -> list[Outgoing]:
        """A frame for every partition that has anything."""
        out = self.full()
        for partition, waiting in enumerate(self._waiting):
            if waiting:
                out.append(self._frame(partition, waiting))
                waiting.clear()
        return out

    def _frame(self, partition: int, readings: list[ShipmentReading]) -> Outgoing:
        self.held -= len(readings)
        return Outgoing(self.topic, partition, None, frames.encode_lines(readings), tuple(frames.FRAME_HEADERS))


FOREVER_MS: Final = 1 << 62


class Watermark:
    """The least of the newest tick of each source: nothing older than it is still on its way, but for late ones.

    A source that has fallen ``forget_ms`` behind the newest is gone (a gateway taken out of service) and no longer
    holds the others up.
    """

    def __init__(self, forget_ms: int = 600_000) -> None:
        self.forget_ms = forget_ms
        self.sources: dict[str, int] = {}

    def tick(self, tick: Tick) -> int:
        """The watermark after this tick, in ms."""
        self.sources[tick.source] = max(tick.time_ms, self.sources.get(tick.source, 0))
        newest = max(self.sources.values())
        for source in [s for s, t in self.sources.items() if t < newest - self.forget_ms]:
            del self.sources[source]
        return self.now_ms

    @property
    def now_ms(self) -> int:
        """The watermark; 0 before the first tick."""
        return min(self.sources.values(), default=0)
