"""One reading of a wrong time, all else right, is told as nothing, and takes no place from any rule on places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
import pytest

from contracts.readings import Reading
from deploy.core_line import CoreLine
from deploy.scorecard.day import AFTER_MS, GATHER_MS, START_MS, TICK_MS
from deploy.scorecard.matching import Matched, Opening, match
from deploy.scorecard.report import LATENESS_BOUND_MS
from simulators import FaultSpec, Fleet
from simulators.life import Life

WRONG_S: Final = (-100, -20, 60, 290)
FAULTS: Final = [
    FaultSpec(
        rule="route_deviation", first_s=(1800, 1800), every_s=(300, 300), duration_s=(900, 1200), size=(3e3, 6e3)
    ),
    FaultSpec(rule="separation", first_s=(2000, 2000), every_s=(400, 400), duration_s=(1200, 1500), size=(1e3, 3e3)),
    FaultSpec(rule="unplanned_stop", first_s=(2100, 2100), every_s=(400, 400), size=(20, 30)),
]


def played(wrong_s: float, device: str, faults: list[FaultSpec]) -> Matched:
    """What was told, where the thirtieth reading of each device whose name has this in it has another time."""
    fleet = Fleet(5, START_MS, 8, faults=faults, horizon_s=5400.0, interval_s=30, life=Life(), live_first=True)
    heard: Counter[str] = Counter()

    def sent() -> Iterator[tuple[int, str, Reading]]:
        for send_ms, topic, reading in fleet.run():
            heard[reading.device_id] += 1
            if heard[reading.device_id] == 30 and device in reading.device_id:
                reading = msgspec.structs.replace(reading, time_ms=reading.time_ms + round(1_000 * wrong_s))  # noqa: PLW2901
            yield send_ms, topic, reading

    line = CoreLine(fleet.reference(), tick_ms=TICK_MS, gather_ms=GATHER_MS)
    line.run(sent())
    for time_ms in range(fleet.ends_ms, fleet.ends_ms + AFTER_MS, TICK_MS):
        line.tick(time_ms)
    openings = [
        Opening(rule=a.rule, device_id=a.device_id, shipment_id=a.shipment_id or "", opened_ms=a.opened_ms)
        for a in line.alerts
        if a.state == "opened"
    ]
    return match(fleet.truth, openings, LATENESS_BOUND_MS)


@pytest.mark.parametrize("wrong_s", WRONG_S)
@pytest.mark.parametrize("device", ["-T", "-C", "-S"])
def test_one_wrong_time_is_told_as_nothing(wrong_s: float, device: str) -> None:
    assert [opening.rule for opening in played(wrong_s, device, []).false] == []


@pytest.fixture(scope="module")
def undisturbed() -> Matched:
    return played(0, "-T", FAULTS)


@pytest.mark.parametrize("wrong_s", [-20, 60])
def test_what_happens_after_one_wrong_time_is_told_as_it_is_without(undisturbed: Matched, wrong_s: float) -> None:
    found = played(wrong_s, "", FAULTS)
    hits, usual = (Counter(hit.fault.rule for hit in of.hits) for of in (found, undisturbed))
    assert hits == usual
    assert hits.keys() == {"route_deviation", "separation", "unplanned_stop"}
    assert "position_spoofing" not in {opening.rule for opening in found.false}
