"""A vehicle stands still where nobody expects it to.

Idea: the device has stayed within a small radius, and its own speed says no more than a crawl, for longer than a
bound, away from the route's approved stops, its queues, and the yards and customs compounds where a seal may be
opened. GPS jitter does not end a stop: two successive readings that move do. Where a line before a border crossing may
stand (along its queue, also beside what was drawn as that, and ``line_km`` of road before it, which it may reach back
over) standing tells nothing until it lasts longer than such lines do (``line_s``), nor for a fix a few metres beyond
that line by who stands in it. Caveat: so a real stop on those kilometres is told hours late, and one that ends before,
never, unless it is off the road as well, which is another rule's to tell; a queue elsewhere on the road, behind an
accident, is a stop to it where nothing creeps on; it needs a route, for only the route says where one may stand, and
says nothing while there is no fix.

Time is the readings' own, so that what a dead zone held back counts as what it was; late readings say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.geometry import haversine_m
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="unplanned_stop",
    version=5,
    severity="warning",
    opened={
        "en": "{device_id} has stood still for {stood_min:.0f} min where no stop is planned.",
        "es": "{device_id} lleva {stood_min:.0f} min detenido donde no hay parada prevista.",
    },
    closed={
        "en": "{device_id} is moving again, or where it may stand, after {stood_min:.0f} min.",
        "es": "{device_id} se mueve de nuevo, o está donde puede parar, después de {stood_min:.0f} min.",
    },
)
_NEVER = -1
_EDGE_KM = 0.03  # who stands in a line is not out of it by a fix's error


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Standing for ``stop_s`` seconds: within ``radius_m`` metres, at ``moving_kmh`` or less; beside a queue
    and on the last ``line_km`` kilometres before it for ``line_s``, if that is more.
    """

    stop_s: float = limit(600.0, 30, 86_400, "s", "time standing that opens")
    radius_m: float = limit(200.0, 10, 5_000, "m", "within which it stands")
    moving_kmh: float = limit(8.0, 1, 60, "km/h", "speed above which it does not stand")
    line_s: float = limit(21_600.0, 30, 86_400, "s", "time standing that opens where a line may reach")
    line_km: float = limit(10.0, 0, 100, "km", "before a queue, where a line may reach that has outgrown it")


def score(stood_s: Floats | float, stop_s: Floats | float) -> Floats:
    """0 for a stop that is none yet, 0.5 at the bound, towards 1 as it grows longer."""
    stood_s = np.maximum(stood_s, 0.0)
    return np.where(stood_s >= stop_s, stood_s / (stood_s + stop_s), 0.0)


class UnplannedStop:
    """Columns: since when it stands (ms), where, for how long (s), whether in a bridge's line; successive
    readings that moved; the episode.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            since_ms=np.int64(_NEVER),
            lat=np.float32(np.nan),
            lon=np.float32(np.nan),
            moved=np.int8(0),
            stood_s=np.float32(0.0),
            lined=np.bool_(False),
            on=np.bool_(False),
        )
        self._stood_s = self._allowed_s = np.zeros(0)  # as the round just judged had it

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Whoever stands, and whoever stops where nobody should."""
        stops = self._judged(batch) & ~(batch.speed_kmh > self.thresholds.moving_kmh)
        return np.asarray(stops | (self.columns["since_ms"][batch.rows] != _NEVER))

    @staticmethod
    def _judged(batch: DeviceBatch) -> Bools:
        """Where standing still is worth a look: in order, with a fix, guarded, on a route, where nobody may stand."""
        known = batch.in_order & np.isfinite(batch.lat_deg) & np.isfinite(batch.lon_deg)
        return np.asarray(known & batch.guarded & np.isfinite(batch.half_width_m) & ~batch.may_stand)

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of how long it has stood."""
        c, t = self.columns, self.thresholds
        known = batch.in_order & np.isfinite(batch.lat_deg) & np.isfinite(batch.lon_deg)
        judged = self._judged(batch)
        at = batch.rows
        since, was_on = c["since_ms"][at], c["on"][at]
        fast = np.isfinite(batch.speed_kmh) & (batch.speed_kmh > t.moving_kmh)
        if not ((judged & ~fast).any() or (since != _NEVER).any()):
            return quiet(batch)
        over = (known & ~judged) | batch.new_shipment
        standing = judged & (since != _NEVER) & ~over
        far = np.zeros(len(at), np.bool_)
        held = np.flatnonzero(standing & ~fast)
        if len(held):
            where = batch.rows[held]
            far[held] = (
                haversine_m(c["lat"][where], c["lon"][where], batch.lat_deg[held], batch.lon_deg[held]) > t.radius_m
            )
        moves = judged & (fast | far)
        moved = np.where(standing & moves, c["moved"][at] + np.int8(1), np.int8(0))
        within = self._in_line(batch)
        in_line = within | (standing & c["lined"][at] & self._in_line(batch, _EDGE_KM))
        # What was stood in line is no standing beyond it: there it begins anew.
        ends = over | (standing & ((moved >= 2) | (c["lined"][at] & ~in_line & ~was_on)))
        begins = judged & ~fast & ((since == _NEVER) | ends)
        since = np.where(begins, batch.time_ms, np.where(ends, _NEVER, since))
        stood_s = np.where(since != _NEVER, (batch.time_ms - since) / 1000.0, 0.0)
        allowed_s = self._allows_s(in_line)
        long = score(stood_s, allowed_s)
        trip = judged & ~ends & ~moves & (long > 0.0)
        # Without a shipment there is nobody to tell: stage 2 closes what was open.
        clear = was_on & ends & batch.guarded
        c["since_ms"][at] = since
        c["lat"][at] = np.where(begins, batch.lat_deg, c["lat"][at])
        c["lon"][at] = np.where(begins, batch.lon_deg, c["lon"][at])
        c["moved"][at] = np.where(ends, 0, np.where(known, moved, c["moved"][at]))
        c["stood_s"][at] = np.where(known & (since != _NEVER), stood_s, c["stood_s"][at])
        c["lined"][at] = (since != _NEVER) & np.where(begins, within, c["lined"][at] | within)
        c["on"][at] = (was_on | trip) & ~ends
        self._stood_s, self._allowed_s = stood_s, allowed_s
        return Verdict(levels(trip, clear), np.where(trip, long, 0.0))

    def _in_line(self, batch: DeviceBatch, edge_km: float = 0.0) -> Bools:
        """Whether it is where a bridge's line may be, or ``edge_km`` beyond; False where that is not known."""
        begins_km = batch.queue_begins_km - self.thresholds.line_km - edge_km
        return np.asarray((batch.along_km >= begins_km) & (batch.along_km <= batch.queue_ends_km + edge_km))

    def _allows_s(self, in_line: Bools) -> Floats:
        """For how long one may stand there (s)."""
        t = self.thresholds
        return np.where(in_line, max(t.line_s, t.stop_s), t.stop_s)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """How long it has stood, and how long is allowed, in minutes; its speed now."""
        speed_kmh = float(batch.speed_kmh[position])
        return {
            "stood_min": round(float(self.columns["stood_s"][batch.rows[position]]) / 60.0, 1),
            "allowed_min": round(float(self._allowed_s[position]) / 60.0, 1),
            "speed_kmh": None if np.isnan(speed_kmh) else speed_kmh,
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:  # noqa: ARG002 - all that counts is in how long it stood
        """How long it has stood; on the road, what is usual is to drive on."""
        allowed_s = float(self._allowed_s[position])
        return Why(
            lambda x: float(score(x["standing_s"], allowed_s)),
            {"standing_s": float(self._stood_s[position])},
            {"standing_s": 0.0},
            0.5,
        )
