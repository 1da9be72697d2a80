"""Windows of event time over each shipment's devices: who is apart, and how the journey goes.

Assumes readings that have passed the repeat check, and a clock before which nothing but late readings is on its way.
Everything happens slice by slice of event time once the lateness bound has passed, on positions sorted by time, device,
boot and seq: so any order of arrival within the bound gives the same answers. State is a row a shipment, in checkpoints
as whole blocks of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from contracts.journeys import WINDOW_MS
from contracts.readings import ShipmentReading
from detectors import own_track, separation
from detectors.columns import Rows
from detectors.device_batch import Bools
from detectors.separation import Points, Run
from streams import journey_sums
from streams.journey_sums import JourneySum
from streams.members import CARGO, RANK_SHIFT, UNKNOWN_KIND, Members
from streams.stage import StateChange, pack, unpack
from streams.tracks import DOUBTED, UNPLACED, Fixes, Tracks

_NOBODY: Final = np.iinfo(np.int64).max
# ``count`` to ``rests_on`` (0: nothing): a run (``separation.Run``) of the containers, and one of all other cargo.
SHIP: Final = np.dtype(
    [
        ("seen_ms", "i8"), ("vehicle", "i8"), ("box", "i8"), ("count", "i4", 2), ("since_ms", "i8", 2), ("on", "?", 2),
        ("rests_on", "i8", (2, 3)), *journey_sums.FIELDS,
    ]
)  # fmt: skip
_BLOCK: Final = 64  # rows a record of a checkpoint
_SPAN_BITS: Final = 22  # of a slice and what is kept for it, in ms: over an hour


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """Slices are judged ``slice_ms`` long, journeys ``journey_ms``, a whole number of slices; of a vehicle that
    declares fewer than ``journey_readings`` in that, as many times as long as it takes, up to ``journey_most_ms``.

    A reading may come ``lateness_bound_ms`` late and still count. What no device of a shipment has said for ``idle_ms``
    is forgotten with it.
    """

    lateness_bound_ms: int = 120_000
    slice_ms: int = 5_000
    journey_ms: int = WINDOW_MS
    journey_most_ms: int = 2 * WINDOW_MS  # four in a row of longer ones were told too late, and half of them falsely
    journey_readings: int = 3
    idle_ms: int = 1_800_000

    def __post_init__(self) -> None:
        if self.slice_ms <= 0 or self.journey_ms % self.slice_ms:
            raise ValueError("journey_ms must be a whole number of slices")

    @property
    def interval_most_s(self) -> float:
        """A vehicle that declares more seconds between its readings has too few of them in any journey window."""
        return self.journey_most_ms / self.journey_readings / 1_000.0

    def lasts_ms(self, interval_s: float | None) -> int:
        """How long a journey window is of a vehicle that declares to speak each ``interval_s`` (None: not known)."""
        needs_ms = min(1_000.0 * self.journey_readings * (interval_s or 0.0), self.journey_most_ms)
        return self.journey_ms * max(1, math.ceil(needs_ms / self.journey_ms))


@dataclass(frozen=True, slots=True)
class Parting:
    """A verdict on a shipment, of ``time_ms``: its cargo's position then or next, the vehicle, metres between, metres
    of doubt, a hash of what was followed by then.

    ``told_ms`` is the earliest time at which it could be known: the end of its slice and the lateness bound.
    """

    level: Literal["trip", "clear"]
    shipment_id: str
    exercise: bool
    device_id: str
    boot_id: int
    seq: int
    time_ms: int
    told_ms: int
    lat_deg: float
    lon_deg: float
    vehicle_id: str
    distance_m: float
    doubt_m: float
    state_sha256: str


class ShipmentWindows:
    """See the module. ``advance`` is to be called with the clock; it answers with partings and journey sums.

    ``declared_s`` says how often a device of this name was to speak at this time (UTC ms), None where nobody knows.
    """

    def __init__(
        self,
        config: WindowConfig,
        thresholds: separation.Thresholds | None = None,
        declared_s: Callable[[str, int], float | None] = lambda _device_id, _time_ms: None,
    ) -> None:
        self.config = config
        self._declared_s = declared_s
        self.thresholds = thresholds or separation.Thresholds()
        self.members = Members()
        self.tracks = Tracks(config.slice_ms)
        self.ships: NDArray[Any] = _fresh(_BLOCK)
        self._journey_ms = 0  # the start of the journey window that is being summed
        self._unsure = np.empty(0, np.int64)  # names of those kept positions that their devices' tracks do not bear out
        self._dirty: set[int] = set()
        self._restoring = False

    @property
    def closed_ms(self) -> int:
        """Everything before this time has been judged."""
        return self.tracks.closed_ms

    @property
    def journeys_ms(self) -> int:
        """Every journey window that ends by this time has been told."""
        return self._journey_ms

    def hear(self, rows: list[int], readings: list[ShipmentReading]) -> None:
        """Take new readings in; ``rows`` are their devices'."""
        self._restored()
        wanted = [
            n
            for n, r in enumerate(readings)
            if r.lat_deg is not None and r.shipment_id is not None and (not r.marks or UNPLACED.isdisjoint(r.marks))
        ]
        if len(wanted) < len(readings):
            rows, readings = [rows[n] for n in wanted], [readings[n] for n in wanted]
        self.tracks.hear(self.members.of(rows, readings), readings)

    def advance(self, clock_ms: int) -> Iterator[Parting | JourneySum]:
        """What has become certain, now that nothing older than ``clock_ms`` less the bound is awaited."""
        self._restored()
        until_ms = clock_ms - self.config.lateness_bound_ms
        until_ms -= until_ms % self.config.slice_ms
        if until_ms <= self.tracks.closed_ms:
            return
        self._grow(len(self.members.ships))
        for end_ms, fixes, kept in self.tracks.close(until_ms):
            yield from self._turn_to(end_ms - self.config.slice_ms)
            yield from self._judge(end_ms, fixes, kept)
        yield from self._turn_to(until_ms)

    def _turn_to(self, time_ms: int) -> Iterator[JourneySum]:
        """Close the journey windows that are over before the one that this time lies in."""
        start_ms = time_ms - time_ms % self.config.journey_ms
        if start_ms <= self._journey_ms:
            return
        over = np.ones(len(self.ships), np.bool_)
        for ship in np.flatnonzero(self.ships["n"] > 0).tolist():
            device_id = self.members.devices[int(self.ships["member"][ship])]
            lasts_ms = self.config.lasts_ms(self._declared_s(device_id, self._journey_ms))
            begins_ms = self._journey_ms - self._journey_ms % lasts_ms
            over[ship] = begins_ms + lasts_ms <= start_ms
            name = self.members.ships[ship]
            if over[ship] and name is not None:
                yield journey_sums.read(self.ships[ship], name, device_id, begins_ms, lasts_ms)
        journey_sums.clear(self.ships, over)
        self._journey_ms = start_ms
        self._forget(start_ms)

    def _forget(self, time_ms: int) -> None:
        """Let go of shipments of which nothing has been heard for long."""
        old_ms = time_ms - 1_000.0 * self.thresholds.bracket_s
        self.tracks.keep(np.flatnonzero(self.tracks.kept["time_ms"] >= old_ms))
        idle = (self.ships["seen_ms"] > 0) & (self.ships["seen_ms"] < time_ms - self.config.idle_ms)
        idle &= ~self.ships["on"].any(axis=1)
        idle[self.members.columns["ship"][self.tracks.members()]] = False
        gone = np.flatnonzero(idle)
        if len(gone):
            self.members.forget(gone.tolist())
            self.ships[gone] = _fresh(1)[0]
        self._dirty.update(range(len(self.ships) // _BLOCK))

    def _judge(self, end_ms: int, fixes: Fixes, kept: int) -> Iterator[Parting]:
        columns = self.members.columns
        ship, rank = columns["ship"][fixes["member"]], columns["rank"][fixes["member"]]
        new = np.arange(kept, len(fixes))
        self._begin_anew(ship[new], end_ms)
        np.minimum.at(self.ships["vehicle"], ship[new], rank[new])
        boxes = new[rank[new] >> RANK_SHIFT == CARGO]
        np.minimum.at(self.ships["box"], ship[boxes], rank[boxes])
        order = _order(ship, fixes, rank, end_ms)
        ship, rank, fixes = ship[order], rank[order], fixes[order]
        vehicle, cargo = self._roles(ship, rank)
        journey_sums.add(self.ships, ship, fixes, vehicle, (rank >> RANK_SHIFT) == CARGO, order >= kept)
        self._dirty.update((np.unique(ship) // _BLOCK).tolist())
        points = self._points(ship, rank, fixes, vehicle, cargo)
        names = _names(points, rank)
        unsure = self._strays(names, fixes, points, order < kept)
        yield from self._follow(end_ms, rank, fixes, points, np.where(unsure, names, 0))
        needed = self._needed(points, end_ms)
        self._unsure = names[needed][unsure[needed]]
        self.tracks.keep(order[needed])

    def _roles(self, ship: Rows, rank: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        vehicle = rank == self.ships["vehicle"][ship]
        kind = rank >> RANK_SHIFT
        return vehicle, ~vehicle & (kind >= CARGO) & (kind < UNKNOWN_KIND)

    def _points(
        self, ship: Rows, rank: NDArray[np.int64], fixes: Fixes, vehicle: NDArray[np.bool_], cargo: NDArray[np.bool_]
    ) -> Points:
        """What is sure of these positions, as the rule takes them."""
        sure = (fixes["flags"] & DOUBTED) == 0
        cargo = cargo & sure
        return Points(
            ship, fixes["time_ms"], fixes["lat_deg"], fixes["lon_deg"],
            fixes["accuracy_m"].astype(np.float64), fixes["speed_kmh"].astype(np.float64),
            vehicle & sure, cargo, cargo & (rank == self.ships["box"][ship]),
        )  # fmt: skip

    def _strays(self, names: NDArray[np.int64], fixes: Fixes, points: Points, kept: Bools) -> Bools:
        """Which positions their device's own track does not bear out; ``kept`` ones were asked when they came."""
        told = own_track.Told(
            fixes["time_ms"], fixes["boot_id"], fixes["seq"], fixes["lat_deg"], fixes["lon_deg"], points.accuracy_m,
            points.speed_kmh,
        )  # fmt: skip
        judged = np.flatnonzero(points.vehicle | points.cargo)
        unsure = np.zeros(len(names), np.bool_)
        unsure[judged] = own_track.unsure(fixes["member"][judged], told.at(judged), self.thresholds.pace)
        unsure[kept] = np.isin(names[kept], self._unsure)
        return unsure

    def _begin_anew(self, ships: Rows, end_ms: int) -> None:
        """A shipment of which nothing was heard for so long that it would be forgotten, was forgotten."""
        ships = np.unique(ships)
        quiet = self.ships["seen_ms"][ships] < end_ms - self.config.idle_ms
        idle = ships[quiet & ~self.ships["on"][ships].any(axis=1)]
        for name in ("vehicle", "box", "count", "since_ms", "rests_on"):
            self.ships[name][idle] = _fresh(1)[name][0]
        self.ships["seen_ms"][ships] = end_ms

    def _follow(
        self, end_ms: int, rank: NDArray[np.int64], fixes: Fixes, points: Points, unsure: NDArray[np.int64]
    ) -> Iterator[Parting]:
        """``unsure`` has the names of those positions that are so, else 0."""
        found = separation.gaps(points, self.thresholds)
        said = separation.verdicts(found, self.thresholds)
        ship = points.ship[found.at]
        # Nearly all are together and have been: only where something is apart, or was, is there anything to follow.
        on: NDArray[np.bool_] = self.ships["on"]
        stirred = np.asarray((on | (self.ships["count"] > 0)).any(axis=1))
        stirred[ship[said > 0]] = True
        heard = np.flatnonzero(stirred[ship])
        for n in heard[np.argsort(found.at[heard], kind="stable")].tolist():
            row, name = int(ship[n]), self.members.ships[int(ship[n])]
            cargo, vehicle, time_ms = found.cargo[n], found.vehicle[n], int(points.time_ms[found.at[n]])
            of = int(rank[cargo] >> RANK_SHIFT > CARGO)
            run, other = (_run(self.ships[row], k) for k in (of, 1 - of))
            rests_on = frozenset(unsure[[found.before[n], cargo, vehicle]].tolist()) - {0}
            level = separation.follow(run, other, int(said[n]), time_ms, rests_on, self.thresholds)
            _set_run(self.ships[row], of, run)
            if level is None or name is None or (level == "clear" and on[row].any()):
                continue
            fix = fixes[cargo]
            yield Parting(
                level, *name, self.members.devices[fix["member"]], int(fix["boot_id"]), int(fix["seq"]),
                time_ms, end_ms + self.config.lateness_bound_ms, float(fix["lat_deg"]),
                float(fix["lon_deg"]), self.members.devices[fixes[vehicle]["member"]],
                float(found.distance_m[n]), float(found.doubt_m[n]),
                separation.state_sha256(run, other, self.thresholds),
            )  # fmt: skip

    def _needed(self, points: Points, end_ms: int) -> Rows:
        """What the next slice may need: each vehicle's and box's last position, and what waits for one after it."""
        n = len(points.ship)
        final = np.r_[points.ship[1:] != points.ship[:-1], True] if n else np.zeros(0, np.bool_)
        wanted = np.zeros(n, np.bool_)
        for held_to, judged in ((points.vehicle, points.cargo), (points.box, points.vehicle)):
            before, after = separation.neighbours(points.ship, held_to)
            wanted[before[final & (before >= 0)]] = True
            wanted |= judged & (after < 0)
        recent = points.time_ms >= end_ms - 1_000.0 * self.thresholds.bracket_s
        return np.flatnonzero(wanted & recent)

    def let_go(self, shipment_id: str, exercise: bool) -> None:
        """Its episode was closed from without."""
        ship = self.members.find(shipment_id, exercise)
        if ship is not None and ship < len(self.ships):
            self.ships["on"][ship], self.ships["count"][ship] = False, 0
            self._dirty.add(ship // _BLOCK)

    def idle(self, shipment_id: str, exercise: bool) -> bool:
        """Whether none of its devices has said where it is for longer than anything is concluded from."""
        ship = self.members.find(shipment_id, exercise)
        seen_ms = 0 if ship is None or ship >= len(self.ships) else int(self.ships["seen_ms"][ship])
        return seen_ms < self.closed_ms - 1_000.0 * self.thresholds.bracket_s

    def _grow(self, size: int) -> None:
        if size > len(self.ships):
            blocks = -(-max(size, 2 * len(self.ships)) // _BLOCK)
            self.ships = np.concatenate([self.ships, _fresh(blocks * _BLOCK - len(self.ships))])

    # -- checkpoints -----------------------------------------------------------------------------------------------

    def changes(self) -> Iterator[StateChange]:
        """Names (``s/``, ``m/``), chunks of positions (``p/``), changed blocks of rows (``b/``), the names of
        kept positions that are unsure (``u/``), the clock (``t/``).
        """
        self._restored()
        yield from self.members.changes()
        for key, value in self.tracks.changes():
            yield f"p/{key}", value
        for block in sorted(self._dirty):
            yield f"b/{block}", self.ships[block * _BLOCK : (block + 1) * _BLOCK].tobytes()
        self._dirty.clear()
        yield "u/0", pack(self._unsure.tolist())
        yield "t/0", pack([self.tracks.closed_ms, self._journey_ms, self.tracks.behind])

    def restore(self, key: str, value: bytes) -> None:
        """One of ``changes`` back, in any order."""
        self._restoring = True
        kind, _, number = key.partition("/")
        if kind == "p":
            self.tracks.restore(number, value)
        elif kind == "b":
            first = int(number) * _BLOCK
            self._grow(first + _BLOCK)
            if len(value) == _BLOCK * SHIP.itemsize:  # else another release's: its windows are not continued
                self.ships[first : first + _BLOCK] = np.frombuffer(value, SHIP)
        elif kind == "t":
            self.tracks.closed_ms, self._journey_ms, self.tracks.behind = unpack(value)
        elif kind == "u":
            self._unsure = np.array(unpack(value), np.int64)
        else:
            self.members.restore(kind, int(number), value)

    def _restored(self) -> None:
        if not self._restoring:
            return
        self._restoring = False
        self.members.restored()
        self._grow(len(self.members.ships))
        self.tracks.restored(self.tracks.closed_ms)
        fixes, columns = self.tracks.kept, self.members.columns
        ship, rank = columns["ship"][fixes["member"]], columns["rank"][fixes["member"]]
        here = ship >= 0
        order = np.flatnonzero(here)[_order(ship[here], fixes[here], rank[here], self.tracks.closed_ms)]
        ship, rank, fixes = ship[order], rank[order], fixes[order]
        vehicle, cargo = self._roles(ship, rank)
        points = self._points(ship, rank, fixes, vehicle, cargo)
        self.tracks.keep(order[self._needed(points, self.tracks.closed_ms)])

    @property
    def nbytes(self) -> int:
        """Memory of positions and rows, in bytes."""
        return self.tracks.nbytes + int(self.ships.nbytes)


def _fresh(rows: int) -> NDArray[Any]:
    ships = np.zeros(rows, SHIP)
    ships["vehicle"] = ships["box"] = _NOBODY
    return ships


def _names(points: Points, rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each position's own number, by its time and device: none is 0."""
    return np.asarray((points.time_ms << RANK_SHIFT) | (rank & ((1 << RANK_SHIFT) - 1)))


def _run(ship: Any, k: int) -> Run:
    rests_on = frozenset(ship["rests_on"][k].tolist()) - {0}
    return Run(int(ship["count"][k]), int(ship["since_ms"][k]), bool(ship["on"][k]), rests_on)


def _set_run(ship: Any, k: int, run: Run) -> None:
    ship["count"][k], ship["since_ms"][k], ship["on"][k] = run.count, run.since_ms, run.on
    ship["rests_on"][k] = (*sorted(run.rests_on), 0, 0, 0)[:3]


def _order(ship: Rows, fixes: Fixes, rank: NDArray[np.int64], end_ms: int) -> Rows:
    """By shipment, time, device, boot and seq. One sort of one number, where no two positions share it."""
    since = np.maximum(fixes["time_ms"] - (end_ms - (1 << _SPAN_BITS)), 0)
    low = rank & ((1 << RANK_SHIFT) - 1)
    key = (ship.astype(np.int64) << (_SPAN_BITS + RANK_SHIFT)) | (since << RANK_SHIFT) | low
    order = np.argsort(key, kind="stable")
    if (np.diff(key[order]) == 0).any():
        order = np.lexsort((fixes["seq"], fixes["boot_id"], rank, fixes["time_ms"], ship))
    return order
