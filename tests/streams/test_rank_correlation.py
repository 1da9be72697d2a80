"""Rank correlation in bounded memory: that of the ranks themselves, up to its bins."""

from __future__ import annotations

import random

import pytest
from scipy.stats import spearmanr

from streams.rank_correlation import RankCorrelation


def of(pairs: list[tuple[float, float]]) -> float | None:
    found = RankCorrelation()
    for old, new in pairs:
        found.update(old, new)
    return found.get()


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.3, 3.0])
def test_it_is_spearmans_with_ties(noise: float):
    rng = random.Random(2)
    pairs = []
    for _ in range(2_000):
        old = round(rng.random() ** 3, 1)
        pairs.append((old, min(1.0, max(0.0, round(old + rng.gauss(0.0, noise), 2)))))
    assert of(pairs) == pytest.approx(spearmanr(*zip(*pairs, strict=True)).statistic, abs=1e-3)


def test_order_is_all_that_counts():
    scores = [n / 100 for n in range(100)]
    assert of([(s, s * s) for s in scores]) == pytest.approx(1.0, abs=0.001)
    assert of([(s, 1.0 - s) for s in scores]) == pytest.approx(-1.0)


def test_who_scores_all_alike_orders_nothing():
    assert of([]) is None
    assert of([(0.3, 0.1), (0.3, 0.9)]) is None
    assert of([(1.0, 1.0), (0.0, 0.0)]) == 1.0
