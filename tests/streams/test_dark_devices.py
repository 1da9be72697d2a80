"""How long a device has been without a fix counts from its newest, also from one that came late."""

from __future__ import annotations

from typing import Any

STEP_DEG = 0.0075  # of latitude in half a minute, at 100 km/h


def told(world, *readings: dict[str, Any]) -> list[tuple[float, Any]]:
    """When, in seconds, and after how many minutes in the dark, it is told that a seal has no fix."""
    stage, found = world.admit(world.fleet(1)), []
    for seq, fields in enumerate(readings):
        out = stage.process_frame(world.frame(world.line("seal-1", seq, **fields))) + stage.flush()
        findings = [f for reading in world.readings(out) for f in reading.findings if f.rule == "position_spoofing"]
        found += [(fields["after_s"], finding.evidence["dark_min"]) for finding in findings]
    return found


def fix(n: int, speed_kmh: float = 100.0) -> dict[str, Any]:
    """The ``n``-th half minute's reading, on the highway."""
    return {"after_s": 30 * n, "lat_deg": 27.6 + STEP_DEG * n, "lon_deg": -99.51, "speed_kmh": speed_kmh}


def blind(first: int, last: int) -> list[dict[str, Any]]:
    return [{"after_s": 30 * n, "lat_deg": 0.0, "lon_deg": 0.0} for n in range(first, last)]


HIGHWAY = [fix(n) for n in range(60)]
SIGNAL_AGAIN = blind(66, 69)  # after a dead zone, under a roof already


def test_who_came_to_a_roof_slowly_through_a_dead_zone_does_not_drive_on(world) -> None:
    slow = [fix(60, 24.0), fix(61, 26.0), fix(62, 25.0)]
    assert told(world, *HIGHWAY, *SIGNAL_AGAIN, *slow, *blind(69, 90)) == []
    # The controls: without the backlog nobody could know, and one that is older than the last fix says nothing.
    assert told(world, *HIGHWAY, *SIGNAL_AGAIN, *blind(69, 90))[0] == (30 * 69, 5.0)
    assert told(world, *HIGHWAY, *SIGNAL_AGAIN, fix(58, 25.0), *blind(69, 90))[0] == (30 * 69, 5.0)


def test_who_was_on_the_highway_in_the_dead_zone_is_told_of_by_the_newest_fix(world) -> None:
    fast = [fix(60), fix(62), fix(61)]
    assert told(world, *HIGHWAY, *SIGNAL_AGAIN, *fast, *blind(69, 90))[0] == (30 * 72, 5.0)
