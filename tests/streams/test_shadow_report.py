"""Ready to take over is what enough was compared of, and what tells as much, closes as soon, and no more than that.

Nothing at all is no ground, and is not called one.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.episode_pairs import Episode
from streams.rank_correlation import RankCorrelation
from streams.shadow import Comparison, Verdict
from streams.shadow_report import LEAST_EPISODES, Criterion, Report, report
from streams.shadow_stages import SENSORS


def told(*numbers: int) -> list[Episode]:
    """Episodes of these numbers: each of a sensor of its own, a second long."""
    return [
        Episode(f"{n:02}-alert", f"box-{n}:temperature_c", "temperature_c", 1_000 * n, 1_000 * (n + 1)) for n in numbers
    ]


HOUR_MS = 3_600_000
UNTIL_MS = 100 * HOUR_MS


def one_after_another(count: int, lasts_h: float, every_h: float = 4.0, begin_h: float = 1.0) -> list[Episode]:
    """So many episodes of one sensor; all open still whose end is later than UNTIL_MS."""
    found = []
    for n in range(count):
        opened_ms = int((begin_h + n * every_h) * HOUR_MS)
        found.append(Episode(f"{n:02}-alert", "box-1:temperature_c", "temperature_c", opened_ms))
        if opened_ms + lasts_h * HOUR_MS < UNTIL_MS:
            found[-1].closed_ms = int(opened_ms + lasts_h * HOUR_MS)
    return found


def found_of(old: list[Episode], new: list[Episode], said: dict[str, bool] | None = None) -> Report:
    """Of ten thousand values that both score alike, and these episodes."""
    alike = Comparison(RankCorrelation())
    for n in range(SENSORS.least):
        verdict = Verdict(n / SENSORS.least, tells=False, warm=True)
        alike.add(verdict, verdict)
    shadow = SimpleNamespace(
        groups={"temperature_c": alike}, heard=0, drift=dict, episodes=lambda: (old, new), spent_ns=lambda: (0, 0),
        open_ms=lambda: tuple(sum(each.open_ms(0, UNTIL_MS) for each in told) for told in (old, new)),
    )  # fmt: skip
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


def failed(found: Report) -> list[str]:
    return [each.name for each in found.criteria if not each.holds]


def episodes(found: Report) -> dict[str, int]:
    return found.groups["temperature_c"].episodes


def test_one_that_never_closes_is_one_episode_and_not_all_that_came_after_it():
    old = one_after_another(20, lasts_h=1.0)
    endless = found_of(old, one_after_another(1, lasts_h=1_000.0), {"00": True, "07": True})
    assert episodes(endless) == {"both": 1, "old": 19, "new": 0}
    assert failed(endless) == ["nothing lost", "time open", "labels"]
    assert criterion(endless, "no flood").says.startswith("1 episodes against 20")
    assert criterion(endless, "nothing lost").says.startswith("19 of 20 episodes no longer told, each by an alert of")
    assert endless.labels.right_lost == ["07-alert"]
    assert found_of(old, old, {"00": True, "07": True}).ready  # the control: each closes


def test_one_alert_that_spans_several_tells_one_of_them():
    old = one_after_another(20, lasts_h=3.0)
    over = one_after_another(10, lasts_h=5.0, every_h=8.0)  # from the beginning of each other one into the next
    found = found_of(old, over)
    assert episodes(found) == {"both": 10, "old": 10, "new": 0}
    assert failed(found) == ["nothing lost"]
    assert failed(found_of(old, one_after_another(20, lasts_h=3.5))) == []  # the control


def test_an_episode_told_in_two_halves_is_one_more():
    old = one_after_another(20, lasts_h=3.0)
    halves = one_after_another(20, lasts_h=1.0) + one_after_another(20, lasts_h=1.0, begin_h=3.0)
    found = found_of(old, halves)
    assert episodes(found) == {"both": 20, "old": 0, "new": 20}
    assert failed(found) == ["no flood"]
    assert failed(found_of(old, one_after_another(20, lasts_h=1.0))) == []  # the control: of each one half


def test_alerts_that_stand_open_much_longer_are_not_ready_though_each_is_told_once():
    """Of twenty sensors each, so that none lies over the next."""

    def lasting(hours: float) -> list[Episode]:
        return [
            Episode(f"{n:02}-alert", f"box-{n}:temperature_c", "temperature_c", HOUR_MS, int((1 + hours) * HOUR_MS))
            for n in range(20)
        ]

    long = found_of(lasting(1.0), lasting(2.2))
    assert episodes(long) == {"both": 20, "old": 0, "new": 0}
    assert failed(long) == ["time open"]
    said = criterion(long, "time open")
    assert said.says == "alerts stood open for 44.0 h in all, against 20.0; at most 2 times that, or 2 h more"
    assert said.says_es == (
        "las alertas estuvieron abiertas 44.0 h en total, frente a 20.0; como máximo 2 veces eso, o 2 h más"
    )
    for hours in (0.2, 2.0):  # the control: sooner, or twice as long
        assert failed(found_of(lasting(1.0), lasting(hours))) == []
    assert failed(found_of(lasting(0.05), lasting(0.14))) == []  # under two hours more in all
    assert failed(found_of(lasting(0.05), lasting(0.16))) == ["time open"]
