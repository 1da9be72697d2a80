"""Readings kept until their shipment has ended, and sent one by one, tell no more than those that come at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pytest
from msgspec.structs import replace

from contracts.readings import Reading
from contracts.reference import Shipment
from deploy.core_line import CoreLine
from deploy.scorecard.day import START_MS
from simulators import FaultSpec, Fleet
from streams.onsets import Onsets

ENDS_MS: Final = START_MS + 5_400_000
KEPT_MS: Final = 600_000  # after the shipment's end
FAULTS: Final = [
    FaultSpec(rule="seal_breach", first_s=(900, 900), every_s=(1500, 1500), duration_s=(600, 600)),
    FaultSpec(rule="unplanned_stop", first_s=(1200, 1200), every_s=(1500, 1500), size=(20, 25)),
    FaultSpec(rule="route_deviation", first_s=(1000, 1000), every_s=(900, 900), duration_s=(900, 900), size=(3e3, 5e3)),
    FaultSpec(rule="battery_low", first_s=(800, 800), every_s=(1500, 1500), duration_s=(3000, 3000)),
]


class Restarting(CoreLine):
    """The stages of rules and episodes die at each checkpoint, and go on from what they have written by then."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: dict[tuple[str, int], dict[str, bytes]] = {}
        self.restarts = 0

    def _checkpoint(self) -> None:
        dying: Sequence[tuple[str, list[Any]]] = (("admit", self.admit), ("shipment", self.shipment))
        for name, stages in dying:
            for partition, stage in enumerate(stages):
                kept = self.kept.setdefault((name, partition), {})
                for key, value in stage.changes():
                    kept.pop(key, None)
                    if value is not None:
                        kept[key] = value
                stages[partition] = type(stage)(partition, self.book, stage.config)
                for key, value in kept.items():
                    stages[partition].restore(key, value)
        self.restarts += 1
        super()._checkpoint()


def played(every_s: float | None, line_of: type[CoreLine] = CoreLine) -> CoreLine:
    """Each device's readings so many seconds apart, from ten minutes after its shipment's end; None: as measured."""
    fleet = Fleet(51, START_MS, 4, faults=FAULTS, horizon_s=5_400.0, interval_s=30, live_first=True)
    reference = [replace(r, ends_ms=ENDS_MS) if isinstance(r, Shipment) else r for r in fleet.reference()]
    sent: list[tuple[int, str, Reading]] = []
    turn: Counter[str] = Counter()
    for send_ms, topic, reading in fleet.run():
        kept_ms = ENDS_MS + KEPT_MS + round(1_000 * (every_s or 0) * turn[reading.device_id])
        turn[reading.device_id] += 1
        sent.append((send_ms if every_s is None else kept_ms, topic, reading))
    line = line_of(reference, 2)
    # The line was there all the time; else its first tick would be that of the first reading kept.
    for time_ms in range(START_MS, ENDS_MS + KEPT_MS, 60_000):
        line.tick(time_ms)
    line.run(sorted(sent, key=lambda each: each[0]))
    line.tick(sent[-1][0] + 60_000)
    return line


def opened(line: CoreLine) -> Counter[tuple[str, str]]:
    return Counter((a.rule, a.device_id) for a in line.alerts if a.state == "opened")


@pytest.fixture(scope="module")
def at_once() -> CoreLine:
    return played(0)


@pytest.fixture(scope="module")
def one_by_one() -> CoreLine:
    return played(3)


def test_a_backlog_that_drains_slowly_tells_what_one_that_comes_at_once_does(
    at_once: CoreLine, one_by_one: CoreLine
) -> None:
    assert opened(one_by_one) == opened(at_once)
    assert all(alert.state == "closed" for alert in one_by_one.final())


def test_no_fault_of_a_backlog_is_lost(one_by_one: CoreLine) -> None:
    assert opened(one_by_one) == opened(played(None))
    assert {rule for rule, _ in opened(one_by_one)} == {fault.rule for fault in FAULTS}


def test_restarts_amid_a_slow_backlog_change_no_alert(one_by_one: CoreLine) -> None:
    line = played(3, Restarting)
    assert line.restarts > 5
    assert line.alerts == one_by_one.alerts


def test_without_onsets_the_same_backlog_floods(monkeypatch: pytest.MonkeyPatch, at_once: CoreLine) -> None:
    """The control."""
    monkeypatch.setattr(Onsets, "hear", lambda *_: None)
    assert opened(played(3)).total() > 10 * opened(at_once).total()
