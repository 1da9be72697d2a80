"""The history: what happened, by event time, kept past Kafka's retention. One interface, several stores.

A point is known by what it is about (a reading by its identity, an alert by its id and revision, a sample by its
process and time), so writing it again overwrites it with itself. ``held`` is the store's own answer to "do you have
these already?": after a crash between a write and its checkpoint, that answer, not our memory, is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from contracts.alerts import Alert
from contracts.events import Event
from contracts.health import LineSample
from contracts.readings import ReadingId, ShipmentReading


@dataclass(slots=True)
class Batch:
    """What is written together. Order within each list is the order of arrival."""

    readings: list[ShipmentReading] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    samples: list[LineSample] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.readings) + len(self.events) + len(self.alerts) + len(self.samples)


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds already of a batch: reading identities, event ids, (alert id, revision).

    Samples are not asked for: one written again is no second one anywhere, and nothing counts them.
    """

    readings: frozenset[ReadingId] = frozenset()
    events: frozenset[str] = frozenset()
    alerts: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record the store will never take, and its reason in the store's words."""

    record: ShipmentReading | Event | Alert | LineSample
    why: str


class HistoryUnavailableError(Exception):
    """The store did not answer or is overloaded: try the same batch again. Nothing is lost.

    ``retry_after_s`` is how long the store asked to be left alone, None where it said nothing.
    """

    def __init__(self, message: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@runtime_checkable
class History(Protocol):
    """What every store does. Every method may block, and may raise HistoryUnavailableError."""

    kind: str

    def write(self, batch: Batch) -> list[Refusal]:
        """Hold the whole batch, and return only then; what the store refuses for good is named, the rest is held."""
        ...

    def held(self, batch: Batch) -> Held:
        """Which of this batch's records the store holds already."""
        ...

    def identities(self, start_ms: int, end_ms: int) -> set[ReadingId]:
        """Every reading held with ``start_ms`` <= event time < ``end_ms``, by identity."""
        ...

    def close(self) -> None:
        """Let go of the store; what was written stays."""
        ...
