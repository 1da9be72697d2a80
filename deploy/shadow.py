"""A candidate version of ``unusual_journey`` in the shadow of the line's, on the journey windows that Kafka keeps.

Reads in no consumer group and writes nothing: the line does not notice.
"""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts import frames, topics
from deploy.kept import KafkaLog, read_reference
from deploy.settings import Settings
from deploy.topic_io import partitions_of, records_of
from detectors import thresholds, unusual_journey
from detectors.unusual_journey import Thresholds
from streams.audiences import Audience
from streams.corridor_stage import CorridorConfig
from streams.shadow import SIDES, Comparison, Report, Shadow, report

_RULE: Final = unusual_journey.CARD.name
DRIFTED: Final = 1.0  # standard deviations from which on drift is worth a line
_SAID: Final = {"right": True, "wrong": False}


class _Keyed(msgspec.Struct):
    corridor: str


_KEYED: Final = msgspec.json.Decoder(_Keyed)


def candidate_in(path: Path) -> Thresholds:
    """The thresholds of ``[rules.unusual_journey]`` in a TOML file. Raises ValueError, which names what is wrong."""
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    table = tables.get("rules", {}).get(_RULE) if isinstance(tables.get("rules", {}), dict) else None
    if table is None:
        raise ValueError(f"{path} has no table [rules.{_RULE}]")
    found = thresholds.read({_RULE: table})[_RULE]
    assert isinstance(found, Thresholds)
    return found


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


async def run(
    settings: Settings,
    candidate: Thresholds,
    said: dict[str, bool],
    corridors: Collection[str] = (),
    hours: float | None = None,
    minutes: float = 0.0,
) -> Report:
    """Compare the line's version with the candidate on what is kept, and then on what comes.

    ``corridors`` are those to look at, all where none is named; ``hours`` how far back to begin; ``minutes`` how long
    to go on. Raises ServiceMissingError.
    """
    kafka = settings.kafka
    partitions = await partitions_of(kafka, topics.JOURNEY_WINDOWS)
    own = thresholds.read({rule: dict(table) for rule, table in settings.rules}).get(_RULE)
    config = CorridorConfig(
        partitions,
        tuple(Audience(a.name, tuple(a.countries)) for a in settings.audiences),
        int(settings.lateness_bound_s * 1000),
        languages=settings.languages,
        thresholds=own or Thresholds(),
    )
    book = await read_reference(KafkaLog(kafka))
    shadows = [Shadow(partition, book, config, candidate) for partition in range(partitions)]
    since_ms = None if hours is None else int((time.time() - 3_600.0 * hours) * 1000)

    async def read(follow: bool) -> None:
        async for record in records_of(kafka, topics.JOURNEY_WINDOWS, since_ms=since_ms, follow=follow):
            is_tick = frames.kind_of(record.headers) == "tick"
            if is_tick or _is_of(record.value, corridors):
                shadows[record.partition].take(record.value, is_tick)

    if minutes:
        try:
            async with asyncio.timeout(60.0 * minutes):
                await read(follow=True)
        except TimeoutError:
            pass
    else:
        await read(follow=False)
    return report(shadows, said)


def _is_of(value: bytes, corridors: Collection[str]) -> bool:
    if not corridors:
        return True
    try:
        return _KEYED.decode(value).corridor in corridors
    except frames.UNREADABLE:
        return False


def as_dict(found: Report) -> dict[str, Any]:
    """All of it as plain data."""
    return {
        "ready": found.ready,
        "criteria": [asdict(criterion) for criterion in found.criteria],
        "corridors": {name: _plain(each) for name, each in found.corridors.items()},
        "labels": asdict(found.labels),
        "drift": found.drift,
    }


def _plain(each: Comparison) -> dict[str, Any]:
    return {
        "windows": each.windows, "unusual": each.unusual, "episodes": each.episodes, "compared": each.compared,
        "correlation": round(each.correlation.get(), 4),
    }  # fmt: skip


def lines_of(found: Report) -> Iterator[str]:
    """The comparison for people, line by line."""
    if not found.corridors:
        yield "there are no journey windows to compare on"
    wide = max((len(name) for name in found.corridors), default=8)
    sides = "".join(f"{side:>8}" for side in SIDES)
    yield f"{'':{wide}} {'judged':^24} {'unusual':^24} {'episodes':^24} {'scores':>9}"
    yield f"{'corridor':{wide}} {sides} {sides} {sides} {'correlate':>9}"
    for name, each in found.corridors.items():
        counts = " ".join(
            "".join(f"{kind[side]:>8}" for side in SIDES) for kind in (each.windows, each.unusual, each.episodes)
        )
        yield f"{name:{wide}} {counts} {each.correlation.get():>9.3f}"
    off = {name: max(each.items(), key=lambda item: abs(item[1])) for name, each in found.drift.items() if each}
    for name, (feature, deviations) in sorted(off.items()):
        if abs(deviations) >= DRIFTED:
            yield f"drift: {name}: {feature} {deviations:+.1f} standard deviations off what was learnt, of late"
    labels = found.labels
    if labels.right_lost or labels.wrong_kept or labels.right_kept or labels.wrong_gone or labels.unknown:
        yield ""
        yield (
            f"labelled right: {labels.right_kept} still told, {len(labels.right_lost)} lost; labelled wrong: "
            f"{labels.wrong_gone} gone, {len(labels.wrong_kept)} still told; {labels.unknown} labels of no alert seen"
        )
        for alert_id in labels.right_lost:
            yield f"  lost: {alert_id}"
    yield ""
    for criterion in found.criteria:
        yield f"{'yes' if criterion.holds else 'NO ':<4} {criterion.name}: {criterion.says}"
    yield "READY to take over" if found.ready else "NOT READY to take over"
