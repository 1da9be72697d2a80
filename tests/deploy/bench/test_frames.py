"""Frames of the bench are the gateway's: its sizes, its order, each reading once."""

from __future__ import annotations

import pytest

from contracts import frames as wire
from contracts.partitioner import partition_of
from contracts.readings import Reading, identity
from deploy.bench import frames

START_MS = 1_790_000_000_000


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    fleet = frames.load_fleet(devices=300, rate=3_000.0, lasts_s=2.0, start_ms=START_MS)
    return frames.readings_of(fleet, 6_000)


def made(readings: list[Reading], linger_ms: float = 20.0, partitions: int = 4) -> list[frames.Cut]:
    return list(frames.cut(readings, 3_000.0, partitions, linger_ms, START_MS))


def test_every_reading_is_in_one_frame_of_its_devices_partition_in_order(readings: list[Reading]) -> None:
    found: dict[int, list[tuple[str, int, int]]] = {}
    for record in made(readings):
        if record.readings:
            decoded = wire.decode_readings(wire.lines_of(record.value))
            assert len(decoded) == record.readings
            found.setdefault(record.partition, []).extend(map(identity, decoded))
    wanted: dict[int, list[tuple[str, int, int]]] = {}
    for reading in readings:
        wanted.setdefault(partition_of(reading.device_id, 4), []).append(identity(reading))
    assert found == wanted


def test_a_longer_linger_makes_larger_frames_and_more_partitions_smaller_ones(readings: list[Reading]) -> None:
    def mean(linger_ms: float, partitions: int) -> float:
        return frames.sizes(made(readings, linger_ms, partitions))[2]

    assert mean(10.0, 4) < mean(20.0, 4) < mean(60.0, 4)
    assert mean(20.0, 16) < mean(20.0, 4)
    assert 13 < mean(20.0, 4) < 18  # 3,000 a second over 4 partitions: 15 in 20 ms, and the one that opened the frame


def test_a_tick_a_second_goes_to_every_partition_after_what_came_before_it(readings: list[Reading]) -> None:
    cuts = made(readings)
    ticks = [(at, record.partition) for at, record in enumerate(cuts) if not record.readings]
    times = [wire.decode_tick(cuts[at].value).time_ms for at, _ in ticks]
    assert [partition for _, partition in ticks] == [0, 1, 2, 3] * 2
    assert times == [START_MS + 1_000] * 4 + [START_MS + 2_000] * 4
    before = sum(record.readings for record in cuts[: ticks[0][0]])
    assert before == 3_000


def test_more_readings_than_a_fleet_has_are_refused() -> None:
    fleet = frames.load_fleet(devices=3, rate=1.0, lasts_s=1.0, start_ms=START_MS)
    with pytest.raises(ValueError, match="asked for"):
        frames.readings_of(fleet, 10_000)
