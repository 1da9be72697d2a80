"""The job every peer of the stream bench does with every reading, so that what differs is what carries it.

Decode strictly, measure the metres off the shipment's route, score and teach two of River's Gaussian scorers a device
(speed, distance off the route), encode. That is less than one of our two stages does: no repeat check, no episodes, no
checkpoint.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import shapely
from river.anomaly import GaussianScorer

from contracts.readings import Reading
from contracts.reference import Route, Shipment, parse
from detectors.geometry import EARTH_RADIUS_M
from streams.corridor import mercator

_reading = msgspec.json.Decoder(Reading)
_encode = msgspec.json.Encoder().encode


class Scored(msgspec.Struct):
    """What comes out for a reading."""

    device_id: str
    boot_id: int
    seq: int
    time_ms: int
    shipment_id: str | None
    off_route_m: float | None
    speed_score: float
    off_route_score: float


Scorers = tuple[GaussianScorer, GaussianScorer]


class Job:
    """The job, with the reference it joins. State is the caller's to keep: ``fresh`` makes a device's."""

    def __init__(self, reference: Path) -> None:
        records = [parse(line) for line in reference.read_bytes().splitlines()]
        lines = {record.route_id: _line(record) for record in records if isinstance(record, Route)}
        self._joined: dict[str, tuple[str, Any]] = {}
        for record in records:
            if isinstance(record, Shipment):
                for device_id in record.device_ids:
                    self._joined.setdefault(device_id, (record.shipment_id, lines[record.route_id]))

    @staticmethod
    def fresh() -> Scorers:
        """A device's two scorers."""
        return GaussianScorer(), GaussianScorer()

    @staticmethod
    def decode(line: bytes) -> Reading:
        """The reading of a line. Raises msgspec.DecodeError."""
        return _reading.decode(line)

    def score(self, scorers: Scorers, reading: Reading) -> bytes:
        """Score, then learn; the result's JSON."""
        shipment_id, line = self._joined.get(reading.device_id, (None, None))
        off_route_m: float | None = None
        if line is not None and reading.lat_deg is not None and reading.lon_deg is not None:
            off_route_m = _off_m(line, reading.lat_deg, reading.lon_deg)
        scores = [0.0, 0.0]
        for at, value in enumerate((reading.speed_kmh, off_route_m)):
            if value is not None:
                scores[at] = float(scorers[at].score_one(None, value))
                scorers[at].learn_one(None, value)
        identity = (reading.device_id, reading.boot_id, reading.seq, reading.time_ms)
        return _encode(Scored(*identity, shipment_id, off_route_m, *scores))


class KeepingJob(Job):
    """The same with its state in a dict, for peers whose own store would have to serialise it at each reading."""

    def __init__(self, reference: Path) -> None:
        super().__init__(reference)
        self._scorers: dict[str, Scorers] = {}

    def __call__(self, line: bytes) -> tuple[bytes, bytes]:
        """(device, result) of a line."""
        reading = self.decode(line)
        scorers = self._scorers.get(reading.device_id)
        if scorers is None:
            scorers = self._scorers[reading.device_id] = self.fresh()
        return reading.device_id.encode(), self.score(scorers, reading)


def _line(route: Route) -> Any:
    lon, lat = np.array([c[:2] for c in route.line.coordinates], float).T
    line = shapely.LineString(np.column_stack(mercator(lat, lon)))
    shapely.prepare(line)
    return line


_RADIANS: Final = math.pi / 180.0


def _off_m(line: Any, lat_deg: float, lon_deg: float) -> float:
    """Metres off the line, as ``streams.corridor`` measures them, for one point."""
    lat = lat_deg * _RADIANS
    point = shapely.Point(EARTH_RADIUS_M * lon_deg * _RADIANS, EARTH_RADIUS_M * math.atanh(math.sin(lat)))
    return round(float(shapely.distance(line, point)) * math.cos(lat), 1)
