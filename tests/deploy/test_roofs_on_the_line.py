"""On the whole line: a seal without a fix, opened under a customs roof, is told as nothing, and on the road is told."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

from contracts.alerts import Alert
from contracts.readings import Reading
from deploy.core_line import CoreLine
from simulators import scenarios
from streams import last_places

START_MS: Final = 1_790_000_000_000
EVERY_MS: Final = 30_000
OPENED_AT: Final = 6  # of twelve readings


def told(place: str, fixes: int, **blind: Any) -> list[Alert]:
    """What is told of a seal that is opened in its shipment's import lot, or some way before it (``road``).

    It has a fix in so many of its first readings, stands, and has none after that.
    """
    fleet = scenarios.load("quiet").make(801, START_MS, live_first=True)
    rig = next(rig for rig in fleet.rigs if any(mark.name.startswith("IMPORT") for mark in rig.trips[0].way.marks))
    trip, seal = rig.trips[0], next(device for device in rig.devices if device.kind == "seal")
    lot = next(mark for mark in trip.way.marks if mark.name.startswith("IMPORT"))
    lat, lon = trip.way.at(np.array([lot.middle_km + (30.0 if place == "road" else 0.0)]))
    here = {"lat_deg": float(lat[0]), "lon_deg": float(lon[0]), "accuracy_m": 6.0, "speed_kmh": 0.0}
    at_ms = max(trip.start_ms, START_MS) + 600_000
    readings = [
        Reading(
            device_id=seal.device_id, boot_id=1, seq=n, time_ms=at_ms + EVERY_MS * n, seal_number=trip.seal_number,
            seal_state="open" if n >= OPENED_AT else "armed", seal_openings=3 + (n >= OPENED_AT),
            **(here if n < fixes else blind),
        )
        for n in range(12)
    ]  # fmt: skip
    line = CoreLine(fleet.reference())
    line.run([(reading.time_ms + 5, f"v1/x/{seal.device_id}/readings", reading) for reading in readings])
    return [alert for alert in line.alerts if alert.rule == "seal_breach"]


@pytest.mark.parametrize("blind", [{"lat_deg": 0.0, "lon_deg": 0.0}, {}])
def test_a_seal_opened_under_a_customs_roof_is_told_as_nothing(blind: dict[str, float]) -> None:
    assert told("lot", 4, **blind) == []


def test_without_its_last_place_it_would_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(last_places, "HOLDS_MS", 0)
    assert [alert.state for alert in told("lot", 4)] == ["opened"]


def test_a_seal_opened_on_the_road_without_a_fix_is_told() -> None:
    (alert,) = told("road", 4)
    assert (alert.severity, alert.score) == ("critical", 1.0)
    assert alert.messages["en"].endswith(" is open where it may not be opened, last seen 2 min before.")


def test_of_a_seal_that_never_had_a_fix_it_is_said_that_its_place_is_not_known() -> None:
    (alert,) = told("lot", 0)
    assert (alert.severity, alert.score) == ("critical", 0.5)
    assert alert.messages["en"].endswith(" is open; its place is not known.")
    assert alert.messages["es"].endswith(" está abierto; no se sabe dónde está.")
