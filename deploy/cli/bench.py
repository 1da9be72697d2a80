"""``puente bench``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, with_settings, write_json
from deploy.settings import Settings


@click.command()
@click.argument("name", type=click.Choice(["stream", "gateway", "end-to-end", "rules"]))
@json_option
@with_settings
def bench(settings: Settings, name: str, json_to: str | None) -> int:
    """Measure a part of the line in readings per CPU-second, so that a shared machine does not matter.

    \b
    Examples:
      puente bench stream
      puente bench rules
      puente bench end-to-end --json bench.json
    """
    from deploy import bench as benches

    result = benches.run(name, settings)
    write_json(result, json_to or "-")
    return 0
