"""Online detectors: what is abnormal, decided one reading at a time.

Start here:

- ``columns``: state in columns, a row a device; ``rounds``, which let columns learn in the order of arrival
- ``device_batch``: one round's readings as arrays, each row a different device
- ``catalog``: every rule by name, with its severity, its version and its sentences
- one file a rule: ``seal_breach``, ``route_deviation``, ``temperature_excursion`` (a River estimator), ``signal_lost``
- ``SensorAnomaly``, for any sensor's series: ``from detectors import SensorAnomaly``

All of it is pure: time comes in as data, state goes out as rows. A rule scores before it learns and never sees NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detectors.sensor_anomaly import SensorAnomaly

__all__ = ["SensorAnomaly"]


def __getattr__(name: str) -> Any:
    """``SensorAnomaly`` when it is asked for: River takes half a second to import, and few commands need it."""
    if name == "SensorAnomaly":
        from detectors.sensor_anomaly import SensorAnomaly

        return SensorAnomaly
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
