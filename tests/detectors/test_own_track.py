"""A position is unsure where its device's own track contradicts its place or its time, and where no road could."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.geometry import EARTH_RADIUS_M
from detectors.own_track import Pace, Told, unsure

PACE = Pace(most_kmh=110.0, doubt_kmh=3.0, steady_s=35.0, gain_kmh=0.5)
METRE = math.degrees(1.0 / EARTH_RADIUS_M)


def found(*rows: tuple[float, float, float], device: list[int] | None = None, **more: Any) -> list[int]:
    """Of rows of (seconds, metres north, km/h told), in order, which are unsure."""
    n = len(rows)
    told = Told(
        time_ms=np.array([round(1_000 * at_s) for at_s, _, _ in rows], np.int64),
        boot_id=np.array(more.get("boot", [1] * n), np.int64),
        seq=np.array(more.get("seq", range(n)), np.int64),
        lat_deg=28.0 + METRE * np.array([north_m for _, north_m, _ in rows]),
        lon_deg=np.full(n, -99.5),
        accuracy_m=np.full(n, more.get("accuracy_m", 6.0)),
        speed_kmh=np.array([kmh for _, _, kmh in rows], float),
    )
    return np.flatnonzero(unsure(np.array(device or [0] * n), told, PACE)).tolist()


def drive(n: int = 6, kmh: float = 90.0) -> list[tuple[float, float, float]]:
    return [(30.0 * k, 30.0 * k * kmh / 3.6, kmh) for k in range(n)]


def test_a_steady_drive_is_sure() -> None:
    assert found(*drive()) == []


@pytest.mark.parametrize("wrong_s", [-25, -12, -8, 8, 12, 25])
def test_a_wrong_time_is_unsure_and_so_is_the_one_after_it(wrong_s: float) -> None:
    rows = drive()
    rows[3] = (rows[3][0] + wrong_s, *rows[3][1:])
    assert 3 in found(*rows)
    assert set(found(*rows)) <= {3, 4}


@pytest.mark.parametrize("wrong_s", [-100, -45, 45, 100])
def test_a_wrong_time_is_unsure_wherever_it_comes_to_lie(wrong_s: float) -> None:
    rows = drive(12)
    late = (rows[6][0] + wrong_s, *rows[6][1:])
    order = sorted([*enumerate(rows[:6]), (6, late), *enumerate(rows[7:], 7)], key=lambda one: one[1][0])
    at = [number for number, _ in order].index(6)
    assert at in found(*(row for _, row in order))
    assert at in found(*(row for _, row in order), seq=[number for number, _ in order])


def test_a_place_that_nothing_drove_to_is_unsure() -> None:
    rows = drive()
    rows[3] = (rows[3][0], rows[3][1] + 900.0, 90.0)
    assert found(*rows) == [3, 4]
    assert found(*rows, accuracy_m=500.0) == []


@given(st.lists(st.floats(0.0, 110.0), min_size=2, max_size=20), st.integers(1, 60))
def test_a_device_that_goes_no_faster_and_no_slower_than_it_tells_is_sure(speeds: list[float], every_s: int) -> None:
    rows, north_m = [(0.0, 0.0, speeds[0])], 0.0
    for k, (before, now) in enumerate(itertools.pairwise(speeds), 1):
        north_m += every_s * (before + now) / 2 / 3.6
        rows.append((float(every_s * k), north_m, now))
    assert found(*rows) == []


def test_after_a_while_it_may_have_gone_faster_or_stood() -> None:
    for north_m in (0.0, 9_000.0):
        assert found((0.0, 0.0, 90.0), (300.0, north_m, 90.0)) == []
    assert found((0.0, 0.0, 90.0), (300.0, 9_500.0, 90.0)) == [1]


def test_who_tells_no_speed_may_have_stood_or_gone_as_fast_as_any() -> None:
    nothing = math.nan
    assert found((0.0, 0.0, nothing), (30.0, 0.0, nothing), (60.0, 900.0, nothing)) == []
    assert found((0.0, 0.0, nothing), (30.0, 950.0, nothing)) == [1]


def test_a_number_lower_than_that_of_the_one_before_it_is_unsure_unless_the_device_has_started_again() -> None:
    stands = [(30.0 * k, 0.0, 0.0) for k in range(4)]
    assert found(*stands, seq=[7, 8, 6, 9]) == [2]
    assert found(*stands, seq=[7, 8, 0, 1], boot=[1, 1, 2, 2]) == []


def test_each_device_is_held_to_its_own_positions() -> None:
    stands = [(10.0 + 30.0 * k, -5_000.0, 0.0) for k in range(6)]
    rows = [row for pair in zip(drive(), stands, strict=True) for row in pair]
    numbers = [k for k in range(6) for _ in range(2)]
    assert found(*rows, device=[4, 2] * 6, seq=numbers) == []
    rows[6] = (*rows[6][:1], rows[6][1] + 900.0, 90.0)
    assert found(*rows, device=[4, 2] * 6, seq=numbers) == [6, 8]


def test_nothing_is_unsure_of_none() -> None:
    assert found() == []
