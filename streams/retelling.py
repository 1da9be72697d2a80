"""Telling again: what one device, or one shipment's devices, had in a partition's log, through a fresh stage.

Assumes the log's records in order, ticks too: from a moment at which what is asked had not begun. What was remembered
from before that moment is not there, so a rule that learns a habit may say otherwise; its state's hash tells.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.partitioner import partition_of
from contracts.readings import ShipmentReading
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.reference_book import ReferenceBook
from streams.shipment_stage import ShipmentConfig, ShipmentStage
from streams.stage import Outgoing

_ESCAPE: Final = b"\\u"  # a name may be written so, and then is not found as it reads
_ALERT: Final = msgspec.json.Decoder(Alert)


class _Named(msgspec.Struct):
    device_id: str


_NAMED: Final = msgspec.json.Decoder(_Named)


def lines_of_devices(value: bytes, devices: Collection[str]) -> list[bytes]:
    """A frame's lines that are of these devices; what is no reading is of none."""
    names = [name.encode() for name in devices]
    if not any(name in value for name in names) and _ESCAPE not in value:
        return []
    found = []
    for line in frames.lines_of(value):
        if not any(name in line for name in names) and _ESCAPE not in line:
            continue
        try:
            named = _NAMED.decode(line)
        except frames.UNREADABLE:
            continue
        if named.device_id in devices:
            found.append(line)
    return found


class DeviceRetelling:
    """The device's readings of ``telemetry.readings.v1``, admitted, joined and screened anew."""

    def __init__(self, device_id: str, book: ReferenceBook, config: AdmitConfig) -> None:
        self.device_id = device_id
        self.partition = partition_of(device_id, config.partitions)
        self.heard = 0
        self._stage = AdmitStage(self.partition, book, config)

    def take(self, value: bytes, is_tick: bool) -> list[ShipmentReading]:
        """The next record of the device's partition; its readings with what the rules find in them, those new."""
        if is_tick:
            return _readings(self._stage.process_tick(frames.decode_tick(value)))
        lines = lines_of_devices(value, (self.device_id,))
        if not lines:
            return []
        found = _readings([*self._stage.process_frame(b"\n".join(lines)), *self._stage.flush()])
        self.heard += len(found)
        return found


class ShipmentRetelling:
    """The readings of these devices of ``shipment.readings.v1`` through stage 2 anew: its alerts."""

    def __init__(self, shipment_id: str, devices: Collection[str], book: ReferenceBook, config: ShipmentConfig) -> None:
        self.devices = frozenset(devices)
        self.partition = partition_of(shipment_id, config.partitions)
        self.heard = 0
        self._stage = ShipmentStage(self.partition, book, config)

    def take(self, value: bytes, is_tick: bool) -> list[Alert]:
        """The next record of the shipment's partition; what it has told."""
        if is_tick:
            return _alerts(self._stage.process_tick(frames.decode_tick(value)))
        lines = lines_of_devices(value, self.devices)
        self.heard += len(lines)
        return _alerts(self._stage.process_frame(b"\n".join(lines))) if lines else []


def _readings(records: list[Outgoing]) -> list[ShipmentReading]:
    told = (r for r in records if r.topic == topics.SHIPMENT_READINGS and frames.kind_of(r.headers) == "frame")
    return [reading for r in told for reading in frames.decode_shipment_readings(frames.lines_of(r.value))]


def _alerts(records: list[Outgoing]) -> list[Alert]:
    found: dict[tuple[str, int], Alert] = {}
    for record in records:
        if record.topic.startswith("alerts."):
            alert = _ALERT.decode(record.value)
            found[alert.alert_id, alert.revision] = alert
    return list(found.values())
