"""The detectors of one partition's watched series, and what a checkpoint writes of them.

A detector is 4 to 9 kB packed, and every series changes each minute: written whole each time, that would be the most of
all that the line writes. So it is written whole once in 64 values, and in between only the values that it has learnt
since; what is restored learns them again, which gives the very same detector. A detector that another version wrote is
not misread: its series begins anew (``anew`` counts them), and is silent while it warms up again. What bears no mark is
version 2's.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from contracts.sensors import SensorValue
from detectors import model_versions, sensor_watch
from detectors.explanation import Reason
from detectors.model_versions import ModelVersion
from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_watch import CARD, Thresholds
from streams.stage import StateChange, pack, unpack

_WHOLE_EVERY: Final = 64  # values
_UNMARKED: Final = "2"  # the version that was before versions were marked
Name = tuple[str, bool]  # the series, whether it is a drill's


@dataclass(frozen=True, slots=True)
class Judgement:
    """``strange``: the score opens; such a one has its reasons, and those to name. ``calm``: the value is nothing that
    the sensor has not done, told or not, and back from what is being told of. ``warm``: the detector has heard enough
    to be judged by.
    """

    score: float
    strange: bool
    calm: bool
    reasons: tuple[Reason, ...] = ()
    named: tuple[Reason, ...] = ()
    usual: float = math.nan  # what was expected in its place before it was learnt, in the value's unit
    told_before: bool = False  # of a strange one: ``SensorAnomaly``'s of it
    been_there: bool = False  # likewise ``been_at``
    not_alone: bool = False  # likewise: with ``usual`` in its place the score is no lower
    state: bytes = b""  # of a strange one: the detector as it was before the value was learnt
    warm: bool = True
    new_normal_ms: int = -1  # of a calm one: when a strange stretch of this sensor last became usual
    stayed: float = math.nan  # and with what value
    anew: bool = False  # what was known of the series has been put aside: nothing of it is known by now

    @property
    def state_sha256(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(self.state).hexdigest()


class _Series:
    """One detector of a sensor of this range, and the values it has learnt since it was last written whole."""

    __slots__ = ("anew", "detector", "newest_ms", "range", "since", "whole_at")

    def __init__(self, version: ModelVersion, low: float, high: float, whole_at: int) -> None:
        self.detector: SensorAnomaly = version.fresh(low, high)
        self.range = low, high
        self.since: list[tuple[int, float] | tuple[int, float, bool]] = []  # a third: of one that was an alarm's
        self.whole_at = whole_at
        self.newest_ms = -1
        self.anew = False  # until its first value: another's state was put aside

    def learn(self, time_ms: int, value: float, alarm: bool) -> None:
        learn = self.detector.learn_alarm if alarm else self.detector.learn_one
        learn({"value": value, "time_ms": time_ms})
        self.since.append((time_ms, value, True) if alarm else (time_ms, value))
        self.newest_ms = time_ms
        self.anew = False


class SensorModels:
    """See the module."""

    def __init__(self, thresholds: Thresholds, version: ModelVersion = model_versions.SENSOR) -> None:
        self.thresholds = thresholds
        self.version = version
        self.anew = 0  # series of another version's that were not read
        self._series: dict[Name, _Series] = {}
        self._restored: dict[Name, dict[str, bytes]] = {}  # made into detectors when first asked for
        self._dirty: set[Name] = set()
        self._void: set[Name] = set()
        self._gone: set[Name] = set()

    def __len__(self) -> int:
        return len(self._series) + len(self._restored)

    def newest_ms(self, name: Name) -> int:
        """The time of the newest value of a series, -1 where there is none."""
        known = self._known(name)
        return known.newest_ms if known is not None else -1

    def new_normal_ms(self, name: Name) -> int:
        """When a strange stretch of this series last became usual, -1 if none did."""
        known = self._known(name)
        return known.detector.new_normal_ms if known is not None else -1

    def judge(self, told: SensorValue, doubtful: bool, off: float = 0.0) -> Judgement:
        """Score a value, then learn it. ``doubtful``: an episode is open, so what is calm has to be known; ``off`` as
        of ``sensor_watch.is_back``.

        Where none is, what was told before is told again: also after an episode that ended while it still went on.
        """
        name = told.series, told.exercise
        series = self._known(name)
        if series is None or series.range != (told.low, told.high):
            # The first values of many series come together: each is written whole at another time.
            first = 1 + zlib.crc32(told.series.encode()) % _WHOLE_EVERY
            if series is not None:
                self._void.add(name)  # what was written of the other range's
            series = self._series[name] = _Series(self.version, told.low, told.high, first)
            series.anew = name in self._void
        detector, limits = series.detector, self.thresholds
        x = {"value": told.value, "time_ms": told.time_ms}
        warm = detector.heard >= limits.warm_up_values
        score = detector.score_with(x, again=not doubtful) if warm else 0.0
        judgement = Judgement(score, False, True, warm=warm, anew=series.anew)
        if score >= limits.open_score:
            judgement = _strange(self.version, detector, told, score, limits, not doubtful)
        elif doubtful and not series.anew:
            usual = detector.usual_at(told.time_ms)
            calm = sensor_watch.is_back(told.value, usual, off) and detector.familiar_one(x, limits.calm_score)
            judgement = Judgement(
                score, False, calm, usual=usual, warm=warm, new_normal_ms=detector.new_normal_ms, stayed=detector.stayed
            )
        series.learn(told.time_ms, told.value, alarm=not judgement.calm)  # while it is told of, it is not learnt
        self._dirty.add(name)
        return judgement

    def _known(self, name: Name) -> _Series | None:
        known = self._series.get(name)
        if known is None and name in self._restored:
            known = self._series[name] = self._restore(self._restored.pop(name))
        return known

    def _restore(self, kept: dict[str, bytes]) -> _Series:
        low, high, newest_ms, whole_at, since, *by = unpack(kept["v"])
        series, whole = _Series(self.version, low, high, whole_at), None
        if "m" in kept:
            whole = unpack(kept["m"])
        if not self.version.reads(by[0] if by else _UNMARKED) or not (whole is None or SensorAnomaly.reads(whole)):
            self.anew += 1
            series.anew = True
            series.whole_at = 1  # written whole at once, so that the old one is not met again
            series.newest_ms = newest_ms
            return series
        if whole is not None:
            series.detector.load(whole)
        for time_ms, value, *alarm in since:
            series.learn(time_ms, value, bool(alarm))
        series.newest_ms = newest_ms
        return series

    def forget(self, before_ms: int) -> None:
        """Let the series go of which nothing has been heard since: devices taken away, goods not carried any more."""
        old = [name for name, series in self._series.items() if series.newest_ms < before_ms]
        old += [name for name, kept in self._restored.items() if unpack(kept["v"])[2] < before_ms]
        for name in old:
            self._series.pop(name, None)
            self._restored.pop(name, None)
        self._gone.update(old)

    def changes(self) -> Iterator[StateChange]:
        """Of each series that has learnt since the last call: what since (``v/``), and now and then all (``m/``)."""
        for name in sorted(self._gone - self._series.keys()):
            yield f"m/{_key(name)}", None
            yield f"v/{_key(name)}", None
        for name in sorted(self._dirty & self._series.keys()):
            series, key = self._series[name], _key(name)
            if len(series.since) >= series.whole_at:
                yield f"m/{key}", pack(series.detector.dump())
                series.since.clear()
                series.whole_at = _WHOLE_EVERY
            elif name in self._void | self._gone:
                yield f"m/{key}", None
            by = self.version.version
            yield f"v/{key}", pack([*series.range, series.newest_ms, series.whole_at, series.since, by])
        self._dirty.clear()
        self._void.clear()
        self._gone.clear()

    def restore(self, kind: str, rest: str, value: bytes) -> None:
        """One of ``changes`` back; ``kind`` is ``m`` or ``v``."""
        self._restored.setdefault((rest.removesuffix("/drill"), rest.endswith("/drill")), {})[kind] = value


def _key(name: Name) -> str:
    return f"{name[0]}/drill" if name[1] else name[0]


def _strange(
    version: ModelVersion, detector: SensorAnomaly, told: SensorValue, score: float, limits: Thresholds, again: bool
) -> Judgement:
    why = sensor_watch.why(detector, told.value, told.time_ms, limits.open_score, again)
    every = why.reasons()  # now, for the detector learns
    named = why.named(every)
    found = [reason for reason in every if reason in named or sensor_watch.says_anything(reason)]
    usual = sensor_watch.usual_now(detector, told.time_ms, limits.open_score, again)
    x = {"value": told.value, "time_ms": told.time_ms}
    not_alone = detector.score_with({**x, "value": usual}, again=again) >= score
    about: list[Any] = [CARD.name, CARD.version, told.low, told.high, detector.dump(), version.version, again]
    return Judgement(
        score, True, False, tuple(found), tuple(named), usual, detector.told_before(x), detector.been_at(x),
        not_alone, pack(about),
    )  # fmt: skip


def rejudge(told: SensorValue, state: bytes, limits: Thresholds) -> Judgement:
    """The judgement that this state gives of this value, whoever gives it.

    Raises ValueError where it is of a version of the model that is no more.
    """
    _, _, low, high, dumped, *by = unpack(state)
    version, again = model_versions.find(CARD.name, by[0] if by else _UNMARKED), len(by) > 1 and bool(by[1])
    detector = version.fresh(low, high)
    detector.load(dumped)
    score = detector.score_with({"value": told.value, "time_ms": told.time_ms}, again=again)
    return _strange(version, detector, told, score, limits, again)
