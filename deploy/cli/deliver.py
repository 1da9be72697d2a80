"""``puente deliver``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, need, need_line, with_settings, write_json
from deploy.settings import Settings


@click.command()
@json_option
@with_settings
def deliver(settings: Settings, json_to: str | None) -> None:
    """Alerts to their subscribers: retained on MQTT while open, and POSTed to webhooks, signed.

    On MQTT: alerts/AUDIENCE/SEVERITY/RULE/ALERT_ID. Webhooks are those of the file that PUENTE_SUBSCRIBERS names.
    A second deliverer stands by and takes over.

    Ends by SIGTERM or Ctrl-C; with --json it then says what it has counted.

    \b
    Example:
      PUENTE_CONFIG=puente.toml PUENTE_SUBSCRIBERS=subscribers.toml puente deliver
    """
    need(settings.kafka, "kafka", "Kafka")

    from deploy.roles import deliver as role
    from deploy.services.probes import need_mqtt

    role.config_of(settings)  # what is wrong in the subscribers' file is said before anything connects
    need_line(settings)
    if settings.mqtt:
        need_mqtt(settings.mqtt)
    counted = role.run(settings)
    if json_to is not None:
        write_json(counted, json_to)
