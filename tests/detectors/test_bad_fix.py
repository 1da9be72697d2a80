"""Of three fixes, the bad one is that without which the others go on as the device tells."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import bad_fix
from detectors.columns import Columns
from detectors.geometry import EARTH_RADIUS_M

BOUNDS = bad_fix.AsTold(share=0.1, speed_doubt_kmh=3.0, speed_max_kmh=160.0, step_max_s=90.0)
AT = np.array([0])
NEAR_M = np.array([8.0])
NOWHERE = float("nan")


def degrees(north_m: float) -> float:
    return float(np.rad2deg(north_m / EARTH_RADIUS_M))


def told(**metres_and_speeds: tuple[float, float, int]) -> Columns:
    """A device's columns: ``last``, ``true`` and ``before``, each metres north, km/h and seconds."""
    columns = Columns(
        **{name: np.float32(NOWHERE) for name in ("lat", "lon", "told_kmh", "true_lat", "true_lon")},
        at_ms=np.int64(-1), true_ms=np.int64(-1), near_m=np.float32(8.0), **bad_fix.COLUMNS,
    )  # fmt: skip
    columns.ensure(1)
    names = {"last": bad_fix._LAST, "true": bad_fix._TRUE, "before": bad_fix._BEFORE}
    for which, (north_m, kmh, seconds) in metres_and_speeds.items():
        for name, value in zip(names[which], (degrees(north_m), 0.0, kmh, 1_000 * seconds), strict=True):
            columns[name][0] = value
    return columns


def fix(north_m: float, kmh: float, seconds: int) -> bad_fix.Fix:
    return bad_fix.Fix(
        np.array([degrees(north_m)], np.float32), np.zeros(1, np.float32), np.array([kmh]), np.array([1_000 * seconds])
    )


@pytest.mark.parametrize(
    ("last", "bad"),
    [
        ((-450.0, 90.0, 30), True),
        ((2_300.0, 90.0, 30), True),
        ((-450.0, NOWHERE, 30), True),
        ((750.0, 90.0, 30), False),  # it went on as told: who jumps is the other
        ((-450.0, 0.0, 30), False),  # it may have turned and stopped
        ((-750.0, 90.0, 30), False),  # it may have turned
    ],
)
def test_the_last_fix_was_bad_where_the_next_goes_on_from_before_it_and_it_did_not(
    last: tuple[float, float, int], bad: bool
) -> None:
    columns = told(before=(0.0, 90.0, 0), last=last)
    assert bad_fix.was_bad(columns, AT, fix(1_500.0, 90.0, 60), NEAR_M, BOUNDS).tolist() == [bad]
    assert not bad_fix.was_bad(columns, AT, fix(9_000.0, 90.0, 60), NEAR_M, BOUNDS).any()
    assert not bad_fix.was_bad(columns, AT, fix(1_500.0, NOWHERE, 60), NEAR_M, BOUNDS).any()


@pytest.mark.parametrize(
    ("jumped_to_m", "before_m", "gap", "alone"),
    [
        (9_000.0, NOWHERE, False, True),
        (2_250.0, NOWHERE, False, False),  # it may have turned there, or the way went on from before
        (2_250.0, -750.0, False, True),  # which the fix before that decides
        (2_250.0, 2_250.0, False, False),
        (2_250.0, NOWHERE, True, True),  # in a gap all may have been driven
    ],
)
def test_a_jump_is_left_alone_by_what_goes_on_from_before_it(
    jumped_to_m: float, before_m: float, gap: bool, alone: bool
) -> None:
    columns = told(before=(before_m, 90.0, -30), true=(0.0, 90.0, 0), last=(jumped_to_m, 90.0, 30))
    lost = np.array([gap])
    assert bad_fix.leaves_alone(columns, AT, fix(1_500.0, 90.0, 60), NEAR_M, lost, BOUNDS).tolist() == [alone]


def test_a_fix_before_is_kept_with_its_speed_and_time() -> None:
    columns = told(last=(750.0, 90.0, 30))
    bad_fix.remember(columns, AT)
    row = columns.row(0)
    assert [row[name] for name in bad_fix._BEFORE] == [row[name] for name in bad_fix._LAST]
    assert row["before_ms"] == 30_000


@pytest.mark.parametrize(
    ("step_s", "before_s", "gap"), [(30.0, 30.0, False), (91.0, 30.0, True), (300.0, 300.0, False)]
)
def test_a_gap_is_a_step_in_which_a_reading_was_lost(step_s: float, before_s: float, gap: bool) -> None:
    assert bool(BOUNDS.is_gap(np.array(step_s), np.array(before_s))) is gap
