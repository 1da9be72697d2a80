"""Journey windows: how one shipment travelled in some minutes of event time, for the model of its corridor.

Made by stage 2 once no reading of the window is still awaited; read by stage 3. ``window_id`` is a hash of what the
window is about, so a replay makes the same one. A tick in the topic says that every window that ends before it is
before it.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from contracts.reference import Direction

FEATURES: Final = (
    "speed_kmh", "speed_spread_kmh", "stopped_share", "progress_kmh", "off_route_m", "off_route_spread_m",
    "temperature_dev",
)  # fmt: skip


WINDOW_MS: Final = 180_000  # a window lasts so long, or a multiple of it where its vehicle speaks seldom


class JourneyWindow(msgspec.Struct, kw_only=True):
    """From ``start_ms`` (included) to ``end_ms`` (excluded), UTC. ``readings`` are those of the vehicle.

    ``speed_kmh``, ``off_route_m`` and their spreads (standard deviations) are over the vehicle's readings;
    ``stopped_share`` is the share of them below walking pace. ``progress_kmh`` is along the route, ``pace`` that over
    what its expected travel time needs: 1 is as planned, stops and queues included. ``temperature_dev`` is where the
    cargo's mean temperature lies in its band: -1 at the least allowed, 1 at the most, 0 without a band. ``ends_km`` is
    how near it came to either end of its route, along it; ``border_km`` how near to the border. ``placed_share`` is the
    share of readings in a stop or geofence, ``told_share`` of those on which another rule speaks already. Position,
    ``boot_id`` and ``seq`` are the last reading's. ``notice`` is one of the reference that was in force meanwhile for a
    bridge of its route.
    """

    window_id: str
    shipment_id: str
    corridor: str
    direction: Direction
    start_ms: int
    end_ms: int
    readings: int
    device_id: str
    boot_id: int
    seq: int
    lat_deg: float
    lon_deg: float
    speed_kmh: float
    speed_spread_kmh: float
    stopped_share: float
    progress_kmh: float
    pace: float
    off_route_m: float
    off_route_spread_m: float
    temperature_dev: float
    ends_km: float
    border_km: float
    placed_share: float = 0.0
    told_share: float = 0.0
    exercise: bool = False
    notice: str | None = None

    @property
    def key(self) -> str:
        """The model it belongs to, and its record's key: corridor/direction."""
        return f"{self.corridor}/{self.direction}"

    def features(self) -> dict[str, float]:
        """What a model judges, by name."""
        return {name: getattr(self, name) for name in FEATURES}


def window_id(shipment_id: str, exercise: bool, start_ms: int, end_ms: int) -> str:
    """32 hexadecimal digits."""
    about = f"journey\x1f{shipment_id}\x1f{int(exercise)}\x1f{start_ms}\x1f{end_ms}"
    return hashlib.sha256(about.encode()).hexdigest()[:32]
