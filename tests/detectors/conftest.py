"""Rounds of readings for rule tests, and property tests that draw the same examples each time, by no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from detectors.device_batch import SEAL_CODES, DeviceBatch
from detectors.rule import DeviceRule

settings.register_profile(
    "puente", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("puente")

_DTYPES = {"in_order": np.bool_, "guarded": np.bool_, "seal_may_open": np.bool_, "seal_code": np.int64}


def make_batch(n: int = 1, rows: list[int] | None = None, **columns: Any) -> DeviceBatch:
    """``n`` readings of as many devices; a column is a value for all or a list with one each; else quiet or missing."""
    state = columns.pop("seal_state", None)
    states = state if isinstance(state, list) else [state] * n
    quiet: dict[str, Any] = {
        "in_order": True,
        "guarded": True,
        "seal_code": [SEAL_CODES[s] for s in states],
        "seal_may_open": False,
        **dict.fromkeys(["off_route_m", "half_width_m", "accuracy_m", "temperature_c"], np.nan),
        **dict.fromkeys(["min_temperature_c", "max_temperature_c", "seal_openings"], np.nan),
    }
    assert columns.keys() <= quiet.keys(), columns.keys() - quiet.keys()
    arrays = {
        name: np.array(np.broadcast_to(value, n), _DTYPES.get(name, np.float64))
        for name, value in {**quiet, **columns}.items()
    }
    at = np.arange(n) if rows is None else np.array(rows)
    return DeviceBatch(rows=at, time_ms=np.zeros(n, np.int64), **arrays)


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
