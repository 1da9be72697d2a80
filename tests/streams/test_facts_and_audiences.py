"""Facts are told once, in the order they happened; audiences are told of what is bound for them or in them."""

from __future__ import annotations

import pytest

from contracts.events import Event
from contracts.readings import ShipmentReading
from contracts.reference import Geofence, Polygon
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


# -- crossings: a queue, its FAST lane, the span; touching, as the reference draws them ----------------------------

_SOMEWHERE = Polygon("Polygon", [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]])
PLACES = {
    name: Geofence(name, _SOMEWHERE, **about)
    for name, about in {
        "queue": {"queue": True, "bridge": "WTB"},
        "lane": {"bridge": "WTB", "lane": "fast"},
        "span": {"bridge": "WTB"},
        "other-queue": {"queue": True, "bridge": "COL"},
        "other-span": {"bridge": "COL"},
        "yard": {},
    }.items()
}


def crossed(*way: tuple[int, str], kind: str = "truck", facts: Facts | None = None, row: int = 0) -> list[Event]:
    """The crossings that a device tells of which is in these places ("+" between them) at these seconds."""
    facts, out = facts or Facts(), []
    for n, (at_s, inside) in enumerate(way):
        reading = ShipmentReading(
            device_id="d", boot_id=1, seq=n, time_ms=at_s * 1000, off_route_m=0.0, device_kind=kind, shipment_id="S",
            direction="northbound", corridor="I35", carrier_scac="CRDN", sector="aerospace",
            inside=tuple(inside.split("+")) if inside else (),
        )  # fmt: skip
        facts.observe(row, reading, out, PLACES)
    return [event for event in out if event.type == "BORDER_CROSSED"]


THROUGH = ((0, ""), (100, "queue"), (900, "queue+span"), (930, "span"), (1000, ""))


def test_a_crossing_is_told_when_the_bridge_is_left_with_its_wait_and_its_time_on_the_span() -> None:
    (told,) = crossed(*THROUGH)
    assert (told.bridge, told.what, told.lane, told.wait_s, told.crossing_s) == ("WTB", "WTB", "standard", 900.0, 100.0)
    assert (told.time_ms, told.direction, told.corridor, told.carrier_scac, told.sector, told.shipment_id) == (
        1_000_000, "northbound", "I35", "CRDN", "aerospace", "S",
    )  # fmt: skip
    assert crossed(*THROUGH, kind="phone")[0].wait_s == 900.0


def test_whoever_passes_the_fast_lane_crossed_by_it() -> None:
    (told,) = crossed((0, ""), (100, "queue"), (200, "queue+lane"), (300, "queue"), (330, "span"), (400, "yard"))
    assert (told.lane, told.wait_s, told.crossing_s) == ("fast", 300.0, 70.0)


def test_what_drives_says_which_bridges_queue_it_enters_and_leaves() -> None:
    def queued(kind: str) -> list[tuple[str | None, int | None]]:
        out: list[Event] = []
        facts = Facts()
        for n, inside in enumerate([("queue", "lane"), ("span",), ()]):
            reading = ShipmentReading(
                device_id="d", boot_id=1, seq=n, time_ms=n, off_route_m=0.0, device_kind=kind, inside=inside
            )
            facts.observe(0, reading, out, PLACES)
        return [(event.bridge, event.enters) for event in out if event.type.startswith("GEOFENCE")]

    assert queued("truck") == [("WTB", 1), (None, 1), (None, 1), ("WTB", -1), (None, -1), (None, -1)]
    assert {bridge for bridge, _ in queued("seal")} == {None}


@pytest.mark.parametrize("kind", ["container", "seal", None])
def test_a_container_does_not_cross_a_second_time_beside_its_truck(kind) -> None:
    assert crossed(*THROUGH, kind=kind) == []


@pytest.mark.parametrize(
    ("why", "way"),
    [
        ("turned back before the bridge", [(100, "queue"), (900, "")]),
        ("turned back on the bridge into the queue", [(100, "queue"), (900, "span"), (950, "queue"), (1000, "")]),
        ("came on the bridge from the other side", [(100, "span"), (200, "")]),
        ("left the queue half a day ago", [(100, "queue"), (200, ""), (60_000, "span"), (60_100, "")]),
        ("waited at one bridge and took the other", [(100, "queue"), (200, "other-span"), (300, "")]),
    ],
)
def test_what_is_no_crossing_is_not_told(why: str, way) -> None:
    assert crossed(*way) == [], why


def test_who_changes_to_another_bridges_queue_waits_there_anew() -> None:
    (told,) = crossed((100, "queue"), (200, ""), (500, "other-queue"), (700, "other-span"), (800, ""))
    assert (told.bridge, told.wait_s) == ("COL", 300.0)


def test_a_fix_that_jumps_out_of_the_queue_and_back_does_not_start_the_wait_again() -> None:
    (told,) = crossed((100, "queue"), (150, ""), (160, "queue"), (900, "span"), (1000, ""))
    assert told.wait_s == 900.0


def test_a_crossing_under_way_comes_back_from_a_checkpoint_and_one_of_an_older_release_does_too() -> None:
    facts, other = Facts(), Facts()
    crossed(*THROUGH[:3], facts=facts)
    other.load(0, facts.dump(0))
    assert [e.wait_s for e in crossed((1000, ""), facts=other)] == [900.0]
    other.load(1, facts.dump(0)[:5])
    assert crossed((1000, ""), facts=other, row=1) == []


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
