"""Facts are told once, in the order they happened; audiences are told of what is bound for them or in them."""

from __future__ import annotations

import pytest

from contracts.readings import ShipmentReading
from streams.audiences import Audience, audiences_of, countries_at
from streams.facts import Facts


def told(*readings: dict, facts: Facts | None = None) -> list[tuple[str, str]]:
    facts = facts or Facts()
    out: list = []
    for i, reading in enumerate(readings):
        fields = {"device_id": "d", "boot_id": 1, "seq": i, "time_ms": i, "off_route_m": 0.0, **reading}
        facts.observe(0, ShipmentReading(**fields), out)
    return [(event.type, event.what) for event in out]


def test_places_are_entered_and_left_once() -> None:
    a, b = {"inside": ("a",)}, {"inside": ("a", "b")}
    assert told({}, a, a, b, {}, {})[1:] == [
        ("GEOFENCE_ENTRY", "a"), ("GEOFENCE_ENTRY", "b"), ("GEOFENCE_EXIT", "a"), ("GEOFENCE_EXIT", "b"),
    ]  # fmt: skip


def test_a_reading_without_a_fix_leaves_no_place() -> None:
    blind = {"off_route_m": None}
    assert told({"inside": ("a",)}, blind, {"inside": ("a",)})[1:] == [("GEOFENCE_ENTRY", "a")]


def test_doors_and_seals_tell_changes_not_states() -> None:
    readings = [{"door": "closed", "seal_state": "armed"}, {}, {"door": "open"}, {"seal_state": "open"}]
    readings += [{"door": "open", "seal_state": "armed"}, {"door": "closed"}]
    assert told(*readings)[1:] == [
        ("DOOR_OPENED", "open"), ("SEAL_CHANGED", "open"), ("SEAL_CHANGED", "armed"), ("DOOR_CLOSED", "closed"),
    ]  # fmt: skip


def test_a_boot_is_told_once() -> None:
    assert told({}, {}, {"boot_id": 2}, {"boot_id": 2}) == [("DEVICE_STARTED", "1"), ("DEVICE_STARTED", "2")]


def test_a_backlog_sent_after_live_data_tells_nothing_and_changes_nothing() -> None:
    live = {"time_ms": 100, "boot_id": 2, "door": "open", "inside": ("a",), "seal_state": "open"}
    backlog = [{"time_ms": t, "boot_id": 1, "door": "closed", "seal_state": "armed"} for t in (50, 60)]
    alone = told(live)
    assert told(live, *backlog, {**live, "time_ms": 101}) == alone


def test_a_device_whose_words_all_come_late_tells_them_all_the_same() -> None:
    late = {"marks": ("late",)}
    assert told({**late, "door": "closed"}, {**late, "door": "open"})[-1] == ("DOOR_OPENED", "open")


def test_memory_comes_back_from_a_checkpoint() -> None:
    facts, other = Facts(), Facts()
    told({"door": "closed", "inside": ("a",)}, facts=facts)
    other.load(0, facts.dump(0))
    other.load(1, facts.dump(1))
    last = {"time_ms": 5, "door": "open", "inside": ()}
    assert told(last, facts=other) == told(last, facts=facts) == [("GEOFENCE_EXIT", "a"), ("DOOR_OPENED", "open")]


def test_an_event_names_the_reading_it_was_read_from() -> None:
    out: list = []
    reading = ShipmentReading(
        device_id="d", boot_id=1, seq=2, time_ms=3, lat_deg=1.0, lon_deg=2.0, shipment_id="S", exercise=True
    )
    Facts().observe(0, reading, out)
    event = out[0]
    assert (event.device_id, event.time_ms, event.lat_deg, event.shipment_id, event.exercise) == (
        "d",
        3,
        1.0,
        "S",
        True,
    )


# -- audiences ------------------------------------------------------------------------------------------------

NORTH, SOUTH, BRIDGE = (28.5, -99.5), (26.5, -100.2), (27.5973, -99.5371)


@pytest.mark.parametrize(
    ("place", "at", "countries"),
    [
        ("San Antonio", (29.42, -98.49), {"US"}),
        ("Dallas", (32.78, -96.80), {"US"}),
        ("San Diego", (32.72, -117.16), {"US"}),
        ("El Paso's north", (31.95, -106.40), {"US"}),
        ("Nogales' north", (31.50, -110.94), {"US"}),
        ("Monterrey", (25.67, -100.31), {"MX"}),
        ("Chihuahua", (28.64, -106.09), {"MX"}),
        ("Tijuana's south", (32.40, -116.95), {"MX"}),
        ("Ciudad de México", (19.43, -99.13), {"MX"}),
        ("World Trade bridge", BRIDGE, {"US", "MX"}),
        ("Juarez-Lincoln bridge", (27.5002, -99.5028), {"US", "MX"}),
        ("Colombia bridge", (27.70, -99.75), {"US", "MX"}),
    ],
)
def test_a_place_is_on_its_side_and_a_bridge_on_both(place: str, at: tuple[float, float], countries: set[str]) -> None:
    assert countries_at(*at) == countries, place


@pytest.mark.parametrize(
    ("destination", "at", "names"),
    [
        ("USLRD", NORTH, ["us", "joint"]),
        ("USLRD", SOUTH, ["us", "mx", "joint"]),
        ("USLRD", BRIDGE, ["us", "mx", "joint"]),
        ("MXNLD", NORTH, ["us", "mx", "joint"]),
        ("MXNLD", SOUTH, ["mx", "joint"]),
        ("MXNLD", (None, None), ["us", "mx", "joint"]),
        ("USLRD", (None, None), ["us", "mx", "joint"]),
    ],
)
def test_a_country_is_told_of_what_is_bound_for_it_or_in_it(world, destination: str, at, names: list[str]) -> None:
    origin = {"USLRD": "MXNLD", "MXNLD": "USLRD"}[destination]
    shipment = world.shipment(1, origin=origin, destination=destination)
    assert list(audiences_of(world.audiences, shipment, *at)) == names


@pytest.mark.parametrize("at", [NORTH, SOUTH, (None, None)])
def test_without_a_shipment_everybody_is_told(world, at) -> None:
    assert audiences_of(world.audiences, None, *at) == ("us", "mx", "joint")


def test_an_observer_and_a_third_country_are_configuration(world) -> None:
    audiences = (Audience("observer"), Audience("ca", ("CA",)), Audience("both", ("US", "MX")))
    assert audiences_of(audiences, world.shipment(1), *SOUTH) == ("observer", "both")
    assert audiences_of(audiences, world.shipment(1, destination="CATOR"), *SOUTH) == ("observer", "ca", "both")
