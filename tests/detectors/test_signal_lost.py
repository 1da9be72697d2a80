"""Silence is judged on the line's own up-time: a silent device opens, an outage of ours does not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.signal_lost import Lane, SignalLost, Thresholds

T0 = 1_790_000_000_000


def heard(devices: int = 1, **thresholds: float) -> SignalLost:
    """A rule whose devices have all spoken just now, on lane 0; for seconds, where nothing else is said."""
    rule = SignalLost(Thresholds(**{"least_s": 8.0, **thresholds}))
    rule.columns.ensure(devices)
    rule.tick(0, "gateway", T0)
    for row in range(devices):
        rule.spoke(row, 0)
    return rule


def run(rule: SignalLost, seconds: int, interval_s: list[float], lane: int = 0) -> list[tuple[int, int]]:
    """Tick a lane on, once a second; (second, row) of every silence that opens."""
    opened = []
    for second in range(1, seconds + 1):
        rule.tick(lane, "gateway", rule.lanes[lane].time_ms + 1_000)
        opened += [(second, int(row)) for row in rule.silent(lane, np.array(interval_s))]
    return opened


def test_a_device_silent_for_ten_of_its_intervals_opens_once() -> None:
    assert run(heard(2), 200, [5.0, 10.0]) == [(51, 0), (101, 1)]


def test_a_fast_device_is_given_the_least_time() -> None:
    assert run(heard(), 30, [0.1]) == [(9, 0)]


def test_the_least_time_outlasts_a_dead_zone_however_often_a_device_speaks() -> None:
    """Five kilometres of it, at 60 km/h; who speaks each half minute or more seldom is given ten intervals as ever."""
    least_s = Thresholds().least_s
    assert least_s >= 5.0 / 60.0 * 3_600.0
    assert run(heard(4, least_s=least_s), 700, [1.0, 10.0, 30.0, 60.0]) == [(301, 0), (301, 1), (301, 2), (601, 3)]


def test_without_it_a_dead_zone_would_be_a_silence_of_who_speaks_often() -> None:
    assert run(heard(3), 200, [10.0, 20.0, 30.0]) == [(101, 0)]


def test_a_device_of_no_declared_interval_or_never_heard_is_not_judged() -> None:
    rule = heard(2)
    rule.columns.ensure(3)
    assert run(rule, 500, [np.nan, np.nan, 1.0]) == []


def test_a_device_that_speaks_is_not_silent_and_ends_its_silence_when_it_does() -> None:
    rule = heard()
    for _ in range(20):
        assert run(rule, 50, [5.0]) == []
        assert not rule.spoke(0, 0)
    assert run(rule, 60, [5.0]) == [(51, 0)]
    assert rule.silent_s(0) == 60.0
    assert rule.spoke(0, 0)
    assert not rule.spoke(0, 0)
    assert run(rule, 60, [5.0]) == [(51, 0)]


def test_an_outage_of_ours_opens_nothing() -> None:
    rule, intervals = heard(3), [1.0, 5.0, 60.0]
    run(rule, 5, intervals)
    rule.tick(0, "gateway", T0 + 6 * 3_600_000)
    assert rule.silent(0, np.array(intervals)).tolist() == []
    assert rule.silent_s(0) == 7.0  # five ticks, and the jump counted as the longest step


def test_an_outage_of_ours_hides_no_silence_that_goes_on_after_it() -> None:
    rule = heard()
    run(rule, 20, [5.0])
    rule.tick(0, "gateway", rule.lanes[0].time_ms + 3_600_000)
    assert run(rule, 60, [5.0]) == [(29, 0)]


def test_a_clock_that_steps_back_counts_nothing_and_stops_nothing() -> None:
    rule = heard()
    assert not rule.tick(0, "gateway", T0 - 500_000)
    assert rule.silent_s(0) == 0.0
    assert run(rule, 60, [5.0]) == [(51, 0)]


def test_a_lane_that_catches_up_silences_nobody_of_another() -> None:
    rule = heard(2)
    rule.tick(1, "gateway", T0)
    rule.spoke(1, 1)
    for second in range(1, 31):  # lane 1 stands still for 30 s, and then catches up, tick by tick
        rule.tick(0, "gateway", T0 + 1_000 * second)
        rule.spoke(0, 0)
    for second in range(1, 31):
        rule.tick(1, "gateway", T0 + 1_000 * second)
        rule.spoke(1, 1)
        assert rule.silent(1, np.array([0.1, 0.1])).tolist() == []
    assert run(rule, 9, [0.1, 0.1], lane=1) == [(9, 1)]


def test_who_speaks_before_the_first_tick_is_judged_from_it_on() -> None:
    rule = SignalLost(Thresholds(least_s=8.0))
    rule.columns.ensure(1)
    rule.spoke(0, 0)
    rule.tick(0, "gateway", T0)
    assert run(rule, 60, [5.0]) == [(51, 0)]


def test_the_slowest_gateway_counts_until_it_is_gone() -> None:
    lane = Lane(forget_ms=600_000)
    assert lane.tick("a", T0)
    assert not lane.tick("b", T0 - 5_000)  # the lane's time never goes back
    assert not lane.tick("a", T0 + 60_000)
    assert lane.time_ms == T0
    assert lane.tick("a", T0 + 595_001)
    assert lane.time_ms == T0 + 595_001


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-5_000, 60_000)), max_size=60), st.integers(0, 60))
def test_a_lanes_clock_never_goes_back_nor_faster_than_its_ticks(steps: list[tuple[str, int]], cut: int) -> None:
    lane, at = Lane(600_000), {"a": T0, "b": T0}
    before_ms: int | None = None
    for i, (gateway, step_ms) in enumerate(steps):
        if i == cut:
            lane = Lane.load(lane.dump(), 600_000)  # a restore in between changes nothing
        at[gateway] += step_ms
        moved = lane.tick(gateway, at[gateway])
        if before_ms is not None:
            assert 0 <= lane.now_ms - before_ms <= 2_000
            assert moved == (lane.now_ms > before_ms)
        assert lane.heard_ms >= lane.now_ms
        before_ms = lane.now_ms


def test_the_states_hash_hangs_on_the_silence_and_the_ticks_and_on_no_uptime_before() -> None:
    def silent(seconds: int, outage_s: int = 0, gateway: str = "gateway") -> str:
        """Its hash after so long a silence; an outage of ours before it shifts all up-times."""
        rule = SignalLost()
        rule.columns.ensure(3)
        rule.tick(0, gateway, T0 - 1_000 * outage_s)
        rule.tick(0, gateway, T0)
        rule.spoke(1, 0)
        for second in range(1, seconds + 1):
            rule.tick(0, gateway, T0 + 1_000 * second)
        return rule.state_sha256(1)

    assert len(silent(60)) == 64
    assert silent(60) == silent(60, outage_s=500)
    assert len({silent(60), silent(61), silent(60, gateway="another")}) == 3
