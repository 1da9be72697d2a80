"""One simulated day through the line's core: its truth, its alerts, and how many shipment-days it had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from contracts.readings import Reading
from contracts.reference import Shipment
from deploy.core_line import CoreLine
from deploy.scorecard import grid
from deploy.scorecard.matching import Opening
from detectors import catalog, sensor_watch
from simulators import Fault, Fleet, scenarios

START_MS: Final = 1_790_000_000_000
TICK_MS: Final = 2_000  # the longest step between ticks that is no outage
GATHER_MS: Final = 20_000  # readings of so much time in a frame; a silence may be told so much early
AFTER_MS: Final = 300_000  # ticks go on, for what is told only when the lateness bound has passed
_REPORTS: Final = 100  # how often progress is told in a day

Progress = Callable[[float], None]  # is told the share of the day that is over


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to play. ``hours``, ``shipments`` and ``interval_s`` (declared, and kept to) None: as the scenario says.
    ``level``: of the grid of thresholds.
    """

    scenario: str
    seed: int
    hours: float | None = None
    shipments: int | None = None
    interval_s: float | None = None
    level: int = grid.SET_POINT


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What was true, what was told. ``rules`` were there to speak; ``refused`` readings should be none.

    ``interval_s`` is what devices declared.
    """

    seed: int
    level: int = grid.SET_POINT
    faults: list[Fault]
    openings: list[Opening]
    rules: list[str]
    readings: int
    refused: int
    interval_s: float
    shipment_days: float
    cpu_s: float


def play(order: Order, progress: Progress | None = None) -> Day:
    """Play one day. Devices send live data before their backlog, for the core's devices need no journal's order."""
    began_s = time.process_time()
    horizon_s = None if order.hours is None else 3600.0 * order.hours
    fleet = scenarios.load(order.scenario).make(
        order.seed, START_MS, live_first=True, shipments=order.shipments, horizon_s=horizon_s,
        interval_s=order.interval_s, every_s=order.interval_s,
    )  # fmt: skip
    line = CoreLine(fleet.reference(), tick_ms=TICK_MS, gather_ms=GATHER_MS, thresholds=grid.at(order.level))
    told = _Told(fleet, progress)
    line.run(told)
    for time_ms in range(fleet.ends_ms, fleet.ends_ms + AFTER_MS, TICK_MS):
        line.tick(time_ms)
    closed_ms = {alert.alert_id: alert.closed_ms for alert in line.alerts}  # as the last of its revisions has it
    openings = [
        Opening(
            rule=alert.rule,
            device_id=alert.device_id,
            shipment_id=alert.shipment_id or "",
            opened_ms=alert.opened_ms,
            closed_ms=closed_ms[alert.alert_id],
            exercise=alert.exercise,
        )
        for alert in line.alerts
        if alert.state == "opened"
    ]
    return Day(
        seed=order.seed,
        level=order.level,
        faults=fleet.truth,
        openings=openings,
        rules=[name for name in catalog.CARDS if name != sensor_watch.CARD.name or line.book.watches],
        readings=told.readings,
        refused=line.refused,
        interval_s=fleet.rigs[0].interval_ms / 1_000.0,
        shipment_days=_shipment_days(fleet),
        cpu_s=time.process_time() - began_s,
    )


class _Told:
    """A fleet's run, whose progress is told."""

    def __init__(self, fleet: Fleet, progress: Progress | None) -> None:
        self.fleet = fleet
        self.progress = progress
        self.readings = 0

    def __iter__(self) -> Iterator[tuple[int, str, Reading]]:
        step_ms = (self.fleet.ends_ms - self.fleet.start_ms) / _REPORTS
        next_ms = self.fleet.start_ms + step_ms
        for sent in self.fleet.run():
            self.readings += 1
            if self.progress is not None and sent[0] >= next_ms:
                self.progress((sent[0] - self.fleet.start_ms) / (self.fleet.ends_ms - self.fleet.start_ms))
                next_ms += step_ms
            yield sent


def _shipment_days(fleet: Fleet) -> float:
    """Days for which shipments were followed, all together. Another version of one is no other shipment."""
    spans: dict[str, tuple[int, int]] = {}
    for record in fleet.reference():
        if isinstance(record, Shipment):
            begin_ms, _ = spans.get(record.shipment_id, (record.effective_ms, 0))
            spans[record.shipment_id] = begin_ms, record.ends_ms or fleet.ends_ms
    return sum(max(0, end - begin) for begin, end in spans.values()) / 86_400_000.0
