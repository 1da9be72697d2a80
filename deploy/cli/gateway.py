"""``puente gateway``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, need, need_line, with_settings, write_json
from deploy.settings import Settings


@click.command()
@json_option
@with_settings
def gateway(settings: Settings, json_to: str | None) -> None:
    """MQTT to Kafka: take readings from the broker, keep or refuse each, and answer its device.

    It is stateless. A second one needs a PUENTE_GATEWAY_ID of its own.

    Ends by SIGTERM or Ctrl-C; with --json it then says what it has counted.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente gateway
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.mqtt, "mqtt", "the MQTT broker")

    from deploy.roles import gateway as role
    from deploy.services.probes import need_mqtt

    need_line(settings)
    need_mqtt(settings.mqtt)
    counted = role.run(settings)
    if json_to is not None:
        write_json(counted, json_to)
