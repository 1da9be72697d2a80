"""A sensor has died and goes on telling its last value.

Idea: each sensor has its own habit of repeating a value exactly, by its noise and its resolution
(``detectors.repeat_habit``). A run that would be too improbable even where the sensor repeats itself the most, and that
is several times as long as the longest learnt (noise is not the same by day and night), is a stuck sensor. A fine one
is told after ten repeats, a coarse one after as many as its noise calls for. At one of the sensor's rails (saturated,
or a chip's word for an error) a few repeats are enough. A run is learnt when it ends and at most ``learn_max`` long, or
a sensor stuck for a day would teach that this is its habit.

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
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import numpy as np
from river.base import AnomalyDetector

from detectors.columns import Columns, Rows
from detectors.device_batch import SENSOR_BITS, Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.repeat_habit import Heard, greatest_share, stepped, surprise
from detectors.rule import RuleCard

CARD = RuleCard(
    name="sensor_stuck",
    version=2,
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
_RESTING: Final = ("vibration", "shock")
# A DS18B20's values for "no answer" and "just switched on"; the ranges of common accelerometers.
_RAILS: Final = {
    "temperature": (-127.0, 85.0),
    "vibration": (2.0, 4.0, 8.0, 16.0),
    "shock": (16.0, 32.0, 100.0, 200.0),
}
_RUN_MAX: Final = 30_000
_LARGEST: Final = float(np.finfo(np.float32).max)
_FULL: Final = 512  # runs after which the older half of what was learnt counts half


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A run of repeats is stuck from ``least_repeats`` on where chance makes one in 1 / ``chance`` runs, and
    where it is over ``longest_times`` as long as the longest learnt.

    ``prior_repeats`` and ``prior_changes`` are what a sensor is taken to have done before it was first heard, and
    ``prior_jumps`` how many of those went over a step. At a rail ``rail_repeats`` are enough. A truck stands below
    ``moving_kmh``.
    """

    least_repeats: int = 10
    chance: float = 1e-6
    prior_repeats: int = 4
    prior_changes: int = 1
    prior_jumps: float = 0.05
    learn_max: int = 240
    longest_times: int = 3
    rail_repeats: int = 4
    rest_g: float = 0.15
    moving_kmh: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1:
            raise ValueError("chance must be between 0 and 1")

    @property
    def prior(self) -> Heard:
        """What a sensor is taken to have been heard to do before it was."""
        return Heard(self.prior_repeats, self.prior_changes, self.prior_jumps)


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
    ) -> None:
        self.least_repeats = least_repeats
        self.prior_repeats = prior_repeats
        self.prior_changes = prior_changes
        self.learn_max = learn_max
        self.longest_times = longest_times
        self._last = math.nan
        self._run = 0
        self._repeats = 0
        self._changes = 0
        self._jumps = 0
        self._step = np.float32(math.nan)
        self._longest = 0

    @property
    def _thresholds(self) -> Thresholds:
        return Thresholds(
            least_repeats=self.least_repeats,
            prior_repeats=self.prior_repeats,
            prior_changes=self.prior_changes,
            learn_max=self.learn_max,
            longest_times=self.longest_times,
        )

    @staticmethod
    def _value(x: dict[str, Any]) -> float:
        value = x.get("value")
        if not isinstance(value, Real) or abs(value) > _LARGEST:
            return math.nan
        return float(np.float32(value))

    def _next_run(self, value: float, resting: bool) -> int:
        if value != self._last:
            return 0
        return self._run if resting else min(self._run + 1, _RUN_MAX)

    def score_one(self, x: dict[str, Any]) -> float:
        """How improbable the run is that this value makes, 0 to 1; 0 while it is short. Changes nothing."""
        value = self._value(x)
        if math.isnan(value):
            return 0.0
        run = self._next_run(value, bool(x.get("resting")))
        if run < self.least_repeats or run <= self.longest_times * self._longest:
            return 0.0
        # As arrays of one: numpy's power of a scalar may differ from it in the last digit.
        run_, *heard = (np.array([n], np.float64) for n in (run, self._repeats, self._changes, self._jumps))
        return float(surprise(run_, Heard(*heard), self._thresholds.prior)[0])

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in; a run is learnt when it ends."""
        value = self._value(x)
        if math.isnan(value):
            return
        run = self._next_run(value, bool(x.get("resting")))
        if value != self._last and not math.isnan(self._last):
            learnt = min(self._run, self.learn_max)
            self._repeats += learnt
            self._changes += 1
            self._longest = max(self._longest, learnt)
            change = np.abs(np.float32(value) - np.float32(self._last))
            jumped, step = stepped(np.array([self._step]), np.array([change]))
            self._jumps, self._step = self._jumps + int(jumped[0]), step[0]
            if self._changes >= _FULL:
                self._repeats, self._changes = self._repeats // 2, self._changes // 2
                self._jumps //= 2
                self._longest //= 2
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
            columns |= {
                f"{sensor}_last": np.float32(np.nan),
                f"{sensor}_run": np.int16(0),
                f"{sensor}_repeats": np.uint32(0),
                f"{sensor}_changes": np.uint16(0),
                f"{sensor}_jumps": np.uint16(0),
                f"{sensor}_step": np.float32(np.nan),
                f"{sensor}_longest": np.int16(0),
            }
        self.columns = Columns(**columns)

    def score_many(self, sensor: str, at: Rows, value: Floats, resting: Bools) -> Floats:
        """``StuckSensor.score_one`` for a sensor's values (all finite), of the devices in these rows."""
        return self._score(sensor, at, self._next_run(sensor, at, value.astype(np.float32), resting))

    def learn_many(self, sensor: str, at: Rows, value: Floats, resting: Bools) -> None:
        """``StuckSensor.learn_one`` for the same."""
        value = value.astype(np.float32)
        self._learn(sensor, at, value, self._next_run(sensor, at, value, resting))

    def _next_run(self, sensor: str, at: Rows, value: Any, resting: Bools) -> Any:
        run = self.columns[f"{sensor}_run"][at]
        same = value == self.columns[f"{sensor}_last"][at]
        return np.where(same, np.minimum(run, _RUN_MAX - 1) + ~resting, 0).astype(np.int16)

    def _score(self, sensor: str, at: Rows, run: Any) -> Floats:
        c, t = self.columns, self.thresholds
        score = np.zeros(len(at))
        long = np.flatnonzero(run >= t.least_repeats)
        if len(long):
            long = long[run[long] > t.longest_times * c[f"{sensor}_longest"][at[long]]]
            score[long] = surprise(run[long].astype(np.float64), self._heard(sensor, at[long]), t.prior)
        return score

    def _heard(self, sensor: str, at: Rows) -> Heard:
        return Heard(*(self.columns[f"{sensor}_{n}"][at].astype(np.float64) for n in Heard._fields))

    def _learn(self, sensor: str, at: Rows, value: Any, following: Any) -> None:
        last, run = self.columns[f"{sensor}_last"], self.columns[f"{sensor}_run"]
        before = last[at]
        ended = np.flatnonzero((value != before) & (before == before))  # NaN: no value before this one
        if len(ended):
            of, names = at[ended], ("repeats", "changes", "jumps", "longest", "step")
            repeats, changes, jumps, longest, step = (self.columns[f"{sensor}_{n}"] for n in names)
            jumped, step[of] = stepped(step[of], np.abs(value[ended] - before[ended]))
            jumps[of[jumped]] += np.uint16(1)
            changes[of] = counted = changes[of] + np.uint16(1)
            repeated = of[run[of] > 0]
            learnt = np.minimum(run[repeated], self.thresholds.learn_max)
            repeats[repeated] += learnt.astype(np.uint32)
            longest[repeated] = np.maximum(longest[repeated], learnt)
            full = of[counted >= _FULL]
            if len(full):
                for column in (repeats, changes, jumps, longest):
                    column[full] //= 2
        last[at], run[at] = value, following

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: the most improbable run among the device's sensors."""
        verdict = quiet(batch)
        before = self.columns["stuck"][batch.rows]
        for sensor, field in _FIELDS.items():
            value = getattr(batch, field)
            use = np.flatnonzero(np.isfinite(value) & batch.in_order & (batch.sensors & SENSOR_BITS[sensor] != 0))
            if len(use):
                self._judge_sensor(sensor, batch, use, value[use], verdict)
        after = self.columns["stuck"][batch.rows]
        if before.any() or after.any():
            trip = batch.guarded & (after != 0) & (verdict.score > 0.0)
            verdict.level = levels(trip, batch.guarded & (before != 0) & (after == 0))
            verdict.score = np.where(trip, verdict.score, 0.0)
        else:
            verdict.score[:] = 0.0
        return verdict

    def _judge_sensor(self, sensor: str, batch: DeviceBatch, use: Rows, value: Floats, verdict: Verdict) -> None:
        at, t, bit = batch.rows[use], self.thresholds, np.uint8(SENSOR_BITS[sensor])
        resting = np.zeros(len(use), np.bool_)
        if sensor in _RESTING:
            speed_kmh = np.nan_to_num(batch.speed_kmh[use])
            resting = (speed_kmh < t.moving_kmh) & (np.abs(value) <= t.rest_g)
        told = value.astype(np.float32)
        run, stuck = self._next_run(sensor, at, told, resting), self.columns["stuck"]
        score = self._score(sensor, at, run)
        self._learn(sensor, at, told, run)
        repeated = run >= t.rail_repeats
        if not (repeated.any() or stuck[at].any()):
            return
        rail = repeated & np.isin(np.abs(value) if sensor in _RESTING else value, _RAILS.get(sensor, ()))
        is_stuck = rail | (score >= 1.0 - t.chance) | ((stuck[at] & bit != 0) & (run > 0))
        stuck[at] = np.where(is_stuck, stuck[at] | bit, stuck[at] & ~bit)
        verdict.score[use] = np.maximum(verdict.score[use], np.where(is_stuck, np.where(rail, 1.0, score), 0.0))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The stuck sensor with the highest score: its value, its run, how often it repeats a value at the most."""
        c, row = self.columns, batch.rows[position : position + 1]
        stuck = [sensor for sensor in _FIELDS if c["stuck"][row] & SENSOR_BITS[sensor]]
        if not stuck:
            return {}
        sensor = max(stuck, key=lambda s: self._sureness(s, row))
        share = greatest_share(self._heard(sensor, row), self.thresholds.prior)
        return {
            "sensor": sensor,
            "sensor_en": sensor,
            "sensor_es": _ES[sensor],
            "value": f"{float(c[f'{sensor}_last'][row[0]]):g} {_UNITS[sensor]}",
            "repeats": float(c[f"{sensor}_run"][row[0]]),
            "repeat_share_expected": round(float(share[0]), 3),
        }

    def _sureness(self, sensor: str, row: Rows) -> float:
        """The score of its run, 1 at a rail."""
        last = float(self.columns[f"{sensor}_last"][row[0]])
        if (abs(last) if sensor in _RESTING else last) in _RAILS.get(sensor, ()):
            return 1.0
        run = self.columns[f"{sensor}_run"][row].astype(np.float64)
        return float(surprise(run, self._heard(sensor, row), self.thresholds.prior)[0])
