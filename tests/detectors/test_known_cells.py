"""A place trusted is known; one seen in a strange stretch is less strange; one seen in two of them is a habit."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.known_cells import KnownCells


def axis() -> KnownCells:
    cells = KnownCells(0.0, 10.0, 10)
    cells.visit(1.05, trusted=True)
    return cells


def far(cells: KnownCells) -> tuple[float, float, float]:
    """Of 8.05: how strange, how far from what is trusted, how far from that and from habits."""
    return round(cells.distance(8.05), 3), round(cells.beyond_known(8.05), 3), round(cells.from_habit(8.05), 3)


def test_what_was_never_visited_is_as_far_as_the_nearest_that_was() -> None:
    assert far(axis()) == (6.9, 6.9, 6.9)


def test_what_was_seen_in_a_strange_stretch_is_less_strange_and_no_nearer_to_what_is_trusted() -> None:
    cells = axis()
    cells.visit(8.05, trusted=False)
    assert far(cells) == (1.035, 6.9, 6.9)


def test_what_was_seen_in_two_stretches_is_a_habit_from_the_end_of_the_second_on() -> None:
    cells = axis()
    for _ in range(2):
        cells.visit(8.05, trusted=False)
        assert far(cells) == (1.035, 6.9, 6.9)
        cells.visit(8.05, trusted=False)
        cells.stretch_over()
    assert far(cells) == (1.035, 6.9, 0.0)


def test_of_what_somebody_is_told_is_neither_seen_nor_a_habit_however_often_it_comes() -> None:
    cells = axis()
    for _ in range(9):
        cells.tell(8.05)
        cells.stretch_over()
    assert far(cells) == (6.9, 6.9, 6.9)
    assert cells.was_told(8.05)


@pytest.mark.parametrize("told", [True, False])
def test_what_somebody_was_told_of_is_not_reached_step_by_step(told: bool) -> None:
    cells = axis()
    if told:
        for step in range(20, 91):
            cells.tell(step / 10 + 0.05)
    for step in range(11, 80):
        if not cells.was_told(step / 10 + 0.05):
            cells.visit(step / 10 + 0.05, trusted=True)
    assert far(cells)[1] == (6.2 if told else 0.0)


def test_what_is_a_habit_is_marked_by_no_telling_and_what_was_told_may_become_one() -> None:
    cells = axis()
    cells.tell(1.05)
    assert not cells.was_told(1.05)
    cells.tell(8.05)
    for _ in range(2):
        cells.visit(8.05, trusted=False)
        cells.stretch_over()
    cells.visit(8.05, trusted=False)
    assert not cells.was_told(8.05)


def test_once_a_told_stretch_has_come_to_stay_it_is_known_and_what_was_told_before_it_is_where_it_will_pass() -> None:
    for way, known in ((None, (8.05,)), ((2.05, 6.05), (4.05, 8.05))):
        cells = axis()
        for at in (4.05, 9.05):
            cells.tell(at)
            cells.stretch_over()
        cells.tell(8.05)
        cells.accept(way)
        for at in (4.05, 8.05, 9.05):
            assert cells.was_told(at) is (at not in known)
            assert (cells.beyond_known(at) == 0.0) is (at in known)


def test_a_dump_and_a_pickle_of_it_go_on_as_if_nothing_had_been() -> None:
    cells = axis()
    for trusted in (False, False, True):
        cells.visit(8.05, trusted=False)
        cells.stretch_over()
        cells.visit(5.0, trusted=trusted)
        cells.tell(3.0)
        loaded = KnownCells(0.0, 10.0, 10)
        loaded.load(cells.dump())
        for other in (loaded, pickle.loads(pickle.dumps(cells))):
            assert other.dump() == cells.dump()
            assert far(other) == far(cells)


def test_what_somebody_was_told_of_has_not_been_visited_and_what_was_seen_in_a_strange_stretch_has() -> None:
    cells = axis()
    cells.tell(8.05)
    cells.visit(5.05, trusted=False)
    assert [cells.was_visited(at) for at in (1.05, 5.05, 8.05)] == [True, True, False]


PLACES = st.floats(-1.0, 6.0)
HAPPENINGS = st.one_of(
    st.tuples(PLACES, st.booleans()).map(lambda visit: lambda cells: cells.visit(*visit)),
    PLACES.map(lambda at: lambda cells: cells.tell(at)),
    st.just(lambda cells: cells.stretch_over()),
    st.none() | st.tuples(PLACES, PLACES).map(lambda way: lambda cells: cells.accept(way)),
    st.sampled_from([0.0, 0.5]).map(lambda shift: lambda cells: cells.rescale(0.5, shift)),
)


@given(st.lists(HAPPENINGS, max_size=60))
def test_what_is_known_is_at_no_distance_whatever_happened(happened: list[Callable[[KnownCells], None] | None]) -> None:
    cells = KnownCells(0.0, 5.0, 4)
    for happens in happened:
        if happens is None:
            cells.accept()
        else:
            happens(cells)
        for at in (cell / 4 for cell in range(21)):
            if cells.is_known(at):
                assert cells.distance(at) == cells.beyond_known(at) == cells.from_habit(at) == 0.0
                assert cells.was_visited(at)
                assert not cells.was_told(at)
