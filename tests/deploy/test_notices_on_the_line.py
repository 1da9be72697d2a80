"""On the whole line: what is slow under a bridge's notice is passed over, and everything else is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import pytest

from contracts.journeys import JourneyWindow
from contracts.reference import Notice, Route, Shipment
from deploy.core_line import CoreLine
from simulators import scenarios

START_MS: Final = 1_790_000_000_000
CLOSED_S: Final = (3_600.0, 14_400.0)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("seed", "bridge"), [(803, "WORLD-TRADE"), (58, "COLOMBIA")])
def test_waits_and_journeys_before_a_closed_bridge_are_passed_over_if_its_notice_was_given(
    windows_of: Callable[[CoreLine], list[JourneyWindow]], seed: int, bridge: str, announced: bool
) -> None:
    quiet = scenarios.load("quiet-sensors")
    life = msgspec.structs.replace(
        quiet.life,
        closed_bridge=bridge,
        holiday_lasts_s=(0.0, 0.0),
        closed_from_s=(CLOSED_S[0], CLOSED_S[0]),
        closed_lasts_s=(CLOSED_S[1] - CLOSED_S[0], CLOSED_S[1] - CLOSED_S[0]),
        watched_sensors=False,
    )
    fleet = msgspec.structs.replace(quiet, life=life).make(seed, START_MS, horizon_s=28_800, shipments=32)
    known = [r for r in fleet.reference() if announced or not isinstance(r, Notice)]
    line = CoreLine(known, tick_ms=2_000, gather_ms=30_000)
    windows = windows_of(line)
    trucks = {device.device_id for rig in fleet.rigs for device in rig.devices if device.kind == "truck"}
    line.run(sent for sent in fleet.run() if sent[2].device_id in trucks)

    closed_ms, opens_ms = (START_MS + int(1000.0 * s) for s in CLOSED_S)
    crossed = [event for event in line.events if event.type == "BORDER_CROSSED"]
    waited = [
        event
        for event in crossed
        if event.bridge == bridge
        and event.time_ms - 1000.0 * (event.wait_s or 0.0) < opens_ms
        and event.time_ms > closed_ms
    ]
    assert len(waited) >= 3
    noticed, passed = (sum(stage.counters()[name] for stage in line.sensor) for name in ("noticed", "passed"))
    assert passed == 2 * len(crossed), "a wait and a crossing each"
    assert noticed >= 2 * len(waited) * announced
    assert passed - noticed >= 2 * sum(event.bridge != bridge for event in crossed) > 0
    assert announced or noticed == 0

    across = {r.route_id for r in known if isinstance(r, Route) for area in r.geofences if area.bridge == bridge}
    of_bridge = {r.shipment_id for r in known if isinstance(r, Shipment) and r.route_id in across}
    while_closed = [w for w in windows if w.end_ms > closed_ms and w.start_ms < opens_ms]
    assert {w.shipment_id in of_bridge for w in while_closed} == {True, False}
    assert all((w.notice is not None) == (announced and w.shipment_id in of_bridge) for w in while_closed)
    assert not [w for w in windows if w.notice is not None and w.end_ms <= closed_ms]
