"""What the gateway has done since it started, in one place, each count with its meaning."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """Counts since the start. Repeats are counted too: telling them apart is the admit stage's work."""

    messages: int = 0  # taken from the broker, redeliveries included
    accepted: int = 0  # lines that went on into frames
    refused: Counter[str] = field(default_factory=Counter)  # lines or payloads that went to the dead letters, by reason
    accepted_drill: int = 0  # of the accepted, a drill's
    refused_drill: Counter[str] = field(default_factory=Counter)  # of the refused, those that say they are a drill's
    statuses: int = 0  # last wills sent on
    statuses_drill: int = 0  # of those, that say they are a drill's
    aside: Counter[str] = field(default_factory=Counter)  # sound messages that are no readings, by kind
    aside_drill: Counter[str] = field(default_factory=Counter)  # of those, that say they are a drill's
    frames: int = 0  # frames that Kafka holds
    frame_readings: int = 0  # readings in those frames
    ticks: int = 0  # ticks that Kafka holds, a partition each
    acknowledged: int = 0  # PUBACKs sent
    late_acks: int = 0  # acknowledgements dropped because their connection had gone
    receipts: int = 0  # receipts published
    receipts_drill: int = 0  # of those, of a drill's readings
    connects: int = 0  # MQTT connections made
    kafka_restarts: int = 0  # producers given up and made anew

    def report(self) -> dict[str, Any]:
        """The counts as plain values, for one line of JSON; ``frame_mean`` is readings a held frame."""
        return {
            "messages": self.messages,
            "accepted": self.accepted,
            "refused": dict(self.refused),
            "statuses": self.statuses,
            "aside": dict(self.aside),
            "frames": self.frames,
            "frame_mean": round(self.frame_readings / self.frames, 1) if self.frames else 0.0,
            "ticks": self.ticks,
            "acknowledged": self.acknowledged,
            "late_acks": self.late_acks,
            "receipts": self.receipts,
            "reconnects": max(0, self.connects - 1),
            "kafka_restarts": self.kafka_restarts,
        }
