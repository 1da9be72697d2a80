"""The stages of a worker: each made, fresh, of the worker's settings and the reference that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from detectors import model_versions, sensor_watch, unusual_journey
from detectors.model_versions import ModelVersion
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.agents.partition_runner import RunnerConfig
from streams.audiences import Audience
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig, SensorStage
from streams.shipment_stage import ShipmentConfig, ShipmentStage
from streams.shipment_windows import WindowConfig
from streams.stage import Stage

ADMIT: Final = "admit"
SHIPMENT: Final = "shipment"
CORRIDOR: Final = "corridor"
SENSOR: Final = "sensor"


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker needs to know. ``check_identity`` is off only in the fault test's control run."""

    bootstrap: str
    partitions: int
    audiences: tuple[Audience, ...]
    data_dir: Path
    group: str = "puente"
    client_id: str = "puente-worker"
    lateness_bound_ms: int = 120_000
    session_timeout_s: float = 10.0
    check_identity: bool = True
    languages: tuple[str, ...] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)  # rules', where not the defaults
    models: Mapping[str, ModelVersion] = field(default_factory=lambda: model_versions.OWN)  # by rule
    waived_by: Mapping[str, str] = field(default_factory=dict)  # by rule, who let its model judge without a comparison
    gather_bytes: int = 262_144
    runner: RunnerConfig = field(default_factory=RunnerConfig)


def stage_of(name: str, partition: int, book: ReferenceBook, config: WorkerConfig) -> Stage:
    """The stage of this name, fresh, for one partition of its source."""
    return _STAGES[name](partition, book, config)


def _admit(partition: int, book: ReferenceBook, config: WorkerConfig) -> AdmitStage:
    admit = AdmitConfig(config.partitions, config.lateness_bound_ms, config.check_identity, config.thresholds)
    return AdmitStage(partition, book, admit)


def _shipment(partition: int, book: ReferenceBook, config: WorkerConfig) -> ShipmentStage:
    shipment = ShipmentConfig(
        config.partitions,
        config.audiences,
        config.check_identity,
        languages=config.languages,
        thresholds=config.thresholds,
        windows=WindowConfig(config.lateness_bound_ms),
    )
    return ShipmentStage(partition, book, shipment)


def _corridor(partition: int, book: ReferenceBook, config: WorkerConfig) -> CorridorStage:
    corridor = CorridorConfig(
        config.partitions,
        config.audiences,
        config.lateness_bound_ms,
        config.check_identity,
        config.languages,
        thresholds=config.thresholds.get(unusual_journey.CARD.name) or unusual_journey.Thresholds(),
        model=config.models[unusual_journey.CARD.name],
        waived_by=config.waived_by.get(unusual_journey.CARD.name, ""),
    )
    return CorridorStage(partition, book, corridor)


def _sensor(partition: int, book: ReferenceBook, config: WorkerConfig) -> SensorStage:
    sensor = SensorConfig(
        config.partitions,
        config.audiences,
        config.lateness_bound_ms,
        config.check_identity,
        config.languages,
        thresholds=config.thresholds.get(sensor_watch.CARD.name) or sensor_watch.Thresholds(),
        model=config.models[sensor_watch.CARD.name],
        waived_by=config.waived_by.get(sensor_watch.CARD.name, ""),
    )
    return SensorStage(partition, book, sensor)


_STAGES: Final[Mapping[str, Callable[[int, ReferenceBook, WorkerConfig], Stage]]] = {
    ADMIT: _admit,
    SHIPMENT: _shipment,
    CORRIDOR: _corridor,
    SENSOR: _sensor,
}
