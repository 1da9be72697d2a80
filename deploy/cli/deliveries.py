"""``puente deliveries``."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict

import click
import msgspec

from contracts.deliveries import REASONS, Undelivered
from contracts.words import DRILL, Language
from deploy.cli.common import json_option, language_option, need, with_settings, write_json
from deploy.cli.dead_letter_words import WORDS
from deploy.settings import Settings, SettingsError


@click.group()
def deliveries() -> None:
    """Who was told by webhook and who was not: places, dead letters, and sending again."""


@deliveries.command(name="list", short_help="How far each subscriber is; what was given up.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Newest dead letters shown.")
@language_option
@json_option
@with_settings
def list_(settings: Settings, limit: int, language: Language, json_to: str | None) -> None:
    """How far each subscriber is and what its receiver said last; the alerts that were given up.

    A drill's alerts are counted apart; in JSON in ``drill``.

    \b
    Examples:
      puente deliveries list
      puente deliveries list --json deliveries.json
      puente deliveries list --language es
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy import deliveries as read

    standings = asyncio.run(read.standings(settings.kafka, settings.audience_names))
    letters = asyncio.run(read.letters(settings.kafka))
    kinds = {drill: [letter for letter in letters if letter.exercise is drill] for drill in (False, True)}
    if json_to is not None:
        real, drills = ({"undelivered": [msgspec.to_builtins(each) for each in kind]} for kind in kinds.values())
        write_json({"subscribers": [asdict(each) for each in standings], **real, "drill": drills}, json_to)
    if json_to == "-":
        return
    words = WORDS[language]
    for each in standings:
        facts = asdict(each)
        click.echo(
            words.delivered.format(**facts)
            + (words.drilled.format(**each.drill) if any(each.drill.values()) else "")
            + (words.retrying.format(**facts) if each.failures else "")
            + (words.last.format(**facts) if each.says else "")
        )
    for drill, kind in kinds.items():
        mark = f"[{DRILL[language]}] " if drill else ""
        for letter in kind[-limit:]:
            facts = msgspec.structs.asdict(letter) | {"drill": mark, "why": words.given_up[letter.reason]}
            click.echo(words.letter.format(**facts))
        if kind and standings:
            counts = Counter(letter.subscriber for letter in kind)
            who = ", ".join(words.count.format(count=count, name=name) for name, count in counts.most_common())
            click.echo(mark + words.again.format(count=len(kind), who=who))
    if not standings:
        file = settings.subscribers
        click.echo(words.never.format(why=words.named.format(file=file) if file else words.unnamed))
    elif not letters:
        click.echo(words.nothing)


@deliveries.command(short_help="Send what was given up again, each once.")
@click.option("--subscriber", help="Only what this one did not take.")
@click.option("--reason", type=click.Choice(REASONS), help="Only what was given up for this.")
@click.option("--alert", "alert_id", metavar="PREFIX", default="", help="Only alerts whose id begins so.")
@json_option
@with_settings
def replay(settings: Settings, subscriber: str | None, reason: str | None, alert_id: str, json_to: str | None) -> int:
    """Send what was given up again, each once, signed, under its first delivery id. Exit code 1 where one fails, 2
    where nothing is of the alert asked for.

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
    if alert_id and not chosen:
        why = f"nothing of an alert {alert_id} was given up that matches: `puente deliveries list` shows what was"
        raise click.BadParameter(why, param_hint="--alert")
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
