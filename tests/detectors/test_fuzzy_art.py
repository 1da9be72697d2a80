"""A fuzzy ART network: what it has learnt fits, what is new is new, and its memory is bounded."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from detectors.fuzzy_art import FuzzyArt

LOW, HIGH = np.full(4, 40, np.uint8), np.full(4, 220, np.uint8)


def test_what_was_learnt_fits_wholly_and_what_is_unlike_it_is_new() -> None:
    art = FuzzyArt(4, most=8, vigilance=0.8)
    art.learn(LOW)
    assert art.learn(LOW).whole == pytest.approx(1.0)
    assert not art.learn(LOW).new
    assert art.learn(HIGH).new
    assert not art.learn(HIGH).new


def test_an_input_that_fits_widens_its_category() -> None:
    art, near = FuzzyArt(4, most=8, vigilance=0.8), np.full(4, 44, np.uint8)
    art.learn(LOW)
    before = art.learn(near).whole
    assert before < 1.0
    assert art.learn(near).whole == pytest.approx(1.0)


def test_only_what_fits_worse_than_the_lower_vigilance_is_new() -> None:
    wide, narrow = FuzzyArt(4, most=8, vigilance=0.95), FuzzyArt(4, most=8, vigilance=0.95)
    wide.lower = 0.0
    for art in (wide, narrow):
        art.learn(LOW)
    assert not wide.learn(HIGH).new
    assert narrow.learn(HIGH).new


def test_where_memory_is_full_what_was_not_of_use_for_longest_goes() -> None:
    art = FuzzyArt(1, most=3, vigilance=0.9)  # the first category is the one that fits all, badly
    first, second, third, fourth = (np.array([level], np.uint8) for level in (10, 90, 170, 250))
    for level in (first, second, third):
        assert art.learn(level).new
    art.learn(second)
    art.learn(fourth)
    assert not art.learn(second).new
    assert art.learn(first).new


def test_its_memory_is_bounded_and_a_dump_goes_on_as_if_nothing_had_been() -> None:
    rng = np.random.default_rng(3)
    art, restored = FuzzyArt(16, most=64, vigilance=0.9), FuzzyArt(16, most=64, vigilance=0.9)
    for row in rng.integers(0, 256, (500, 16), np.uint8):
        art.learn(row)
    restored.load(art.dump())
    later = rng.integers(0, 256, (100, 16), np.uint8)
    assert [art.learn(row) for row in later] == [restored.learn(row) for row in later]
    assert restored.dump() == art.dump()
    assert len(pickle.dumps(art)) < 64 * (2 * 16 + 4) + 400
