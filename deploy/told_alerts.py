"""What the line told by a rule whose model learns, from the topics of its alerts: each episode with its subject.

Reads in no consumer group. An alert is in the topic of each audience that it concerns, and counts once. Of which series
a sensor's is, is said by the state that judged, which was written with it (``models.v1``).
"""

from __future__ import annotations

from typing import Final

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.sensors import SensorValue
from deploy.settings import Settings
from deploy.topic_io import records_of
from detectors import sensor_watch
from streams.beside import Told


class _State(msgspec.Struct):
    """Of a ``SensorState`` what is asked; another model's has no value."""

    alert_id: str
    value: SensorValue | None = None


_STATE: Final = msgspec.json.Decoder(_State)
_ALERT: Final = msgspec.json.Decoder(Alert)


async def read(settings: Settings, rule: str, told: Told, since_ms: int) -> None:
    """Give ``told`` the rule's alerts that Kafka took at this time (UTC ms) or later. Raises ServiceMissingError."""
    of_sensors = rule == sensor_watch.CARD.name
    series = await _series(settings.kafka, since_ms) if of_sensors else {}
    for audience in settings.audiences:
        async for record in records_of(settings.kafka, topics.alerts(audience.name), since_ms=since_ms):
            try:
                alert = _ALERT.decode(record.value)
            except frames.UNREADABLE:
                continue  # no alert of ours
            if alert.rule != rule:
                continue
            if not of_sensors:
                told.take(alert, str(alert.shipment_id), f"{alert.corridor}/{alert.direction}")
            elif (value := series.get(alert.alert_id)) is not None:
                told.take(alert, value.series, value.sensor)


async def _series(kafka: str, since_ms: int) -> dict[str, SensorValue]:
    """By alert, a value that was judged."""
    found = {}
    async for record in records_of(kafka, topics.MODELS, since_ms=since_ms):
        if record.value is not None:
            state = _STATE.decode(record.value)
            if state.value is not None:
                found[state.alert_id] = state.value
    return found
