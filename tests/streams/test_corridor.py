"""The corridor against the slow way: every piece of the line, cut small, measured by haversine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reference import Geofence, LineString, Polygon, Route, Stop
from detectors.geometry import EARTH_RADIUS_M, haversine_m
from streams.corridor import Corridor, mercator

BEND_M = 25.0  # between a straight line on one map and on another, halfway along 80 km

I35 = [[-99.507, 27.50], [-99.45, 27.70], [-99.24, 28.03], [-99.10, 28.70], [-98.68, 29.10], [-98.49, 29.42]]


def route(coordinates: list[list[float]] = I35, **more) -> Route:
    line = LineString(type="LineString", coordinates=coordinates)
    return Route(
        effective_ms=0, route_id="I35", line=line, half_width_m=500.0, expected_travel_s=9_000.0, **more
    )  # fmt: skip


def square(lon: float, lat: float, half_deg: float) -> Polygon:
    ring = [[lon - half_deg, lat - half_deg], [lon + half_deg, lat - half_deg], [lon + half_deg, lat + half_deg]]
    ring += [[lon - half_deg, lat + half_deg], ring[0]]
    return Polygon(type="Polygon", coordinates=[ring])


def by_hand(corridor: Corridor, lat: float, lon: float) -> tuple[float, float]:
    """(along km, off m) of the nearest of many points of the line."""
    lons, lats = np.array(corridor.route.line.coordinates).T
    along_km, best = 0.0, (0.0, np.inf)
    for i in range(len(lats) - 1):
        part = np.linspace(0.0, 1.0, 4_001)
        plat, plon = lats[i] + part * (lats[i + 1] - lats[i]), lons[i] + part * (lons[i + 1] - lons[i])
        off_m = haversine_m(plat, plon, np.full_like(plat, lat), np.full_like(plat, lon))
        nearest = int(np.argmin(off_m))
        length_km = (
            float(haversine_m(lats[i : i + 1], lons[i : i + 1], lats[i + 1 : i + 2], lons[i + 1 : i + 2])[0]) / 1e3
        )
        if off_m[nearest] < best[1]:
            best = (along_km + part[nearest] * length_km, float(off_m[nearest]))
        along_km += length_km
    return best


def test_a_degree_of_latitude_is_as_long_as_it_is() -> None:
    one = haversine_m(np.array([0.0]), np.array([0.0]), np.array([1.0]), np.array([0.0]))[0]
    assert one == pytest.approx(np.pi * EARTH_RADIUS_M / 180.0, rel=1e-12)


@given(st.floats(27.2, 29.8), st.floats(-99.9, -98.1))
def test_distances_are_those_measured_by_hand(lat: float, lon: float) -> None:
    corridor = Corridor(route())
    _, off_m = by_hand(corridor, lat, lon)
    fixes = corridor.fix(np.array([lat]), np.array([lon]))
    assert fixes.off_route_m[0] == pytest.approx(off_m, rel=0.005, abs=BEND_M)
    assert fixes.along_km[0] + fixes.remaining_km[0] == pytest.approx(corridor.length_km)
    there = corridor.fix(*along(corridor, fixes.along_km[0]))
    # Near the middle of a bend two places are as near: it must be one of them, so its distance is judged, not itself.
    gap_m = haversine_m(np.array([lat]), np.array([lon]), *along(corridor, fixes.along_km[0]))[0]
    assert gap_m == pytest.approx(off_m, rel=0.005, abs=BEND_M)
    assert there.off_route_m[0] < BEND_M


def along(corridor: Corridor, km: float) -> tuple[np.ndarray, np.ndarray]:
    """The point of the line that many km along it."""
    lons, lats = np.array(corridor.route.line.coordinates).T
    way_km = np.r_[0.0, np.cumsum(haversine_m(lats[:-1], lons[:-1], lats[1:], lons[1:]))] / 1e3
    return np.array([np.interp(km, way_km, lats)]), np.array([np.interp(km, way_km, lons)])


@given(st.lists(st.tuples(st.floats(27.2, 29.8), st.floats(-99.9, -98.1)), min_size=1, max_size=40))
def test_a_line_of_many_points_is_the_same_line(points: list[tuple[float, float]]) -> None:
    lons, lats = np.array(I35).T
    part = np.linspace(0, len(I35) - 1, 40 * (len(I35) - 1) + 1)
    x, y = mercator(lats, lons)
    many_x, many_y = (np.interp(part, np.arange(len(I35)), c) for c in (x, y))
    many_lat = np.degrees(2 * np.arctan(np.exp(many_y / EARTH_RADIUS_M)) - np.pi / 2)
    many = np.column_stack([np.degrees(many_x / EARTH_RADIUS_M), many_lat])
    few, fine = Corridor(route()), Corridor(route(many.tolist()))
    lat, lon = np.array(points).T
    assert fine.fix(lat, lon).off_route_m == pytest.approx(few.fix(lat, lon).off_route_m, abs=0.01)
    assert fine.length_km == pytest.approx(few.length_km, rel=1e-3)
    assert fine.fix(lat, lon).along_km == pytest.approx(few.fix(lat, lon).along_km, abs=0.2)


@given(st.floats(0.0, 1.0))
def test_a_point_on_the_line_is_on_it_and_as_far_along_as_it_is(part: float) -> None:
    corridor = Corridor(route())
    lat, lon = along(corridor, part * corridor.length_km)
    fixes = corridor.fix(lat, lon)
    assert fixes.off_route_m[0] < BEND_M
    assert fixes.along_km[0] == pytest.approx(part * corridor.length_km, abs=0.1)


def test_the_way_from_laredo_to_san_antonio_is_as_long_as_it_is() -> None:
    assert Corridor(route()).length_km == pytest.approx(244, abs=6)
    fixes = Corridor(route()).fix(np.array([20.0, 35.0]), np.array([-99.5, -98.5]))
    assert fixes.along_km.tolist() == pytest.approx([0.0, Corridor(route()).length_km])
    assert fixes.remaining_km.tolist() == pytest.approx([Corridor(route()).length_km, 0.0])


def test_a_point_is_inside_the_geofences_and_stops_that_hold_it() -> None:
    hole = square(-99.5, 27.5, 0.1)
    hole.coordinates.append(square(-99.5, 27.5, 0.02).coordinates[0])
    corridor = Corridor(
        route(
            geofences=[
                Geofence(geofence_id="yard", area=square(-99.5, 27.5, 0.05), seal_may_open=True),
                Geofence(geofence_id="ring", area=hole),
            ],
            approved_stops=[Stop(stop_id="rest", lat_deg=28.0, lon_deg=-99.0, radius_m=400.0)],
        )
    )
    metre = np.degrees(1.0 / EARTH_RADIUS_M)
    wide = metre / np.cos(np.radians(28.0))
    points = {
        (27.5, -99.5): {"yard"},
        (27.5, -99.47): {"yard", "ring"},
        (27.5, -99.43): {"ring"},
        (27.5, -99.39): set(),
        (28.0, -99.0): {"rest"},
        (28.0 + 390 * metre, -99.0): {"rest"},
        (28.0, -99.0 + 390 * wide): {"rest"},
        (28.0 + 410 * metre, -99.0): set(),
        (28.0, -99.0 - 410 * wide): set(),
    }
    lat, lon = np.array(list(points)).T
    inside = corridor.fix(lat, lon).inside
    assert [{corridor.places[i].name for i in found} for found in inside] == list(points.values())
    assert [p.name for p in corridor.places if p.seal_may_open] == ["yard"]


@pytest.mark.parametrize("coordinates", [[[-99.5, 27.5]] * 2, [[-99.5, 27.5], [-99.5, 27.5], [-99.4, 27.6]]])
def test_a_line_that_stands_still_gives_numbers_all_the_same(coordinates) -> None:
    fixes = Corridor(route(coordinates)).fix(np.array([27.5, 27.6]), np.array([-99.5, -99.4]))
    assert np.isfinite([fixes.along_km, fixes.off_route_m, fixes.remaining_km]).all()
    assert fixes.off_route_m[0] == pytest.approx(0.0, abs=1e-6)


def test_where_a_routes_first_queue_begins_and_ends_is_known_along_it() -> None:
    along = np.linspace(0.0, 1.0, 12)
    queues = [Geofence(geofence_id=f"queue-{n}", area=square(-99.5, 27.5 + 0.2 * n, 0.05), queue=True) for n in (2, 1)]
    yard = Geofence(geofence_id="yard", area=square(-99.5, 27.5, 0.05), seal_may_open=True)
    line = [[-99.5, 27.4 + float(share)] for share in along]
    corridor = Corridor(route(line, geofences=[yard, *queues]))
    ends = Corridor(route(line)).fix(np.array([27.65, 27.75]), np.array([-99.5, -99.5])).along_km
    assert corridor.queue_km == pytest.approx(ends, abs=0.001)
    assert np.isnan(Corridor(route(line, geofences=[yard])).queue_km).all()


def test_a_geofence_that_crosses_itself_stops_nothing() -> None:
    bow = Polygon(type="Polygon", coordinates=[[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    corridor = Corridor(route(geofences=[Geofence(geofence_id="bow", area=bow)]))
    assert len(corridor.fix(np.array([0.5, 0.5]), np.array([0.1, 5.0])).inside) == 2


def test_a_route_without_places_has_nothing_inside() -> None:
    assert Corridor(route()).fix(np.array([27.5]), np.array([-99.5])).inside == [()]
