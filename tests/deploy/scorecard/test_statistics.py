"""The figures, held to published values and to scipy's own intervals."""

from __future__ import annotations

import msgspec
import pytest
from scipy.stats import binomtest, poisson

from deploy.scorecard.matching import Hit, Matched, Opening
from deploy.scorecard.statistics import garwood, scores, wilson
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


def stop(kind: str) -> Fault:
    return Fault(
        fault_id=f"stop-{kind}", episode_id="stop", rule="unplanned_stop", variant="stand", device_id=kind,
        shipment_id="S", start_ms=0, end_ms=600_000, size=10.0, units="min", subject=kind,
    )  # fmt: skip


def alarm(device_id: str, opened_ms: int = 0) -> Opening:
    return Opening(rule="unplanned_stop", device_id=device_id, shipment_id="S", opened_ms=opened_ms)


def test_figures_count_subjects_and_intervals_count_episodes() -> None:
    day = Matched(
        hits=[Hit(stop("truck"), alarm("truck", 60_000)), Hit(stop("container"), alarm("container", 120_000))],
        missed=[stop("seal")],
        false=[alarm("phone")],
        repeats=[alarm("truck")],
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
    assert found.false_per_shipment_day == 0.25
    assert (found.variants["stand"].faults, found.variants["stand"].found) == (3, 2)


def test_what_another_fault_explains_is_nothing_to_precision_and_wrong_to_of_all_in_its_interval_too() -> None:
    hits = [Hit(stop("truck"), alarm("truck"))]
    of = [msgspec.structs.replace(alarm("truck"), shipment_id=shipment) for shipment in ("S", "T", "T")]
    (found,) = scores(["unplanned_stop"], ["unplanned_stop"], {3: Matched(hits=hits, explained=of)}, 4.0)
    assert (found.precision, found.precision_95) == (1.0, wilson(1.0, 1))
    assert (found.of_all, found.of_all_95) == (0.25, wilson(0.25, 3))
    assert (found.alerts, found.explained) == (4, 3)


def test_a_rule_that_was_not_there_is_said_to_be_not_run() -> None:
    (found,) = scores(["unplanned_stop"], ["shock"], {3: Matched(missed=[stop("seal")])}, 1.0)
    assert (found.run, found.recall, found.precision) == (False, 0.0, None)
    assert (found.of_all, found.of_all_95) == (None, None)
