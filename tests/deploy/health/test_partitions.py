"""A partition that stands still is named, whatever it looks like; one that has nothing to do is not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from deploy.health.partitions import PartitionVitals

STILL_S = 60.0
P0, P1 = (TopicPartition("shipment.readings.v1", number) for number in (0, 1))


class Owner:
    """Partitions as a worker has them, moved by hand."""

    def __init__(self) -> None:
        self.joined = True
        self.ends: dict[TopicPartition, int | None] = {}
        self.runners: dict[TopicPartition, Any] = {}

    def log_ends(self) -> dict[TopicPartition, int | None]:
        return self.ends

    def runner(self, source: TopicPartition, covered: int = -1) -> SimpleNamespace:
        restored = asyncio.Event()
        restored.set()
        self.runners[source] = SimpleNamespace(covered=covered, restored=restored, alive=True)
        return self.runners[source]


class Watch:
    """Vitals looked at every second."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.vitals = PartitionVitals(self.owner, STILL_S)
        self.now_s = 1_000.0

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.now_s += 1.0
            self.vitals.observe(self.now_s)

    def faults(self) -> dict[str, str]:
        return {check.name: check.says for check in self.vitals.checks() if not check.ok}


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_before_the_group_has_spoken_nothing_is_ready_and_a_spare_stands_by(watch: Watch) -> None:
    watch.owner.joined = False
    watch.seconds(1)
    assert set(watch.faults()) == {"partitions"}
    watch.owner.joined = True
    assert set(watch.faults()) == {"partitions"}  # it has spoken, and nobody has looked yet
    watch.seconds(1)
    assert watch.faults() == {}
    assert "stands by" in next(iter(watch.vitals.checks())).says


def test_a_partition_whose_checkpoints_do_not_move_while_records_wait_is_named_with_how_long(watch: Watch) -> None:
    stuck, moving = watch.owner.runner(P0, covered=9), watch.owner.runner(P1, covered=9)
    for _ in range(70):
        moving.covered += 5
        watch.owner.ends = {P0: 100, P1: moving.covered + 50}  # the control: as far behind, but it moves
        watch.seconds(1)
    assert watch.faults() == {"progress": "records wait and no checkpoint covers them: shipment.readings.v1/0 for 69 s"}
    stuck.covered = 99
    watch.seconds(1)
    assert watch.faults() == {}


def test_a_partition_with_nothing_to_do_may_stand_for_hours_and_then_has_its_time(watch: Watch) -> None:
    watch.owner.runner(P0, covered=9)
    watch.owner.ends = {P0: 10}
    watch.seconds(500)
    watch.owner.ends = {P0: 11}
    watch.seconds(59)
    assert watch.faults() == {}
    watch.seconds(3)
    assert set(watch.faults()) == {"progress"}


def test_a_partition_that_cannot_be_restored_stands_still_though_its_log_has_nothing_new(watch: Watch) -> None:
    watch.owner.runner(P0, covered=9).restored.clear()
    watch.owner.ends = {P0: 10}
    watch.seconds(70)
    assert set(watch.faults()) == {"progress"}


def test_a_partition_whose_log_grows_and_that_never_sends_stands_still_and_a_quiet_one_does_not(watch: Watch) -> None:
    watch.owner.ends = {P0: 5, P1: 5}
    watch.seconds(100)
    assert watch.faults() == {}
    for end in range(6, 80):
        watch.owner.ends = {P0: end, P1: 5}
        watch.seconds(1)
    assert "shipment.readings.v1/0" in watch.faults()["progress"]
    assert "shipment.readings.v1/1" not in watch.faults()["progress"]


def test_a_partition_of_which_no_fetch_was_answered_stands_still(watch: Watch) -> None:
    watch.owner.ends = {P0: None}
    watch.seconds(50)
    assert watch.faults() == {}
    watch.seconds(20)
    assert set(watch.faults()) == {"progress"}


def test_a_partition_that_was_fenced_off_and_is_still_ours_is_named_and_one_given_back_is_forgotten(
    watch: Watch,
) -> None:
    watch.owner.runner(P0).alive = False
    watch.owner.ends = {P0: 10}
    watch.seconds(1)
    assert "shipment.readings.v1/0" in watch.faults()["partitions"]
    watch.owner.runners, watch.owner.ends = {}, {P1: 0}
    watch.seconds(100)
    assert watch.faults() == {}
