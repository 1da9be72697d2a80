"""An alert is one thing's: each episode of a version has at most one of the other's."""

from __future__ import annotations

import pytest

from streams.episode_pairs import Episode, paired

Span = tuple[int, int | None]


def told(*spans: Span, subject: str = "box-1", name: str = "alert") -> list[Episode]:
    """Of one subject, from when to when; None: open still."""
    found = [Episode(f"{name}-{n}", subject, "temperature_c", opened) for n, (opened, _) in enumerate(spans)]
    for episode, (_, closed) in zip(found, spans, strict=True):
        if closed is not None:
            episode.closed_ms = closed
    return found


@pytest.mark.parametrize(
    ("old", "new", "both", "only_old", "only_new"),
    [
        ([(0, 9), (20, 29), (40, 49)], [(1, 8), (21, 28), (41, 48)], [(0, 1), (20, 21), (40, 41)], [], []),
        ([(0, 9), (20, 29), (40, 49)], [(1, None)], [(0, 1)], [20, 40], []),  # it never closes
        ([(0, 9), (20, 29), (40, 49)], [(1, 45)], [(0, 1)], [20, 40], []),  # one that spans all three
        ([(0, 9), (20, 29), (40, 49)], [(1, 22), (26, 48)], [(0, 1), (20, 26)], [40], []),
        ([(0, 9)], [(0, 4), (6, 9)], [(0, 0)], [], [6]),  # told in two halves
        ([(0, 9), (20, 29)], [(12, 18)], [], [0, 20], [12]),
        ([(0, 9), (20, None)], [(5, 6), (30, 31), (40, 41)], [(0, 5), (20, 30)], [], [40]),
        ([(0, 9)], [(9, 20)], [(0, 9)], [], []),
        ([], [(1, 2)], [], [], [1]),
        ([(1, 2)], [], [], [1], []),
    ],
)  # fmt: skip
def test_each_has_at_most_one_of_the_others_that_overlaps_it(
    old: list[Span], new: list[Span], both: list[tuple[int, int]], only_old: list[int], only_new: list[int]
):
    olds, news = told(*old, name="old"), told(*new, name="new")
    found = paired(reversed(olds), news)  # in whatever order they come
    assert [(was.opened_ms, now.opened_ms) for was, now in found.both] == both
    assert [each.opened_ms for each in found.old] == only_old
    assert [each.opened_ms for each in found.new] == only_new


def test_another_subjects_at_the_same_time_is_another_thing():
    found = paired(told((0, 9)), told((0, 9), subject="box-2"))
    assert (len(found.both), len(found.old), len(found.new)) == (0, 1, 1)
    assert len(paired(told((0, 9)), told((0, 9))).both) == 1  # the control


@pytest.mark.parametrize(
    ("span", "open_ms"), [((20, 40), 20), ((0, 40), 30), ((20, None), 80), ((0, 10), 0), ((100, None), 0)]
)
def test_how_long_one_stood_open_is_of_the_time_that_was_heard(span: Span, open_ms: int):
    (episode,) = told(span)
    assert episode.open_ms(10, 100) == open_ms
