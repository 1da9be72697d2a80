"""``puente gateway``."""

from __future__ import annotations

import click

from deploy.cli.common import need, with_settings
from deploy.settings import Settings


@click.command()
@with_settings
def gateway(settings: Settings) -> None:
    """MQTT to Kafka: take readings from the broker, keep or refuse each, and answer its device.

    It is stateless. A second one needs a PUENTE_GATEWAY_ID of its own.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente gateway
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.mqtt, "mqtt", "the MQTT broker")

    from deploy.roles import gateway as role

    role.run(settings)
