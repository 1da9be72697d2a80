"""Rounds of readings for rule tests, and property tests that draw the same examples each time, by no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from detectors.device_batch import KIND_CODES, SEAL_CODES, SENSOR_BITS, DeviceBatch
from detectors.rule import DeviceRule

settings.register_profile(
    "puente", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("puente")

_DTYPES: dict[str, Any] = {
    **dict.fromkeys(["in_order", "guarded", "new_shipment", "may_stand"], np.bool_),
    **dict.fromkeys(["seal_may_open", "placed", "door_open"], np.bool_),
    **dict.fromkeys(["seal_code", "missing", "uptime_ms", "time_ms", "seen_ms"], np.int64),
    **dict.fromkeys(["kind", "seal_match"], np.int8),
    **dict.fromkeys(["seal_number", "seal_expected"], object),
    "sensors": np.uint8,
}
_MEASURED = (
    *(
        "lat_deg",
        "lon_deg",
        "speed_kmh",
        "accuracy_m",
        "off_route_m",
        "along_km",
        "queue_begins_km",
        "queue_ends_km",
        "half_width_m",
        "temperature_c",
    ),
    *("min_temperature_c", "max_temperature_c", "humidity_pct", "vibration_g", "shock_g", "battery_pct"),
    "seal_openings",
)


def make_batch(n: int = 1, rows: list[int] | None = None, **columns: Any) -> DeviceBatch:
    """``n`` readings of as many devices; a column is a value for all or a list with one each; else quiet or missing."""
    state = columns.pop("seal_state", None)
    states = state if isinstance(state, list) else [state] * n
    quiet: dict[str, Any] = {
        "in_order": True,
        "guarded": True,
        "new_shipment": False,
        "kind": KIND_CODES["truck"],
        "sensors": sum(SENSOR_BITS.values()),
        "may_stand": False,
        "door_open": False,
        "seal_code": [SEAL_CODES[s] for s in states],
        "seal_may_open": False,
        "placed": True,
        "seen_ms": -1,
        "seen_lat_deg": np.nan,
        "seen_lon_deg": np.nan,
        "seal_match": 0,
        "seal_number": None,
        "seal_expected": None,
        "missing": -1,
        "uptime_ms": 0,
        "time_ms": 0,
        **dict.fromkeys(_MEASURED, np.nan),
    }
    assert columns.keys() <= quiet.keys(), columns.keys() - quiet.keys()
    arrays = {
        name: np.array(np.broadcast_to(value, n), _DTYPES.get(name, np.float64))
        for name, value in {**quiet, **columns}.items()
    }
    at = np.arange(n) if rows is None else np.array(rows)
    return DeviceBatch(rows=at, **arrays)


@pytest.fixture(scope="session")
def batch() -> Callable[..., DeviceBatch]:
    """A round: see ``make_batch``."""
    return make_batch


@pytest.fixture(scope="session")
def hear() -> Callable[..., list[str]]:
    """What a rule says of one device's readings, one after the other: trip, clear or "-"."""

    def say(rule: DeviceRule, *readings: dict[str, Any], row: int = 0) -> list[str]:
        rule.columns.ensure(row + 1)
        said = [int(rule.judge(make_batch(rows=[row], **reading)).level[0]) for reading in readings]
        return [{1: "trip", 0: "-", -1: "clear"}[level] for level in said]

    return say
