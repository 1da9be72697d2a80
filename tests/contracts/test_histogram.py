"""A histogram counts each value once, in its bucket; a quantile is Prometheus' own."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.histogram import LATENCY_S, WRITE_S, Histogram, quantile


@pytest.mark.parametrize("bounds", [LATENCY_S, WRITE_S])
def test_bounds_rise(bounds: tuple[float, ...]) -> None:
    assert sorted(set(bounds)) == list(bounds)


def test_a_value_on_a_bound_is_within_it_and_what_is_above_all_is_counted() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 3.0, -4.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.sum) == ([3, 2, 1], 8.0)


def test_a_quantile_is_within_its_bucket_and_none_of_nothing() -> None:
    seed = 7
    print("seed", seed)
    values = np.random.default_rng(seed).exponential(2.0, 5_000)
    histogram = Histogram(LATENCY_S)
    for value in values.tolist():
        histogram.observe(value)
    edges = (0.0, *LATENCY_S)
    for share in (0.5, 0.95, 0.99):
        found, truth = quantile(LATENCY_S, histogram.counts, share), float(np.quantile(values, share))
        bucket = int(np.searchsorted(LATENCY_S, truth))
        assert found is not None
        assert edges[bucket] <= found <= edges[bucket + 1]
    assert quantile(LATENCY_S, [0] * (len(LATENCY_S) + 1), 0.5) is None
    assert quantile((1.0, 2.0), [0, 0, 4], 0.5) == 2.0
    assert quantile((1.0, 2.0), [2, 2, 0], 0.25) == 0.5
