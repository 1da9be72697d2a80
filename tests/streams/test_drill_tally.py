"""What lies before a subscriber, split into real and drill without reading it again: as counting it would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.drill_tally import DrillTally, Split

kinds = st.lists(st.booleans(), max_size=60)


@given(kinds, st.integers(0, 90), st.integers(0, 90), st.integers(0, 20), st.integers(0, 90))
def test_it_says_what_counting_says(drills: list[bool], first: int, end: int, begin: int, forget: int) -> None:
    tally = DrillTally(begin)
    for n, drill in enumerate(drills):
        tally.note(begin + n, drill)
    forget = min(forget, first)
    tally.forget(forget)
    end = min(end, begin + len(drills))
    offsets = range(first, end)
    told = [drills[n - begin] for n in offsets if n >= begin]
    assert tally.split(first, end) == Split(told.count(False), told.count(True), len(offsets) - len(told))


def test_a_million_records_behind_is_answered_from_a_few_stretches() -> None:
    tally = DrillTally(1_000)
    for offset in range(1_000, 101_000):
        tally.note(offset, drill=50_000 <= offset < 60_000)
    assert tally.split(0, 101_000) == Split(90_000, 10_000, 1_000)
    assert sum(map(len, tally._stretches)) == 6
    tally.forget(99_000)
    assert sum(map(len, tally._stretches)) == 2
    assert tally.split(99_000, 101_000) == Split(2_000, 0, 0)
