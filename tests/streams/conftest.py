"""A small world for stage tests, and property tests that draw the same examples each time, by no clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from contracts import frames, reference, topics
from contracts.alerts import Alert
from contracts.deadletters import DeadLetter
from contracts.events import Event
from contracts.partitioner import partition_of
from contracts.readings import ShipmentReading, Tick
from detectors import signal_lost
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.audiences import Audience
from streams.reference_book import ReferenceBook
from streams.shipment_stage import ShipmentConfig, ShipmentStage
from streams.stage import Outgoing, Stage, StateChange

settings.register_profile(
    "puente", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("puente")

T0 = 1_790_000_000_000
AUDIENCES = (Audience("us", ("US",)), Audience("mx", ("MX",)), Audience("joint"))


class World:
    """Two routes out of Laredo, shipments with a truck, a container device and a seal each; builders for messages."""

    t0_ms = T0
    partitions = 2
    audiences = AUDIENCES

    def route(self, route_id: str = "I35", effective_ms: int = 0, **more: Any) -> reference.Record:
        yard = [[-99.52, 27.48], [-99.50, 27.48], [-99.50, 27.52], [-99.52, 27.52], [-99.52, 27.48]]
        return self.record(
            **{
                "kind": "route",
                "effective_ms": effective_ms,
                "route_id": route_id,
                "line": {"type": "LineString", "coordinates": [[-99.51, 27.50], [-99.51, 29.0]]},
                "half_width_m": 500.0,
                "geofences": [
                    {"geofence_id": "yard", "area": {"type": "Polygon", "coordinates": [yard]}, "seal_may_open": True}
                ],
                "expected_travel_s": 9_000.0,
                **more,
            }
        )

    def shipment(self, n: int = 1, effective_ms: int = 0, **more: Any) -> reference.Record:
        return self.record(
            **{
                "kind": "shipment",
                "effective_ms": effective_ms,
                "shipment_id": f"S{n}",
                "container": "CSQU3054383",
                "carrier_scac": "CRDN",
                "device_ids": [f"truck-{n}", f"box-{n}", f"seal-{n}"],
                "route_id": "I35",
                "direction": "northbound",
                "origin": "MXNLD",
                "destination": "USLRD",
                "min_temperature_c": 2.0,
                "max_temperature_c": 8.0,
                **more,
            }
        )

    def device(self, device_id: str, effective_ms: int = 0, interval_s: float = 1.0) -> reference.Record:
        kind = {"truck": "truck", "box": "container", "seal": "seal"}.get(device_id.split("-")[0], "phone")
        return self.record(
            kind="device",
            effective_ms=effective_ms,
            device_id=device_id,
            carrier_scac="CRDN",
            device_kind=kind,
            interval_s=interval_s,
        )

    @staticmethod
    def record(**fields: Any) -> reference.Record:
        return reference.parse(msgspec.json.encode(fields))

    @staticmethod
    def book(*records: reference.Record) -> ReferenceBook:
        book = ReferenceBook()
        for record in records:
            book.apply(record)
        return book

    def records(self, shipments: int = 2) -> list[reference.Record]:
        """That many shipments under way, their devices declared at one reading a second."""
        found = [self.route()]
        for n in range(1, shipments + 1):
            found += [self.shipment(n), *(self.device(f"{kind}-{n}") for kind in ("truck", "box", "seal"))]
        return found

    def fleet(self, shipments: int = 2) -> ReferenceBook:
        """A book of these."""
        return self.book(*self.records(shipments))

    def admit(self, book: ReferenceBook, partition: int = 0, **config: Any) -> AdmitStage:
        return AdmitStage(partition, book, AdmitConfig(self.partitions, **config))

    def shipments(self, book: ReferenceBook, partition: int = 0, **config: Any) -> ShipmentStage:
        return ShipmentStage(partition, book, self.shipment_config(**config))

    def shipment_config(self, **config: Any) -> ShipmentConfig:
        """Nothing here lasts for minutes: who speaks each second is silent after ten."""
        often = {"signal_lost": signal_lost.Thresholds(least_s=8.0)}
        return ShipmentConfig(self.partitions, self.audiences, **{"thresholds": often, **config})

    @staticmethod
    def line(device_id: str = "truck-1", seq: int = 0, boot_id: int = 1, **fields: Any) -> bytes:
        """A reading as a device sends it; ``after_s`` is its time past t0, ``seq`` seconds where not given."""
        time_ms = T0 + round(1_000 * fields.pop("after_s", seq))
        return msgspec.json.encode(
            {"device_id": device_id, "boot_id": boot_id, "seq": seq, "time_ms": time_ms, **fields}
        )

    @staticmethod
    def frame(*lines: bytes) -> bytes:
        return b"".join(line + b"\n" for line in lines)

    @staticmethod
    def tick(after_s: float, source: str = "gateway") -> Tick:
        return Tick(source, T0 + round(1_000 * after_s))

    def lane_of(self, device_id: str) -> int:
        return partition_of(device_id, self.partitions)

    def partition_of_shipment(self, shipment_id: str) -> int:
        return partition_of(shipment_id, self.partitions)

    # -- what came out -----------------------------------------------------------------------------------------

    @staticmethod
    def readings(out: Iterable[Outgoing]) -> list[ShipmentReading]:
        found: list[ShipmentReading] = []
        for record in out:
            if record.topic == topics.SHIPMENT_READINGS and frames.kind_of(record.headers) == "frame":
                found += frames.decode_shipment_readings(frames.lines_of(record.value))
        return found

    @staticmethod
    def letters(out: Iterable[Outgoing]) -> list[DeadLetter]:
        return [msgspec.json.decode(r.value, type=DeadLetter) for r in out if r.topic == topics.REFUSED]

    @staticmethod
    def events(out: Iterable[Outgoing]) -> list[Event]:
        return [msgspec.json.decode(r.value, type=Event) for r in out if r.topic == topics.SHIPMENT_EVENTS]

    @staticmethod
    def alerts(out: Iterable[Outgoing], audience: str = "joint") -> list[Alert]:
        return [msgspec.json.decode(r.value, type=Alert) for r in out if r.topic == topics.alerts(audience)]

    @staticmethod
    def checkpoint(stage: Stage, saved: dict[str, bytes]) -> None:
        """Write what has changed into ``saved``, as the compacted topic would hold it."""
        change: StateChange
        for change in stage.changes():
            key, value = change
            if value is None:
                saved.pop(key, None)
            else:
                saved[key] = value


@pytest.fixture(scope="session")
def world() -> World:
    """See ``World``; it holds no state."""
    return World()
