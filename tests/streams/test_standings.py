"""Standings: the columns that the reference decides are right for every reading, and are kept while they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from contracts.readings import Finding
from detectors.columns import Columns
from detectors.device_batch import KIND_CODES, DeviceBatch, Verdict, quiet
from detectors.rule import RuleCard
from streams.screen import Screen


class Recorder:
    """A rule that says nothing and remembers every round it was shown."""

    card = RuleCard("recorder", 1, "info", {}, {})

    def __init__(self) -> None:
        self.columns = Columns(on=np.bool_(False))
        self.seen: list[DeviceBatch] = []

    def judge(self, batch: DeviceBatch) -> Verdict:
        self.seen.append(batch)
        return quiet(batch)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, Finding]:
        return {}

    def column(self, name: str) -> list:
        return [value for batch in self.seen for value in getattr(batch, name).tolist()]


def screened(world, book, *lines: bytes, recorder: Recorder | None = None, screen: Screen | None = None) -> Recorder:
    """What a rule is shown of these lines, one frame each."""
    recorder = recorder or Recorder()
    stage = world.admit(book)
    stage.screen = screen or Screen([recorder])
    for line in lines:
        stage.process_frame(world.frame(line))
    return recorder


def two_shipments(world):
    t0 = world.t0_ms
    return world.book(
        world.route(), world.route("MEX85"), world.device("truck-1"),
        world.shipment(1, ends_ms=t0 + 10_000, min_temperature_c=-3.0),
        world.shipment(2, effective_ms=t0 + 10_000, device_ids=["truck-1"], route_id="MEX85", ends_ms=t0 + 20_000),
    )  # fmt: skip


def test_each_reading_is_given_its_own_times_shipment_also_a_late_one(world) -> None:
    lines = [world.line(seq=i, after_s=t) for i, t in enumerate([1, 2, 12, 3, 13, 25])]
    seen = screened(world, two_shipments(world), *lines)
    assert seen.column("min_temperature_c")[:5] == [-3.0, -3.0, 2.0, -3.0, 2.0]
    assert math.isnan(seen.column("min_temperature_c")[5])
    assert seen.column("guarded") == [True] * 5 + [False]
    assert seen.column("kind") == [KIND_CODES["truck"]] * 6
    assert seen.column("in_order") == [True, True, True, False, True, True]
    # The late one, of the shipment before, makes neither itself nor the one after it new.
    assert seen.column("new_shipment") == [True, False, True, False, False, True]


def test_a_late_reading_of_a_shipment_that_is_learnt_of_leaves_it_new_to_the_next_in_order(world) -> None:
    book, recorder = world.fleet(), Recorder()
    stage = world.admit(book)
    stage.screen = Screen([recorder])
    stage.process_frame(world.frame(world.line(seq=0, after_s=12)))
    book.apply(world.shipment(2, effective_ms=world.t0_ms + 5_000, device_ids=["truck-1"]))
    for seq, after_s in enumerate([11, 13, 14], 1):
        stage.process_frame(world.frame(world.line(seq=seq, after_s=after_s)))
    assert recorder.column("new_shipment") == [True, False, True, False]


def test_readings_of_two_shipments_in_one_frame_are_told_apart(world) -> None:
    lines = [world.line(seq=i, after_s=t) for i, t in enumerate([1, 12, 25])]
    seen = screened(world, two_shipments(world), world.frame(*lines).rstrip())
    assert [len(batch.rows) for batch in seen.seen] == [1, 1, 1]
    assert seen.column("min_temperature_c")[:2] == [-3.0, 2.0]
    assert seen.column("new_shipment") == [True, True, True]


def test_a_checkpoint_keeps_which_shipment_was_guarded_last(world) -> None:
    book, first, second = two_shipments(world), Recorder(), Recorder()
    before = Screen([first])
    screened(world, book, world.line(after_s=1), recorder=first, screen=before)
    after = Screen([second])
    after.ensure(1)
    after.packed.load(0, before.packed.layout_id, before.packed.dump([0])[0])
    screened(world, book, world.line(seq=1, after_s=2), world.line(seq=2, after_s=12), recorder=second, screen=after)
    assert second.column("new_shipment") == [False, True]


def test_a_new_version_of_the_shipment_takes_effect_at_once(world) -> None:
    book, recorder = world.fleet(), Recorder()
    stage = world.admit(book)
    stage.screen = Screen([recorder])
    stage.process_frame(world.frame(world.line("box-1")))
    book.apply(world.shipment(1, effective_ms=world.t0_ms + 500, max_temperature_c=4.0))
    stage.process_frame(world.frame(world.line("box-1", seq=1)))
    assert recorder.column("max_temperature_c") == [8.0, 4.0]
    assert recorder.column("new_shipment") == [True, False]


@pytest.mark.parametrize(
    ("said", "match"),
    [("ESL1", 1), (" esl2 ", 1), ("ESL3", -1), ("", -1), (None, 0)],
)
def test_a_seal_number_is_compared_with_the_shipments(world, said: str | None, match: int) -> None:
    book = world.book(world.route(), world.shipment(1, seal_numbers=["ESL1", "ESL2"]))
    seen = screened(world, book, world.line("seal-1", **({} if said is None else {"seal_number": said})))
    assert seen.column("seal_match") == [match]
    assert seen.column("seal_number") == [said]
    assert seen.column("seal_expected") == [["ESL1", "ESL2"] if match < 0 else None]


def test_a_shipment_without_seal_numbers_expects_none_and_a_stranger_guards_nothing(world) -> None:
    seen = screened(world, world.fleet(), world.line("seal-1", seal_number="X"), world.line("seal-9", seal_number="X"))
    assert seen.column("seal_match") == [0, 0]


def test_0_0_is_no_position(world) -> None:
    lines = [world.line(seq=i, lat_deg=lat, lon_deg=lon) for i, (lat, lon) in enumerate([(0, 0), (0, 5), (27.5, -99)])]
    seen = screened(world, world.fleet(), *lines)
    assert np.isnan(seen.column("lat_deg")).tolist() == [True, False, False]
    assert np.isnan(seen.column("lon_deg")).tolist() == [True, False, False]


def test_standing_is_expected_at_stops_in_queues_and_where_seals_may_open(world) -> None:
    def ring(lat: float) -> dict:
        corners = [(-99.52, lat), (-99.50, lat), (-99.50, lat + 0.02), (-99.52, lat + 0.02), (-99.52, lat)]
        return {"type": "Polygon", "coordinates": [[list(c) for c in corners]]}

    route = world.record(
        kind="route", effective_ms=0, route_id="I35", half_width_m=500.0, expected_travel_s=9_000.0,
        line={"type": "LineString", "coordinates": [[-99.51, 27.50], [-99.51, 29.0]]},
        approved_stops=[{"stop_id": "fuel", "lat_deg": 28.0, "lon_deg": -99.51, "radius_m": 500}],
        geofences=[
            {"geofence_id": "queue", "area": ring(27.60), "queue": True},
            {"geofence_id": "customs", "area": ring(27.70), "seal_may_open": True},
            {"geofence_id": "county", "area": ring(27.80)},
        ],
    )  # fmt: skip
    lines = [world.line(seq=i, lat_deg=lat, lon_deg=-99.51) for i, lat in enumerate([28.0, 27.61, 27.71, 27.81, 28.5])]
    seen = screened(world, world.book(route, world.shipment(1)), *lines)
    assert seen.column("may_stand") == [True, True, True, False, False]
    assert seen.column("seal_may_open") == [False, False, True, False, False]
