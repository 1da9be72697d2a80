"""Journeys: where a truck is at each instant of a way, and when its seal and doors are lawfully open.

A timetable is piecewise linear (seconds, kilometres): driving in short legs of varying speed, standing at stops and
customs, stop-and-go in the bridge's queue, in its standard lanes or in FAST, whose road lies beside the others. A
``Trip`` is a timetable set in time, with its shipment's name.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.reference import Lane
from simulators.places import FAST_ASIDE_KM, Mark, Way
from simulators.warps import Piece, passed_ms, warped

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.int64]
Span: TypeAlias = tuple[float, float]

OPEN_ROAD_KMH: Final = 96.0
CITY_KMH: Final = 58.0
CITY_KM: Final = 18.0  # this far from either end, and half as far from the bridge, traffic is slow
QUEUE_KMH: Final[dict[Lane, float]] = {"standard": 12.0, "fast": 30.0}
SPAN_KMH: Final = 18.0
LOT_KMH: Final = (8.0, 45.0)  # where one comes to stand in yards and customs lots, each stay another
HOP_S: Final = 100.0  # a queue moves up about as often
BRIEF_S: Final = (60.0, 240.0)
PEEK_S: Final = (8.0, 25.0)
INSPECTED: Final = 0.35  # share of stays at customs in which the seal is opened


@dataclass(frozen=True, slots=True)
class Timetable:
    """Vertices (``t_s``, ``s_km``) from 0 s, and the spans in seconds in which seal and doors are open.

    ``reseal_s`` holds when customs put on another seal, once at the most.
    """

    t_s: list[float]
    s_km: list[float]
    seal_open_s: list[Span]
    door_open_s: list[Span]
    reseal_s: list[float]


@dataclass(frozen=True, slots=True)
class Customs:
    """Of a drive: its lane, and chances: of a brief stop in each leg, of another seal in each inspection, of a seal
    opened for seconds in each stay without one.
    """

    lane: Lane = "standard"
    brief_stop_chance: float = 0.0
    reseal_chance: float = 0.0
    peek_chance: float = 0.0


class _Driver:
    """Builds a timetable: drives, stands, queues."""

    def __init__(self, rng: random.Random, way: Way, customs: Customs) -> None:
        self.rng = rng
        self.way = way
        self.customs = customs
        self.lane = customs.lane
        self.cruise = rng.uniform(0.94, 1.06)
        self.table = Timetable([0.0], [way.marks[0].middle_km], [], [], [])

    @property
    def now_s(self) -> float:
        return self.table.t_s[-1]

    @property
    def at_km(self) -> float:
        return self.table.s_km[-1]

    def drive(self, to_km: float) -> None:
        while self.at_km < to_km - 1e-9:
            left = to_km - self.at_km
            leg = left if left < 2.0 else min(left, self.rng.uniform(4.0, 9.0))
            slow = (
                min(self.at_km, self.way.length_km - self.at_km) < CITY_KM
                or abs(self.at_km - self.way.bridge_km) < CITY_KM / 2
            )
            kmh = (CITY_KMH if slow else OPEN_ROAD_KMH) * self.cruise * self.rng.uniform(0.95, 1.05)
            self._to(self.now_s + leg / kmh * 3600.0, self.at_km + leg)
            chance = self.customs.brief_stop_chance
            in_shadow = any(begin <= self.at_km <= end for begin, end, _ in self.way.shadows)
            if chance > 0.0 and not in_shadow and self.rng.random() < chance:
                self.stand(self.rng.uniform(*BRIEF_S))

    def stand(self, seconds: float) -> None:
        self._to(self.now_s + seconds, self.at_km)

    def queue(self, mark: Mark) -> None:
        self.drive(mark.start_km)
        wait_s = self.rng.uniform(*(mark if self.lane == "standard" else self.way.mark("lane")).dwell_s)
        hops = max(4, round(wait_s / HOP_S))
        hop_km = (mark.end_km - mark.start_km) / hops
        for _ in range(hops):
            self._to(self.now_s + hop_km / QUEUE_KMH[self.lane] * 3600.0, self.at_km + hop_km)
            self.stand(wait_s / hops * self.rng.uniform(0.4, 1.6))

    def cross(self, mark: Mark) -> None:
        """Over the bridge, slowly, to the import lot."""
        kmh = SPAN_KMH * self.rng.uniform(0.8, 1.2)
        self._to(self.now_s + (mark.end_km - self.at_km) / kmh * 3600.0, mark.end_km)

    def stay(self, mark: Mark) -> None:
        """Stand at a mark; at yards and in an inspection the seal and the doors are open for a while."""
        from_km = max(self.at_km, mark.start_km)
        self.drive(mark.middle_km)
        if mark.kind in ("yard", "customs"):
            self._roll_in(from_km)
        begin_s, seconds = self.now_s, self.rng.uniform(*mark.dwell_s)
        spans: tuple[Span, ...] = ()
        if mark is self.way.marks[0]:
            spans = ((0.0, 0.5), (0.0, 0.4))  # loaded, closed, sealed
        elif mark is self.way.marks[-1]:
            spans = ((0.4, 1.0), (0.5, 1.0))  # unsealed, opened, handed over
        elif mark.seal_may_open and self.rng.random() < INSPECTED:
            spans = ((0.2, 0.7), (0.3, 0.6))
        self.stand(seconds)
        for span, where in zip(spans, (self.table.seal_open_s, self.table.door_open_s), strict=False):
            where.append((begin_s + span[0] * seconds, begin_s + span[1] * seconds))
        chance = self.customs.reseal_chance
        if mark.kind == "customs" and spans and chance > 0.0 and self.rng.random() < chance:
            self.table.reseal_s[:] = [begin_s + spans[0][1] * seconds]  # as it is closed again
        peek = self.customs.peek_chance
        if mark.kind == "customs" and not spans and peek > 0.0 and self.rng.random() < peek:
            opened_s = begin_s + seconds * self.rng.uniform(0.2, 0.8)
            self.table.seal_open_s.append((opened_s, opened_s + self.rng.uniform(*PEEK_S)))

    def _roll_in(self, from_km: float) -> None:
        """Drive the last of the way, from here on, as slowly as one does in a lot: so a stay begins."""
        t_s, s_km = self.table.t_s, self.table.s_km
        to_km = s_km[-1]
        if from_km >= to_km:
            return
        while s_km[-2] > from_km:
            del t_s[-1], s_km[-1]
        t_s[-1] -= (s_km[-1] - from_km) / (s_km[-1] - s_km[-2]) * (t_s[-1] - t_s[-2])
        s_km[-1] = from_km
        self._to(t_s[-1] + (to_km - from_km) / self.rng.uniform(*LOT_KMH) * 3600.0, to_km)

    def _to(self, t_s: float, s_km: float) -> None:
        self.table.t_s.append(t_s)
        self.table.s_km.append(s_km)


def timetable(rng: random.Random, way: Way, customs: Customs = Customs()) -> Timetable:
    """One drive over this way, from loading at its origin to hand-over at its destination."""
    driver = _Driver(rng, way, customs)
    for mark in way.marks:
        if mark.kind == "queue":
            driver.queue(mark)
        elif mark.kind == "span":
            driver.cross(mark)
        elif rng.random() < mark.chance:
            driver.stay(mark)
    return driver.table


@dataclass(frozen=True, slots=True)
class Trip:
    """A shipment's journey in absolute time. ``ends_ms`` is its delivery; arrays hold milliseconds and kilometres.

    ``band_c`` is the least and greatest temperature its goods may have; None where it does not matter. From
    ``reseal_ms`` on it bears the seal ``reseal_number``.
    """

    shipment_id: str
    way: Way
    start_ms: int
    ends_ms: int
    t_ms: Floats
    s_km: Floats
    seal_open_ms: tuple[Span, ...]
    door_open_ms: tuple[Span, ...]
    band_c: Span | None = None
    seal_number: str = ""
    lane: Lane = "standard"
    reseal_ms: float | None = None
    reseal_number: str = ""

    def passes_ms(self, km: float) -> float:
        """When it first comes to this place along the way (UTC ms)."""
        leg = int(np.searchsorted(self.s_km, km, side="left"))
        if leg == 0 or leg == len(self.s_km):
            return float(self.t_ms[min(leg, len(self.s_km) - 1)])
        (s0, s1), (t0, t1) = self.s_km[leg - 1 : leg + 1], self.t_ms[leg - 1 : leg + 1]
        return float(t0 + (km - s0) / (s1 - s0) * (t1 - t0))

    def along_km(self, time_ms: Times | Floats) -> Floats:
        """Kilometres along the way at these times."""
        return np.interp(time_ms, self.t_ms, self.s_km)

    def speed_kmh(self, time_ms: Times | Floats) -> Floats:
        """Speeds at these times: the slope of the timetable."""
        slope = np.abs(np.diff(self.s_km)) / np.maximum(np.diff(self.t_ms), 1e-6) * 3_600_000.0
        leg = np.searchsorted(self.t_ms, time_ms, side="right") - 1
        inside = (leg >= 0) & (leg < len(slope))
        found: Floats = np.where(inside, slope[np.clip(leg, 0, len(slope) - 1)], 0.0)
        return found

    def right_km(self, along_km: Floats) -> Floats:
        """How far to the right of the way's line it drives, by kilometres along: the FAST lane's road is beside it."""
        if self.lane == "standard":
            return np.zeros(len(along_km))
        lane, span = self.way.mark("lane"), self.way.mark("span")
        bends = [lane.start_km - 0.5, lane.start_km - 0.05, span.start_km, span.start_km + 0.5]
        return np.interp(along_km, bends, [0.0, FAST_ASIDE_KM, FAST_ASIDE_KM, 0.0])

    def rests(self, start_ms: float, end_ms: float) -> bool:
        """True where the truck stands at an approved stop for all of this span."""
        first, last = (float(s) for s in self.along_km(np.array([start_ms, end_ms])))
        stops = [mark for mark in self.way.marks if mark.kind == "stop"]
        return last - first < 1e-6 and any(mark.start_km <= first <= mark.end_km for mark in stops)

    def open_road(self, start_ms: float, end_ms: float, margin_km: float = 3.0) -> bool:
        """True where the truck drives all of this span and no mark lies within ``margin_km`` of what it drives."""
        if start_ms < self.start_ms or end_ms > self.ends_ms:
            return False
        first, last = (float(s) for s in self.along_km(np.array([start_ms, end_ms])))
        if any(m.end_km > first - margin_km and m.start_km < last + margin_km for m in self.way.marks):
            return False
        corners = self.t_ms[(self.t_ms > start_ms) & (self.t_ms < end_ms)]
        return bool((self.speed_kmh(np.concatenate([[start_ms], corners, [end_ms]])) > 30.0).all())


def delayed(trip: Trip, start_ms: float, pieces: Sequence[Piece]) -> Trip:
    """The same trip, held up (or hurried) by these pieces of its clock from ``start_ms`` on (see ``warps``)."""
    t_ms, s_km = warped(trip.t_ms, trip.s_km, start_ms, pieces)

    def moved(time_ms: float) -> float:
        return float(passed_ms(np.array([time_ms]), start_ms, pieces)[0])

    def spans(of: tuple[Span, ...]) -> tuple[Span, ...]:
        return tuple((moved(a), moved(b)) for a, b in of)

    return replace(
        trip,
        t_ms=t_ms,
        s_km=s_km,
        ends_ms=int(t_ms[-1]),
        seal_open_ms=spans(trip.seal_open_ms),
        door_open_ms=spans(trip.door_open_ms),
        reseal_ms=None if trip.reseal_ms is None else moved(trip.reseal_ms),
    )


def unopened_from(trip: Trip, at_ms: float) -> Trip:
    """The same trip, whose seal and doors are closed from ``at_ms`` on, and nobody changes the seal any more."""

    def spans(of: tuple[Span, ...]) -> tuple[Span, ...]:
        return tuple((a, min(b, at_ms)) for a, b in of if a < at_ms)

    return replace(
        trip,
        seal_open_ms=spans(trip.seal_open_ms),
        door_open_ms=spans(trip.door_open_ms),
        reseal_ms=None if trip.reseal_ms is None or trip.reseal_ms >= at_ms else trip.reseal_ms,
    )


def left_at(trip: Trip, at_ms: float, back_km: float, carried_ms: float) -> Trip:
    """The same trip for what its truck leaves at ``at_ms``: carried back so far in so long, and there it stays."""
    before = trip.t_ms < at_ms
    at_km = float(trip.along_km(np.array([at_ms]))[0])
    there_ms = at_ms + max(carried_ms, 1.0)
    return replace(
        trip,
        t_ms=np.r_[trip.t_ms[before], at_ms, there_ms, max(there_ms + 1.0, float(trip.ends_ms))],
        s_km=np.r_[trip.s_km[before], at_km, at_km - back_km, at_km - back_km],
    )


def later(trip: Trip, by_ms: float) -> Trip:
    """The same trip, begun so much later."""

    def spans(of: tuple[Span, ...]) -> tuple[Span, ...]:
        return tuple((a + by_ms, b + by_ms) for a, b in of)

    return replace(
        trip,
        start_ms=trip.start_ms + round(by_ms),
        ends_ms=trip.ends_ms + round(by_ms),
        t_ms=trip.t_ms + by_ms,
        seal_open_ms=spans(trip.seal_open_ms),
        door_open_ms=spans(trip.door_open_ms),
        reseal_ms=None if trip.reseal_ms is None else trip.reseal_ms + by_ms,
    )


def set_in_time(
    table: Timetable,
    way: Way,
    shipment_id: str,
    start_ms: int,
    band_c: Span | None = None,
    seal_number: str = "",
    lane: Lane = "standard",
) -> Trip:
    """This timetable, begun at ``start_ms``."""

    def spans(of: list[Span]) -> tuple[Span, ...]:
        return tuple((start_ms + 1000.0 * a, start_ms + 1000.0 * b) for a, b in of)

    t_ms = start_ms + 1000.0 * np.array(table.t_s)
    return Trip(
        shipment_id=shipment_id,
        way=way,
        start_ms=start_ms,
        ends_ms=int(t_ms[-1]),
        t_ms=t_ms,
        s_km=np.array(table.s_km),
        seal_open_ms=spans(table.seal_open_s),
        door_open_ms=spans(table.door_open_s),
        band_c=band_c,
        seal_number=seal_number,
        lane=lane,
        reseal_ms=start_ms + 1000.0 * table.reseal_s[0] if table.reseal_s else None,
    )


def somewhere_on_the_road(rng: random.Random, table: Timetable, way: Way, ahead_s: float = 600.0) -> float:
    """Seconds into this timetable at which the truck has open road ahead for ``ahead_s``, where it has any."""
    trip = set_in_time(table, way, "", 0)
    last_s = table.t_s[-1]
    drawn = [rng.uniform(0.04, 0.92) * last_s for _ in range(24)]
    for at_s in drawn:
        if trip.open_road(at_s * 1000.0, (at_s + ahead_s) * 1000.0):
            return at_s
    return drawn[0]
