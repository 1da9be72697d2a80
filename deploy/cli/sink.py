"""``puente sink``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, need, need_line, with_settings, write_json
from deploy.settings import Settings, SettingsError


@click.command()
@json_option
@with_settings
def sink(settings: Settings, json_to: str | None) -> None:
    """Kafka to the history: write readings, events and alerts, each once.

    What the history refuses for good becomes a dead letter.

    Ends by SIGTERM or Ctrl-C; with --json it then says what it has counted.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente sink
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.history, "history", "the history")

    from deploy.roles import sink as role
    from deploy.services.probes import need_influx
    from streams.sinks.open_history import HistoryUrlError

    need_line(settings)
    try:
        if settings.influx_url is not None:
            need_influx(settings.influx_url)
        counted = role.run(settings)
    except HistoryUrlError as error:
        raise SettingsError("PUENTE_HISTORY", str(error)) from None
    if json_to is not None:
        write_json(counted, json_to)
