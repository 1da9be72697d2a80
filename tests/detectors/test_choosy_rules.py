"""What a choosy rule does not heed could not have mattered: frames judged whole, and only what is heeded of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import catalog
from detectors.device_batch import KIND_CODES, SEAL_CODES, DeviceBatch
from detectors.rule import Choosy, DeviceRule

CHOOSY = [rule.card.name for rule in catalog.device_rules() if isinstance(rule, Choosy)]
DEVICES = 3


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


NAN = float("nan")
readings = st.fixed_dictionaries(
    {
        "in_order": some(True, True, True, False),
        "guarded": some(True, True, True, False),
        "new_shipment": some(False, False, False, True),
        "kind": some(KIND_CODES["truck"], KIND_CODES["container"], KIND_CODES["phone"]),
        "may_stand": some(False, False, True),
        "seal_may_open": some(False, False, True),
        "placed": some(True, True, False),
        "door_open": some(False, False, True),
        "seal_state": some(None, "armed", "armed", "open", "removed", "tampered"),
        "seal_openings": some(NAN, 0.0, 0.0, 1.0, 2.0),
        "seal_match": some(0, 1, 1, -1),
        "missing": some(-1, -1, 0, 3),
        "lat_deg": some(28.0, 28.0, 28.1, NAN),
        "lon_deg": some(-99.4, NAN),
        "speed_kmh": some(0.0, 0.0, 90.0, NAN),
        "accuracy_m": some(5.0, 50.0, NAN),
        "off_route_m": some(10.0, 505.0, 900.0, NAN),
        "half_width_m": some(500.0, 500.0, NAN),
        "temperature_c": some(5.0, 5.1, 20.0, NAN),
        "min_temperature_c": some(2.0, NAN),
        "max_temperature_c": some(8.0, NAN),
        "humidity_pct": some(55.0, 56.0, NAN),
        "vibration_g": some(0.02, 16.0, NAN),
        "shock_g": some(0.3, -9.0, NAN),
        "battery_pct": some(90.0, 8.0, NAN),
        "sensors": some(0, 1, 7, 15),
    }
)
frames = st.lists(st.lists(st.tuples(st.integers(0, DEVICES - 1), readings), max_size=6), max_size=12)


def judged(rule: DeviceRule, batch: DeviceBatch, only: Any) -> list[tuple[int, float]]:
    """One frame, a reading at a time; those not in ``only`` are not shown to the rule."""
    said = []
    for i, shown in enumerate(only):
        verdict = rule.judge(batch.take(np.array([i]))) if shown else None
        said.append((int(verdict.level[0]), float(verdict.score[0])) if verdict and verdict.level[0] else (0, 0.0))
    return said


def of_devices(batch: DeviceBatch, heeded: Any) -> Any:
    """All readings of the devices that have one that is heeded."""
    return np.isin(batch.rows, batch.rows[heeded])


@pytest.mark.parametrize("name", CHOOSY)
@given(frames)
def test_what_is_not_heeded_says_nothing_and_changes_nothing(batch, name: str, frames) -> None:
    whole, choosy = (next(r for r in catalog.device_rules() if r.card.name == name) for _ in range(2))
    for rule in (whole, choosy):
        rule.columns.ensure(DEVICES)
    for turn, frame in enumerate(frames):
        if not frame:
            continue
        columns = {key: [reading[key] for _, reading in frame] for key in frame[0][1]}
        times = [60_000 * (6 * turn + n) for n in range(len(frame))]
        made = batch(len(frame), rows=[row for row, _ in frame], time_ms=times, uptime_ms=times[0], **columns)
        assert isinstance(choosy, Choosy)
        heeded = of_devices(made, choosy.heeds(made))
        assert judged(choosy, made, heeded) == judged(whole, made, np.ones(len(frame), np.bool_))
        for row in range(DEVICES):
            assert str(choosy.columns.row(row)) == str(whole.columns.row(row))


def test_the_rules_that_care_for_few_readings_say_so() -> None:
    assert set(CHOOSY) >= {"seal_breach", "seal_mismatch", "route_deviation", "unplanned_stop", "shock", "reading_gap"}
    assert len(SEAL_CODES) == 5  # every state of a seal is in the readings above
