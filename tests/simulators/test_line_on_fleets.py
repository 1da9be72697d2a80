"""The line's own core on simulated fleets: silent where nothing is wrong, and every truth told where something is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.readings import Tick
from simulators import Fault, Fleet, scenarios
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.audiences import Audience
from streams.reference_book import ReferenceBook
from streams.shipment_stage import ShipmentConfig, ShipmentStage

START_MS = 1_790_000_000_000


class Core:
    """Both stages on one partition, without Kafka: frames and ticks in, alert updates out."""

    def __init__(self, fleet: Fleet) -> None:
        book = ReferenceBook()
        for record in fleet.reference():
            book.apply(record)
        self.admit = AdmitStage(0, book, AdmitConfig(partitions=1))
        self.shipment = ShipmentStage(0, book, ShipmentConfig(partitions=1, audiences=(Audience("joint"),)))

    def frame(self, lines: list[bytes]) -> Iterator[Alert]:
        for out in self.admit.process_frame(b"\n".join(lines)):
            assert out.topic != topics.REFUSED, out.value
        yield from self._second(self.admit.flush())

    def tick(self, time_ms: int) -> Iterator[Alert]:
        yield from self._second(self.admit.process_tick(Tick("test", time_ms)))

    def _second(self, outgoing: list) -> Iterator[Alert]:  # type: ignore[type-arg]
        for out in outgoing:
            if out.topic != topics.SHIPMENT_READINGS:
                continue
            if dict(out.headers)["type"] == b"tick":
                made = self.shipment.process_tick(frames.decode_tick(out.value))
            else:
                made = self.shipment.process_frame(out.value)
            for record in made:
                if record.topic == topics.alerts("joint"):
                    yield msgspec.json.decode(record.value, type=Alert)


def alerts_of(fleet: Fleet, tick_ms: int) -> list[Alert]:
    """Every update, with a tick each ``tick_ms`` of the run's own time and the readings sent between two in a frame.

    Ticks over two seconds apart would count as an outage of the line, in which nobody is silent.
    """
    core = Core(fleet)
    found: list[Alert] = []
    lines: list[bytes] = []
    tick_at_ms = fleet.start_ms + tick_ms
    for send_ms, _, reading in fleet.run():
        while send_ms >= tick_at_ms:
            found += [*core.frame(lines), *core.tick(tick_at_ms)]
            lines = []
            tick_at_ms += tick_ms
        lines.append(msgspec.json.encode(reading))
    return [*found, *core.frame(lines), *core.tick(fleet.ends_ms), *core.tick(fleet.ends_ms + 600_000)]


def explains(fault: Fault, alert: Alert, slack_ms: float) -> bool:
    return (
        fault.rule == alert.rule
        and fault.device_id == alert.device_id
        and fault.start_ms <= alert.opened_ms + slack_ms
        and alert.opened_ms <= fault.end_ms + slack_ms
    )


def test_a_fault_free_day_of_a_fleet_stays_silent() -> None:
    assert alerts_of(scenarios.load("quiet").make(11, START_MS, shipments=8), tick_ms=2_000) == []


@pytest.mark.parametrize(
    ("name", "seed", "changes"),
    [
        ("demo", 7, {"horizon_s": 45}),
        ("demo", 8, {"horizon_s": 600}),
        ("kill", 20_011, {}),
        ("day", 5, {"horizon_s": 14_400}),
    ],
)
def test_every_truth_is_told_and_closed_and_nothing_else(name: str, seed: int, changes: dict[str, float]) -> None:
    fleet = scenarios.load(name).make(seed, START_MS, **changes)
    slack_ms = 12 * fleet.habits.every_ms if name == "day" else 12_000
    updates = alerts_of(fleet, tick_ms=1_000 if name != "day" else 2_000)
    opened = [alert for alert in updates if alert.state == "opened"]
    missed = [fault for fault in fleet.truth if not any(explains(fault, alert, slack_ms) for alert in opened)]
    unexplained = [alert for alert in opened if not any(explains(fault, alert, slack_ms) for fault in fleet.truth)]
    assert missed == []
    assert unexplained == []
    assert len(opened) == len(fleet.truth), Counter(alert.rule for alert in opened)
    assert {alert.alert_id for alert in updates if alert.state == "closed"} == {alert.alert_id for alert in opened}
