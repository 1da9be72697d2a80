"""Windows of event time: any order of arrival within the bound gives the same answers, and a restart changes none."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from contracts.alerts import Alert
from contracts.journeys import WINDOW_MS
from contracts.readings import DOUBTED_FIX, LATE, NO_FIX, Finding, ShipmentReading
from detectors import unusual_journey
from detectors.separation import Thresholds
from streams.journey_sums import JourneySum
from streams.shipment_windows import Parting, ShipmentWindows, WindowConfig

SEEDS = range(12)
BOUND_S = 120
LAT_M = 111_194.9  # metres to a degree of latitude
PARTED_S = (300, 480)
LASTS_S = 900


def reading(world, device_id: str, seq: int, at_s: float, north_m: float, **more: Any) -> ShipmentReading:
    kind = {"truck": "truck", "box": "container", "seal": "seal"}.get(device_id.split("-")[0], "phone")
    return ShipmentReading(
        **{
            "device_id": device_id, "boot_id": 1, "seq": seq, "time_ms": world.t0_ms + round(1_000 * at_s),
            "lat_deg": 28.0 + north_m / LAT_M, "lon_deg": -99.51, "speed_kmh": 90.0, "accuracy_m": 6.0,
            "shipment_id": f"S{device_id.split('-')[1]}", "device_kind": kind, "along_km": 60.0 + north_m / 1_000,
            "off_route_m": 4.0, "temperature_c": 5.0 if kind == "container" else None, **more,
        }
    )  # fmt: skip


def journey(world, number: int, parts: bool) -> list[ShipmentReading]:
    """A truck at 25 m/s whose container and seal stand still for a while, then are where it is; intervals differ."""
    found = []
    for kind, every_s, phase_s in (("truck", 10, 0.0), ("box", 15, 3.1), ("seal", 20, 7.7)):
        for seq in range(int(LASTS_S / every_s)):
            at_s = seq * every_s + phase_s + number / 7
            lost = parts and kind != "truck" and PARTED_S[0] <= at_s < PARTED_S[1]
            found.append(reading(world, f"{kind}-{number}", seq, at_s, 25.0 * (PARTED_S[0] if lost else at_s)))
    return found


def arrivals(readings: list[ShipmentReading], rng: random.Random, most_s: float) -> list[tuple[int, ShipmentReading]]:
    """(when it arrives, reading), each up to so much later than it was measured."""
    late = [(r.time_ms + round(1_000 * rng.uniform(0.0, most_s)), r) for r in readings]
    return sorted(late, key=lambda one: one[0])


class Windows:
    """Windows under a clock that ticks each second, with restarts where asked."""

    def __init__(
        self, world, thresholds: Thresholds | None = None, declared_s: dict[str, float] | None = None, **config: Any
    ) -> None:
        self.world, self.config, self.thresholds = world, WindowConfig(**config), thresholds
        self.declared_s = declared_s or {}
        self.windows = self.fresh()
        self.rows: dict[str, int] = {}
        self.saved: dict[str, bytes] = {}

    def fresh(self) -> ShipmentWindows:
        return ShipmentWindows(self.config, self.thresholds, lambda device_id, _time_ms: self.declared_s.get(device_id))

    def hear(self, *readings: ShipmentReading) -> None:
        rows = [self.rows.setdefault(r.device_id, len(self.rows)) for r in readings]
        self.windows.hear(rows, list(readings))

    def restart(self, rng: random.Random) -> None:
        self.save()
        self.windows = self.fresh()
        self.rows = {}
        for key in rng.sample(sorted(self.saved), len(self.saved)):
            self.windows.restore(key, self.saved[key])

    def save(self) -> int:
        """Write what has changed, as the compacted topic would; how many bytes of positions that is."""
        written = 0
        for key, value in self.windows.changes():
            written += len(value or b"") if key.startswith("p/") else 0
            if value is None:
                del self.saved[key]
            else:
                self.saved[key] = value
        return written

    def advance(self, at_s: float) -> list[Parting | JourneySum]:
        return list(self.windows.advance(self.world.t0_ms + round(1_000 * at_s)))

    def run(self, arriving: list[tuple[int, ShipmentReading]], restarts: random.Random | None = None, until_s=1_500):
        found: list[Parting | JourneySum] = []
        queue = list(arriving)
        for at_s in range(until_s):
            now_ms = self.world.t0_ms + 1_000 * at_s
            while queue and queue[0][0] <= now_ms:
                self.hear(queue.pop(0)[1])
            found += self.advance(at_s)
            if restarts is not None and restarts.random() < 0.02:
                self.restart(restarts)
        return found


@pytest.fixture(scope="module")
def fleet(world) -> list[ShipmentReading]:
    return [r for number in range(6) for r in journey(world, number, parts=number in (1, 4))]


@pytest.fixture(scope="module")
def in_order(world, fleet) -> list[Parting | JourneySum]:
    return Windows(world).run(arrivals(fleet, random.Random(0), 0.0))


def told_late(readings: list[ShipmentReading], device: str, wrong_s: float) -> list[tuple[int, ShipmentReading]]:
    """As they arrive, each at once, one of this device's with a wrong time."""
    wrong = next(r for r in readings if r.device_id.startswith(device) and r.seq == 14)
    other = msgspec.structs.replace(wrong, time_ms=wrong.time_ms + round(1_000 * wrong_s))
    return [(r.time_ms, other if r is wrong else r) for r in sorted(readings, key=lambda r: r.time_ms)]


@pytest.mark.parametrize("wrong_s", [-100, -60, -20, -9, 9, 20, 60, 200, 290])
@pytest.mark.parametrize("device", ["truck", "box", "seal"])
def test_one_wrong_time_parts_nobody(world, device: str, wrong_s: float) -> None:
    arriving = told_late(journey(world, 1, parts=False), device, wrong_s)
    assert [found for found in Windows(world).run(arriving) if isinstance(found, Parting)] == []


@pytest.mark.parametrize("wrong_s", [-60, 60])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_restart_does_not_forget_whose_time_may_be_wrong(world, wrong_s: float, seed: int) -> None:
    arriving = told_late(journey(world, 1, parts=False), "truck", wrong_s)
    restarts = random.Random(seed)
    found = Windows(world).run(arriving, restarts=restarts)
    assert [one for one in found if isinstance(one, Parting)] == []


@pytest.mark.parametrize("device", ["truck", "box", "seal"])
def test_who_parts_is_told_whatever_time_was_wrong_before(world, device: str) -> None:
    """The control: these positions do not all rest on one."""
    arriving = told_late(journey(world, 1, parts=True), device, 60)
    assert [found.level for found in Windows(world).run(arriving) if isinstance(found, Parting)][:1] == ["trip"]


def in_any_order(found: list[Parting | JourneySum]) -> list[str]:
    return sorted(map(repr, found))


def test_those_that_part_are_told_once_they_are_surely_apart_and_once_they_are_together(world, in_order):
    partings = [p for p in in_order if isinstance(p, Parting)]
    assert {p.shipment_id for p in partings} == {"S1", "S4"}
    for name in ("S1", "S4"):
        own = [p for p in partings if p.shipment_id == name]
        assert [p.level for p in own][-1] == "clear"
        assert {p.level for p in own[:-1]} == {"trip"}
        opened_s = (own[0].told_ms - world.t0_ms) / 1_000
        assert PARTED_S[0] < opened_s <= PARTED_S[0] + BOUND_S + 60
        assert {p.vehicle_id for p in own} == {f"truck-{name[1]}"}
        assert {p.device_id.split("-")[0] for p in own} == {"box", "seal"}


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_arrival_within_the_bound_gives_the_same_answers(world, fleet, in_order, seed: int):
    rng = random.Random(seed)
    other = Windows(world).run(arrivals(fleet, rng, BOUND_S - 1))
    assert in_any_order(other) == in_any_order(in_order)


@pytest.mark.parametrize("seed", SEEDS)
def test_restarts_change_no_answer(world, fleet, in_order, seed: int):
    rng = random.Random(seed)
    other = Windows(world).run(arrivals(fleet, rng, BOUND_S - 1), restarts=rng)
    assert in_any_order(other) == in_any_order(in_order)


def test_a_clock_that_jumps_gives_the_same_answers(world, fleet, in_order):
    windows = Windows(world)
    windows.hear(*random.Random(3).sample(fleet, len(fleet)))
    assert in_any_order(windows.advance(1_499)) == in_any_order(in_order)


def test_without_the_bound_the_order_of_arrival_would_matter(world, fleet, in_order):
    hasty = Windows(world, lateness_bound_ms=0)
    other = hasty.run(arrivals(fleet, random.Random(1), BOUND_S - 1))
    assert hasty.windows.tracks.behind > 0
    assert [(p.shipment_id, p.seq) for p in other if isinstance(p, Parting)] != [
        (p.shipment_id, p.seq) for p in in_order if isinstance(p, Parting)
    ]


def test_journeys_are_summed_over_the_vehicles_readings(in_order):
    sums = [s for s in in_order if isinstance(s, JourneySum) and s.shipment_id == "S0"]
    assert [s.readings for s in sums[1:-1]] == [18] * len(sums[1:-1])
    for one in sums:
        assert one.device_id == "truck-0"
        assert (one.speed_kmh, one.speed_spread_kmh, one.stopped_share) == (90.0, 0.0, 0.0)
        assert one.progress_km / (one.covered_ms / 3_600_000) == pytest.approx(90.0, rel=1e-3)
        assert (one.off_route_m, one.celsius, one.placed_share, one.told_share) == (4.0, 5.0, 0.0, 0.0)


def test_what_other_rules_say_and_where_a_truck_stands_is_noted(world):
    windows = Windows(world)
    trip = (Finding("shock", "trip", 1.0),)
    for n in range(24):  # over two windows
        windows.hear(
            reading(world, "truck-1", n, 10 * n, 0.0, speed_kmh=3.0, inside=("yard",) if n % 2 else ()),
            reading(world, "box-1", n, 10 * n + 1, 0.0, findings=trip if n > 20 else (), temperature_c=4.0 + n % 3),
        )
    (one,) = [s for s in windows.advance(1_000) if isinstance(s, JourneySum) and s.readings > 12]
    assert one.stopped_share == 1.0
    assert 0.4 < one.placed_share < 0.6
    assert one.told_share > 0
    assert one.celsius == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize(
    "strange",
    [{"marks": (LATE,)}, {"marks": (NO_FIX,), "lat_deg": 0.0, "lon_deg": 0.0}, {"lat_deg": None}, {"shipment_id": None},
     {"findings": (Finding("position_spoofing", "trip", 1.0),)}, {"marks": (DOUBTED_FIX,)}],
)  # fmt: skip
def test_late_blind_unguarded_and_doubted_positions_part_nobody(world, strange):
    windows = Windows(world)
    for n in range(40):
        windows.hear(
            reading(world, "truck-1", n, 10 * n, 0.0),
            reading(world, "box-1", n, 10 * n + 5, 9_000.0, **strange),
        )
    assert [p for p in windows.advance(1_000) if isinstance(p, Parting)] == []


def test_absence_is_not_separation(world):
    windows = Windows(world)
    for n in range(60):
        at_s = 10.0 * n
        windows.hear(reading(world, "box-1", n, at_s + 5, 25.0 * at_s))
        if not 10 <= n < 50:  # its truck is silent for seven minutes, and drives on
            windows.hear(reading(world, "truck-1", n, at_s, 25.0 * at_s))
    assert [p for p in windows.advance(1_000) if isinstance(p, Parting)] == []


@pytest.mark.parametrize("gone", ["box", "seal"])
def test_a_container_apart_is_told_though_its_seal_is_with_the_truck_and_the_other_way_round(world, gone: str):
    windows = Windows(world)
    for n in range(90):
        for kind, phase_s in (("truck", 0), ("box", 2), ("seal", 6)):
            north_m = 4_000.0 if kind == gone and n < 60 else 0.0
            windows.hear(reading(world, f"{kind}-1", n, 10 * n + phase_s, north_m, speed_kmh=0.0))
    partings = [p for p in windows.advance(1_200) if isinstance(p, Parting)]
    assert {p.level for p in partings[:-1]} == {"trip"}
    assert {p.device_id for p in partings} == {f"{gone}-1"}
    assert partings[-1].level == "clear"


def test_an_episode_lasts_until_all_that_was_apart_is_together(world):
    windows = Windows(world)
    for n in range(120):
        for kind, phase_s, until in (("truck", 0, 0), ("box", 2, 40), ("seal", 6, 80)):
            north_m = 4_000.0 if n < until else 0.0
            windows.hear(reading(world, f"{kind}-1", n, 10 * n + phase_s, north_m, speed_kmh=0.0))
    (clear,) = [p for p in windows.advance(1_400) if isinstance(p, Parting) and p.level == "clear"]
    assert clear.time_ms - world.t0_ms > 800_000
    assert clear.device_id == "seal-1"


def test_without_a_truck_the_seal_is_held_to_its_container_and_a_phone_is_a_vehicle(world):
    for vehicle, cargo in (("box-1", "seal-1"), ("phone-1", "box-1")):
        windows = Windows(world)
        for n in range(30):
            windows.hear(
                reading(world, vehicle, n, 10 * n, 0.0), reading(world, cargo, n, 10 * n + 5, 3_000.0 if n > 9 else 0.0)
            )
        partings = [p for p in windows.advance(1_000) if isinstance(p, Parting)]
        assert {(p.level, p.device_id, p.vehicle_id) for p in partings} == {("trip", cargo, vehicle)}


def test_state_is_let_go_of_when_it_is_not_needed_any_more(world, fleet):
    windows = Windows(world)
    windows.run(arrivals(fleet, random.Random(0), 0.0))
    windows.save()
    assert windows.windows.tracks.awaiting == 0
    assert len(windows.windows.tracks.kept) <= 3 * 6
    windows.advance(10_000)
    windows.advance(10_300)
    windows.save()
    assert windows.windows.members.find("S1", False) is None
    assert {key.split("/")[0] for key in windows.saved} <= {"b", "t", "p", "u"}
    again = journey(world, 9, parts=True)
    for r in again:
        r.time_ms += 10_000_000
    windows.hear(*again)
    assert {p.shipment_id for p in windows.advance(12_000) if isinstance(p, Parting)} == {"S9"}


def test_a_position_is_written_once(world, fleet):
    windows = Windows(world)
    windows.hear(*fleet)
    first = windows.save()
    assert first >= 60 * len(fleet)
    windows.advance(600)
    assert windows.save() == 0


def test_a_slice_must_divide_a_journey():
    with pytest.raises(ValueError, match="whole number"):
        WindowConfig(slice_ms=7_000)


# -- through the stage ---------------------------------------------------------------------------------------------


class Line:
    """A stage 2 that hears a fleet, its lanes ticking."""

    def __init__(self, world, book=None, **config: Any) -> None:
        self.world, self.book = world, book or world.fleet()
        self.partition = world.partition_of_shipment("S1")
        self.config = config
        self.stage = world.shipments(self.book, self.partition, **config)
        self.alerts: list[Alert] = []
        self.saved: dict[str, bytes] = {}

    def hear(self, *readings: ShipmentReading) -> None:
        frame = self.world.frame(*map(msgspec.json.encode, readings))
        self.alerts += [a for a in self.world.alerts(self.stage.process_frame(frame)) if a.rule == "separation"]

    def tick(self, at_s: float) -> None:
        for lane in range(self.world.partitions):
            out = self.stage.process_tick(self.world.tick(at_s, f"gateway/{lane}"))
            self.alerts += [a for a in self.world.alerts(out) if a.rule == "separation"]

    def restart(self) -> None:
        self.world.checkpoint(self.stage, self.saved)
        self.stage = self.world.shipments(self.book, self.partition, **self.config)
        for key in sorted(self.saved, reverse=True):
            self.stage.restore(key, self.saved[key])


def play(line: Line, readings: list[ShipmentReading], until_s: int, restart_at: tuple[int, ...] = ()) -> list[Alert]:
    queue = sorted(readings, key=lambda r: r.time_ms)
    for at_s in range(until_s):
        now = [r for r in queue if r.time_ms < line.world.t0_ms + 1_000 * at_s]
        del queue[: len(now)]
        if now:
            line.hear(*now)
        line.tick(at_s)
        if at_s in restart_at:
            line.restart()
    return line.alerts


def test_an_episode_is_the_shipments_and_says_who_is_where(world):
    alerts = play(Line(world), journey(world, 1, parts=True), 1_100)
    assert (alerts[0].state, alerts[-1].state) == ("opened", "closed")
    assert {a.alert_id for a in alerts} == {alerts[0].alert_id}
    opened, closed = alerts[0], alerts[-1]
    assert (opened.shipment_id, opened.device_id, opened.severity) == ("S1", opened.device_id, "critical")
    assert opened.evidence["vehicle_id"] == "truck-1"
    assert opened.evidence["distance_m"] > 300
    assert opened.opened_ms <= world.t0_ms + 1_000 * (PARTED_S[0] + BOUND_S + 60)
    assert closed.closed_ms > opened.opened_ms
    assert (opened.corridor, opened.direction, opened.audiences) == ("I35", "northbound", ("us", "joint"))


def test_an_episode_is_the_same_after_restarts(world):
    readings = journey(world, 1, parts=True)
    once = play(Line(world), readings, 1_100)
    again = play(Line(world), readings, 1_100, restart_at=(100, 333, 440, 441, 500, 620, 700))
    assert [msgspec.json.encode(a) for a in again] == [msgspec.json.encode(a) for a in once]


def test_an_episode_ends_with_its_shipment_and_does_not_open_again(world):
    book = world.fleet()
    book.apply(world.shipment(1, ends_ms=world.t0_ms + 400_000))
    readings = [r for r in journey(world, 1, parts=True) if r.time_ms < world.t0_ms + 400_000]
    alerts = play(Line(world, book), readings, 1_100)
    assert [a.state for a in alerts if a.state != "updated"] == ["opened", "closed"]
    assert alerts[-1].evidence["closed_ended"] is True


def test_a_drill_is_apart_from_the_real_and_over_when_nobody_plays_it(world):
    readings = [
        reading(world, f"{kind}-1", n, 10 * n + (5 if kind == "box" else 0), 3_000.0 * (kind == "box"), exercise=True)
        for n in range(30)
        for kind in ("truck", "box")
    ]
    real = [
        reading(world, f"{kind}-1", n, 10 * n + (5 if kind == "box" else 0), 0.0)
        for n in range(40, 110)
        for kind in ("truck", "box")
    ]
    alerts = play(Line(world), readings + real, 1_500)
    assert [(a.state, a.exercise) for a in alerts if a.state != "updated"] == [("opened", True), ("closed", True)]
    assert "drill" in alerts[-1].messages["en"]


def test_windows_wait_until_every_lane_was_heard(world):
    line = Line(world)
    line.hear(*journey(world, 1, parts=True))
    for at_s in range(0, 1_100, 5):
        line.stage.process_tick(world.tick(at_s, "gateway/0"))
    assert line.stage.windows.closed_ms == 0
    line.tick(1_100)
    assert {a.state for a in line.alerts} >= {"opened", "closed"}


@pytest.mark.parametrize(
    ("interval_s", "windows"), [(None, 1), (1, 1), (30, 1), (60, 1), (61, 2), (120, 2), (121, 2), (3_600, 2)]
)
def test_a_window_holds_three_declared_intervals_and_lasts_six_minutes_at_the_most(
    interval_s: float | None, windows: int
) -> None:
    assert WindowConfig().lasts_ms(interval_s) == windows * WINDOW_MS


def seldom(world, number: int, every_s: int) -> list[ShipmentReading]:
    times = range(3_600 // every_s)
    return [reading(world, f"truck-{number}", seq, seq * every_s + 11.0, 250.0 * seq) for seq in times]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_who_speaks_seldom_has_longer_windows_beside_those_of_who_speaks_often(world, seed: int | None) -> None:
    heard = [*seldom(world, 1, 30), *seldom(world, 2, 120), *seldom(world, 3, 90)]
    windows = Windows(world, declared_s={"truck-1": 30.0, "truck-2": 120.0, "truck-3": 90.0})
    restarts = None if seed is None else random.Random(seed)
    out = windows.run(arrivals(heard, random.Random(0), 0.0), restarts, until_s=4_800)
    found = [one for one in out if isinstance(one, JourneySum)]
    for device_id, times, readings, every_s in (("truck-1", 1, 6, 30), ("truck-2", 2, 3, 120), ("truck-3", 2, 4, 90)):
        of = [one for one in found if one.device_id == device_id]
        assert {one.end_ms - one.start_ms for one in of} == {times * WINDOW_MS}
        assert all(one.start_ms % (times * WINDOW_MS) == 0 for one in of)
        assert sum(one.readings for one in of) == 3_600 // every_s, "each reading lies in one window"
        assert {one.readings for one in of[1:-1]} == {readings}


def test_by_windows_of_three_minutes_nobody_who_speaks_each_two_would_be_judged(world) -> None:
    out = Windows(world).run(arrivals(seldom(world, 2, 120), random.Random(0), 0.0), until_s=4_800)
    least = unusual_journey.Thresholds().least_readings
    assert max(one.readings for one in out if isinstance(one, JourneySum)) < least == WindowConfig().journey_readings
