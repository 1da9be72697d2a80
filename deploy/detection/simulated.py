"""Simulated days as labelled series: each watched sensor's minutes, and when it was sick.

The same minutes as the line's own (``streams.sensor_values``, by event time), told from the simulator's readings in the
order in which they are sent. A window is a fault of that very sensor; so a detector is asked for what is wrong with a
sensor, among heat, doors, other goods and the road, which are not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from contracts.readings import Reading
from contracts.sensors import MINUTE_MS
from deploy.detection.benchmark import Series, labelled
from simulators import Fleet, scenarios
from simulators.rigs import RANGES
from simulators.sick_sensors import FIELDS

SCENARIO: Final = "sensors"
_START_MS: Final = 1_790_000_000_000
_RULE: Final = "sensor_anomaly"


def days(seed: int, hours: float | None = None, shipments: int | None = None) -> list[Series]:
    """The watched sensors' series of one run of the scenario, by device and sensor."""
    horizon_s = None if hours is None else 3600.0 * hours
    fleet = scenarios.load(SCENARIO).make(seed, _START_MS, live_first=True, shipments=shipments, horizon_s=horizon_s)
    found = []
    sick = {(device, sensor): spans for device, sensor, spans in _sick(fleet)}
    kinds = {device.device_id: device.kind for rig in fleet.rigs for device in rig.devices}
    for (device, sensor), minutes in sorted(_minutes(fleet.run(), kinds).items()):
        times = tuple(minutes)
        values = tuple(total / count for total, count in minutes.values())
        spans = [rows for span in sick.get((device, sensor), []) if (rows := _rows(times, *span)) is not None]
        low, high = RANGES[kinds[device]][sensor]
        found.append(labelled(f"{seed}/{device}/{sensor}", times, values, spans, (low, high)))
    return found


def _minutes(sent: Any, kinds: dict[str, Any]) -> dict[tuple[str, Any], dict[int, list[float]]]:
    """By device and sensor, and by minute (UTC ms): the sum of its readings and how many there were."""
    found: dict[tuple[str, Any], dict[int, list[float]]] = defaultdict(dict)
    newest: dict[str, int] = {}
    reading: Reading
    for _, _, reading in sent:
        minute_ms = reading.time_ms - reading.time_ms % MINUTE_MS
        if minute_ms < newest.get(reading.device_id, 0):
            continue  # told already when it came
        newest[reading.device_id] = minute_ms
        for sensor in RANGES[kinds[reading.device_id]]:
            value = getattr(reading, sensor)
            if value is not None:
                sums = found[reading.device_id, sensor].setdefault(minute_ms, [0.0, 0])
                sums[0] += value
                sums[1] += 1
    return found


def _sick(fleet: Fleet) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    for rig in fleet.rigs:
        for device in rig.devices:
            for sensor in RANGES[device.kind]:
                spans = [
                    (i.start_ms, i.end_ms)
                    for i in rig.injections
                    if i.rule == _RULE and device.kind in i.kinds and FIELDS[i.text] == sensor
                ]
                yield device.device_id, sensor, spans


def _rows(times_ms: tuple[int, ...], start_ms: float, end_ms: float) -> tuple[int, int] | None:
    """The first and the last row whose minute touches this span; None where there is none."""
    rows = [row for row, time_ms in enumerate(times_ms) if start_ms - MINUTE_MS < time_ms <= end_ms]
    return (rows[0], rows[-1]) if rows else None
