"""``puente demo``."""

from __future__ import annotations

import click

from deploy.cli.common import json_option, with_settings, write_json
from deploy.cli.durations import DURATION
from deploy.settings import Settings


@click.command()
@click.option("--for", "for_s", type=DURATION, help="How long, such as 45s or 10m; without it until Ctrl-C.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same border.")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True, help="Of the screen.")
@json_option
@with_settings
def demo(settings: Settings, for_s: float | None, seed: int, language: str, json_to: str | None) -> int:
    """A simulated border, live: readings a second, shipments, alerts as they open and close.

    Starts everything it needs on free ports of 127.0.0.1 and stops it again. Exits with 1 where anything was
    lost, doubled or refused.

    \b
    Examples:
      puente demo
      puente demo --for 45s --seed 7 --json demo.json
      puente demo --language es
    """
    from deploy import demo as live

    result = live.run(settings, for_s=for_s, seed=seed, language=language, json_on_stdout=json_to == "-")
    if json_to is not None:
        write_json(result, json_to)
    return live.exit_code(result)
