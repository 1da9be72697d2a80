"""The line's own core on simulated fleets: silent where nothing is wrong, and every truth told where something is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from contracts.alerts import Alert
from contracts.journeys import JourneyWindow
from deploy.checks import RuleTables
from deploy.core_line import CoreLine
from deploy.line_run import AT_CLOCK_SPEED
from detectors import thresholds
from simulators import Fault, Fleet, scenarios

START_MS = 1_790_000_000_000


def alerts_of(
    fleet: Fleet, tick_ms: int, partitions: int = 4, gather_ms: int | None = None, rules: RuleTables = ()
) -> list[Alert]:
    """Every update of the run, and of the ten minutes after it."""
    read = thresholds.read({rule: dict(table) for rule, table in rules})
    line = CoreLine(fleet.reference(), partitions, tick_ms=tick_ms, gather_ms=gather_ms, thresholds=read)
    line.run(fleet.run())
    line.tick(fleet.ends_ms + 600_000)
    assert line.refused == 0
    return line.alerts


def explains(fault: Fault, alert: Alert, slack_ms: float) -> bool:
    return (
        fault.rule == alert.rule
        and fault.device_id == alert.device_id
        and fault.start_ms <= alert.opened_ms + slack_ms
        and alert.opened_ms <= fault.end_ms + slack_ms
    )


def test_a_fault_free_day_of_a_fleet_stays_silent() -> None:
    # One partition: a day has 43,200 ticks, and each goes from every partition to every other. Twenty seconds of
    # readings a frame, as the scorecard has it: nine tenths of the time went into frames of two or three readings, and
    # a silence may be told so much earlier, which is only harder to pass.
    fleet = scenarios.load("quiet").make(12, START_MS)
    assert fleet.ends_ms - fleet.start_ms == 86_400_000
    assert alerts_of(fleet, tick_ms=2_000, partitions=1, gather_ms=20_000) == []


@pytest.mark.parametrize(
    ("name", "seed", "changes"),
    [
        ("demo", 7, {"horizon_s": 45}),
        ("demo", 8, {"horizon_s": 600}),
        ("kill", 20_011, {}),
    ],
)
def test_every_truth_is_told_and_closed_and_nothing_else(name: str, seed: int, changes: dict[str, float]) -> None:
    fleet = scenarios.load(name).make(seed, START_MS, **changes)
    slack_ms = 12_000
    updates = alerts_of(fleet, tick_ms=1_000, rules=AT_CLOCK_SPEED)
    opened = [alert for alert in updates if alert.state == "opened"]
    missed = [fault for fault in fleet.truth if not any(explains(fault, alert, slack_ms) for alert in opened)]
    unexplained = [alert for alert in opened if not any(explains(fault, alert, slack_ms) for fault in fleet.truth)]
    assert missed == []
    assert unexplained == []
    assert len(opened) == len(fleet.truth), Counter(alert.rule for alert in opened)
    assert {alert.alert_id for alert in updates if alert.state == "closed"} == {alert.alert_id for alert in opened}


@pytest.mark.parametrize(("interval_s", "minutes"), [(30.0, 3), (120.0, 6)])
def test_a_journeys_windows_are_as_long_as_three_of_the_intervals_that_the_reference_declares(
    windows_of: Callable[[CoreLine], list[JourneyWindow]], interval_s: float, minutes: int
) -> None:
    fleet = scenarios.load("quiet").make(3, START_MS, shipments=3, horizon_s=3_600, interval_s=interval_s)
    line = CoreLine(fleet.reference(), 2)
    windows = windows_of(line)
    line.run(fleet.run())
    assert len(windows) > 3 * 40 / minutes
    assert {window.end_ms - window.start_ms for window in windows} == {60_000 * minutes}
    assert sorted(window.readings for window in windows)[len(windows) // 2] >= 3
