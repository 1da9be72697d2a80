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
from typing import Any, Final, NamedTuple

import msgspec

from contracts import frames, topics
from deploy import takeover
from deploy.kept import KafkaLog, read_reference
from deploy.said import RefusalError
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
LABEL_CHARS: Final = 12  # of an id's 32: no two alerts of a line begin with the same
_SAID: Final = {"right": True, "wrong": False}
_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Version:
    """A model's version and the rule's thresholds with it."""

    model: ModelVersion
    limits: Any


@dataclass(slots=True)
class Run:
    """A comparison and what it was made on. Times are Kafka's of the first and the last record, 0 where there is none.

    ``corridors`` are those that were looked at, all where none is named. ``cluster`` is Kafka's id, empty where it says
    none; ``topic`` what was read. ``cut_short``: it was broken off, and is of what had been read by then.
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
    cut_short: bool = False


class Progress(NamedTuple):
    """How far a comparison is: windows or values heard, those compared, and seconds to go."""

    heard: int
    compared: int
    left_s: float


class _Keyed(msgspec.Struct):
    corridor: str


_KEYED: Final = msgspec.json.Decoder(_Keyed)


def candidate_in(path: Path, rule: str = JOURNEYS) -> Any:
    """The thresholds of ``[rules.<rule>]`` in a TOML file. Raises RefusalError, which names what is wrong."""
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as error:
        raise RefusalError("unread", path=path, why=error.strerror or error) from None
    except UnicodeDecodeError:
        raise RefusalError("no_utf8", path=path) from None
    except tomllib.TOMLDecodeError as error:
        raise RefusalError("no_toml", path=path, why=error) from None
    table = tables.get("rules", {}).get(rule) if isinstance(tables.get("rules", {}), dict) else None
    if table is None:
        raise RefusalError("no_table", path=path, rule=rule)
    try:
        return thresholds.read({rule: table})[rule]
    except ValueError as error:
        raise RefusalError("no_thresholds", path=path, why=error) from None


class _Label(NamedTuple):
    line: int
    alert_id: str
    word: str


def labels_in(path: Path) -> dict[str, bool]:
    """By an alert's id or its beginning, whether officers found it right. Raises RefusalError, which names the line."""
    found: list[_Label] = []
    for number, raw in enumerate(_lines_in(path), 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")  # Excel begins a file with a mark
        except UnicodeDecodeError:
            raise RefusalError("label_utf8", path=path, line=number) from None
        if not line.strip() or line.startswith("#"):
            continue
        alert_id, _, word = (part.strip() for part in line.partition(","))
        if not alert_id or word not in _SAID:
            raise RefusalError("label_form", path=path, line=number, text=line.strip())
        if len(alert_id) < LABEL_CHARS:
            raise RefusalError("label_short", path=path, line=number, id=alert_id, least=LABEL_CHARS)
        found.append(_Label(number, alert_id, word))
    return {label.alert_id: _SAID[label.word] for label in _distinct(path, found)}


def _lines_in(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise RefusalError("unread", path=path, why=error.strerror or error) from None


def _distinct(path: Path, labels: list[_Label]) -> list[_Label]:
    """Of each alert one, where an id stands beside its beginning. Raises RefusalError where they say both words."""
    found: list[_Label] = []
    for label in sorted(labels, key=lambda each: (each.alert_id, each.line)):  # a beginning before what it begins
        if not found or not label.alert_id.startswith(found[-1].alert_id):
            found.append(label)
        elif label.word != found[-1].word:
            first, second = sorted((found[-1], label))
            raise RefusalError(
                "label_twice", path=path, first=first.line, was=first.word, line=second.line, now=second.word,
                id=found[-1].alert_id,
            )  # fmt: skip
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
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Run:
    """Compare the line's version with the candidate on what is kept, and then on what comes.

    ``corridors`` are those to look at, all where none is named; ``hours`` how far back to begin; ``minutes`` how long
    to go on, telling ``on_progress`` meanwhile; ``cluster`` Kafka's id. Where it is cancelled while it reads, it is of
    what was read. Raises ServiceMissingError.
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

    async def tell() -> None:
        until_s = time.monotonic() + 60.0 * minutes
        while True:
            await asyncio.sleep(_EVERY_S)
            heard, left_s = sum(each.heard for each in shadows), max(0.0, until_s - time.monotonic())
            on_progress(Progress(heard, sum(each.compared for each in groups.values()), left_s))

    telling = asyncio.create_task(tell()) if minutes else None
    try:
        async with asyncio.timeout(60.0 * minutes if minutes else None):
            await read(follow=minutes > 0.0)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        found.cut_short = True
    finally:
        if telling is not None:
            telling.cancel()
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
