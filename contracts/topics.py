"""The table of Kafka topics: what each carries, how it is keyed, how long it is kept.

A topic that is not here does not exist: the stack creates exactly these before anything starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """``partitions`` None means the line's own count (``PUENTE_PARTITIONS``)."""

    name: str
    carries: str
    keyed_by: str
    partitions: int | None = None
    compacted: bool = False
    retention_ms: int = 7 * DAY_MS
    config: dict[str, str] = field(default_factory=dict)


READINGS: Final = "telemetry.readings.v1"
REFUSED: Final = "telemetry.refused.v1"
STATUS: Final = "telemetry.status.v1"
SHIPMENT_READINGS: Final = "shipment.readings.v1"
SHIPMENT_EVENTS: Final = "shipment.events.v1"
JOURNEY_WINDOWS: Final = "journey.windows.v1"
SENSOR_VALUES: Final = "sensor.values.v1"
REFERENCE: Final = "reference.v1"
HEALTH: Final = "line.health.v1"
UNDELIVERED: Final = "alerts.undelivered.v1"
MODELS: Final = "models.v1"
CHECKPOINTS: Final = "checkpoints.{stage}.v1"
STAGES: Final = ("admit", "shipment", "corridor", "sensor", "history", "deliver")


def checkpoints(stage: str) -> str:
    """The compacted topic that holds a stage's checkpoints, one partition for each of its source's."""
    return CHECKPOINTS.format(stage=stage)


def alerts(audience: str) -> str:
    """The topic an audience (``us``, ``mx``, ``joint`` ...) reads its alerts from."""
    return f"alerts.{audience}.v1"


def table(audiences: tuple[str, ...]) -> tuple[Topic, ...]:
    """Every topic of a line that serves these audiences."""
    as_alerts = {"cleanup.policy": "compact,delete", "retention.ms": str(90 * DAY_MS)}
    compaction = {"min.cleanable.dirty.ratio": "0.2", "segment.ms": "600000", "delete.retention.ms": "3600000"}
    return (
        Topic(READINGS, "frames of readings as their devices sent them, and ticks", "device"),
        Topic(REFUSED, "dead letters: what was refused, and why", "device", retention_ms=30 * DAY_MS),
        Topic(STATUS, "the last will of each device", "device", compacted=True, config=compaction),
        Topic(SHIPMENT_READINGS, "frames of readings joined with their shipment, and ticks", "shipment"),
        Topic(SHIPMENT_EVENTS, "facts: geofence entry and exit, seal and door changes", "shipment"),
        Topic(JOURNEY_WINDOWS, "how each shipment travelled, some minutes a record, and ticks", "corridor/direction"),
        Topic(SENSOR_VALUES, "frames of watched sensors' minutes and of crossings, and ticks", "device, or bridge"),
        Topic(HEALTH, "each process's metrics, every ten seconds", "process", 1),
        Topic(REFERENCE, "routes, shipments, devices, seals: every version", "kind/id/effective_ms", 1, True),
        *(Topic(checkpoints(s), f"state of the {s} stage", "state key", None, True, config=compaction) for s in STAGES),
        *(Topic(alerts(a), f"alerts for {a}, one record an update", "alert", 1, False, 90 * DAY_MS) for a in audiences),
        Topic(UNDELIVERED, "alerts that a webhook did not take", "delivery", 1, True, config=as_alerts),
        Topic(
            MODELS,
            "the model state that judged, of each alert that a model told",
            "alert/revision",
            1,
            True,
            config=as_alerts,
        ),
    )
