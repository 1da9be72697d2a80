"""A device that should speak is silent.

Idea: seconds of the line's own up-time since the device's last reading arrived, against a number of its declared
intervals, and against ``least_s`` where that is longer: how long a tunnel or a dead zone hides a truck does not hang on
how often its devices would speak. The default is what five kilometres of it take at 60 km/h. Up-time is counted on the
ticks of the device's own lane, the partition through which its readings come: ticks and readings of one lane are in
order, so that another lane's catching up after a crash silences nobody. A jump between ticks counts as one tick, so
that an outage of ours is not a thousand alarms. Caveat: it can't tell a longer dead zone from a jammer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Floats, Ints
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="signal_lost",
    version=2,
    severity="warning",
    opened={
        "en": "{device_id} has been silent for {silent_s:.0f} s; it should speak every {interval_s:g} s.",
        "es": "{device_id} lleva {silent_s:.0f} s sin señal; debe transmitir cada {interval_s:g} s.",
    },
    closed={
        "en": "{device_id} speaks again after {silent_s:.0f} s.",
        "es": "{device_id} transmite de nuevo después de {silent_s:.0f} s.",
    },
)

TICK_STEP_MAX_MS: Final = 2_000
_NEVER: Final = -1
_EARLY: Final = -2  # spoke before its lane's first tick


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Silent for this many of its declared intervals, and for ``least_s`` at the least."""

    silent_intervals: float = limit(10.0, 1, 1_000, "intervals", "of those declared, silent for which it is lost")
    least_s: float = limit(300.0, 2, 3_600, "s", "silence that is none yet: a dead zone may last as long")


def score(silent_ms: Any, interval_s: Any, thresholds: Thresholds) -> Floats:
    """1 for a silence longer than the bound, else 0; an interval of NaN has no bound."""
    with np.errstate(invalid="ignore"):
        bound_ms = 1_000.0 * np.maximum(thresholds.silent_intervals * interval_s, thresholds.least_s)
        return np.where(silent_ms > bound_ms, 1.0, 0.0)


def why(silent_s: float, interval_s: float, thresholds: Thresholds) -> Why:
    """The silence; usual is what was declared."""
    return Why(
        lambda x: float(score(1_000.0 * x["silent_s"], interval_s, thresholds)),
        {"silent_s": silent_s},
        {"silent_s": interval_s},
        1.0,
    )


class Lane:
    """The clock of one lane, in ms: the ticks of every gateway that writes to it.

    ``now_ms`` is how far the slowest has come, less what was jumped over. ``heard_ms`` is the same for the fastest: a
    reading that arrives now was sent before then at the latest. A gateway that stays ``forget_ms`` behind is gone.
    """

    __slots__ = ("_low_ms", "_skipped_ms", "forget_ms", "ticks")

    def __init__(self, forget_ms: int) -> None:
        self.forget_ms = forget_ms
        self.ticks: dict[str, int] = {}
        self._low_ms = -1
        self._skipped_ms = 0

    def tick(self, gateway: str, time_ms: int) -> bool:
        """Take a tick in. True where the lane's time has moved on."""
        self.ticks[gateway] = max(time_ms, self.ticks.get(gateway, 0))
        newest = max(self.ticks.values())
        for late in [g for g, t in self.ticks.items() if t < newest - self.forget_ms]:
            del self.ticks[late]
        low_ms, before_ms = min(self.ticks.values()), self._low_ms
        if low_ms <= before_ms:
            return False
        self._low_ms = low_ms
        if before_ms >= 0:
            self._skipped_ms += max(0, low_ms - before_ms - TICK_STEP_MAX_MS)
        return True

    @property
    def time_ms(self) -> int:
        """The slowest gateway's last tick, UTC ms; -1 before the first."""
        return self._low_ms

    @property
    def now_ms(self) -> int:
        """Up-time so far: a clock without our outages in it."""
        return self._low_ms - self._skipped_ms

    @property
    def heard_ms(self) -> int:
        """The newest up-time at which a reading that arrives now can have been sent."""
        return max(self.ticks.values(), default=-1) - self._skipped_ms

    def uptime_of(self, times_ms: Ints) -> Ints:
        """These UTC times as up-time, as if nothing had been skipped after them."""
        return times_ms - self._skipped_ms

    def since_ms(self, uptimes_ms: Ints) -> Ints:
        """Up-time passed since these up-times."""
        return self.now_ms - uptimes_ms

    def dump(self) -> list[object]:
        """The lane as plain data, for a checkpoint."""
        return [self.ticks, self._low_ms, self._skipped_ms]

    @classmethod
    def load(cls, dumped: list[Any], forget_ms: int) -> Lane:
        """A dumped lane."""
        lane = cls(forget_ms)
        lane.ticks, lane._low_ms, lane._skipped_ms = dict(dumped[0]), dumped[1], dumped[2]
        return lane


class SignalLost:
    """Columns: each device's lane, that lane's up-time (ms) when it last spoke, whether its silence is open."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None, forget_ms: int = 600_000) -> None:
        self.thresholds = thresholds or Thresholds()
        self.forget_ms = forget_ms
        self.columns = Columns(spoke_ms=np.int64(_NEVER), lane=np.int32(-1), on=np.bool_(False))
        self.lanes: dict[int, Lane] = {}

    def tick(self, lane: int, gateway: str, time_ms: int) -> bool:
        """Move a lane's clock on. True where it has moved. Who spoke before its first tick, spoke then."""
        clock = self.lanes.get(lane)
        if clock is None:
            clock = self.lanes[lane] = Lane(self.forget_ms)
        first = clock.time_ms < 0
        moved = clock.tick(gateway, time_ms)
        if first and moved:
            n = self.columns.size
            early = np.flatnonzero((self.columns["lane"][:n] == lane) & (self.columns["spoke_ms"][:n] == _EARLY))
            self.columns["spoke_ms"][early] = clock.heard_ms
        return moved

    def spoke(self, row: int, lane: int) -> bool:
        """The device of this row spoke, on its lane. True where that ends an open silence."""
        clock, columns = self.lanes.get(lane), self.columns
        columns["lane"][row] = lane
        columns["spoke_ms"][row] = _EARLY if clock is None else clock.heard_ms
        if columns["on"][row]:
            columns["on"][row] = False
            return True
        return False

    def spoke_many(self, rows: Rows, lanes: Ints) -> dict[int, float]:
        """``spoke`` for many readings at once: the rows whose silence that ends, and how long it was, in s.

        A row may be named more than once.
        """
        columns = self.columns
        ended = {row: self.silent_s(row) for row in rows[columns["on"][rows]].tolist()}
        columns["on"][rows] = False
        columns["lane"][rows] = lanes
        for lane in set(lanes.tolist()):
            clock = self.lanes.get(lane)
            columns["spoke_ms"][rows[lanes == lane]] = _EARLY if clock is None else clock.heard_ms
        return ended

    def silent(self, lane: int, interval_s: Floats, judged_since_ms: Ints | None = None) -> Rows:
        """Rows of this lane whose silence has just become an episode.

        ``interval_s`` is as declared, NaN where a device is not judged; ``judged_since_ms`` (UTC) is when that began to
        hold (None: always): what was silent before then was free to be.
        """
        n = len(interval_s)
        columns = self.columns
        spoke_ms, on = columns["spoke_ms"][:n], columns["on"][:n]
        clock = self.lanes[lane]
        begun_ms = spoke_ms if judged_since_ms is None else np.maximum(spoke_ms, clock.uptime_of(judged_since_ms))
        lost = score(clock.since_ms(begun_ms), interval_s, self.thresholds) > 0.0
        rows = np.flatnonzero((columns["lane"][:n] == lane) & (spoke_ms >= 0) & ~on & lost)
        columns["on"][rows] = True
        return rows

    def silent_s(self, row: int) -> float:
        """Seconds of up-time since the device of this row spoke; 0 where it never did."""
        spoke_ms, clock = int(self.columns["spoke_ms"][row]), self.lanes.get(int(self.columns["lane"][row]))
        if spoke_ms < 0 or clock is None:
            return 0.0
        return max(0, clock.now_ms - spoke_ms) / 1_000.0

    def state_sha256(self, row: int) -> str:
        """64 hexadecimal digits: of the rule's name and version, and of what it remembers of this device and its lane.

        The silence by itself, not the up-times at its ends: whoever began to listen later counts up-time from another
        beginning, and has the same silence.
        """
        lane = int(self.columns["lane"][row])
        clock = self.lanes.get(lane)
        ticks = sorted(clock.ticks.items()) if clock is not None else []
        silent_ms, on = round(1_000.0 * self.silent_s(row)), bool(self.columns["on"][row])
        said = [CARD.name, CARD.version, lane, ticks, silent_ms, on]
        return hashlib.sha256(repr(said).encode()).hexdigest()
