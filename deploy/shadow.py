"""A candidate version of a rule's model in the shadow of the line's, on the windows or values that Kafka keeps.

Reads in no consumer group and writes nothing: the line does not notice.
"""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts import frames, topics
from deploy import takeover
from deploy.kept import KafkaLog, read_reference
from deploy.settings import Settings
from deploy.topic_io import partitions_of, records_of
from detectors import thresholds, unusual_journey
from detectors.model_versions import ModelVersion
from streams.audiences import Audience
from streams.corridor_stage import CorridorConfig
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig
from streams.shadow import Comparison, Hear, Shadow
from streams.shadow_report import Report, report
from streams.shadow_stages import FORMS, journeys, sensors
from streams.stage import Stage

JOURNEYS: Final = unusual_journey.CARD.name
_SAID: Final = {"right": True, "wrong": False}


@dataclass(frozen=True, slots=True)
class Version:
    """A model's version and the rule's thresholds with it."""

    model: ModelVersion
    limits: Any


@dataclass(slots=True)
class Run:
    """A comparison and what it was made on. Times are Kafka's of the first and the last record, 0 where there is none.

    ``corridors`` are those that were looked at, all where none is named. ``cluster`` is Kafka's id, empty where it says
    none; ``topic`` what was read.
    """

    report: Report
    old: Version
    new: Version
    corridors: tuple[str, ...]
    labelled: int
    since_ms: int = 0
    until_ms: int = 0
    cluster: str = ""
    topic: str = ""


class _Keyed(msgspec.Struct):
    corridor: str


_KEYED: Final = msgspec.json.Decoder(_Keyed)


def candidate_in(path: Path, rule: str = JOURNEYS) -> Any:
    """The thresholds of ``[rules.<rule>]`` in a TOML file. Raises ValueError, which names what is wrong."""
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    table = tables.get("rules", {}).get(rule) if isinstance(tables.get("rules", {}), dict) else None
    if table is None:
        raise ValueError(f"{path} has no table [rules.{rule}]")
    return thresholds.read({rule: table})[rule]


def labels_in(path: Path) -> dict[str, bool]:
    """By an alert's id or its beginning, whether officers found it right. Raises ValueError, which names the line."""
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        alert_id, _, word = (part.strip() for part in line.partition(","))
        if not alert_id or word not in _SAID:
            raise ValueError(
                f"{path}, line {number}: must be an alert's id, a comma, and right or wrong: {line!r} is not"
            )
        found[alert_id] = _SAID[word]
    return found


def in_the_line(settings: Settings, rule: str, cluster: str = "") -> Version:
    """The version that a line with these settings runs on this Kafka."""
    return Version(takeover.in_the_line(settings, rule, cluster).model, takeover.limits_of(settings, rule))


async def run(
    settings: Settings,
    candidate: Version,
    said: dict[str, bool],
    corridors: Collection[str] = (),
    hours: float | None = None,
    minutes: float = 0.0,
    cluster: str = "",
) -> Run:
    """Compare the line's version with the candidate on what is kept, and then on what comes.

    ``corridors`` are those to look at, all where none is named; ``hours`` how far back to begin; ``minutes`` how long
    to go on; ``cluster`` Kafka's id. Raises ServiceMissingError.
    """
    kafka, rule = settings.kafka, candidate.model.rule
    form, old = FORMS[rule], in_the_line(settings, rule, cluster)
    topic = topics.JOURNEY_WINDOWS if rule == JOURNEYS else topics.SENSOR_VALUES
    partitions = await partitions_of(kafka, topic)
    book, groups = await read_reference(KafkaLog(kafka)), dict[str, Comparison]()
    olds, news = (_stages(settings, version, partitions, book) for version in (old, candidate))
    shadows = [Shadow(form, olds(p), news(p), groups, time.thread_time_ns) for p in range(partitions)]
    found = Run(report(form, (), {}), old, candidate, tuple(corridors), len(said), cluster=cluster, topic=topic)
    since_ms = None if hours is None else int((time.time() - 3_600.0 * hours) * 1000)

    async def read(follow: bool) -> None:
        async for record in records_of(kafka, topic, since_ms=since_ms, follow=follow):
            is_tick = frames.kind_of(record.headers) == "tick"
            if is_tick or _is_of(record.value, corridors):
                shadows[record.partition].take(record.value, is_tick)
                found.since_ms = min(found.since_ms or record.timestamp, record.timestamp)
                found.until_ms = max(found.until_ms, record.timestamp)

    if minutes:
        try:
            async with asyncio.timeout(60.0 * minutes):
                await read(follow=True)
        except TimeoutError:
            pass
    else:
        await read(follow=False)
    found.report = report(form, shadows, said)
    return found


def _stages(
    settings: Settings, version: Version, partitions: int, book: ReferenceBook
) -> Callable[[int], Callable[[Hear], Stage]]:
    """By partition, what makes this version's stage as the line would."""
    audiences = tuple(Audience(a.name, tuple(a.countries)) for a in settings.audiences)
    lateness_ms, languages = int(settings.lateness_bound_s * 1000), settings.languages
    if version.model.rule == JOURNEYS:
        corridor = CorridorConfig(
            partitions, audiences, lateness_ms, languages=languages, thresholds=version.limits, model=version.model
        )
        return lambda partition: journeys(partition, book, corridor)
    sensor = SensorConfig(
        partitions, audiences, lateness_ms, languages=languages, thresholds=version.limits, model=version.model
    )
    return lambda partition: sensors(partition, book, sensor)


def _is_of(value: bytes, corridors: Collection[str]) -> bool:
    if not corridors:
        return True
    try:
        return _KEYED.decode(value).corridor in corridors
    except frames.UNREADABLE:
        return False
