"""``puente worker``."""

from __future__ import annotations

import click

from deploy.cli.common import need, with_settings
from deploy.settings import Settings


@click.command()
@with_settings
def worker(settings: Settings) -> None:
    """Run both stages on a share of the partitions: readings joined, rules judged, alerts told.

    Start more of them to share the work; a killed one's share moves to the others.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente worker
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy.roles import worker as role

    role.run(settings)
