"""Readings into one value a minute of each watched sensor, and crossings into values of their bridge: stage 1's part.

Assumes a device's readings one after another. A minute is told when its device's next reading of a later minute is
heard, whatever frame that comes in: no clock has a say, so a replay makes the same values. A reading of a minute
already told is left out. Where nothing is declared nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from contracts.events import Event
from contracts.readings import NO_FIX, ShipmentReading
from contracts.reference import Geofence, Shipment
from contracts.sensors import MINUTE_MS, SensorValue
from streams.reference_book import InForce, ReferenceBook

_BANDED: Final = "temperature_c"
_OF_CROSSING: Final = ("wait_s", "crossing_s")


class SensorMinutes:
    """The minute under way of each device that has a watched sensor. Rows are the caller's."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        # row -> minute (ms), boot, seq, shipment, lat, lon, band, sums by sensor: [sum, readings, low, high]
        self._open: dict[int, list[Any]] = {}

    def hear(
        self, rows: Sequence[int], readings: Sequence[ShipmentReading], joined: Sequence[InForce]
    ) -> tuple[list[SensorValue], set[int]]:
        """The minutes that these readings end; and the rows whose minute under way has changed."""
        told: list[SensorValue] = []
        changed: set[int] = set()
        for row, reading, found in zip(rows, readings, joined, strict=True):
            device = found.device
            if device is None or not device.sensor_ranges:
                if row in self._open and reading.time_ms >= self._open[row][0] + MINUTE_MS:
                    told += self._end(row, reading)
                    changed.add(row)
                continue
            minute_ms = reading.time_ms - reading.time_ms % MINUTE_MS
            under_way = self._open.get(row)
            if under_way is not None and minute_ms > under_way[0]:
                told += self._end(row, reading)
                under_way = None
            if under_way is None:
                under_way = self._open[row] = [minute_ms, 0, 0, None, None, None, "", {}]
            elif minute_ms < under_way[0]:
                continue
            changed.add(row)
            _add(under_way, reading, device.sensor_ranges)
            under_way[6] = _band(found.shipment)
        return told, changed

    def _end(self, row: int, later: ShipmentReading) -> list[SensorValue]:
        """The values of the minute under way, in order of the sensors' names; it is forgotten."""
        minute_ms, boot, seq, shipment_id, lat_deg, lon_deg, band, sums = self._open.pop(row)
        return [
            SensorValue(
                subject=later.device_id, sensor=sensor, time_ms=minute_ms, value=total / count, readings=count,
                low=low, high=high, band=band if sensor == _BANDED else "", device_id=later.device_id, boot_id=boot,
                seq=seq, shipment_id=shipment_id, lat_deg=lat_deg, lon_deg=lon_deg, exercise=later.exercise,
            )
            for sensor, (total, count, low, high) in sorted(sums.items())
        ]  # fmt: skip

    def dump(self, row: int) -> list[Any] | None:
        """One device's minute under way, for a checkpoint; None where there is none."""
        return self._open.get(row)

    def load(self, row: int, dumped: list[Any]) -> None:
        """Put a dumped row back."""
        self._open[row] = dumped


def _add(under_way: list[Any], reading: ShipmentReading, ranges: Mapping[Any, list[float]]) -> None:
    under_way[1:4] = reading.boot_id, reading.seq, reading.shipment_id
    if reading.lat_deg is not None and NO_FIX not in reading.marks:
        under_way[4:6] = reading.lat_deg, reading.lon_deg
    sums = under_way[7]
    for sensor, (low, high) in ranges.items():
        value = getattr(reading, sensor)
        if value is not None:
            total, count, _, _ = sums.get(sensor, (0.0, 0, low, high))
            sums[sensor] = [total + value, count + 1, low, high]


def _band(shipment: Shipment | None) -> str:
    if shipment is None or (shipment.min_temperature_c is None and shipment.max_temperature_c is None):
        return ""
    low, high = shipment.min_temperature_c, shipment.max_temperature_c
    return f"{'' if low is None else format(low, 'g')}..{'' if high is None else format(high, 'g')}"


def of_crossings(
    facts: Iterable[Event], readings: Sequence[ShipmentReading], joined: Sequence[InForce], book: ReferenceBook
) -> list[SensorValue]:
    """What the crossings among these facts took, of what each bridge's span declares. ``readings`` told the facts.

    A crossing is under notice if one was in force at any time from where it entered the queue: who came to a closed
    bridge and waited is, though it went over when that had opened again.
    """
    crossed = {(fact.device_id, fact.time_ms, fact.exercise): fact for fact in facts if fact.type == "BORDER_CROSSED"}
    told: list[SensorValue] = []
    if not crossed:
        return told
    for reading, found in zip(readings, joined, strict=True):
        event = crossed.pop((reading.device_id, reading.time_ms, reading.exercise), None)
        if event is not None and found.corridor is not None:
            told += _of_crossing(event, reading, found.corridor.geofences.values(), book)
    return told


def _of_crossing(
    event: Event, reading: ShipmentReading, places: Iterable[Geofence], book: ReferenceBook
) -> list[SensorValue]:
    ranges = next((p.sensor_ranges for p in places if p.bridge == event.bridge and p.sensor_ranges), {})
    queued_ms = event.time_ms - int(1000.0 * (event.wait_s or 0.0))
    notice = book.notice(event.bridge or "", event.direction, event.lane, queued_ms, event.time_ms)
    return [
        SensorValue(
            subject=f"{event.bridge}:{event.direction}:{event.lane}", sensor=sensor, time_ms=event.time_ms,
            value=value, low=ranges[sensor][0], high=ranges[sensor][1], device_id=event.device_id,
            boot_id=reading.boot_id, seq=reading.seq, shipment_id=event.shipment_id, lat_deg=event.lat_deg,
            lon_deg=event.lon_deg, exercise=event.exercise,
            notice=None if notice is None else notice.notice_id,
        )
        for sensor in _OF_CROSSING
        if sensor in ranges and (value := getattr(event, sensor)) is not None
    ]  # fmt: skip
