"""Delays: a run's holiday, when whoever comes to a bridge waits some times as long, and a bridge that it closes.

Drawn once a run (``Life.delays``): what customs announce and what befalls the trips are of the same values. A line
that such a day makes reaches beyond the bridge's own queue.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from contracts.reference import Announced, Notice
from simulators.journeys import QUEUE_KMH, Span, Trip, delayed
from simulators.places import BRIDGES, ways
from simulators.warps import Piece

Pair: TypeAlias = tuple[float, float]

_HOP_KM: Final = (0.05, 0.4)  # by how much a line before a bridge moves up at once
_CREEP_KMH: Final = 12.0
_DISSOLVES_MS: Final = 1_800_000.0  # by when the last of the line before a bridge that has opened again moves


@dataclass(frozen=True, slots=True)
class Delays:
    """Spans are UTC ms, from the first (included) to the second (excluded); an empty one does not happen.

    Who comes in ``holiday_ms`` waits ``holiday_times`` as long; ``closed_bridge`` lets nobody over in ``closed_ms``.
    ``line_km``: how far before the bridge's own queue such a line reaches: drawn for each who comes in a holiday;
    before a closed bridge it grows from the least to the most.
    """

    holiday_ms: Span = (0.0, 0.0)
    holiday_times: float = 1.0
    closed_bridge: str | None = None
    closed_ms: Span = (0.0, 0.0)
    line_km: Pair = (0.0, 0.0)

    def held_up(self, trip: Trip) -> Trip:
        """The same trip with what a holiday or a closed bridge does to it."""
        trip = self._on_a_holiday(trip)
        return self._at_a_closed_bridge(trip) if self.closed_bridge == trip.way.bridge else trip

    def notices(self) -> list[Notice]:
        """What customs announce of the bridges: each holiday or closure, until the line that it makes has gone."""
        found: list[Notice] = []
        (begins_ms, ends_ms), (closed_ms, opens_ms) = self.holiday_ms, self.closed_ms
        for bridge in BRIDGES.values():
            gone_ms = ends_ms + self._longest_ms(bridge, self.holiday_times)
            if begins_ms < ends_ms:
                found.append(_notice(bridge, "holiday", begins_ms, gone_ms))
            if self.closed_bridge == bridge:
                # Who came on the holiday, and stood while it was closed, has the holiday's line before it still.
                times = self.holiday_times if begins_ms < opens_ms and closed_ms < gone_ms else 1.0
                gone_ms = opens_ms + _DISSOLVES_MS + self._longest_ms(bridge, times)
                found.append(_notice(bridge, "closure", closed_ms, gone_ms))
        return found

    def _longest_ms(self, bridge: str, times: float) -> float:
        """How long one is in line at the most, but for a hop more or less, on a day so many times as slow.

        That is in the line before the queue, at customs where it reaches so far back, and in the queue itself.
        """
        found = 0.0
        for way in (way for way in ways() if way.bridge == bridge):
            queue, line_km = way.mark("queue"), self.line_km[1]
            own_km = queue.end_km - queue.start_km
            usual_s = queue.dwell_s[1] + own_km / QUEUE_KMH["standard"] * 3600.0
            before = line_km / (own_km + line_km)
            line_s = max(line_km / _CREEP_KMH * 3600.0, times * usual_s * before)
            lots = [m for m in way.marks if m.kind == "customs" and m.end_km <= queue.start_km]
            stays_s = sum(m.dwell_s[1] for m in lots if m.end_km > queue.start_km - line_km)
            found = max(found, line_s + stays_s + max(usual_s, times * usual_s * (1.0 - before)))
        return 1000.0 * found

    def _on_a_holiday(self, trip: Trip) -> Trip:
        """Who comes to the line's end waits so many times as long, all along it alike, the line moving up by hops."""
        rng = random.Random(f"{trip.shipment_id}/line")
        queue = trip.way.mark("queue")
        least_km, most_km = self.line_km
        line_km = math.exp(rng.uniform(math.log(least_km), math.log(most_km))) if least_km > 0.0 else 0.0
        comes_ms, enters_ms, leaves_ms = (
            trip.passes_ms(km) for km in (queue.start_km - line_km, queue.start_km, queue.end_km)
        )
        if not self.holiday_ms[0] <= comes_ms < self.holiday_ms[1]:
            return trip
        own_km = queue.end_km - queue.start_km
        waits_ms = (leaves_ms - enters_ms) * self.holiday_times
        pieces: list[Piece] = []
        at_km = queue.start_km - line_km
        while at_km < queue.start_km:
            to_km = min(queue.start_km, at_km + rng.uniform(*_HOP_KM))
            passes_ms = trip.passes_ms(to_km) - trip.passes_ms(at_km)
            creeps_ms = (to_km - at_km) / _CREEP_KMH * 3_600_000.0
            # What takes longer as it is holds a stay at customs, which the line does not stretch.
            pieces.append((max(creeps_ms, passes_ms), passes_ms / max(creeps_ms, passes_ms)))
            stands_ms = waits_ms * (to_km - at_km) / (own_km + line_km) * rng.uniform(0.4, 1.6) - creeps_ms
            pieces += [(stands_ms, 0.0)] if stands_ms > 0.0 else []
            at_km = to_km
        times = max(1.0, self.holiday_times * own_km / (own_km + line_km))
        pieces.append(((leaves_ms - enters_ms) * times, 1.0 / times))
        return delayed(trip, comes_ms, pieces)

    def _at_a_closed_bridge(self, trip: Trip) -> Trip:
        """Who comes while it is closed stands behind those that came before, and goes on after them."""
        queue = trip.way.mark("queue")
        closed_ms, opens_ms = self.closed_ms
        least_km, most_km = self.line_km
        comes_ms, leaves_ms = trip.passes_ms(queue.start_km - most_km), trip.passes_ms(queue.end_km)
        if leaves_ms <= closed_ms or comes_ms >= opens_ms:
            return trip
        grown = float(np.clip((comes_ms - closed_ms) / (opens_ms - closed_ms), 0.0, 1.0))
        first_km = 0.4 * (queue.end_km - queue.start_km)  # so many were there already
        last_km = queue.end_km - queue.start_km + least_km + grown * (most_km - least_km)
        halts_ms = max(closed_ms, trip.passes_ms(queue.end_km - first_km - grown * (last_km - first_km)))
        again_ms = opens_ms + _DISSOLVES_MS * grown
        return trip if halts_ms >= min(leaves_ms, again_ms) else delayed(trip, halts_ms, [(again_ms - halts_ms, 0.0)])


NO_DELAYS: Final = Delays()


def _notice(bridge: str, reason: Announced, begins_ms: float, ends_ms: float) -> Notice:
    return Notice(
        effective_ms=int(begins_ms),
        notice_id=f"{bridge}-{reason}",
        bridge=bridge,
        reason=reason,
        ends_ms=int(ends_ms),
    )
