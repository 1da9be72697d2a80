"""``puente deliveries``."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict

import click
import msgspec

from contracts.deliveries import REASONS, Undelivered
from deploy.cli.common import json_option, need, with_settings, write_json
from deploy.settings import Settings, SettingsError


@click.group()
def deliveries() -> None:
    """Who was told by webhook and who was not: places, dead letters, and sending again."""


@deliveries.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Newest dead letters shown.")
@json_option
@with_settings
def list_(settings: Settings, limit: int, json_to: str | None) -> None:
    """How far each subscriber is and what its receiver said last; the alerts that were given up.

    \b
    Examples:
      puente deliveries list
      puente deliveries list --json deliveries.json
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy import deliveries as read

    standings = asyncio.run(read.standings(settings.kafka, settings.audience_names))
    letters = asyncio.run(read.letters(settings.kafka))
    if json_to is not None:
        plain = [msgspec.to_builtins(letter) for letter in letters]
        write_json({"subscribers": [asdict(each) for each in standings], "undelivered": plain}, json_to)
    if json_to == "-":
        return
    for each in standings:
        click.echo(
            f"{each.subscriber}: {each.audience}, {each.delivered} delivered, {each.undelivered} given up"
            + (f"; {each.failures} failures in a row, again in {each.retry_s:.0f} s" if each.failures else "")
            + (f"; last: {each.says}" if each.says else "")
        )
    for letter in letters[-limit:]:
        drill = "[EXERCISE] " if letter.exercise else ""
        click.echo(
            f"{letter.reason}: {drill}{letter.rule} {letter.alert_id} revision {letter.revision} "
            f"for {letter.subscriber}, {letter.tries} tries: {letter.answer}"
        )
    if not standings:
        named = (
            f"{settings.subscribers} is read by"
            if settings.subscribers
            else "name their file in PUENTE_SUBSCRIBERS for"
        )
        click.echo(f"no webhook was ever served: {named} `puente deliver`")
    elif not letters:
        click.echo("nothing was given up")
    else:
        counts = Counter(letter.subscriber for letter in letters)
        who = ", ".join(f"{count} for {name}" for name, count in counts.most_common())
        click.echo(f"{len(letters)} given up: {who}. When the cause is mended: puente deliveries replay")


@deliveries.command()
@click.option("--subscriber", help="Only what this one did not take.")
@click.option("--reason", type=click.Choice(REASONS), help="Only what was given up for this.")
@click.option("--alert", "alert_id", metavar="PREFIX", default="", help="Only alerts whose id begins so.")
@json_option
@with_settings
def replay(settings: Settings, subscriber: str | None, reason: str | None, alert_id: str, json_to: str | None) -> int:
    """Send what was given up again, each once, signed, under its first delivery id. Exit code 1 where one fails.

    \b
    Examples:
      puente deliveries replay
      puente deliveries replay --subscriber cbp-desk --reason expired
    """
    need(settings.kafka, "kafka", "Kafka")
    if settings.subscribers is None:
        raise SettingsError("PUENTE_SUBSCRIBERS", "is not set: it must name the file of those to send to")

    from deploy import deliveries as read
    from deploy.subscribers_file import load

    webhooks = load(settings.subscribers, settings.audience_names)
    letters = asyncio.run(read.letters(settings.kafka))
    chosen = [letter for letter in letters if _is_chosen(letter, subscriber, reason, alert_id)]
    sent = asyncio.run(read.send_again(settings.kafka, chosen, webhooks))
    if json_to is not None:
        write_json({"delivered": sent.delivered, "not_delivered": sent.not_delivered}, json_to)
    if json_to != "-":
        for an_id, why in sent.not_delivered.items():
            click.echo(f"not delivered: {an_id}: {why}", err=True)
        click.echo(f"{len(sent.delivered)} delivered, {len(sent.not_delivered)} not")
    return 1 if sent.not_delivered else 0


def _is_chosen(letter: Undelivered, subscriber: str | None, reason: str | None, alert_id: str) -> bool:
    return (
        subscriber in (None, letter.subscriber)
        and reason in (None, letter.reason)
        and letter.alert_id.startswith(alert_id)
    )
