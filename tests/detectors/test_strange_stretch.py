"""When a strange stretch begins, is over, is due to be told and has come to stay, whatever makes its values strange."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.strange_stretch import HOUR_MS, StrangeStretch, StretchShape, Turn

MINUTE_MS = 60_000
WILD_FOR = 100
SHAPE = StretchShape()
FEW = replace(SHAPE, new_normal=6, new_normal_ms=10 * MINUTE_MS, untold=3, ordinary=4, ending=5)

steps = st.lists(
    st.tuples(
        st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from([MINUTE_MS, 0, -HOUR_MS, 10**12])
    ),
    max_size=60,
)  # strange, certain, told, alarm, ms since the value before


class Series:
    """Values a minute apart through one stretch after another."""

    def __init__(self, shape: StretchShape = SHAPE) -> None:
        self.stretch = StrangeStretch(shape, WILD_FOR)
        self.at, self.time_ms = 1_000, 0

    def hear(
        self,
        strange: bool,
        certain: bool = False,
        told: bool = False,
        alarm: bool = False,
        since_ms: int = MINUTE_MS,
        times: int = 1,
    ) -> Turn:
        for _ in range(times):
            self.time_ms += since_ms
            turn = self.stretch.take(strange, certain, told, alarm, self.at, self.time_ms, since_ms)
            self.at += 1
        return turn


def test_a_strange_value_begins_a_stretch_and_the_first_that_is_none_is_its_end():
    series = Series()
    assert series.hear(strange=True) == Turn(over=False, begins=True, stays=False, trusted=False)
    assert series.hear(strange=True) == Turn(over=False, begins=False, stays=False, trusted=False)
    assert series.hear(strange=False) == Turn(over=True, begins=False, stays=False, trusted=True)
    assert series.hear(strange=False) == Turn(over=False, begins=False, stays=False, trusted=True)


@pytest.mark.parametrize("alarm", [True, False])
def test_one_of_which_somebody_is_told_is_over_with_fifteen_ordinary_values_in_a_row(alarm: bool):
    series = Series()
    series.hear(strange=True, alarm=alarm)
    for _ in range(SHAPE.ordinary - 1):
        turn = series.hear(strange=False)
    assert turn.trusted
    assert (series.stretch.values > 0) == alarm
    series.hear(strange=True)
    assert series.hear(strange=False, times=SHAPE.ordinary - 1).over is False
    assert (series.stretch.values > 0) == alarm
    assert series.hear(strange=False).over == alarm


@pytest.mark.parametrize(
    ("values", "since_ms", "stays"),
    [
        (SHAPE.new_normal, HOUR_MS, False),  # too few
        (SHAPE.new_normal + 1, HOUR_MS, True),
        (8 * 60, MINUTE_MS, False),  # the eighth hour is not over
        (8 * 60 + 1, MINUTE_MS, True),
        (SHAPE.new_normal + 1, 10**15, True),  # a hundred values, each of which counts for an hour
        (8 * 60 + 1, -MINUTE_MS, False),  # time that goes back is none
        (8 * 60 + 1, 0, False),
    ],
)
def test_what_has_lasted_for_eight_hours_and_a_hundred_values_has_come_to_stay(values: int, since_ms: int, stays: bool):
    series = Series()
    turn = series.hear(strange=True, since_ms=since_ms, times=values)
    assert (turn.stays, turn.trusted) == (stays, stays)
    assert series.stretch.new_normal_ms == (series.time_ms if stays else -1)


def test_one_wrong_time_makes_a_stretch_an_hour_longer_at_most():
    series = Series()
    series.hear(strange=True)
    series.hear(strange=True, since_ms=10**15)
    assert not series.hear(strange=True, times=7 * 60 - 1).stays
    assert series.hear(strange=True).stays


@pytest.mark.parametrize("certain", [True, False])
def test_what_is_told_in_one_that_has_come_to_stay_begins_another(certain: bool):
    series = Series(FEW)
    assert series.hear(strange=True, times=12).stays
    turn = series.hear(strange=True, certain=certain)
    assert turn == (Turn(True, True, False, False) if certain else Turn(False, False, True, True))


def test_a_stretch_is_due_to_be_told_at_its_fifth_value_where_nothing_of_it_was():
    for told in (False, True):
        series = Series()
        due = []
        for n in range(8):
            due.append(series.stretch.is_due(series.at))
            series.hear(strange=True, told=told and n == 1)
        assert due == [n == SHAPE.untold - 1 and not told for n in range(8)]


@pytest.mark.parametrize(("after", "due"), [(SHAPE.ending - 4, False), (SHAPE.ending - 3, True)])
def test_shortly_after_a_long_one_another_may_be_its_end_and_is_not_due(after: int, due: bool):
    series = Series()
    series.hear(strange=True, times=SHAPE.untold)
    series.hear(strange=False, times=after - 1)
    series.hear(strange=True, times=SHAPE.untold - 1)
    assert series.stretch.is_due(series.at) == due


def test_a_short_one_is_wild_values_that_may_hide_what_comes_within_a_hundred_and_a_long_one_hides_nothing():
    for values, follows in ((SHAPE.untold - 1, True), (SHAPE.untold, False)):
        series = Series()
        assert not series.stretch.follows_wild(series.at)
        series.hear(strange=True, times=values)
        series.hear(strange=False)
        assert series.stretch.follows_wild(series.at) == follows
        series.hear(strange=False, times=WILD_FOR - 1)
        assert series.stretch.follows_wild(series.at) == follows
        series.hear(strange=False)
        assert not series.stretch.follows_wild(series.at)


@pytest.mark.parametrize(("distance", "bound"), [(0.6, 0.3), (3.0, 1.5), (9.0, 1.5)])
def test_what_is_told_for_certain_begins_one_that_half_its_distance_belongs_to_until_it_is_over(
    distance: float, bound: float
):
    series = Series()
    series.stretch.begins_at(distance)
    assert series.stretch.bound == pytest.approx(bound)
    series.hear(strange=True, times=3)
    assert series.stretch.bound == pytest.approx(bound)
    series.hear(strange=False)
    assert series.stretch.bound == SHAPE.untrusted


@given(steps)
def test_what_is_not_strange_is_trusted_and_what_is_strange_only_once_it_has_come_to_stay(heard):
    series = Series(FEW)
    for strange, certain, told, alarm, since_ms in heard:
        before = series.stretch.values
        turn = series.hear(strange, certain, told, alarm, since_ms)
        assert turn.trusted == (not strange or turn.stays)
        assert turn.begins == (strange and (before == 0 or turn.over))
        assert not turn.over or before > 0
        assert not turn.stays or series.stretch.values > FEW.new_normal
        assert (
            series.stretch.values == (before + 1 if not turn.over else 1)
            if strange
            else series.stretch.values <= before
        )
        assert (series.stretch.new_normal_ms == series.time_ms) or not turn.stays


@given(steps, st.integers(0, 60))
def test_restored_it_goes_on_as_if_nothing_had_been(heard, cut: int):
    whole, restored = Series(FEW), Series(FEW)
    for n, step in enumerate(heard):
        if n == cut:
            fresh = StrangeStretch(FEW, WILD_FOR)
            fresh.load(restored.stretch.dump())
            restored.stretch = fresh
        assert whole.hear(*step) == restored.hear(*step)
        assert whole.stretch.dump() == restored.stretch.dump()
        assert whole.stretch.is_due(whole.at) == restored.stretch.is_due(restored.at)
        assert whole.stretch.follows_wild(whole.at) == restored.stretch.follows_wild(restored.at)
