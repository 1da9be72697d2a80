"""Ready to take over is what enough was compared of: nothing at all is no ground, and is not called one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.rank_correlation import RankCorrelation
from streams.shadow import Comparison, Episode, Verdict
from streams.shadow_report import LEAST_EPISODES, Criterion, Report, report
from streams.shadow_stages import SENSORS


def told(*numbers: int) -> list[Episode]:
    """Episodes of these numbers: each of a sensor of its own."""
    return [Episode(f"{n:02}-alert", f"box-{n}:temperature_c", "temperature_c", 1_000 * n) for n in numbers]


def found_of(old: list[Episode], new: list[Episode], said: dict[str, bool] | None = None) -> Report:
    """Of ten thousand values that both score alike, and these episodes."""
    alike = Comparison(RankCorrelation())
    for n in range(SENSORS.least):
        verdict = Verdict(n / SENSORS.least, tells=False, warm=True)
        alike.add(verdict, verdict)
    shadow = SimpleNamespace(
        groups={"temperature_c": alike}, heard=0, drift=dict, episodes=lambda: (old, new), spent_ns=lambda: (0, 0)
    )
    return report(SENSORS, [shadow], said or {})


def criterion(found: Report, name: str) -> Criterion:
    return next(each for each in found.criteria if each.name == name)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ([], [], []),
        ([], [1, 2], []),
        ([1, 2], [3, 4], [1, 2]),
        ([1, 2, 3, 4], [1, 2, 3, 4], []),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 6]),  # what was wrong is no ground, told by both or not
    ],
)
def test_of_too_few_episodes_it_is_not_known_whether_it_is_ready_and_what_to_do_is_said(
    old: list[int], new: list[int], wrong: list[int]
):
    found = found_of(told(*old), told(*new), {f"{n:02}": False for n in wrong})
    lacks = criterion(found, "episodes")
    assert not found.ready
    assert [each.name for each in found.criteria if not each.holds] == ["episodes"]  # nothing else stands in its way
    assert lacks.unknown == "not known yet"
    assert f"at least {LEAST_EPISODES}: compare for longer" in lacks.says
    assert "adopt --waive" in lacks.says


def test_with_as_many_as_it_takes_it_is_ready():
    numbers = range(1, LEAST_EPISODES + 1)
    found = found_of(told(*numbers), told(*numbers))
    assert found.ready
    assert criterion(found, "episodes").unknown == ""


def test_without_labels_of_what_was_right_nothing_says_yes_of_them():
    six = told(1, 2, 3, 4, 5, 6)
    for said in (None, {"01": False}, {"feed": True}):
        found = found_of(six, six, said)
        assert found.ready
        assert criterion(found, "labels").unknown == "no labels"
    kept, lost = found_of(six, six, {"01": True}), found_of(six, six[:5], {"06": True})
    assert [(criterion(f, "labels").holds, criterion(f, "labels").unknown) for f in (kept, lost)] == [
        (True, ""), (False, ""),
    ]  # fmt: skip
