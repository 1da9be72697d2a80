"""The ways a shipment takes: both corridors, both directions, with their yards, stops, queues and customs lots.

A ``Way`` is a route of the reference and its geometry in columns (kilometres along, degrees), so that a truck's place
is one interpolation. Distances are great-circle on a sphere of 6,371.0088 km (IUGG mean radius).

A bridge's geofences are named ``<bridge>.<direction>.<part>``, such as ``WORLD-TRADE.northbound.queue``:

- ``queue``: the road before the bridge, all lanes of it
- ``lane-fast``: within the queue, the FAST lane's own road beside it; who is in the queue but not here is in standard
- ``span``: the bridge, from the queue's end to the import lot

Crossing times are read off their entries and exits (``contracts.reference.Geofence`` has the fields that say so). The
waits are those of one day's sample for World Trade and Colombia; each bridge's queue is measured on its own stretch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.reference import Direction, Geofence, Lane, LineString, Polygon, Route, Stop, WatchableOfCrossing
from simulators import roads

Floats: TypeAlias = NDArray[np.float64]

EARTH_KM: Final = 6371.0088
KM_PER_DEG: Final = EARTH_KM * math.pi / 180.0
LOCODES: Final = {"MTY": "MXMTY", "SAT": "USSAT", "DAL": "USDAL"}
BRIDGES: Final = {"WTB": "WORLD-TRADE", "COL": "COLOMBIA"}
NORTHERN_ENDS: Final = ("SAT", "DAL")

# Kilometres from Monterrey, on the road that all ways share: begin, end, whether there is no fix either (a tunnel).
SHADOWS: Final = ((62.0, 63.8, True), (128.0, 133.0, False))

MarkKind: TypeAlias = Literal["yard", "stop", "customs", "queue", "lane", "span"]
WAITS_S: Final[dict[str, dict[Lane, tuple[float, float]]]] = {
    "WTB": {"standard": (1_500.0, 3_900.0), "fast": (480.0, 1_320.0)},
    "COL": {"standard": (300.0, 900.0), "fast": (0.0, 120.0)},
}
FAST_ASIDE_KM: Final = 0.083  # the FAST road lies so far to the right: within corridors of 100 m, beyond GNSS errors
QUEUE_HALF_KM, SPAN_HALF_KM = 0.2, 0.12
CROSSING_RANGES: Final[dict[WatchableOfCrossing, list[float]]] = {
    "wait_s": [0.0, 43_200.0],
    "crossing_s": [0.0, 7_200.0],
}
_LANE_KM: Final = (0.065, 0.160)
_BEND_KM: Final = 0.25  # the headings of strips turn over so much road, that they do not tear at a bend


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on a way: from ``start_km`` to ``end_km`` along it. ``dwell_s`` is how long one stays, least and most.

    ``bridge`` is that of a queue, a lane or a span.
    """

    kind: MarkKind
    name: str
    start_km: float
    end_km: float
    seal_may_open: bool
    dwell_s: tuple[float, float] = (0.0, 0.0)
    chance: float = 1.0
    bridge: str | None = None

    @property
    def middle_km(self) -> float:
        """Where on the way it is centred, and where a truck stands."""
        return (self.start_km + self.end_km) / 2


@dataclass(frozen=True)
class Way:
    """A route's geometry and places. ``km``, ``lat_deg`` and ``lon_deg`` hold one entry a vertex."""

    route_id: str
    corridor: str
    direction: Direction
    origin: str
    destination: str
    bridge: str
    bridge_km: float
    km: Floats
    lat_deg: Floats
    lon_deg: Floats
    marks: tuple[Mark, ...]

    @property
    def length_km(self) -> float:
        """Kilometres from end to end."""
        return float(self.km[-1])

    def mark(self, kind: MarkKind) -> Mark:
        """The first place of this kind. Raises StopIteration where there is none."""
        return next(mark for mark in self.marks if mark.kind == kind)

    @cached_property
    def shadows(self) -> list[tuple[float, float, bool]]:
        """Where nothing can be sent: kilometres along, begin and end, and whether there is no fix either."""
        if self.direction == "northbound":
            return list(SHADOWS)
        return [(self.length_km - end, self.length_km - begin, tunnel) for begin, end, tunnel in SHADOWS]

    @cached_property
    def headings_deg(self) -> Floats:
        """The compass heading of each segment, 0 to 360 degrees."""
        mean = np.radians((self.lat_deg[1:] + self.lat_deg[:-1]) / 2)
        east = np.diff(self.lon_deg) * np.cos(mean)
        turn: Floats = np.degrees(np.arctan2(east, np.diff(self.lat_deg))) % 360.0
        return turn

    def at(self, along_km: Floats) -> tuple[Floats, Floats]:
        """Latitudes and longitudes, in degrees, of these places along the way."""
        return np.interp(along_km, self.km, self.lat_deg), np.interp(along_km, self.km, self.lon_deg)

    def heading_at(self, along_km: Floats) -> Floats:
        """The road's heading, in degrees, at these places along the way."""
        segment = np.clip(np.searchsorted(self.km, along_km, side="right") - 1, 0, len(self.km) - 2)
        found: Floats = self.headings_deg[segment]
        return found

    def beside(self, along_km: Floats, right_km: Floats | float) -> tuple[Floats, Floats]:
        """Latitudes and longitudes so far to the right of the way's line, in smooth curves round its bends."""
        lat, lon = self.at(along_km)
        ahead, behind = (self.at(np.clip(along_km + step, 0.0, self.length_km)) for step in (_BEND_KM, -_BEND_KM))
        up, across = ahead[0] - behind[0], (ahead[1] - behind[1]) * np.cos(np.radians(lat))
        length = np.maximum(np.hypot(up, across), 1e-12)
        return shifted(lat, lon, -across / length * right_km, up / length * right_km)

    def off_m(self, lat_deg: Floats, lon_deg: Floats) -> Floats:
        """Metres from these positions to the nearest point of the line (on the plane tangent there)."""
        y, x = lat_deg[:, None] * KM_PER_DEG, lon_deg[:, None] * KM_PER_DEG * np.cos(np.radians(lat_deg))[:, None]
        scale = np.cos(np.radians(lat_deg))[:, None] * KM_PER_DEG
        ax, ay = self.lon_deg[None, :-1] * scale, self.lat_deg[None, :-1] * KM_PER_DEG
        bx, by = self.lon_deg[None, 1:] * scale, self.lat_deg[None, 1:] * KM_PER_DEG
        dx, dy = bx - ax, by - ay
        share = np.clip(((x - ax) * dx + (y - ay) * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
        nearest: Floats = np.hypot(x - ax - share * dx, y - ay - share * dy).min(axis=1) * 1000.0
        return nearest

    def route(self, half_width_m: float, effective_ms: int, watched: bool = False) -> Route:
        """The reference record of this way; ``watched``: its bridge declares what crossings are to take."""
        dwell_s = sum(mark.chance * sum(mark.dwell_s) / 2 for mark in self.marks)
        return Route(
            effective_ms=effective_ms,
            route_id=self.route_id,
            corridor=self.corridor,
            line=LineString("LineString", [[lon, lat] for lat, lon in zip(*self._rounded(self.km), strict=True)]),
            half_width_m=half_width_m,
            approved_stops=[self._stop(mark) for mark in self.marks if mark.kind == "stop"],
            geofences=[self._geofence(mark, watched) for mark in self.marks if mark.kind != "stop"],
            expected_travel_s=round(self.length_km / 88.0 * 3600.0 + dwell_s),
        )

    def _rounded(self, along_km: Floats) -> tuple[list[float], list[float]]:
        lat, lon = self.at(along_km)
        return np.round(lat, 6).tolist(), np.round(lon, 6).tolist()

    def _stop(self, mark: Mark) -> Stop:
        (lat,), (lon,) = self._rounded(np.array([mark.middle_km]))
        return Stop(mark.name, lat, lon, (mark.end_km - mark.start_km) * 500.0, mark.seal_may_open)

    def _geofence(self, mark: Mark, watched: bool) -> Geofence:
        sides = {"queue": (-QUEUE_HALF_KM, QUEUE_HALF_KM), "span": (-SPAN_HALF_KM, SPAN_HALF_KM), "lane": _LANE_KM}
        ring = self._strip(mark, *sides[mark.kind]) if mark.kind in sides else self._circle(mark)
        return Geofence(
            mark.name,
            Polygon("Polygon", [ring]),
            mark.seal_may_open,
            mark.kind == "queue",
            bridge=mark.bridge,
            lane="fast" if mark.kind == "lane" else None,
            sensor_ranges=CROSSING_RANGES if watched and mark.kind == "span" else {},
        )

    def _circle(self, mark: Mark, corners: int = 24) -> list[list[float]]:
        (lat,), (lon,) = self._rounded(np.array([mark.middle_km]))
        radius_deg = (mark.end_km - mark.start_km) / 2 / KM_PER_DEG
        turns = np.linspace(0.0, 2 * math.pi, corners, endpoint=False)
        ring = [
            [
                round(lon + radius_deg * math.cos(a) / math.cos(math.radians(lat)), 6),
                round(lat + radius_deg * math.sin(a), 6),
            ]
            for a in turns
        ]
        return [*ring, ring[0]]

    def _strip(self, mark: Mark, left_km: float, right_km: float) -> list[list[float]]:
        along = np.linspace(mark.start_km, mark.end_km, 2 + int((mark.end_km - mark.start_km) / 0.04))
        sides = []
        for aside_km in (right_km, left_km):
            lat, lon = self.beside(along, aside_km)
            side = [[round(x, 6), round(y, 6)] for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
            sides.append(side if aside_km == right_km else side[::-1])
        ring = sides[0] + sides[1]
        return [*ring, ring[0]]


def shifted(
    lat_deg: Floats, lon_deg: Floats, north_km: Floats | float, east_km: Floats | float
) -> tuple[Floats, Floats]:
    """Positions moved by this many kilometres north and east."""
    return lat_deg + north_km / KM_PER_DEG, lon_deg + east_km / (KM_PER_DEG * np.cos(np.radians(lat_deg)))


@lru_cache(maxsize=1)
def ways() -> tuple[Way, ...]:
    """All eight ways: Monterrey to San Antonio and Dallas over either bridge, and back."""
    return tuple(
        _way(northern, bridge, direction)
        for northern in NORTHERN_ENDS
        for bridge in BRIDGES
        for direction in ("northbound", "southbound")
    )


def _points(northern: str, bridge: str) -> tuple[roads.Points, int]:
    """A corridor's points from south to north, and the bridge's place among them."""
    south = roads.MONTERREY_LA_GLORIA + (roads.LA_GLORIA_WORLD_TRADE if bridge == "WTB" else roads.LA_GLORIA_COLOMBIA)
    north = (roads.WORLD_TRADE_CAMINO if bridge == "WTB" else roads.COLOMBIA_CAMINO) + roads.CAMINO_SAN_ANTONIO
    return south + north + (roads.SAN_ANTONIO_DALLAS if northern == "DAL" else ()), len(south) - 1


def _way(northern: str, bridge: str, direction: Direction) -> Way:
    points, at_bridge = _points(northern, bridge)
    north = direction == "northbound"
    if not north:
        points, at_bridge = points[::-1], len(points) - 1 - at_bridge
    lat, lon = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    km = np.concatenate(([0.0], np.cumsum(_haversine_km(lat, lon))))
    ends = ("MTY", northern) if north else (northern, "MTY")
    bridge_km = float(km[at_bridge])
    marks = _marks(km, lat, lon, bridge, bridge_km, direction, ends)
    return Way(
        route_id=f"{ends[0]}-{bridge}-{ends[1]}",
        corridor=f"I35-MEX85-{BRIDGES[bridge]}",
        direction=direction,
        origin=LOCODES[ends[0]],
        destination=LOCODES[ends[1]],
        bridge=BRIDGES[bridge],
        bridge_km=bridge_km,
        km=km,
        lat_deg=lat,
        lon_deg=lon,
        marks=marks,
    )


def _haversine_km(lat_deg: Floats, lon_deg: Floats) -> Floats:
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    h = np.sin(np.diff(lat) / 2) ** 2 + np.cos(lat[1:]) * np.cos(lat[:-1]) * np.sin(np.diff(lon) / 2) ** 2
    distance: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(h))
    return distance


# Stops by the vertex they stand at: name, (latitude, longitude), kind of stay.
_STOPS: Final = (
    ("FUEL-SABINAS-HIDALGO", (26.5110, -100.0830), False, (600.0, 1800.0), 0.6),
    ("GARITA-KM-26", (27.2560, -99.6370), True, (240.0, 600.0), 0.7),
    ("FUEL-COTULLA", (28.4369, -99.2353), False, (600.0, 1800.0), 0.5),
    ("REST-PEARSALL", (28.8922, -99.0950), False, (900.0, 2700.0), 0.3),
    ("REST-SALADO", (30.9470, -97.5380), False, (900.0, 2700.0), 0.5),
    ("FUEL-HILLSBORO", (32.0110, -97.0990), False, (600.0, 1800.0), 0.4),
)


def _marks(
    km: Floats, lat: Floats, lon: Floats, bridge: str, bridge_km: float, direction: Direction, ends: tuple[str, str]
) -> tuple[Mark, ...]:
    """The places of a way in the order one meets them."""
    leave, enter = ("MX", "US") if direction == "northbound" else ("US", "MX")
    name, waits = BRIDGES[bridge], WAITS_S[bridge]
    parts: tuple[tuple[MarkKind, str, float, float, tuple[float, float], float], ...] = (
        ("queue", "queue", -3.4, -0.1, waits["standard"], 1.0),
        ("lane", "lane-fast", -2.8, -0.1, waits["fast"], 0.0),
        ("span", "span", -0.1, 0.9, (0.0, 0.0), 1.0),
    )
    marks = [
        Mark("yard", f"YARD-{ends[0]}", 0.0, 1.2, True, (600.0, 1200.0)),
        Mark("customs", f"EXPORT-{leave}-{bridge}", bridge_km - 5.0, bridge_km - 4.0, True, (300.0, 1200.0)),
        Mark("customs", f"IMPORT-{enter}-{bridge}", bridge_km + 0.8, bridge_km + 1.8, True, (900.0, 2700.0)),
        Mark("yard", f"YARD-{ends[1]}", float(km[-1]) - 1.2, float(km[-1]), True, (600.0, 900.0)),
    ]
    for kind, part, start, end, wait_s, chance in parts:
        here = f"{name}.{direction}.{part}"
        marks.append(Mark(kind, here, bridge_km + start, bridge_km + end, False, wait_s, chance, name))
    for stop_name, (stop_lat, stop_lon), customs, dwell_s, chance in _STOPS:
        found = np.flatnonzero((lat == stop_lat) & (lon == stop_lon))
        if len(found):
            at_km = float(km[found[0]])
            marks.append(Mark("stop", stop_name, at_km - 0.5, at_km + 0.5, customs, dwell_s, chance))
    return tuple(sorted(marks, key=lambda mark: mark.start_km))
