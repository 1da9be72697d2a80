"""What the line told by a rule whose model learns, from the topics of its alerts: each episode with its subject.

Reads in no consumer group. An alert is in the topic of each audience that it concerns, and counts once. Of which series
a sensor's is, is said by the state that judged, which was written with it (``models.v1``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final, TypeVar

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


_T = TypeVar("_T")
_STATE: Final = msgspec.json.Decoder(_State)
_ALERT: Final = msgspec.json.Decoder(Alert)


async def read(settings: Settings, rule: str, told: Told, since_ms: int) -> None:
    """Give ``told`` the rule's alerts that Kafka took at this time (UTC ms) or later. Raises ServiceMissingError."""
    of_sensors = rule == sensor_watch.CARD.name
    series = await _series(settings.kafka, since_ms) if of_sensors else {}
    for audience in settings.audiences:
        async for alert in _ours(settings.kafka, topics.alerts(audience.name), since_ms, _ALERT):
            if alert.rule != rule:
                continue
            if not of_sensors:
                told.take(alert, str(alert.shipment_id), f"{alert.corridor}/{alert.direction}")
            elif (value := series.get(alert.alert_id)) is not None:
                told.take(alert, value.series, value.sensor)


async def _series(kafka: str, since_ms: int) -> dict[str, SensorValue]:
    """By alert, a value that was judged."""
    found = {}
    async for state in _ours(kafka, topics.MODELS, since_ms, _STATE):
        if state.value is not None:
            found[state.alert_id] = state.value
    return found


async def _ours(kafka: str, topic: str, since_ms: int, decoder: msgspec.json.Decoder[_T]) -> AsyncGenerator[_T, None]:
    """What the topic's records say, those left out that are none of ours, or that take back an earlier one."""
    async for record in records_of(kafka, topic, since_ms=since_ms):
        if record.value is None:
            continue
        try:
            said = decoder.decode(record.value)
        except frames.UNREADABLE:
            continue
        yield said
