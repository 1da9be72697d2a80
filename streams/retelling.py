"""Telling again: what one device, or one shipment's devices, had in a partition's log, through a fresh stage.

Assumes the log's records in order, ticks too: from a moment at which what is asked had not begun. What was remembered
from before that moment is not there, so a rule that learns a habit may say otherwise; its state's hash tells. The
reference grows along, so that each record is judged by what the line knew then (``streams.hindsight``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.partitioner import partition_of
from contracts.readings import ReadingId, ShipmentReading, identity
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.hindsight import GrowingBook
from streams.shipment_stage import ShipmentConfig, ShipmentStage
from streams.stage import Outgoing

_ESCAPE: Final = b"\\u"  # a name may be written so, and then is not found as it reads
_ALERT: Final = msgspec.json.Decoder(Alert)


class _Named(msgspec.Struct):
    device_id: str


class _Identified(_Named):
    boot_id: int
    seq: int
    ref_version: int = 0


_NAMED: Final = msgspec.json.Decoder(_Named)
_IDENTIFIED: Final = msgspec.json.Decoder(_Identified)


class Judged(NamedTuple):
    """When stage 1 sent a reading on, by Kafka's time (UTC ms), and how many records of the reference it knew."""

    taken_ms: int
    version: int


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


def judged_in(value: bytes, taken_ms: int, device_id: str) -> Iterator[tuple[ReadingId, Judged]]:
    """The device's readings in this frame of joined ones, which Kafka took then, and how each was judged."""
    for told in _identified(lines_of_devices(value, (device_id,))):
        yield _identity(told), Judged(taken_ms, told.ref_version)


class DeviceRetelling:
    """The device's readings of ``telemetry.readings.v1``, admitted, joined and screened anew.

    ``judged`` says of those readings of which it is known how they were; ``heard`` has all that were judged again.
    """

    def __init__(
        self, device_id: str, book: GrowingBook, config: AdmitConfig, judged: Mapping[ReadingId, Judged] | None = None
    ) -> None:
        self.device_id = device_id
        self.partition = partition_of(device_id, config.partitions)
        self.heard: set[ReadingId] = set()
        self._judged = judged or {}
        self._book = book
        self._stage = AdmitStage(self.partition, book, config)

    def take(self, value: bytes, is_tick: bool, taken_ms: int) -> list[ShipmentReading]:
        """The next record of the device's partition, and when Kafka took it; its readings with what the rules find.

        Those new, that is.
        """
        if is_tick:
            return _readings(self._stage.process_tick(frames.decode_tick(value)))
        lines = lines_of_devices(value, (self.device_id,))
        if not lines:
            return []
        told = (self._judged.get(_identity(each)) for each in _identified(lines))
        self._book.know(*next(filter(None, told), (taken_ms,)))
        found = _readings([*self._stage.process_frame(b"\n".join(lines)), *self._stage.flush()])
        self.heard.update(map(identity, found))
        return found


class ShipmentRetelling:
    """The readings of these devices of ``shipment.readings.v1`` through stage 2 anew: its alerts."""

    def __init__(self, shipment_id: str, devices: Collection[str], book: GrowingBook, config: ShipmentConfig) -> None:
        self.devices = frozenset(devices)
        self.partition = partition_of(shipment_id, config.partitions)
        self.heard: set[ReadingId] = set()
        self._book = book
        self._stage = ShipmentStage(self.partition, book, config)

    def take(self, value: bytes, is_tick: bool, taken_ms: int) -> list[Alert]:
        """The next record of the shipment's partition, and when Kafka took it; what it has told."""
        if is_tick:
            self._book.know(taken_ms)
            return _alerts(self._stage.process_tick(frames.decode_tick(value)))
        lines = lines_of_devices(value, self.devices)
        if not lines:
            return []
        for each in _identified(lines):
            self._book.know(taken_ms, each.ref_version)
            self.heard.add(_identity(each))
        return _alerts(self._stage.process_frame(b"\n".join(lines)))


def _identified(lines: list[bytes]) -> Iterator[_Identified]:
    """Those of the lines that say which reading they are."""
    for line in lines:
        try:
            yield _IDENTIFIED.decode(line)
        except frames.UNREADABLE:
            continue  # a dead letter, in the line and here


def _identity(told: _Identified) -> ReadingId:
    return told.device_id, told.boot_id, told.seq


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
