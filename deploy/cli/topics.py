"""``puente topics``."""

from __future__ import annotations

import click

from deploy.cli.common import PROBE_S, json_option, need, with_settings, write_json
from deploy.settings import Settings


@click.group()
def topics() -> None:
    """The line's topics in Kafka."""


@topics.command(short_help="Make every topic that is not there.")
@json_option
@with_settings
def create(settings: Settings, json_to: str | None) -> None:
    """Make every topic of the line that is not there; leave alone those that are.

    `puente up` does this by itself; it is for a Kafka of yours. A topic with another partition count than
    PUENTE_PARTITIONS is refused, for a key must never change its partition.

    \b
    Example:
      PUENTE_KAFKA=kafka:9092 puente topics create
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy.services.probes import need_kafka
    from deploy.services.topics import create_topics

    need_kafka(settings.kafka, PROBE_S)
    made = create_topics(settings.kafka, settings.partitions, settings.audience_names, settings.replication)
    if json_to is not None:
        write_json({"made": made}, json_to)
        return
    for name in made:
        click.echo(f"{name}: made")
    if not made:
        click.echo("Every topic is there already.")
