"""``puente sink``."""

from __future__ import annotations

import click

from deploy.cli.common import need, with_settings
from deploy.settings import Settings


@click.command()
@with_settings
def sink(settings: Settings) -> None:
    """Kafka to the history: write readings, events and alerts, each once.

    What the history refuses for good becomes a dead letter.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente sink
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.history, "history", "the history")

    from deploy.roles import sink as role

    role.run(settings)
