"""A candidate version of a rule's model in the shadow of the line's, on the windows or values that Kafka keeps.

Beside the line's version, judging anew; or beside what the line told, whichever version told it (``Asked.told``).
Reads in no consumer group and writes nothing: the line does not notice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from contracts import frames, topics
from deploy import takeover, told_alerts
from deploy.kept import KafkaLog, read_reference
from deploy.settings import Settings
from deploy.topic_io import partitions_of, records_of
from detectors import unusual_journey
from detectors.model_versions import ModelVersion
from streams.audiences import Audience
from streams.beside import Beside, Told
from streams.corridor_stage import CorridorConfig
from streams.reference_book import ReferenceBook
from streams.sensor_stage import SensorConfig
from streams.shadow import Comparison, Hear, Shadow
from streams.shadow_report import Report, report
from streams.shadow_stages import FORMS, journeys, sensors
from streams.stage import Stage

JOURNEYS: Final = unusual_journey.CARD.name
_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Version:
    """A model's version and the rule's thresholds with it."""

    model: ModelVersion
    limits: Any


@dataclass(frozen=True, slots=True)
class Line:
    """The line as it told: by version, how many of the alerts compared with it told. Its thresholds are not known."""

    told: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared. ``said``: by the beginning of an alert's id, whether officers found it right.

    ``corridors`` are those to look at, all where none is named; ``hours`` how far back to begin, None with all that is
    kept; ``minutes`` how long to go on with what comes. ``told``: with what the line told, not with its version.
    """

    candidate: Version
    said: Mapping[str, bool] = field(default_factory=dict)
    corridors: tuple[str, ...] = ()
    hours: float | None = None
    minutes: float = 0.0
    told: bool = False


@dataclass(slots=True)
class Run:
    """A comparison and what it was made on. Times are Kafka's of the first and the last record, 0 where there is none.

    ``corridors`` are those that were looked at, all where none is named. ``cluster`` is Kafka's id, empty where it says
    none; ``topic`` what was read. ``cut_short``: it was broken off, and is of what had been read by then.
    """

    report: Report
    old: Version | Line
    new: Version
    corridors: tuple[str, ...]
    labelled: int
    since_ms: int = 0
    until_ms: int = 0
    cluster: str = ""
    topic: str = ""
    cut_short: bool = False


class Progress(NamedTuple):
    """How far a comparison is: windows or values heard, those compared, and seconds to go."""

    heard: int
    compared: int
    left_s: float


class _Keyed(msgspec.Struct):
    corridor: str


_KEYED: Final = msgspec.json.Decoder(_Keyed)


def in_the_line(settings: Settings, rule: str, cluster: str = "") -> Version:
    """The version that a line with these settings runs on this Kafka."""
    return Version(takeover.in_the_line(settings, rule, cluster).model, takeover.limits_of(settings, rule))


async def run(
    settings: Settings, asked: Asked, cluster: str = "", on_progress: Callable[[Progress], None] = lambda _: None
) -> Run:
    """Compare with the candidate on what is kept, and then on what comes, telling ``on_progress`` meanwhile.

    ``cluster`` is Kafka's id. Where it is cancelled while it reads, it is of what was read. Raises ServiceMissingError.
    """
    kafka, rule = settings.kafka, asked.candidate.model.rule
    topic = topics.JOURNEY_WINDOWS if rule == JOURNEYS else topics.SENSOR_VALUES
    partitions, book, told = await partitions_of(kafka, topic), await read_reference(KafkaLog(kafka)), Told()
    old = Line({}) if asked.told else in_the_line(settings, rule, cluster)
    shadows = list(_shadows(settings, asked.candidate, old, told, partitions, book))
    nothing, labelled = report(FORMS[rule], (), {}), len(asked.said)
    found = Run(nothing, old, asked.candidate, asked.corridors, labelled, cluster=cluster, topic=topic)
    try:
        await _hear(kafka, asked, shadows, found, on_progress)
    except asyncio.CancelledError:
        found.cut_short = True
    if asked.told:
        await told_alerts.read(settings, rule, told, found.since_ms)
        counted = (episode.alert_id for each in shadows for episode in each.episodes()[0])
        found.old = Line(Counter(map(told.versions.__getitem__, counted)))
    found.report = report(FORMS[rule], shadows, asked.said, asked.told)
    return found


async def _hear(
    kafka: str, asked: Asked, shadows: Sequence[Shadow | Beside], found: Run, on_progress: Callable[[Progress], None]
) -> None:
    since_ms = None if asked.hours is None else int((time.time() - 3_600.0 * asked.hours) * 1000)

    async def read(follow: bool) -> None:
        async for record in records_of(kafka, found.topic, since_ms=since_ms, follow=follow):
            is_tick = frames.kind_of(record.headers) == "tick"
            if is_tick or _is_of(record.value, asked.corridors):
                shadows[record.partition].take(record.value, is_tick)
                found.since_ms = min(found.since_ms or record.timestamp, record.timestamp)
                found.until_ms = max(found.until_ms, record.timestamp)

    async def tell() -> None:
        until_s = time.monotonic() + 60.0 * asked.minutes
        while True:
            await asyncio.sleep(_EVERY_S)
            heard, left_s = sum(each.heard for each in shadows), max(0.0, until_s - time.monotonic())
            on_progress(Progress(heard, sum(each.compared for each in shadows[0].groups.values()), left_s))

    telling = asyncio.create_task(tell()) if asked.minutes else None
    try:
        async with asyncio.timeout(60.0 * asked.minutes if asked.minutes else None):
            await read(follow=asked.minutes > 0.0)
    except TimeoutError:
        pass
    finally:
        if telling is not None:
            telling.cancel()


def _shadows(
    settings: Settings, new: Version, old: Version | Line, told: Told, partitions: int, book: ReferenceBook
) -> Iterator[Shadow | Beside]:
    """One of each partition, that share what they compare."""
    form, groups = FORMS[new.model.rule], dict[str, Comparison]()
    news = _stages(settings, new, partitions, book)
    if isinstance(old, Line):
        return (Beside(form, told, news(p), groups, time.thread_time_ns) for p in range(partitions))
    olds = _stages(settings, old, partitions, book)
    return (Shadow(form, olds(p), news(p), groups, time.thread_time_ns) for p in range(partitions))


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
