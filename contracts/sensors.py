"""What a watched sensor measured in a minute, or a crossing took: one value of one series, for ``sensor_anomaly``.

Made by stage 1 of the sensors whose range the reference declares; read by the sensor stage. A device's minute is told
by its next reading of a later minute, so a replay makes the same one; a crossing is a value by itself.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from contracts.reference import Watchable, WatchableOfCrossing

MINUTE_MS = 60_000
_SENSORS: Final = frozenset([*get_args(Watchable), *get_args(WatchableOfCrossing)])


class SensorValue(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One value of one series. ``subject`` is the device, or bridge:direction:lane; ``sensor`` the reading's field.

    ``value`` is the mean of the minute that begins at ``time_ms`` (UTC), of ``readings`` of them, or what one crossing
    took that ended at ``time_ms``. ``low`` and ``high`` are the declared range, in the sensor's unit. ``band`` is what
    the shipment declares for a temperature, lowest..highest, empty where it declares nothing: other goods are another
    series. ``device_id`` to ``exercise`` are of the last reading in it. ``notice`` is the notice of the reference that
    was in force for the bridge while this crossing waited or went over it.
    """

    subject: str
    sensor: str
    time_ms: int
    value: float
    readings: int = 1
    low: float
    high: float
    band: str = ""
    device_id: str
    boot_id: int
    seq: int
    shipment_id: str | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    exercise: bool = False
    notice: str | None = None

    def __post_init__(self) -> None:
        if self.sensor not in _SENSORS:
            raise ValueError(f"no sensor that can be watched is called {self.sensor}")
        if not self.low < self.high:
            raise ValueError(f"its range must have its lowest value {self.low} below its highest {self.high}")

    @property
    def series(self) -> str:
        """The series it belongs to, subject:sensor[:band]; no name of the reference has a colon in it."""
        return f"{self.subject}:{self.sensor}:{self.band}".rstrip(":")

    @property
    def of_a_crossing(self) -> bool:
        """Whether many devices make this series, so that its values come in no order."""
        return self.subject != self.device_id
