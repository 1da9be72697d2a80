"""``puente alerts``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from contracts import topics
from contracts.alerts import Alert
from contracts.words import sentence_of
from deploy.cli.common import json_option, language_option, need, with_settings, write_json
from deploy.cli.durations import Amount
from deploy.demo.texts import TEXTS
from deploy.said import RefusalError
from deploy.settings import Settings

# Episodes whose last revision is remembered, so that a repeat after a crash is shown once.
_REMEMBERED_MAX = 100_000


@click.group()
def alerts() -> None:
    """Alerts, as an audience reads them from Kafka."""


@alerts.command(short_help="Show alerts: those kept, then each as it comes.")
@click.option("--audience", default="joint", show_default=True, help="Whose alerts.")
@language_option
@click.option("--follow/--no-follow", default=True, show_default=True, help="Go on with those to come, or end.")
@click.option("--last", type=click.IntRange(0), metavar="N", help="Begin with the last N; without it, with all kept.")
@json_option
@with_settings
def tail(settings: Settings, audience: str, language: str, follow: bool, last: int | None, json_to: str | None) -> None:
    """Show an audience's alerts: those kept, and then each as it comes. With --json, one JSON object a line.

    \b
    Examples:
      puente alerts tail --audience us --last 20
      puente alerts tail --no-follow --json alerts.ndjson
      puente alerts tail --language es
    """
    need(settings.kafka, "kafka", "Kafka")
    if audience not in settings.audience_names:
        raise RefusalError("no_audience", audience=audience, known=", ".join(settings.audience_names))
    if json_to is None:
        asyncio.run(_tail(settings.kafka, audience, follow, last, language, None))
    elif json_to == "-":
        asyncio.run(_tail(settings.kafka, audience, follow, last, language, sys.stdout.buffer))
    else:
        with _opened(json_to) as out:
            asyncio.run(_tail(settings.kafka, audience, follow, last, language, out))


@alerts.command(short_help="Say why an alert was told; work its score out again.")
@click.argument("alert_id", metavar="ALERT_ID")
@click.option(
    "--revision", type=int, default=1, show_default=True,
    help="Which telling; 1 is the opening, and a closing has the score of the telling before it.",
)  # fmt: skip
@click.option(
    "--hours", type=Amount("hours", 0.1, 168.0), default=24.0, show_default=True,
    help="How long before the alert to begin reading again; a rule that learns a sensor's habit wants it long.",
)  # fmt: skip
@language_option
@json_option
@with_settings
def explain(settings: Settings, alert_id: str, revision: int, hours: float, language: str, json_to: str | None) -> int:
    """Say why an alert was told, and work its score out again from what Kafka keeps. ALERT_ID may be its beginning.

    Exit code 0 where the score and the state that judged come out the same; 1 where they do not, where their inputs are
    kept no longer, or where what came before was not read and it cannot be known.

    \b
    Examples:
      puente alerts explain 3f9a01
      puente alerts explain 3f9a01 --revision 2 --json
      puente alerts explain 3f9a01 --language es
    """
    need(settings.kafka, "kafka", "Kafka")
    from deploy.cli.explained import lines_of
    from deploy.explain import explain as explain_alert

    found = asyncio.run(explain_alert(settings, alert_id, revision, hours))
    if json_to is not None:
        write_json(found.as_dict(), json_to)
    if json_to != "-":
        for line in lines_of(found, language):
            click.echo(line)
    return 0 if found.reproduced else 1


def _opened(json_to: str) -> BinaryIO:
    try:
        return Path(json_to).open("wb")
    except OSError as error:
        raise click.UsageError(f"--json {json_to}: {error.strerror or error}") from None


async def _tail(kafka: str, audience: str, follow: bool, last: int | None, language: str, out: BinaryIO | None) -> None:
    from deploy.topic_io import records_of

    decoder = msgspec.json.Decoder(Alert)
    seen: dict[str, int] = {}
    async for record in records_of(kafka, topics.alerts(audience), last=last, follow=follow):
        alert = decoder.decode(record.value)
        if seen.pop(alert.alert_id, 0) >= alert.revision:
            seen[alert.alert_id] = alert.revision
            continue
        seen[alert.alert_id] = alert.revision
        if len(seen) > _REMEMBERED_MAX:
            del seen[next(iter(seen))]
        if out is not None:
            out.write(record.value.rstrip() + b"\n")
            out.flush()
        else:
            click.echo(line_of(alert, language))


def line_of(alert: Alert, language: str) -> str:
    """An alert's update as one line: when, how grave, what, about what, and its sentence."""
    at = datetime.fromtimestamp(alert.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    words = TEXTS[language]
    state, severity = words.state[alert.state], words.severity[alert.severity]
    about = alert.shipment_id or alert.device_id
    sentence = sentence_of(alert.messages, language, alert.exercise)
    wide = max(map(len, words.severity.values()))
    return f"{at}  {state:<7} {severity:<{wide}} {alert.rule:<22} {about:<16} {sentence}"
