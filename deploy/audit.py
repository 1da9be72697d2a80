"""The audit: what each stage's far end holds, read back as distinct identities, never counted on the way.

Published comes from the devices' journals, accepted and enriched from the topics, history from the store. What passed
a consumer's repeat check is in its checkpoints: where that is more than the distinct identities it read, something
passed twice. Reads every topic to its end; the line should be at rest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.deadletters import DeadLetter
from contracts.readings import ReadingId
from deploy.topic_io import records_of
from streams.stage import unpack


class _Identity(msgspec.Struct):
    """Of a line, what says who."""

    device_id: str
    boot_id: int
    seq: int
    exercise: bool = False


class _EventId(msgspec.Struct):
    event_id: str
    exercise: bool = False


_IDENTITIES: Final = msgspec.json.Decoder(list[_Identity])
_ALERT: Final = msgspec.json.Decoder(Alert)
_EVENT: Final = msgspec.json.Decoder(_EventId)
_LETTER: Final = msgspec.json.Decoder(DeadLetter)


@dataclass(slots=True)
class TopicAudit:
    """Distinct identities of a topic in order of first occurrence, which of them are a drill's, and how many came
    again, raw.
    """

    distinct: dict[Any, None] = field(default_factory=dict)
    drills: set[Any] = field(default_factory=set)
    raw_repeats: int = 0

    @property
    def real(self) -> int:
        """How many are no drill's."""
        return len(self.distinct) - len(self.drills)

    def see(self, identity: Any, exercise: bool = False) -> None:
        """Count one in."""
        if identity in self.distinct:
            self.raw_repeats += 1
        else:
            self.distinct[identity] = None
            if exercise:
                self.drills.add(identity)


@dataclass(slots=True)
class LineAudit:
    """What the line holds. ``alerts`` are final states by audience; ``passed`` is by stage and source topic.

    ``refused_ids`` are the readings that dead letters hold, as far as their bytes say which.
    """

    readings: TopicAudit = field(default_factory=TopicAudit)
    joined: TopicAudit = field(default_factory=TopicAudit)
    events: TopicAudit = field(default_factory=TopicAudit)
    told: dict[str, TopicAudit] = field(default_factory=dict)
    alerts: dict[str, dict[str, Alert]] = field(default_factory=dict)
    refused: dict[str, DeadLetter] = field(default_factory=dict)
    refused_ids: set[ReadingId] = field(default_factory=set)
    refused_repeats: int = 0
    passed: dict[tuple[str, str], int] = field(default_factory=dict)

    def duplicated(self, store_repeats: dict[str, int]) -> dict[str, int]:
        """By topic, how much passed a consumer's repeat check twice: by its checkpoints, or by the store's count."""
        distinct = {
            topics.READINGS: len(self.readings.distinct),
            topics.SHIPMENT_READINGS: len(self.joined.distinct),
            topics.SHIPMENT_EVENTS: len(self.events.distinct),
            topics.alerts("joint"): len(self.told["joint"].distinct) if "joint" in self.told else 0,
        }
        in_store = {
            topics.SHIPMENT_READINGS: store_repeats.get("readings", 0),
            topics.SHIPMENT_EVENTS: store_repeats.get("events", 0) + store_repeats.get("crossings", 0),
            topics.alerts("joint"): store_repeats.get("alerts", 0),
        }
        return {
            topic: max(
                in_store.get(topic, 0),
                *(max(0, n - count) for (_, source), n in self.passed.items() if source == topic),
                0,
            )
            for topic, count in distinct.items()
        }

    def raw_repeats(self) -> dict[str, int]:
        """By topic, how many records or readings stand in it again. Restarts make some; an undisturbed run none."""
        return {
            topics.READINGS: self.readings.raw_repeats,
            topics.SHIPMENT_READINGS: self.joined.raw_repeats,
            topics.SHIPMENT_EVENTS: self.events.raw_repeats,
            topics.REFUSED: self.refused_repeats,
            **{topics.alerts(audience): told.raw_repeats for audience, told in self.told.items()},
        }


async def audit(bootstrap: str, audiences: Iterable[str]) -> LineAudit:
    """Read everything back. Raises KafkaError where Kafka does not answer."""
    found = LineAudit()
    async for record in records_of(bootstrap, topics.READINGS):
        _see_readings(found.readings, record)
    async for record in records_of(bootstrap, topics.SHIPMENT_READINGS):
        _see_readings(found.joined, record)
    async for record in records_of(bootstrap, topics.SHIPMENT_EVENTS):
        event = _EVENT.decode(record.value)
        found.events.see(event.event_id, event.exercise)
    async for record in records_of(bootstrap, topics.REFUSED):
        letter = _LETTER.decode(record.value)
        about = f"{letter.reason} {letter.topic} {letter.sha256}"
        found.refused_repeats += about in found.refused
        found.refused[about] = letter
        found.refused_ids |= refused_ids(letter)
    for audience in audiences:
        told = found.told[audience] = TopicAudit()
        alerts: dict[str, Alert] = {}
        found.alerts[audience] = alerts
        async for record in records_of(bootstrap, topics.alerts(audience)):
            alert = _ALERT.decode(record.value)
            told.see((alert.alert_id, alert.revision), alert.exercise)
            before = alerts.get(alert.alert_id)
            if before is None or alert.revision >= before.revision:
                alerts[alert.alert_id] = alert
    for stage in topics.STAGES:
        found.passed.update(await _passed(bootstrap, stage))
    return found


def refused_ids(letter: DeadLetter) -> set[ReadingId]:
    """Whose readings these refused bytes were, as far as they can be read: those that the history need not hold.

    None of an identity conflict: the reading that came first under that identity is held. From MQTT, a reading is its
    topic's device's, whatever its bytes say.
    """
    if letter.reason == "identity_conflict":
        return set()
    data = letter.bytes_held()
    of_topic = letter.topic.split("/")[2:3]
    # The gateway refuses a line or a payload that is no lines; a stage may refuse a whole frame.
    fields = [_fields(line) for line in [data, *(frames.lines_of(data) if b"\n" in data else ())]]
    ids = set()
    for one in fields:
        device_id = of_topic[0] if of_topic else one.get("device_id")
        boot_id, seq = one.get("boot_id"), one.get("seq")
        if isinstance(device_id, str) and type(boot_id) is int and type(seq) is int:
            ids.add((device_id, boot_id, seq))
    return ids


def _fields(line: bytes) -> dict[str, Any]:
    """A JSON object's fields, NaN and all; nothing where it is none."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _see_readings(topic: TopicAudit, record: Any) -> None:
    if frames.kind_of(record.headers) == "tick":
        return
    lines = frames.lines_of(record.value)
    for one in _IDENTITIES.decode(b"[" + b",".join(lines) + b"]"):
        topic.see((one.device_id, one.boot_id, one.seq), one.exercise)


async def _passed(bootstrap: str, stage: str) -> dict[tuple[str, str], int]:
    """How many passed each source's repeat check, from the stage's newest checkpoints."""
    newest: dict[tuple[int, str], int] = {}
    async for record in records_of(bootstrap, topics.checkpoints(stage)):
        source, _, key = record.key.decode().partition("|")
        if key == "c" and record.value is not None:
            newest[record.partition, source] = unpack(record.value)["passed"]
    total: Counter[tuple[str, str]] = Counter()
    for (_, source), count in newest.items():
        total[stage, source] += count
    return dict(total)
