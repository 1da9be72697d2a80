"""``SensorAnomaly`` as a function of time and value, for scoring on labelled series.

``factory(low, high)`` gives a callable of ``time_ms`` and ``value`` that scores, then learns, one row after another.
"""

from __future__ import annotations

from collections.abc import Callable

from detectors.sensor_anomaly import SensorAnomaly


def factory(low: float | None, high: float | None) -> Callable[[int, float], float]:
    """A detector for one series whose sensor declares this range. Raises ValueError for a range that is none."""
    detector = SensorAnomaly(low, high)

    def step(time_ms: int, value: float) -> float:
        return detector.score_then_learn({"value": value, "time_ms": time_ms})

    return step
