"""Sick sensors: what one tells that is stuck, is far noisier than it was, or whose firmware mistakes its unit."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators.faults import Injection

Floats: TypeAlias = NDArray[np.float64]

FIELDS: Final = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "shock": "shock_g",
    "vibration": "vibration_g",
}
SENSORS: Final = {"container": ("temperature", "humidity", "shock"), "truck": ("vibration",)}
SATURATED: Final = {"temperature": (85.0, -127.0), "humidity": (100.0,), "shock": (16.0,), "vibration": (2.0, 4.0)}
USUAL_NOISE: Final = {"temperature": 0.12, "humidity": 0.5, "shock": 0.03, "vibration": 0.03}  # standard deviations
UNIT: Final = {"temperature": 1.8, "humidity": 0.01, "shock": 9.80665, "vibration": 9.80665}  # what one is told as
_ZERO: Final = {"temperature": 32.0}  # and what zero is: degrees Fahrenheit for Celsius
_DECIMALS: Final = {"temperature": 2, "humidity": 2, "shock": 3, "vibration": 3}


def told(injection: Injection, values: Floats, bell: Floats) -> Floats:
    """What the sensor tells instead of these values. ``bell``: standard normal numbers, one a value."""
    sensor = injection.text
    if injection.rule == "sensor_stuck":
        return np.full(len(values), injection.value)
    if injection.variant == "unit":
        said = values * UNIT[sensor] + _ZERO.get(sensor, 0.0)
    else:
        said = values + injection.size * USUAL_NOISE[sensor] * bell
    if sensor == "humidity":
        said = np.clip(said, 0.0, 100.0)
    return np.round(said, _DECIMALS[sensor])
