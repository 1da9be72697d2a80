"""What is usual at this hour of the week; while that is not well known, what is usual at this hour of the day."""

from __future__ import annotations

from detectors.week_profile import WeekProfile

MINUTE_MS = 60_000
DAY = 1_440


def heard(profile: WeekProfile, first: int, minutes: int, level: float) -> None:
    for minute in range(first, first + minutes):
        profile.learn(minute * MINUTE_MS, level)


def at(profile: WeekProfile, minute: int) -> float | None:
    return profile.usual(minute * MINUTE_MS)


def test_an_hour_of_the_week_not_yet_heard_is_as_the_same_hour_of_other_days() -> None:
    profile = WeekProfile(24, 0.1)
    assert at(profile, 630) is None
    heard(profile, 0, 600, 2.0)
    heard(profile, 600, 60, 8.0)
    assert (at(profile, DAY + 300), at(profile, DAY + 630)) == (2.0, 8.0)
    assert at(profile, DAY + 800) is None
    assert profile.residual((DAY + 630) * MINUTE_MS, 1.0) == 0.0  # which is for what is known of this very hour


def test_some_minutes_of_an_hour_say_little_beside_other_days_and_a_well_known_hour_speaks_for_itself() -> None:
    profile = WeekProfile(24, 0.1)
    heard(profile, 0, DAY, 2.0)
    heard(profile, DAY + 600, 3, 8.0)
    assert 2.0 < (at(profile, DAY + 603) or 0.0) < 4.0
    heard(profile, DAY + 603, 40, 8.0)
    assert at(profile, DAY + 643) == 8.0


def test_one_value_is_no_habit() -> None:
    profile = WeekProfile(24, 0.1)
    profile.learn(0, 5.0)
    assert at(profile, 1) is None
    profile.learn(MINUTE_MS, 5.0)
    assert at(profile, 2) == 5.0
