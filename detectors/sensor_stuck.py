"""A sensor has died and goes on telling its last value.

Idea: each sensor has its own habit of repeating a value exactly, by its noise and its resolution
(``detectors.repeat_habit``). A run that would be too improbable even where the sensor repeats itself the most, and that
is several times as long as the longest learnt (noise is not the same by day and night), is a stuck sensor. A fine one
is told after ten repeats, a coarse one after as many as its noise calls for. At one of the sensor's rails (saturated,
or a chip's word for an error) a few repeats are enough.

A run is learnt when it ends, at most ``learn_max`` long, but for one that was told: that teaches neither repeats nor
length, or a sensor that sticks again and again would be told later each time and then no more. A sensor whose noise
falls, at night for instance, is told from one that sticks by what follows: a sensor that comes loose changes at each
reading, one at rest has the next long run a few changes later. So a told run is learnt if another was told no more than
``_NEAR`` changes before, but of it at most ``longest_times`` the longest learnt, or the longest too short to be judged.
So a fine one that sticks, comes loose for a few readings and sticks again is told later from the third run on: after 11
repeats twice, 82, 244, then up to ``longest_times * learn_max``; runs shorter than that are excused.

Judged are the sensors that the device declares, of those whose noise shows: temperature, humidity, vibration, shock.
Caveat: a closed container's light and a full battery stand still by nature, and are not; a vibration or shock sensor
is excused while its truck stands and it reads no more than ``rest_g``; a sensor that sticks from its first reading on,
or whose noise never reaches its next step, is found late.
Late readings say and teach nothing.

Two forms of one detector, held equal by a property test: ``StuckSensor`` is a River estimator for one series;
``SensorStuck`` does the same to a row a device, for each sensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import numpy as np
from river.base import AnomalyDetector

from detectors.columns import Columns, Rows
from detectors.device_batch import SENSOR_BITS, Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.repeat_habit import Heard, greatest_share, stepped, surprise
from detectors.rule import RuleCard

CARD = RuleCard(
    name="sensor_stuck",
    version=3,
    severity="info",
    opened={
        "en": "{device_id}: its {sensor_en} sensor has told {value} for {repeats:.0f} readings; it seems stuck.",
        "es": "{device_id}: su sensor de {sensor_es} marca {value} desde hace {repeats:.0f} lecturas; parece trabado.",
    },
    closed={
        "en": "{device_id}: its {sensor_en} sensor tells new values again.",
        "es": "{device_id}: su sensor de {sensor_es} marca de nuevo valores distintos.",
    },
)
_FIELDS: Final = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "vibration": "vibration_g",
    "shock": "shock_g",
}
_UNITS: Final = {"temperature": "°C", "humidity": "%", "vibration": "g", "shock": "g"}
_ES: Final = {"temperature": "temperatura", "humidity": "humedad", "vibration": "vibración", "shock": "golpes"}
_SENSORS: Final = tuple(_FIELDS)
_BITS: Final = np.array([SENSOR_BITS[sensor] for sensor in _FIELDS], np.uint8)
_JUDGED: Final = np.bitwise_or.reduce(_BITS)
_FIRST_RESTING: Final = 2  # of ``_SENSORS``: vibration and shock
_FULL: Final = 512  # runs after which the older half of what was learnt counts half
_NEAR: Final = 10  # changes between two told runs of a sensor at rest
_LEARNT: Final = {
    "last": np.float32(np.nan),
    "run": np.int16(0),
    "repeats": np.uint32(0),
    "changes": np.uint16(0),
    "jumps": np.uint16(0),
    "step": np.float32(np.nan),
    "longest": np.int16(0),
    "told_at": np.int16(-_FULL),  # ``changes`` as the last told run ended; long ago where there was none
}
# A DS18B20's values for "no answer" and "just switched on"; the ranges of common accelerometers. By ``_SENSORS``.
_NONE: Final = np.nan
SHOCK_RAILS_G: Final = (16.0, 32.0, 100.0, 200.0)
_RAILS: Final = np.array([(-127.0, 85.0, _NONE, _NONE), (_NONE,) * 4, (2.0, 4.0, 8.0, 16.0), SHOCK_RAILS_G], np.float32)
_RUN_MAX: Final = 30_000
_LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A run of repeats is stuck from ``least_repeats`` on where chance makes one in 1 / ``chance`` runs, and
    where it is over ``longest_times`` as long as the longest learnt.

    ``prior_repeats`` and ``prior_changes`` are what a sensor is taken to have done before it was first heard, and
    ``prior_jumps`` how many of those went over a step. At a rail ``rail_repeats`` are enough. A truck stands below
    ``moving_kmh``.
    """

    least_repeats: int = limit(10, 3, 1_000, "readings", "repeats from which on a run is judged")
    chance: float = limit(1e-6, 1e-15, 0.1, "share", "of runs that chance alone may make so long")
    prior_repeats: int = limit(4, 0, 1_000, "readings", "repeats a sensor is taken to have made before it was heard")
    prior_changes: int = limit(1, 1, 1_000, "readings", "changes a sensor is taken to have made before it was heard")
    prior_jumps: float = limit(0.05, 0.001, 1, "share", "of those changes that went over a step")
    learn_max: int = limit(240, 10, 10_000, "readings", "longest run that is learnt as it was")
    longest_times: int = limit(3, 1, 100, "times", "how many times the longest run learnt a stuck one is")
    rail_repeats: int = limit(4, 2, 1_000, "readings", "repeats that open at a rail")
    rest_g: float = limit(0.15, 0, 5, "g", "shaking up to which a standing truck's sensor may rest")
    moving_kmh: float = limit(5.0, 1, 60, "km/h", "speed below which a truck stands")

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1:
            raise ValueError("chance must be between 0 and 1")

    @property
    def prior(self) -> Heard:
        """What a sensor is taken to have been heard to do before it was."""
        return Heard(self.prior_repeats, self.prior_changes, self.prior_jumps)

    def learnt_of_told(self, longest: Any) -> Any:
        """The most repeats that are learnt of a told run, after these longest learnt. Two near ones are one lesson, and
        teach what could go untold had the first taught a run that is too short to be judged.
        """
        return self.longest_times * np.maximum(longest, self.least_repeats - 1, dtype=np.int64)


class StuckSensor(AnomalyDetector):  # type: ignore[misc]
    """River estimator for one series: ``x`` has ``value`` and, where the sensor may stand still by nature, ``resting``.

    A missing or not finite value scores 0.0 and teaches nothing.

    >>> detector = StuckSensor()
    >>> for value in [4.1, 3.9, 4.0, 4.2, 4.0, *[4.3] * 90]:
    ...     x = {"value": value}
    ...     score = detector.score_one(x)
    ...     detector.learn_one(x)
    >>> score > 0.9999
    True
    """

    def __init__(
        self,
        least_repeats: int = 10,
        prior_repeats: int = 4,
        prior_changes: int = 1,
        learn_max: int = 240,
        longest_times: int = 3,
        chance: float = 1e-6,
    ) -> None:
        self.least_repeats = least_repeats
        self.prior_repeats = prior_repeats
        self.prior_changes = prior_changes
        self.learn_max = learn_max
        self.longest_times = longest_times
        self.chance = chance
        self._last = math.nan
        self._run = 0
        self._repeats = 0
        self._changes = 0
        self._jumps = 0
        self._step = np.float32(math.nan)
        self._longest = 0
        self._told_at = -_FULL

    @property
    def _thresholds(self) -> Thresholds:
        return Thresholds(
            least_repeats=self.least_repeats,
            prior_repeats=self.prior_repeats,
            prior_changes=self.prior_changes,
            learn_max=self.learn_max,
            longest_times=self.longest_times,
            chance=self.chance,
        )

    @staticmethod
    def _value(x: dict[str, Any]) -> float:
        value = x.get("value")
        if not isinstance(value, Real):
            return math.nan
        size: Any = abs(value)
        return math.nan if size > _LARGEST else float(np.float32(value))

    def _next_run(self, value: float, resting: bool) -> int:
        if value != self._last:
            return 0
        return self._run if resting else min(self._run + 1, _RUN_MAX)

    def score_one(self, x: dict[str, Any]) -> float:
        """How improbable the run is that this value makes, 0 to 1; 0 while it is short. Changes nothing."""
        value = self._value(x)
        if math.isnan(value):
            return 0.0
        return self._score(self._next_run(value, bool(x.get("resting"))))

    def _score(self, run: int) -> float:
        if run < self.least_repeats or run <= self.longest_times * self._longest:
            return 0.0
        # As arrays of one: numpy's power of a scalar may differ from it in the last digit.
        heard = Heard(*(np.array([n], np.float64) for n in (self._repeats, self._changes, self._jumps)))
        return float(surprise(np.array([run], np.float64), heard, self._thresholds.prior)[0])

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in; a run is learnt when it ends, if it was not told or is one of a sensor at rest."""
        value = self._value(x)
        if math.isnan(value):
            return
        run = self._next_run(value, bool(x.get("resting")))
        if value != self._last and not math.isnan(self._last):
            learnt = min(self._run, self.learn_max)
            if self._score(self._run) >= 1.0 - self.chance:
                near = self._changes - self._told_at <= _NEAR
                learnt = min(learnt, int(self._thresholds.learnt_of_told(self._longest))) if near else 0
                self._told_at = self._changes
            self._longest = max(self._longest, learnt)
            self._repeats += learnt
            self._changes += 1
            change = np.abs(np.float32(value) - np.float32(self._last))
            jumped, step = stepped(np.array([self._step]), np.array([change]))
            self._jumps, self._step = self._jumps + int(jumped[0]), step[0]
            if self._changes >= _FULL:
                self._repeats, self._changes = self._repeats // 2, self._changes // 2
                self._jumps //= 2
                self._longest //= 2
                self._told_at //= 2
        self._last, self._run = value, run


class SensorStuck:
    """The same, a row a device. Columns, for each sensor: its last value, the run it is in, what is learnt (repeats,
    changes, jumps, the usual step, the longest run); and the set of stuck sensors, in ``SENSOR_BITS``, an episode while
    it is not empty.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        columns: dict[str, Any] = {"stuck": np.uint8(0)}
        for sensor in _FIELDS:
            columns |= {f"{sensor}_{name}": default for name, default in _LEARNT.items()}
        self.columns = Columns(**columns)
        for name in _LEARNT:
            self.columns.stack(name, [f"{sensor}_{name}" for sensor in _FIELDS])

    def _flat(self, name: str) -> Any:
        """What is remembered under this name of all sensors of all devices, in one line; ``_cells`` are its places."""
        return self.columns.stacked(name).reshape(-1)

    def _cells(self, sensor: Any, rows: Rows) -> Rows:
        """Of sensors, by their place in ``_FIELDS``, of the devices in these rows."""
        cells: Rows = sensor * self.columns.stacked("last").shape[1] + rows
        return cells

    def score_many(self, sensor: str, at: Rows, value: Floats, resting: Bools) -> Floats:
        """``StuckSensor.score_one`` for a sensor's values (all finite), of the devices in these rows."""
        cells, told = self._cells(_SENSORS.index(sensor), at), value.astype(np.float32)
        return self._score(cells, self._next_run(cells, told == self._flat("last")[cells], resting))

    def learn_many(self, sensor: str, at: Rows, value: Floats, resting: Bools) -> None:
        """``StuckSensor.learn_one`` for the same."""
        cells, told = self._cells(_SENSORS.index(sensor), at), value.astype(np.float32)
        before, was_told = self._flat("last")[cells], self._score(cells, self._flat("run")[cells]) >= self._opens
        self._learn(cells, told, before, self._next_run(cells, told == before, resting), was_told)

    @property
    def _opens(self) -> float:
        return 1.0 - self.thresholds.chance

    def _next_run(self, cells: Rows, same: Bools, resting: Bools) -> Any:
        run = np.zeros(len(cells), np.int16)
        i = same.nonzero()[0]
        if len(i):
            run[i] = np.minimum(self._flat("run")[cells[i]], _RUN_MAX - 1) + ~resting[i]
        return run

    def _score(self, cells: Rows, run: Any) -> Floats:
        t = self.thresholds
        score = np.zeros(len(cells))
        long = (run >= t.least_repeats).nonzero()[0]
        if len(long):
            long = long[run[long] > t.longest_times * self._flat("longest")[cells[long]]]
            score[long] = surprise(run[long].astype(np.float64), self._heard(cells[long]), t.prior)
        return score

    def _heard(self, cells: Rows) -> Heard:
        return Heard(*(self._flat(name)[cells].astype(np.float64) for name in Heard._fields))

    def _learn(self, cells: Rows, told: Any, before: Any, following: Any, was_told: Bools) -> None:
        """``was_told``: the sensor's run before this value was told, at a rail too."""
        run, change = self._flat("run"), np.abs(told - before)
        i = (change > 0.0).nonzero()[0]  # NaN: no value before this one
        ended = cells[i]
        if len(ended):
            repeats, changes, jumps, longest, step = map(self._flat, ("repeats", "changes", "jumps", "longest", "step"))
            learnt = np.minimum(run[ended], self.thresholds.learn_max)
            of_told = was_told[i].nonzero()[0]
            if len(of_told):
                of, told_at = ended[of_told], self._flat("told_at")
                at = changes[of].astype(np.int16)
                most = self.thresholds.learnt_of_told(longest[of])
                learnt[of_told] = np.where(at - told_at[of] <= _NEAR, np.minimum(learnt[of_told], most), 0)
                told_at[of] = at
            repeated = learnt.nonzero()[0]
            if len(repeated):
                of, learnt = ended[repeated], learnt[repeated]
                longest[of] = np.maximum(longest[of], learnt)
                repeats[of] += learnt.astype(np.uint32)
            jumped, step[ended] = stepped(step[ended], change[i])
            jumps[ended] += jumped
            changes[ended] = counted = changes[ended] + np.uint16(1)
            full = ended[counted >= _FULL]
            if len(full):
                for column in (repeats, changes, jumps, longest, self._flat("told_at")):
                    column[full] //= 2
        self._flat("last")[cells], run[cells] = told, following

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Devices that declare a sensor which is judged."""
        return np.asarray(batch.in_order & (batch.sensors & _JUDGED != 0))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: the most improbable run among the device's sensors."""
        verdict, t = quiet(batch), self.thresholds
        values = np.array([getattr(batch, field) for field in _FIELDS.values()])
        told = (np.abs(values) <= _LARGEST) & (batch.sensors & _BITS[:, None] != 0) & batch.in_order
        sensor, i = told.nonzero()
        if not len(i):
            return verdict
        rows, value = batch.rows[i], values[sensor, i].astype(np.float32)
        cells = self._cells(sensor, rows)
        stands = (sensor >= _FIRST_RESTING) & ~(batch.speed_kmh[i] >= t.moving_kmh)
        resting = stands & (np.abs(value) <= np.float32(t.rest_g))
        before = self._flat("last")[cells]
        run = self._next_run(cells, value == before, resting)
        score = self._told(cells, sensor, value, run)
        stuck = self.columns["stuck"]
        was_stuck = stuck[batch.rows]
        was_told = was_stuck[i] & _BITS[sensor] != 0
        self._learn(cells, value, before, run, was_told)
        is_stuck = score >= self._opens
        if was_stuck.any() or is_stuck.any():
            is_stuck |= was_told & (run > 0)
            for n, bit in enumerate(_BITS):
                of = (sensor == n).nonzero()[0]
                at, use, is_now = rows[of], i[of], is_stuck[of]
                stuck[at] = np.where(is_now, stuck[at] | bit, stuck[at] & ~bit)
                verdict.score[use] = np.maximum(verdict.score[use], np.where(is_now, score[of], 0.0))
            trip = batch.guarded & (stuck[batch.rows] != 0) & (verdict.score > 0.0)
            verdict.level = levels(trip, batch.guarded & (was_stuck != 0) & (stuck[batch.rows] == 0))
            verdict.score = np.where(trip, verdict.score, 0.0)
        return verdict

    def _told(self, cells: Rows, sensor: Any, value: Any, run: Any) -> Floats:
        """How improbable each of these runs is; 1 at a rail. As learnt before the runs' values were."""
        score = self._score(cells, run)
        score[self._at_rail(sensor, value, run)] = 1.0
        return score

    def _at_rail(self, sensor: Any, value: Any, run: Any) -> Rows:
        """Which of these values have been at a rail for long enough."""
        i: Rows = (run >= self.thresholds.rail_repeats).nonzero()[0]
        if not len(i):
            return i
        sized = np.where(sensor[i] >= _FIRST_RESTING, np.abs(value[i]), value[i])
        return np.asarray(i[(sized[:, None] == _RAILS[sensor[i]]).any(axis=1)])

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The stuck sensor with the highest score: its value, its run, how often it repeats a value at the most."""
        c, row = self.columns, batch.rows[position : position + 1]
        surest = self._surest(row)
        if surest is None:
            return {}
        sensor = _SENSORS[surest]
        return {
            "sensor": sensor,
            "sensor_en": sensor,
            "sensor_es": _ES[sensor],
            "value": f"{float(c[f'{sensor}_last'][row[0]]):g} {_UNITS[sensor]}",
            "repeats": float(c[f"{sensor}_run"][row[0]]),
            "repeat_share_expected": round(self._share(surest, row), 3),
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The surest sensor's run and, where its value is at a rail, that. Usual are a run as long as the sensor's are
        on the mean where it repeats itself the most (of a share s, s / (1 - s)), below what a rail needs; and no rail.
        """
        row = batch.rows[position : position + 1]
        surest = self._surest(row)
        assert surest is not None, "only what is told is explained"
        cells, of, share = self._cells(surest, row), np.array([surest]), self._share(surest, row)
        value, run = self._flat("last")[cells], self._flat("run")[cells]

        def score_of(x: Mapping[str, float]) -> float:
            told = value if x.get("at_rail") else np.full_like(value, np.nan)
            return float(self._told(cells, of, told, np.array([x["repeats"]]))[0])

        x = {"repeats": float(run[0])}
        usual = {"repeats": min(share / (1.0 - share), self.thresholds.rail_repeats - 1.0)}
        if len(self._at_rail(of, value, run)):
            x["at_rail"], usual["at_rail"] = 1.0, 0.0
        return Why(score_of, x, usual, self._opens)

    def _share(self, sensor: int, row: Rows) -> float:
        return float(greatest_share(self._heard(self._cells(sensor, row)), self.thresholds.prior)[0])

    def _surest(self, row: Rows) -> int | None:
        """Of a device's stuck sensors, the one whose run is the most improbable."""
        stuck = [n for n, bit in enumerate(_BITS) if self.columns["stuck"][row[0]] & bit]
        return max(stuck, key=lambda n: self._sureness(n, row), default=None)

    def _sureness(self, sensor: int, row: Rows) -> float:
        cells = self._cells(sensor, row)
        return float(self._told(cells, np.array([sensor]), self._flat("last")[cells], self._flat("run")[cells])[0])
