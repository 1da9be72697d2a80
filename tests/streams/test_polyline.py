"""The nearest piece of a line is the one that measuring against every piece finds, near the line and far from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.polyline import Polyline

METRES = st.floats(-50_000, 50_000, allow_nan=False)
CORNERS = st.lists(st.tuples(METRES, METRES), min_size=2, max_size=40)


def every_piece(x, y, at_x, at_y):
    """All points against all pieces, by the definition."""
    dx, dy = np.diff(x), np.diff(y)
    squared = dx * dx + dy * dy
    right, up = at_x[:, None] - x[:-1], at_y[:, None] - y[:-1]
    inverse = np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0)
    share = np.clip((right * dx + up * dy) * inverse, 0.0, 1.0)
    off = np.sqrt((right - share * dx) ** 2 + (up - share * dy) ** 2)
    piece = off.argmin(axis=1)
    each = np.arange(len(at_x))
    return piece, share[each, piece], off[each, piece]


@given(CORNERS, st.lists(st.tuples(METRES, METRES), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
def test_it_is_what_measuring_against_every_piece_finds(corners, points, seed) -> None:
    x, y = np.array(corners).T
    random = np.random.default_rng(seed)
    near = random.integers(0, len(x), 40)
    at_x = np.r_[np.array(points)[:, 0], x[near] + random.normal(0, 3_000, 40), x]
    at_y = np.r_[np.array(points)[:, 1], y[near] + random.normal(0, 3_000, 40), y]
    piece, share, off_m = Polyline(x, y).nearest(at_x, at_y)
    _, _, wanted_m = every_piece(x, y, at_x, at_y)
    assert off_m == pytest.approx(wanted_m, abs=1e-6)
    # Two pieces may be as near as each other; the one that is named must be as near as it says.
    foot = x[piece] + share * np.diff(x)[piece], y[piece] + share * np.diff(y)[piece]
    assert np.hypot(at_x - foot[0], at_y - foot[1]) == pytest.approx(wanted_m, abs=1e-6)


def test_at_a_corner_the_first_of_two_pieces_wins() -> None:
    line = Polyline(np.array([0.0, 1_000.0, 1_000.0]), np.array([0.0, 0.0, 1_000.0]))
    piece, share, off_m = line.nearest(np.array([1_100.0]), np.array([-100.0]))
    assert (piece[0], share[0], off_m[0]) == (0, 1.0, pytest.approx(141.42, abs=0.01))


def test_a_line_of_many_short_pieces_beside_long_ones_is_measured_right() -> None:
    turns = np.linspace(0, 40 * np.pi, 2_000)
    x = np.r_[0.0, 200_000.0 + 50.0 * np.cos(turns), 400_000.0]
    y = np.r_[0.0, 50.0 * np.sin(turns), 0.0]
    random = np.random.default_rng(5)
    at_x, at_y = random.uniform(199_800, 200_200, 300), random.uniform(-200, 200, 300)
    _, _, off_m = Polyline(x, y).nearest(at_x, at_y)
    assert off_m == pytest.approx(every_piece(x, y, at_x, at_y)[2], abs=1e-6)


def test_no_points_are_no_answer_and_no_error() -> None:
    nothing = np.empty(0)
    assert [len(a) for a in Polyline(np.array([0.0, 1.0]), np.array([0.0, 1.0])).nearest(nothing, nothing)] == [0] * 3
