"""Statuses: the last word of a device, from itself or from the broker when it has gone."""

from __future__ import annotations

import msgspec


class Status(msgspec.Struct):
    """What is judged of a status. Its other fields are the device family's own, and go on as they were sent.

    One that says ``"exercise": true`` is counted as a drill's.
    """

    device_id: str | None = None
    time_ms: int | None = None
