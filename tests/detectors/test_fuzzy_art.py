"""A fuzzy ART network: what it has learnt fits, what is new is new, and its memory is bounded."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.fuzzy_art import FuzzyArt

LOW, HIGH = bytes([40] * 4), bytes([220] * 4)


def test_what_was_learnt_fits_wholly_and_what_is_unlike_it_is_new() -> None:
    art = FuzzyArt(4, most=8, vigilance=0.8)
    art.learn(LOW)
    assert art.learn(LOW).whole == pytest.approx(1.0)
    assert not art.learn(LOW).new
    assert art.learn(HIGH).new
    assert not art.learn(HIGH).new


def test_an_input_that_fits_widens_its_category() -> None:
    art, near = FuzzyArt(4, most=8, vigilance=0.8), bytes([44] * 4)
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
    first, second, third, fourth = (bytes([level]) for level in (10, 90, 170, 250))
    for level in (first, second, third):
        assert art.learn(level).new
    art.learn(second)
    art.learn(fourth)
    assert not art.learn(second).new
    assert art.learn(first).new


def test_its_memory_is_bounded_and_a_dump_goes_on_as_if_nothing_had_been() -> None:
    rng = random.Random(3)
    art, restored = FuzzyArt(16, most=64, vigilance=0.9), FuzzyArt(16, most=64, vigilance=0.9)
    for _ in range(500):
        art.learn(rng.randbytes(16))
    restored.load(art.dump())
    pickled = pickle.loads(pickle.dumps(art))
    later = [rng.randbytes(16) for _ in range(100)]
    fits = [art.learn(row) for row in later]
    assert fits == [restored.learn(row) for row in later] == [pickled.learn(row) for row in later]
    assert restored.dump() == pickled.dump() == art.dump()
    assert len(pickle.dumps(art)) < 64 * (2 * 16 + 4) + 400


def fits_by_hand(boxes: bytes, coded: bytes, features: int) -> list[tuple[float, float]]:
    """Each box's fit and that of the newest value, summed from the boxes themselves."""
    fits = []
    for at in range(0, len(boxes), len(coded)):
        box = boxes[at : at + len(coded)]
        covered = [min(side, its) for side, its in zip(box, coded, strict=True)]
        newest = sum(covered[features - 1 :: features]) / max(sum(box[features - 1 :: features]), 1)
        fits.append(((sum(covered) / max(sum(box), 1)) ** 3 * newest**2, newest))
    return fits


@given(st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=40), st.sampled_from([0.1, 0.6, 0.95]))
def test_what_is_kept_of_the_boxes_weights_is_what_they_weigh(rows: list[bytes], vigilance: float) -> None:
    art = FuzzyArt(3, most=5, vigilance=vigilance)
    for row in rows:
        boxes = art.dump()[-1]
        fit = art.learn(row)
        every = fits_by_hand(boxes, row + bytes(255 - b for b in row), 3)
        assert fit.whole == pytest.approx(max(whole for whole, _ in every))
        assert any((fit.whole, fit.newest) == pytest.approx(each) for each in every)
