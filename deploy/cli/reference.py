"""``puente reference``."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.cli.common import json_option, need, with_settings, write_json
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.reference_file import Judged

_SHOWN_MAX = 50


@click.group()
def reference() -> None:
    """Routes, shipments, devices and seals, which readings are joined with; and bridges' notices."""


@reference.command(short_help="Load a file of records: all of it or nothing.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@with_settings
def load(settings: Settings, file: Path, json_to: str | None) -> int:
    """Load an NDJSON FILE, one record a line; all of it, or nothing where one line is wrong.

    Every wrong line is named with its field and reason, and the exit code is 1. The same file may be loaded again.

    \b
    Examples:
      puente reference load fleet.ndjson
      puente reference load fleet.ndjson --json
    """
    need(settings.kafka, "kafka", "Kafka")
    judged = asyncio.run(_load(settings.kafka, file))
    result = _result(judged)
    if json_to is not None:
        write_json(result, json_to)
    _tell(judged, file)
    return 1 if judged.refusals else 0


async def _load(kafka: str, file: Path) -> Judged:
    from contracts import topics
    from contracts.reference import encode, key_of
    from deploy.reference_file import in_loading_order, judge
    from deploy.topic_io import compacted, write_all

    known = await compacted(kafka, topics.REFERENCE)
    with file.open("rb") as lines:
        judged = judge(lines, known)
    if judged.records and not judged.refusals:
        pairs = ((key_of(record), encode(record)) for record in in_loading_order(judged.records.values()))
        await write_all(kafka, topics.REFERENCE, 0, pairs, as_whom="puente-reference")
    return judged


def _result(judged: Judged) -> dict[str, Any]:
    from contracts.reference import kind_of

    def plain(notes: Any) -> list[dict[str, Any]]:
        return [{"line": note.line, "field": note.field, "reason": note.why} for note in notes]

    loaded = {} if judged.refusals else Counter(kind_of(record) for record in judged.records.values())
    return {"loaded": dict(loaded), "refused": plain(judged.refusals), "warnings": plain(judged.warnings)}


def _tell(judged: Judged, file: Path) -> None:
    for kind, notes in (("warning: ", judged.warnings), ("", judged.refusals)):
        for note in notes[:_SHOWN_MAX]:
            click.echo(f"{kind}{file}: {note}", err=True)
        if len(notes) > _SHOWN_MAX:
            click.echo(f"{kind}{file}: and {len(notes) - _SHOWN_MAX} more", err=True)
    if judged.refusals:
        lines = len({note.line for note in judged.refusals})
        click.echo(f"{lines} of {judged.lines} records refused; nothing was loaded.", err=True)
    elif not judged.records:
        click.echo(f"{file} holds no records; nothing was loaded.", err=True)
    else:
        counts = Counter(key.partition("/")[0] for key in judged.records)
        click.echo("loaded " + ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items()), err=True)
