"""Who is told: each audience gets the alerts of shipments bound for its countries, or in them.

Audiences are configuration. One without countries (the joint picture, an observer) gets everything; an alert without a
shipment goes to everyone. Which side of the border a position lies on is read off a coarse line of it, and within
``BOTH_SIDES_KM`` of the line it counts as on both: an officer at a bridge is told by both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import shapely

from contracts.identifiers import country_of
from contracts.reference import Shipment
from detectors.geometry import EARTH_RADIUS_M

BOTH_SIDES_KM: Final = 5.0

# From the Pacific to the Gulf: the land border's corners, then the Rio Grande by its towns (longitude, latitude).
BORDER: Final = (
    (-117.125, 32.534), (-114.719, 32.718), (-114.814, 32.494), (-111.075, 31.332), (-108.208, 31.333),
    (-108.208, 31.784), (-106.528, 31.784), (-106.21, 31.47), (-105.03, 30.64), (-104.41, 29.56), (-103.15, 28.98),
    (-102.68, 29.74), (-101.40, 29.77), (-100.92, 29.36), (-100.50, 28.70), (-100.29, 28.28), (-99.75, 27.70),
    (-99.54, 27.60), (-99.507, 27.50), (-99.45, 27.02), (-99.11, 26.42), (-98.24, 26.07), (-97.15, 25.96),
)  # fmt: skip
_LINE = shapely.LineString(BORDER)
_NORTH = shapely.Polygon([*BORDER, (-60.0, 25.96), (-60.0, 75.0), (-170.0, 75.0), (-170.0, 32.534)])
shapely.prepare(_LINE)
shapely.prepare(_NORTH)


@dataclass(frozen=True, slots=True)
class Audience:
    """``countries`` are ISO 3166 alpha-2; none means everything."""

    name: str
    countries: tuple[str, ...] = ()


def border_km(lat_deg: float, lon_deg: float) -> float:
    """How far this place is from the land border, in km; good to a tenth of it, as the line is coarse."""
    away_deg = math.degrees(1_000.0 / EARTH_RADIUS_M)
    return float(shapely.distance(_LINE, shapely.Point(lon_deg, lat_deg))) / away_deg


def countries_at(lat_deg: float, lon_deg: float) -> frozenset[str]:
    """``{"US"}``, ``{"MX"}``, or both near the border."""
    near_deg = math.degrees(BOTH_SIDES_KM * 1000.0 / EARTH_RADIUS_M)
    if shapely.distance(_LINE, shapely.Point(lon_deg, lat_deg)) < near_deg:
        return frozenset({"US", "MX"})
    return frozenset({"US"} if shapely.contains_xy(_NORTH, lon_deg, lat_deg) else {"MX"})


def audiences_of(
    audiences: tuple[Audience, ...], shipment: Shipment | None, lat_deg: float | None, lon_deg: float | None
) -> tuple[str, ...]:
    """Names of those to tell, in configured order."""
    if shipment is None:
        return tuple(a.name for a in audiences)
    concerned = {country_of(shipment.destination)}
    if lat_deg is None or lon_deg is None:
        concerned.add(country_of(shipment.origin))  # not known to have left it
    else:
        concerned |= countries_at(lat_deg, lon_deg)
    return tuple(a.name for a in audiences if not a.countries or concerned.intersection(a.countries))
