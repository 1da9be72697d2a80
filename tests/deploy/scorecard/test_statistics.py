"""The figures, held to published values, to scipy's own intervals and to what an interval must be."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, poisson

from deploy.scorecard.matching import Excused, Hit, Matched, Opening
from deploy.scorecard.statistics import garwood, median_interval, scores, wilson
from simulators.faults import Fault


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (81, 263), (263, 263)])
def test_wilsons_interval_is_that_of_scipy(k: int, n: int) -> None:
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_garwoods_limits_leave_two_and_a_half_percent_on_either_side() -> None:
    low, high = garwood(7, 2.0)
    assert poisson.sf(6, 2.0 * low) == pytest.approx(0.025)
    assert poisson.cdf(7, 2.0 * high) == pytest.approx(0.025)
    assert garwood(0, 10.0) == pytest.approx((0.0, 0.36889), abs=1e-4)


@pytest.mark.parametrize(("n", "ranks"), [(6, (1, 6)), (10, (2, 9)), (15, (4, 12)), (20, (6, 15)), (25, (8, 18))])
def test_a_medians_interval_is_of_the_ranks_that_the_tables_have(n: int, ranks: tuple[int, int]) -> None:
    assert median_interval(range(1, n + 1), n) == ranks


@pytest.mark.parametrize("n", [6, 7, 30, 119])
def test_a_medians_interval_covers_in_95_of_100_cases_and_the_next_narrower_would_not(n: int) -> None:
    low, high = median_interval(range(1, n + 1), n) or (0.0, 0.0)
    assert low + high == n + 1
    outside = [2.0 * binomtest(int(k) - 1, n, alternative="less").pvalue for k in (low, low + 1)]
    assert outside[0] <= 0.05 < outside[1]


DELAYS_S = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60)


@given(DELAYS_S, st.randoms(use_true_random=False))
def test_a_medians_interval_holds_the_median_whatever_the_order(delays_s: list[float], rng: random.Random) -> None:
    found = median_interval(delays_s, len(delays_s))
    assert (found is None) == (len(delays_s) < 6)
    if found is not None:
        assert found[0] <= float(np.median(delays_s)) <= found[1]
    assert median_interval(rng.sample(delays_s, len(delays_s)), len(delays_s)) == found


@given(DELAYS_S)
def test_a_medians_interval_supposes_nothing_of_how_delays_are_distributed(delays_s: list[float]) -> None:
    found = median_interval(delays_s, len(delays_s))
    squared = median_interval([x * x for x in delays_s], len(delays_s))
    assert squared == (None if found is None else (found[0] ** 2, found[1] ** 2))


@given(DELAYS_S, st.integers(2, 4))
def test_devices_that_say_the_same_make_no_median_surer(delays_s: list[float], devices: int) -> None:
    assert median_interval(delays_s * devices, len(delays_s)) == median_interval(delays_s, len(delays_s))


@given(DELAYS_S, st.data())
def test_fewer_witnesses_make_no_median_surer(delays_s: list[float], data: st.DataObject) -> None:
    wide = median_interval(delays_s, data.draw(st.integers(0, len(delays_s))))
    narrow = median_interval(delays_s, len(delays_s))
    if wide is not None:
        assert narrow is not None
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def stop(kind: str, variant: str = "stand") -> Fault:
    return Fault(
        fault_id=f"stop-{kind}", episode_id="stop", rule="unplanned_stop", variant=variant, device_id=kind,
        shipment_id="S", start_ms=0, end_ms=600_000, size=10.0, units="min", subject=kind,
    )  # fmt: skip


def alarm(device_id: str, opened_ms: int = 0) -> Opening:
    return Opening(rule="unplanned_stop", device_id=device_id, shipment_id="S", opened_ms=opened_ms)


def test_figures_count_subjects_and_intervals_count_episodes() -> None:
    day = Matched(
        hits=[Hit(stop("truck"), alarm("truck", 60_000)), Hit(stop("container"), alarm("container", 120_000))],
        missed=[stop("seal")],
        false=[alarm("phone")],
        repeats=[Excused(stop("truck"), alarm("truck"))],
    )
    (found,) = scores(["unplanned_stop"], ["unplanned_stop"], {3: day}, 4.0)
    assert (found.episodes, found.faults, found.alerts, found.repeats) == (1, 3, 4, 1)
    assert found.recall == pytest.approx(2 / 3)
    assert found.recall_95 == wilson(2 / 3, 1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.precision_95 == wilson(2 / 3, 2)
    assert found.of_all == 0.5
    assert found.of_all_95 == wilson(0.5, 2), "the repeat and the false alarm are of one shipment"
    assert (found.delay_median_s, found.delay_p95_s) == pytest.approx((90.0, 117.0))
    assert found.delay_median_95_s is None, "one truck says nothing of how sure a median is"
    assert found.false_per_shipment_day == 0.25
    assert (found.variants["stand"].faults, found.variants["stand"].found) == (3, 2)


def test_each_variant_has_its_own_delay_and_its_own_interval() -> None:
    slow = [Hit(stop(kind, "parted"), alarm(kind, 300_000)) for kind in ("truck", "seal")]
    by_seed = {
        seed: Matched(hits=[*slow, Hit(stop("container"), alarm("container", 1_000 * seed))]) for seed in range(1, 7)
    }
    (found,) = scores(["unplanned_stop"], ["unplanned_stop"], by_seed, 4.0)
    stand, parted = found.variants["stand"], found.variants["parted"]
    assert (stand.faults, stand.delay_median_s, stand.delay_median_95_s) == (6, 3.5, (1.0, 6.0))
    assert (parted.faults, parted.delay_median_s, parted.delay_median_95_s) == (12, 300.0, (300.0, 300.0))
    assert (found.delay_median_s, found.delay_median_95_s) == (300.0, (1.0, 300.0)), "six trucks, not eighteen devices"


def test_a_variant_that_nobody_found_has_no_delay() -> None:
    (found,) = scores(["unplanned_stop"], ["unplanned_stop"], {3: Matched(missed=[stop("seal")])}, 4.0)
    stand = found.variants["stand"]
    assert (stand.faults, stand.found, stand.delay_median_s, stand.delay_median_95_s) == (1, 0, None, None)


def test_what_another_fault_explains_is_nothing_to_precision_and_wrong_to_of_all_in_its_interval_too() -> None:
    hits = [Hit(stop("truck"), alarm("truck"))]
    of = [
        Excused(stop("truck"), msgspec.structs.replace(alarm("truck"), shipment_id=shipment))
        for shipment in ("S", "T", "T")
    ]
    (found,) = scores(["unplanned_stop"], ["unplanned_stop"], {3: Matched(hits=hits, explained=of)}, 4.0)
    assert (found.precision, found.precision_95) == (1.0, wilson(1.0, 1))
    assert (found.of_all, found.of_all_95) == (0.25, wilson(0.25, 3))
    assert (found.alerts, found.explained) == (4, 3)


def test_a_rule_that_was_not_there_is_said_to_be_not_run() -> None:
    (found,) = scores(["unplanned_stop"], ["shock"], {3: Matched(missed=[stop("seal")])}, 1.0)
    assert (found.run, found.recall, found.precision) == (False, 0.0, None)
    assert (found.of_all, found.of_all_95) == (None, None)
