"""The ledger against the obvious: a set of everything that has passed."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from streams.ledger import AHEAD, BEHIND, BOOTS_MAX, NEXT, RANGES_MAX, REPEAT, Ledger
from streams.stage import pack, unpack

ROWS = 3
readings = st.tuples(st.integers(0, ROWS - 1), st.integers(0, 3), st.integers(0, 25))
backlogs = st.tuples(st.integers(0, ROWS - 1), st.integers(0, 3), st.integers(0, 25), st.integers(1, 12)).map(
    lambda b: [(b[0], b[1], seq) for seq in range(b[2], b[2] + b[3])]
)
histories = st.lists(st.one_of(readings.map(lambda r: [r]), backlogs), max_size=60).map(
    lambda parts: list(itertools.chain(*parts))
)


def through_a_checkpoint(ledger: Ledger) -> Ledger:
    """What a restart makes of it."""
    other = Ledger()
    for row in reversed(range(ROWS)):
        other.load(row, unpack(pack(ledger.dump(row))))
    return other


@given(histories, st.sets(st.integers(0, 200), max_size=4))
def test_what_has_passed_is_a_repeat_and_nothing_else_is(history: list[tuple[int, int, int]], cuts: set[int]) -> None:
    ledger, passed = Ledger(), set()
    ledger.ensure(ROWS)
    for i, reading in enumerate(history):
        if i in cuts:
            ledger = through_a_checkpoint(ledger)
        assert (ledger.admit(*reading) == REPEAT) == (reading in passed)
        passed.add(reading)
    for row in range(ROWS):
        told = ledger.ranges(row)
        held = {(row, boot, s) for boot, ranges in told.items() for a, b in ranges for s in range(a, b + 1)}
        assert held == {reading for reading in passed if reading[0] == row}


@given(histories)
def test_ranges_are_merged_and_disjoint(history: list[tuple[int, int, int]]) -> None:
    ledger = Ledger()
    ledger.ensure(ROWS)
    for reading in history:
        ledger.admit(*reading)
    for row in range(ROWS):
        for ranges in ledger.ranges(row).values():
            assert all(a <= b for a, b in ranges)
            assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(ranges)), ranges


def of_one_device(*readings: tuple[int, int]) -> list[int]:
    ledger = Ledger()
    ledger.ensure(1)
    return [ledger.admit(0, *reading) for reading in readings]


def test_the_next_of_a_boot_and_the_first_of_a_new_one_are_expected() -> None:
    assert of_one_device((5, 0), (5, 1), (6, 0), (6, 1)) == [NEXT] * 4


def test_a_skipped_seq_is_seen_at_the_reading_after_it() -> None:
    assert of_one_device((5, 0), (5, 2), (6, 3)) == [NEXT, AHEAD, AHEAD]


def test_a_boot_that_goes_on_after_an_older_ones_backlog_is_followed_as_before() -> None:
    live, backlog = [(2, 0), (2, 1)], [(1, 0), (1, 1)]
    assert of_one_device(*live, *backlog, (2, 2), (2, 10), (1, 2), (2, 11)) == [NEXT] * 5 + [AHEAD, NEXT, NEXT]
    assert of_one_device(*live, *backlog, (2, 1), (1, 1), (2, 5), (2, 3)) == [NEXT] * 4 + [
        REPEAT,
        REPEAT,
        AHEAD,
        BEHIND,
    ]


def test_a_backlog_after_live_data_fills_the_hole_and_is_no_repeat() -> None:
    assert of_one_device((1, 0), (1, 10), *[(1, s) for s in range(1, 10)]) == [NEXT, AHEAD, *[BEHIND] * 9]
    ledger = Ledger()
    ledger.ensure(1)
    for seq in [0, 10, *reversed(range(1, 10))]:
        ledger.admit(0, 1, seq)
    assert ledger.ranges(0) == {1: [(0, 10)]}
    assert ledger.dump(0)[3] == {}  # and costs nothing once filled


def test_a_backlog_of_an_older_boot_is_no_repeat() -> None:
    assert of_one_device((7, 0), (6, 0), (7, 1), (6, 1), (7, 0), (6, 0)) == [
        NEXT, NEXT, NEXT, NEXT, REPEAT, REPEAT,
    ]  # fmt: skip


def test_memory_is_bounded_by_letting_the_oldest_boots_go() -> None:
    ledger = Ledger()
    ledger.ensure(1)
    for boot in range(3 * BOOTS_MAX):
        assert ledger.admit(0, boot, 0) == NEXT
    assert len(ledger.ranges(0)) <= BOOTS_MAX + 1
    recent = range(2 * BOOTS_MAX, 3 * BOOTS_MAX)
    assert {ledger.admit(0, boot, 0) for boot in recent} == {REPEAT}


def test_the_most_that_one_device_can_make_a_checkpoint_hold_is_far_below_what_kafka_takes() -> None:
    ledger = Ledger()
    ledger.ensure(1)
    for boot in range(2**40, 2**40 + 8):
        for i in range(RANGES_MAX + 2):
            ledger.admit(0, boot, 2**52 + 2 * i)
    for i in range(2 * RANGES_MAX):  # a backlog that fills nothing
        ledger.admit(0, 2**40 + 7, 2**51 - 2 * i)
    assert len(pack(ledger.dump(0))) < 50_000


def test_memory_is_bounded_by_letting_the_oldest_holes_go() -> None:
    ledger = Ledger()
    ledger.ensure(1)
    for i in range(3 * RANGES_MAX):
        ledger.admit(0, 0, 2 * i)
    assert len(ledger.ranges(0)[0]) <= RANGES_MAX + 1
    assert {ledger.admit(0, 0, 2 * i) for i in range(2 * RANGES_MAX + 1, 3 * RANGES_MAX)} == {REPEAT}
