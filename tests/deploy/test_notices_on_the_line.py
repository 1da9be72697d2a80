"""On the whole line: what crossings take under a bridge's notice is passed over, and everything else is heard."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from contracts.reference import Notice
from deploy.core_line import CoreLine
from simulators import scenarios

START_MS: Final = 1_790_000_000_000
SEED: Final = 802
CLOSED_S: Final = (3_600.0, 14_400.0)


@pytest.mark.parametrize("announced", [True, False])
def test_crossings_of_a_closed_bridge_are_passed_over_if_its_notice_was_given(announced: bool) -> None:
    quiet = scenarios.load("quiet-sensors")
    life = msgspec.structs.replace(quiet.life, holiday_s=None, closed_s=CLOSED_S, watched_sensors=False)
    fleet = msgspec.structs.replace(quiet, life=life).make(SEED, START_MS, horizon_s=28_800)
    known = [r for r in fleet.reference() if announced or not isinstance(r, Notice)]
    line = CoreLine(known, tick_ms=2_000, gather_ms=30_000)
    trucks = {device.device_id for rig in fleet.rigs for device in rig.devices if device.kind == "truck"}
    line.run(sent for sent in fleet.run() if sent[2].device_id in trucks)
    crossed = [event for event in line.events if event.type == "BORDER_CROSSED"]
    began_s = {event.event_id: (event.time_ms - START_MS) / 1000.0 - (event.wait_s or 0.0) for event in crossed}
    waited = [
        event
        for event in crossed
        if event.bridge == life.closed_bridge
        and began_s[event.event_id] < CLOSED_S[1]
        and (event.time_ms - START_MS) / 1000.0 > CLOSED_S[0]
    ]
    assert len(waited) >= 3, f"seed {SEED}"
    noticed, passed = (sum(stage.counters()[name] for stage in line.sensor) for name in ("noticed", "passed"))
    assert passed == 2 * len(crossed), "a wait and a crossing each"
    assert noticed >= 2 * len(waited) * announced
    assert passed - noticed >= 2 * sum(event.bridge != life.closed_bridge for event in crossed) > 0
    assert announced or noticed == 0
