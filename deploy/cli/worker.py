"""``puente worker``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, need, need_line, with_settings, write_json
from deploy.settings import Settings


@click.command()
@json_option
@with_settings
def worker(settings: Settings, json_to: str | None) -> None:
    """Run the stages on a share of the partitions: readings joined, rules judged, alerts told.

    Start more of them to share the work; a killed one's share moves to the others. A version of a model that is not the
    release's own must have been let take over (`puente detectors adopt`), or the worker does not start.

    Ends by SIGTERM or Ctrl-C; with --json it then says what it has counted.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente worker
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy import takeover
    from deploy.roles import worker as role

    models = takeover.in_force(settings)  # what is wrong whichever Kafka it is, before that is asked
    need_line(settings)
    if settings.models:
        from deploy.services.topics import cluster_of

        cluster = cluster_of(settings.kafka)
        models = takeover.in_force(settings, cluster)
        for doubt in takeover.doubts(models.values(), cluster):
            click.echo(f"WARNING: {doubt}.", err=True)
    counted = role.run(settings, models)
    if json_to is not None:
        write_json(counted, json_to)
