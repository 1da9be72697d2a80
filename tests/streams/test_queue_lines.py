"""A line before a bridge is one up to the end of its queue, also beside what was drawn as that queue."""

from __future__ import annotations

import random
from typing import Any

import pytest

BEGINS, ENDS, SLANT = 28.50, 28.53, 0.0003  # degrees of latitude; the queue's near edge leans by 33 m over its width
METRE = 1.0 / 111_195.0  # degrees of latitude


def told(world, *stands: tuple[float, float, float], queue: bool = True) -> list[float]:
    """After how many minutes a stop is told of a truck that stands at these latitudes and longitudes for so many
    minutes each, a reading every half minute.
    """
    ring = [[-99.511, BEGINS], [-99.509, BEGINS + SLANT], [-99.509, ENDS], [-99.511, ENDS], [-99.511, BEGINS]]
    queues = [{"geofence_id": "queue", "area": {"type": "Polygon", "coordinates": [ring]}, "queue": queue}]
    book = world.book(world.route(geofences=queues), world.shipment(), world.device("truck-1", interval_s=30.0))
    places = [(lat, lon) for lat, lon, minutes in stands for _ in range(round(2 * minutes))]
    stage, found = world.admit(book), []
    for seq, (lat, lon) in enumerate(places):
        fix: dict[str, Any] = {"lat_deg": lat, "lon_deg": lon, "speed_kmh": 0.0, "after_s": 30 * seq}
        out = stage.process_frame(world.frame(world.line("truck-1", seq, **fix))) + stage.flush()
        found += [seq / 2 for r in world.readings(out) for f in r.findings if f.rule == "unplanned_stop"]
    return found


BEFORE = (BEGINS - 70 * METRE, -99.51, 12)


@pytest.mark.parametrize(
    "then",
    [
        (BEGINS + 3 * METRE, -99.51, 12),  # past the first of the queue's corners, and not yet over its edge
        (BEGINS + 3 * METRE, -99.5112, 12),  # a fix's error aside of it
        (BEGINS + 600 * METRE, -99.5112, 60),
    ],
)
def test_who_stands_in_line_and_comes_to_the_queue_is_not_told(world, then: tuple[float, float, float]) -> None:
    assert told(world, BEFORE, then) == []
    assert told(world, BEFORE, then, queue=False)[0] == 10.0, "were there no queue"


def test_behind_the_queue_is_no_line(world) -> None:
    assert told(world, (ENDS + 100 * METRE, -99.51, 11)) == [10.0, 10.5]


def test_what_was_stood_in_line_is_no_standing_behind_the_queue(world) -> None:
    """It stood beside the queue's end for an hour, and rolled on by 60 m."""
    beside, behind = (ENDS - 20 * METRE, -99.5112, 60), (ENDS + 40 * METRE, -99.5112, 11)
    assert told(world, beside, (*behind[:2], 9)) == []
    assert told(world, beside, behind)[0] == 70.0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("within_m", [15, 30])
def test_who_stands_within_a_line_is_not_told_for_a_fix_beyond_its_edge(world, within_m: int, seed: int) -> None:
    rng = random.Random(seed)
    fixes = [(ENDS - (within_m + rng.gauss(0.0, 8.0)) * METRE, -99.5112) for _ in range(240)]
    assert told(world, *((lat, lon, 0.5) for lat, lon in fixes)) == []


def test_who_comes_into_a_line_from_behind_is_not_told_for_a_fix_behind_it(world) -> None:
    edge = BEGINS - 10_000 * METRE
    behind, within, out = (edge - 60 * METRE, -99.51, 3), (edge + 60 * METRE, -99.51, 45), (edge - 5 * METRE, -99.51, 1)
    assert told(world, behind, within, out, within) == []


@pytest.mark.parametrize("seed", range(6))
def test_who_stands_beyond_the_edge_of_a_line_is_told_though_its_fixes_come_and_go(world, seed: int) -> None:
    rng = random.Random(seed)
    fixes = [ENDS + (30.0 + rng.gauss(0.0, 8.0)) * METRE for _ in range(80)]
    assert told(world, *((lat, -99.5112, 0.5) for lat in fixes))[0] <= 20.0


def test_who_stands_on_the_edge_of_a_line_is_told_as_one_in_it(world) -> None:
    """Two metres of noise about the queue's end: for each minute behind it nine within."""
    fixes = [(ENDS - METRE, -99.5112, 9), (ENDS + METRE, -99.5112, 1)] * 37
    assert told(world, *fixes)[0] == 360.0
