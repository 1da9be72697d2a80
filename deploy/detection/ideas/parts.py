"""Ours without one of its parts, or with one of its constants halved or doubled: what each is worth.

Each is ``SensorAnomaly`` with another ``Shape``. Where a part is a class of its own, so is what stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from detectors.known_cells import KnownCells
from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_axes import AXES
from detectors.told_once import ToldOnce
from detectors.week_profile import WeekProfile

_OURS: Final = SensorAnomaly.shape
_NO_BOUND: Final = 1e9


def shaped(**changes: Any) -> type[SensorAnomaly]:
    """Ours with these fields of its shape said otherwise. Raises TypeError for a field that it does not have."""
    return type("Shaped", (SensorAnomaly,), {"shape": replace(_OURS, **changes)})


def other(kind: type, **changes: Any) -> Any:
    """A part of ours with these constants said otherwise. Raises AttributeError for one that it does not have."""
    for name in changes:
        getattr(kind, name)
    return type(kind.__name__, (kind,), {"__slots__": (), **changes})


class OnePhase(WeekProfile):
    """Both profiles with their bins at the same place: as good as one."""

    __slots__ = ()

    def _both(self, time_ms: int) -> tuple[int, int]:
        one, _ = super()._both(time_ms)
        return one, one + self._bins


def without() -> Iterator[tuple[str, str, type[SensorAnomaly]]]:
    """Name, what it is, and the detector, for each part left out."""
    for at, axis in enumerate(AXES):
        worth = tuple(0.0 if at == other_axis else its for other_axis, its in enumerate(_OURS.worth))
        yield f"without {axis}", "that axis says nothing", shaped(worth=worth)
    for name, says, changes in (
        ("without telling once", "each value is told, however strange the last", {"told": other(ToldOnce, memory=0)}),
        ("without weariness", "what was told before does not make it harder", {"told": other(ToldOnce, weariness=0.0)}),
        ("without a novice's doubt", "told in full from the first", {"told": other(ToldOnce, novice=0)}),
        ("without a bound", "an axis says its whole distance", {"half_worth": _NO_BOUND}),
        ("without distrust", "an anomaly's values teach like any", {"untrusted": _NO_BOUND}),
        ("without end of distrust", "an anomaly never becomes normal", {"new_normal": 10**9}),
        ("without a second phase", "profiles with one set of bins", {"profile": OnePhase}),
        ("without a habit", "a bin speaks from its first value", {"profile": other(WeekProfile, habit=1)}),
        ("without a second opinion", "the shape of the last stretch says nothing", {"unseen_shape": 0.0}),
        ("without half forgetting", "what was seen once in an anomaly is known", {"known": _still(0.0)}),
        ("without seeing", "what was seen in an anomaly is as strange as ever", {"known": _still(1.0)}),
    ):
        yield name, says, shaped(**changes)


def _still(strange: float) -> Any:
    return other(KnownCells, still_strange=strange)


_NUMBERS: Final = (
    *("silent", "cells", "spread_cells", "hourly", "profile_weight", "slow", "least_spread"),
    *("half_worth", "unseen_shape", "untrusted", "new_normal"),
)


def scaled() -> Iterator[tuple[str, str, type[SensorAnomaly]]]:
    """Name, what it is, and the detector, for each constant halved and doubled."""
    for word, factor in (("half", 0.5), ("double", 2.0)):
        for name, (was, value, changes) in _scaled(factor).items():
            yield f"{name} {word}", f"{value:g} in place of {was:g}", shaped(**changes)


def _scaled(factor: float) -> Mapping[str, tuple[float, float, dict[str, Any]]]:
    """By name: what it is, what it is to be, and the changes that make it so."""

    def times(value: float) -> Any:
        return type(value)(value * factor)

    def of(part: Any, name: str) -> tuple[Any, Any]:
        return getattr(part, name), times(getattr(part, name))

    found = {}
    for name in _NUMBERS:
        was, value = of(_OURS, name)
        found[name] = (was, value, {name: value})
    still = times(KnownCells.still_strange)
    found["still_strange"] = (KnownCells.still_strange, still, {"known": _still(still)})
    for name in ("memory", "weariness", "novice"):
        was, value = of(ToldOnce, name)
        found[name] = (was, value, {"told": other(ToldOnce, **{name: value})})
    fades = 1.0 - ToldOnce.fading
    found["fading"] = (fades, times(fades), {"told": other(ToldOnce, fading=1.0 - times(fades))})
    return found
