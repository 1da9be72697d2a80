"""``puente deadletters``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import click
import msgspec

from contracts import topics
from contracts.deadletters import REASONS, TOPIC_MAX, DeadLetter
from contracts.words import DRILL, Language
from deploy.cli.common import json_option, language_option, need, with_settings, write_json
from deploy.cli.dead_letter_tally import Tallies
from deploy.cli.dead_letter_words import WORDS
from deploy.settings import Settings

_TIMEOUT_S = 30.0
_reason_option = click.option("--reason", type=click.Choice(REASONS), help="Only what was refused for this.")


@click.group()
def deadletters() -> None:
    """What the line refused: by reason, and sent again once its cause is mended."""


@deadletters.command(name="list", short_help="Count them by reason; show the newest.")
@_reason_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Newest sentences shown.")
@language_option
@json_option
@with_settings
def list_(settings: Settings, reason: str | None, limit: int, language: Language, json_to: str | None) -> None:
    """Count dead letters by reason, and show the newest with what was wrong and what would be right.

    A drill's are counted and shown apart, after the real ones; in JSON in ``drill``.

    \b
    Examples:
      puente deadletters list
      puente deadletters list --reason bad_time --limit 5
      puente deadletters list --language es
    """
    need(settings.kafka, "kafka", "Kafka")
    asyncio.run(_list(settings.kafka, reason, limit, language, json_to))


async def _list(kafka: str, reason: str | None, limit: int, language: Language, json_to: str | None) -> None:
    tallies = Tallies(limit)
    async for letter in _letters(kafka, reason):
        tallies.see(letter)
    if json_to is not None:
        write_json(tallies.as_dict(), json_to)
    if json_to == "-":
        return
    words = WORDS[language]
    for drill, tally in tallies.of.items():
        mark = f"[{DRILL[language]}] " if drill else ""
        for name, count in tally.counts.most_common():
            click.echo(f"{count:>8}  {mark}{name}: {words.refused[name]}")
        for letter in tally.newest():
            about = f"{letter.topic}: {letter.sentence} (sha256 {letter.sha256[:16]})"
            click.echo(f"{letter.reason}{words.detail}: {mark}{about}")
    if not any(tally.counts for tally in tallies.of.values()):
        click.echo(words.none)


@deadletters.command(short_help="Send refused bytes again, each distinct message once.")
@_reason_option
@click.option("--sha256", metavar="PREFIX", help="Only the bytes whose SHA-256 begins so.")
@json_option
@with_settings
def replay(settings: Settings, reason: str | None, sha256: str | None, json_to: str | None) -> int:
    """Send refused bytes again to the MQTT topic they came from, each distinct message once.

    What was kept in part (over 64 KiB) or came from no MQTT topic cannot be sent again; that is said, and the
    exit code is 1. A PREFIX that no dead letter's bytes have is 2.

    \b
    Examples:
      puente deadletters replay --reason bad_time
      puente deadletters replay --sha256 9f86d081
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.mqtt, "mqtt", "the MQTT broker")
    result = asyncio.run(_replay(settings, reason, (sha256 or "").lower()))
    if sha256 and not result["sent"] and not result["skipped"]:
        refused = f"refused for {reason} " if reason else ""
        why = f"no dead letter {refused}matches {sha256}: `puente deadletters list` shows how their SHA-256 begin"
        raise click.BadParameter(why, param_hint="--sha256")
    if json_to is not None:
        write_json(result, json_to)
    if json_to != "-":
        click.echo(f"{result['sent']} sent again, {len(result['skipped'])} not")
    return 1 if result["skipped"] else 0


async def _replay(settings: Settings, reason: str | None, prefix: str) -> dict[str, Any]:
    chosen: dict[tuple[str, str], DeadLetter] = {}
    async for letter in _letters(settings.kafka, reason):
        if letter.sha256.startswith(prefix):
            chosen[letter.topic, letter.sha256] = letter
    skipped = []
    to_send = []
    for letter in chosen.values():
        why = why_not(letter)
        if why is None:
            to_send.append((letter.topic, letter.bytes_held()))
        else:
            click.echo(f"not sent: {letter.topic} {letter.sha256[:16]}: {why}", err=True)
            skipped.append({"topic": letter.topic, "sha256": letter.sha256, "why": why})
    await asyncio.to_thread(_publish, settings, to_send)
    return {"sent": len(to_send), "skipped": skipped}


def why_not(letter: DeadLetter) -> str | None:
    """Why these bytes cannot be sent again, or None where they can."""
    if len(letter.bytes_held()) != letter.length:
        return f"only {len(letter.bytes_held())} of its {letter.length} bytes were kept"
    if len(letter.topic) >= TOPIC_MAX:
        return "its topic is longer than any device's, and was not kept whole"
    if not letter.topic.startswith(("v1/", "owntracks/")) or any(c in letter.topic for c in "+#\0"):
        return "it came from no MQTT topic that can be published to"
    return None


async def _letters(kafka: str, reason: str | None) -> AsyncIterator[DeadLetter]:
    from deploy.topic_io import records_of

    decoder = msgspec.json.Decoder(DeadLetter)
    async for record in records_of(kafka, topics.REFUSED):
        letter = decoder.decode(record.value)
        if reason is None or letter.reason == reason:
            yield letter


def _publish(settings: Settings, messages: list[tuple[str, bytes]]) -> None:
    """All messages at QoS 1; returns when the broker has them. Raises ServiceMissingError."""
    import paho.mqtt.publish as mqtt
    from paho.mqtt import MQTTException

    from contracts.tls import connection_fault
    from deploy.mqtt_tls import mqtt_address, mqtt_tls
    from deploy.services.errors import ServiceMissingError

    if not messages:
        return
    # It tells its log that it is not connected after every goodbye; what matters here is raised.
    logging.getLogger("paho").setLevel(logging.CRITICAL)
    host, port = mqtt_address(settings.mqtt)
    tls: Any = mqtt_tls(settings)
    login: Any = None
    if settings.mqtt_username is not None:
        login = {"username": settings.mqtt_username, "password": settings.mqtt_password}
    try:
        mqtt.multiple([(topic, data, 1, False) for topic, data in messages], host, port, auth=login, tls=tls)
    except (OSError, ValueError, MQTTException) as error:
        why = connection_fault(error)
        raise ServiceMissingError(f"the MQTT broker at {settings.mqtt} did not take them: {why}") from error
