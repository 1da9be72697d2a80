"""``puente simulate``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, need, with_settings, write_json
from deploy.cli.durations import DURATION
from deploy.settings import Settings


@click.command()
@click.option("--for", "for_s", type=DURATION, help="How long, such as 45s or 10m; without it until Ctrl-C.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same fleet.")
@click.option("--shipments", type=click.IntRange(1, 100_000), default=12, show_default=True, help="Under way at once.")
@json_option
@with_settings
def simulate(settings: Settings, for_s: float | None, seed: int, shipments: int, json_to: str | None) -> int:
    """Publish a simulated fleet to the broker: trucks, containers and seals with journals.

    The fleet's routes, shipments and devices are loaded as reference first.

    \b
    Example:
      PUENTE_CONFIG=puente.toml puente simulate --for 10m --shipments 200
    """
    need(settings.kafka, "kafka", "Kafka")
    need(settings.mqtt, "mqtt", "the MQTT broker")

    from deploy.roles import simulate as role

    result = role.run(settings, for_s=for_s, seed=seed, shipments=shipments)
    if json_to is not None:
        write_json(result, json_to)
    return 0
