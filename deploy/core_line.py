"""The line's core without its shells: the same stages, fed directly, for simulated days in seconds.

What the gateway, Kafka and Faust do otherwise is done by hand: readings are cut into frames by partition, a tick comes
with each second of simulated time, each stage's records go to the next. Nothing is judged differently here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.events import Event
from contracts.partitioner import partition_of
from contracts.readings import Reading, Tick
from contracts.reference import Record
from detectors import sensor_watch, unusual_journey
from streams.admit_stage import AdmitConfig, AdmitStage
from streams.audiences import Audience
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig, SensorStage
from streams.shipment_stage import ShipmentConfig, ShipmentStage
from streams.stage import Outgoing, Stage

_ENCODE: Final = msgspec.json.Encoder().encode
_ALERT: Final = msgspec.json.Decoder(Alert)
_EVENT: Final = msgspec.json.Decoder(Event)
_CHECKPOINT_MS: Final = 60_000
EVERYONE: Final = (Audience("us", ("US",)), Audience("mx", ("MX",)), Audience("joint"))


class CoreLine:
    """All stages, every partition, in one object. ``alerts`` and ``events`` grow as they are told."""

    def __init__(
        self,
        reference: Iterable[Record],
        partitions: int = 1,
        audiences: tuple[Audience, ...] = EVERYONE,
        tick_ms: int = 1_000,
        gather_ms: int | None = None,
        thresholds: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``tick_ms`` is the time between ticks; over two seconds it would count as an outage of the line.

        Readings of ``gather_ms`` (a whole number of ticks; one where left out) come together, before the ticks of that
        time: larger frames cost less, and silences are told so much earlier at the most. ``thresholds`` are the rules',
        where they are not the defaults.
        """
        if gather_ms is not None and (gather_ms <= 0 or gather_ms % tick_ms):
            raise ValueError("gather_ms must be a whole number of ticks")
        self.book = ReferenceBook()
        for record in reference:
            self.book.apply(record)
        self.partitions = partitions
        self.tick_ms = tick_ms
        self.gather_ms = gather_ms or tick_ms
        admit = AdmitConfig(partitions, thresholds=thresholds)
        shipment = ShipmentConfig(partitions, audiences, thresholds=thresholds)
        self.admit = [AdmitStage(p, self.book, admit) for p in range(partitions)]
        self.shipment = [ShipmentStage(p, self.book, shipment) for p in range(partitions)]
        journeys = thresholds.get(unusual_journey.CARD.name) or unusual_journey.Thresholds()
        corridor = CorridorConfig(partitions, audiences, thresholds=journeys)
        self.corridor = [CorridorStage(p, self.book, corridor) for p in range(partitions)]
        watched = thresholds.get(sensor_watch.CARD.name) or sensor_watch.Thresholds()
        sensor = SensorConfig(partitions, audiences, thresholds=watched)
        self.sensor = [SensorStage(p, self.book, sensor) for p in range(partitions)]
        self._stages: dict[str, Sequence[Stage]] = {
            topics.SHIPMENT_READINGS: self.shipment,
            topics.JOURNEY_WINDOWS: self.corridor,
            topics.SENSOR_VALUES: self.sensor,
        }
        self.alerts: list[Alert] = []
        self.told: dict[str, list[Alert]] = {a.name: [] for a in audiences}
        self.events: list[Event] = []
        self.states: dict[str, bytes] = {}  # of each alert that a model told, the state that judged
        self.refused = 0

    def run(self, sent: Iterable[tuple[int, str, Reading]]) -> None:
        """Take readings by the time they are sent (UTC ms), ticking between them."""
        for until_ms, readings in _gathered(sent, self.gather_ms):
            waiting: list[list[bytes]] = [[] for _ in range(self.partitions)]
            for reading in readings:
                waiting[partition_of(reading.device_id, self.partitions)].append(_ENCODE(reading))
            for partition, lines in enumerate(waiting):
                stage = self.admit[partition]
                for i in range(0, len(lines), frames.FRAME_READINGS_MAX):
                    self._route(stage.process_frame(b"\n".join(lines[i : i + frames.FRAME_READINGS_MAX])))
            for tick_ms in range(until_ms - self.gather_ms + self.tick_ms, until_ms + 1, self.tick_ms):
                self.tick(tick_ms)
            if until_ms % _CHECKPOINT_MS < self.gather_ms:
                self._checkpoint()

    def _checkpoint(self) -> None:
        """Take each stage's changed state from it, as a checkpoint does: what waits for one is let go by it."""
        stages: list[Stage] = [*self.admit, *self.shipment, *self.corridor, *self.sensor]
        for stage in stages:
            deque(stage.changes(), maxlen=0)

    def _route(self, records: Iterable[Outgoing]) -> None:
        for record in records:
            stages = self._stages.get(record.topic)
            if stages is not None:
                stage = stages[record.partition]
                if frames.kind_of(record.headers) == "tick":
                    self._route(stage.process_tick(frames.decode_tick(record.value)))
                else:
                    self._route(stage.process_frame(record.value))
            elif record.topic == topics.SHIPMENT_EVENTS:
                self.events.append(_EVENT.decode(record.value))
            elif record.topic == topics.REFUSED:
                self.refused += 1
            elif record.topic == topics.MODELS:
                self.states[(record.key or b"").decode()] = record.value
            else:
                audience = record.topic.split(".")[1]
                alert = _ALERT.decode(record.value)
                self.told[audience].append(alert)
                if audience == "joint":
                    self.alerts.append(alert)

    def tick(self, time_ms: int) -> None:
        """A tick into every partition, for time in which nothing is sent."""
        for stage in self.admit:
            self._route(stage.process_tick(Tick("core", time_ms)))

    def final(self) -> list[Alert]:
        """The newest state of every episode, in order of opening."""
        return list({alert.alert_id: alert for alert in self.alerts}.values())


def _gathered(sent: Iterable[tuple[int, str, Reading]], every_ms: int) -> Iterator[tuple[int, list[Reading]]]:
    """(until when, readings sent since the one before), all between the first reading and the last."""
    until_ms: int | None = None
    batch: list[Reading] = []
    for send_ms, _, reading in sent:
        if until_ms is None:
            until_ms = send_ms - send_ms % every_ms + every_ms
        while send_ms >= until_ms:
            yield until_ms, batch
            batch = []
            until_ms += every_ms
        batch.append(reading)
    if until_ms is not None:
        yield until_ms, batch
