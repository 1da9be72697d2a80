"""How many devices there are: those that drill are never counted with the real ones, in whichever stage."""

from __future__ import annotations

import pytest

from contracts.readings import ShipmentReading
from streams.drilling import Drilling
from streams.history_stage import HistoryStage

STAGES = ("admit", "shipment", "history")


def stage_of(world, name: str):
    if name == "history":
        return HistoryStage()
    return world.admit(world.fleet()) if name == "admit" else world.shipments(world.fleet())


def hear(world, stage, *lines: bytes) -> None:
    if isinstance(stage, HistoryStage):
        stage.lacking(stage.decode(world.frame(*lines)))
    else:
        stage.process_frame(world.frame(*lines))


@pytest.mark.parametrize("name", STAGES)
def test_a_device_is_counted_once_by_what_its_newest_reading_was(world, name: str) -> None:
    stage = stage_of(world, name)
    hear(world, stage, world.line("truck-1", 0), world.line("seal-1", 0), world.line("seal-1", 1, exercise=True))
    assert stage.devices == (1, 1)
    hear(world, stage, world.line("box-1", 0, exercise=True), world.line("stranger", 0, exercise=True))
    assert stage.devices == (1, 3)
    hear(world, stage, world.line("box-1", 1))  # a frame without a drill
    hear(world, stage, world.line("stranger", 1), world.line("truck-2", 0, exercise=True))  # and one with
    assert stage.devices == (3, 2)
    hear(world, stage, world.line("box-1", 0, exercise=True))  # a repeat is no news
    assert stage.devices == (3, 2)


@pytest.mark.parametrize("name", STAGES)
def test_who_drills_is_known_after_a_restart(world, name: str) -> None:
    stage, saved = stage_of(world, name), {}
    hear(world, stage, world.line("truck-1", 0), world.line("seal-1", 0, exercise=True))
    world.checkpoint(stage, saved)
    hear(world, stage, world.line("box-1", 0, exercise=True))
    hear(world, stage, world.line("seal-1", 1))
    world.checkpoint(stage, saved)
    again = stage_of(world, name)
    for key in sorted(saved, reverse=True):
        again.restore(key, saved[key])
    assert again.devices == stage.devices == (2, 1)
    hear(world, again, world.line("box-1", 1, exercise=True), world.line("box-2", 0))
    assert again.devices == (3, 1)


def test_where_nobody_drills_nothing_is_written() -> None:
    drilling = Drilling()
    drilling.hear_real([0, 1])
    drilling.hear([0], [ShipmentReading(device_id="a", boot_id=1, seq=0, time_ms=1)])
    assert list(drilling.changes(["a", "b"])) == []
