"""The ways lie where the roads do, both ways round, with their places in the order one meets them."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import LineString, Point, Polygon

from simulators.places import FAST_ASIDE_KM, Way, ways

WORLD_TRADE = Point(-99.537119, 27.597291)
COLOMBIA = Point(-99.75, 27.70)


def test_there_is_a_way_for_each_end_bridge_and_direction() -> None:
    assert {way.route_id for way in ways()} == {
        f"{a}-{bridge}-{b}"
        for end in ("SAT", "DAL")
        for bridge in ("WTB", "COL")
        for a, b in (("MTY", end), (end, "MTY"))
    }


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.route_id)
def test_a_way_crosses_its_bridge_and_no_other(way: object) -> None:
    route = way.route(800.0, 0)  # type: ignore[attr-defined]
    line = LineString(route.line.coordinates)
    here, there = (WORLD_TRADE, COLOMBIA) if "WTB" in route.route_id else (COLOMBIA, WORLD_TRADE)
    assert line.distance(here) < 1e-6
    assert line.distance(there) > 0.05
    assert 30 <= len(route.line.coordinates) <= 130


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.route_id)
def test_places_lie_on_the_line_and_areas_are_sound(way: object) -> None:
    route = way.route(800.0, 0)  # type: ignore[attr-defined]
    line = LineString(route.line.coordinates)
    for stop in route.approved_stops:
        assert line.distance(Point(stop.lon_deg, stop.lat_deg)) < 1e-4
    for fence in route.geofences:
        area = Polygon(fence.area.coordinates[0])
        assert area.is_valid, fence.geofence_id
        assert area.distance(line) * 111.2 < 0.1, fence.geofence_id
    assert sum(fence.queue for fence in route.geofences) == 1
    assert not any(fence.queue and fence.seal_may_open for fence in route.geofences)
    assert sum(fence.seal_may_open for fence in route.geofences) == 4


def test_a_bridges_geofences_bear_the_names_and_fields_that_crossings_are_read_off() -> None:
    assert {
        (fence.geofence_id, fence.bridge, fence.queue, fence.lane)
        for way in ways()
        for fence in way.route(800.0, 0).geofences
        if fence.bridge
    } == {
        (f"{bridge}.{direction}.{part}", bridge, part == "queue", "fast" if part == "lane-fast" else None)
        for bridge in ("WORLD-TRADE", "COLOMBIA")
        for direction in ("northbound", "southbound")
        for part in ("queue", "lane-fast", "span")
    }


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.route_id)
def test_the_fast_lane_lies_in_the_queue_and_only_its_trucks_in_it(way: Way) -> None:
    areas = {g.geofence_id.rpartition(".")[2]: Polygon(g.area.coordinates[0]) for g in way.route(800.0, 0).geofences}
    queue, lane, span = areas["queue"], areas["lane-fast"], areas["span"]
    assert queue.buffer(1e-5).contains(lane)
    assert queue.buffer(1e-5).intersects(span)
    along = np.linspace(way.mark("lane").start_km + 0.02, way.mark("lane").end_km - 0.02, 200)
    for gnss_error_km in (-0.013, 0.013):
        fast = way.beside(along, FAST_ASIDE_KM + gnss_error_km)
        assert all(lane.contains(Point(lon, lat)) for lat, lon in zip(*fast, strict=True))
        standard = way.beside(along, gnss_error_km)
        assert not any(lane.contains(Point(lon, lat)) for lat, lon in zip(*standard, strict=True))
    assert way.off_m(*way.beside(along, FAST_ASIDE_KM)).max() < 100.0


def test_a_way_and_its_return_are_the_same_road() -> None:
    by_id = {way.route_id: way for way in ways()}
    out, back = by_id["MTY-WTB-DAL"], by_id["DAL-WTB-MTY"]
    assert out.length_km == pytest.approx(back.length_km)
    np.testing.assert_array_equal(out.lat_deg, back.lat_deg[::-1])


def test_lengths_are_those_of_the_roads() -> None:
    """Road signs say some 220 km from Monterrey to the bridge, 250 on to San Antonio and 440 more to Dallas."""
    by_id = {way.route_id: way for way in ways()}
    assert by_id["MTY-WTB-SAT"].bridge_km == pytest.approx(225, rel=0.05)
    assert by_id["MTY-WTB-SAT"].length_km == pytest.approx(475, rel=0.05)
    assert by_id["MTY-WTB-DAL"].length_km == pytest.approx(910, rel=0.05)
    assert by_id["MTY-WTB-DAL"].route(800.0, 0).expected_travel_s == pytest.approx(13 * 3600, rel=0.2)


def test_metres_off_a_way_agree_with_shapely() -> None:
    way = ways()[0]
    rng = np.random.default_rng(5)
    lat, lon = way.at(rng.uniform(0, way.length_km, 50))
    lat, lon = lat + rng.normal(0, 0.02, 50), lon + rng.normal(0, 0.02, 50)
    squeeze = np.cos(np.radians(lat))
    expected = [
        LineString(np.column_stack([way.lon_deg * s, way.lat_deg])).distance(Point(x * s, y)) * 111_195.08
        for x, y, s in zip(lon, lat, squeeze, strict=True)
    ]
    np.testing.assert_allclose(way.off_m(lat, lon), expected, rtol=1e-4, atol=0.5)


def test_only_a_bridges_span_declares_what_crossings_take_and_only_where_they_are_watched() -> None:
    for way in ways():
        declared = {g.geofence_id for g in way.route(800.0, 0, watched=True).geofences if g.sensor_ranges}
        assert declared == {way.mark("span").name}
        assert not [g for g in way.route(800.0, 0).geofences if g.sensor_ranges]
