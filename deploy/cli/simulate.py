"""``puente simulate``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from deploy.cli.common import json_option, need, with_settings, write_json, writing_to
from deploy.cli.durations import DURATION, Amount
from deploy.cli.scenarios import scenario_option
from deploy.settings import Settings


@click.command()
@scenario_option("demo")
@click.option("--for", "for_s", type=DURATION, help="How long, such as 45s or 10m; else as the scenario says.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same fleet.")
@click.option("--shipments", type=click.IntRange(1, 100_000), help="Under way; else as the scenario says.")
@click.option(
    "--speed",
    type=Amount("times", 0.001, 100_000.0),
    default=1.0,
    show_default=True,
    help="Times the clock's. Other than 1, readings are older than the line waits for: no journeys, no separation.",
)
@click.option("--rate", type=Amount("readings", 0.1, 1_000_000.0), help="Readings a second, whatever the clock says.")
@click.option("--exercise", is_flag=True, help="Mark everything as a drill.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write reference, readings and truth to this folder instead of publishing.",
)
@json_option
@with_settings
def simulate(
    settings: Settings,
    scenario: str,
    for_s: float | None,
    seed: int,
    shipments: int | None,
    speed: float,
    rate: float | None,
    exercise: bool,
    output: Path | None,
    json_to: str | None,
) -> int:
    """Publish a simulated fleet to the broker: trucks, containers and seals with journals.

    The fleet's routes, shipments and devices are loaded as reference first. How it gets on is told in the terminal, or,
    where the output goes elsewhere, in a line every 30 seconds and one at the end. Exits with 1 where readings are left
    without a receipt.

    \b
    Examples:
      puente simulate --for 10m --shipments 200
      puente simulate --scenario day --output day/
      puente simulate --scenario mine.toml --seed 3
    """
    if output is None:
        need(settings.kafka, "kafka", "Kafka")
        need(settings.mqtt, "mqtt", "the MQTT broker")

    from deploy.cli.simulated_progress import sentence
    from deploy.cli.telling import Telling
    from deploy.roles import simulate as role

    out = sys.stderr if json_to == "-" else sys.stdout  # standard output is the JSON's where it is asked for
    telling = Telling(sentence, sys.stderr if sys.stderr.isatty() else None, None if out.isatty() else out)
    try:
        with nullcontext() if output is None else writing_to(output):
            result = role.run(
                settings,
                scenario=scenario,
                seed=seed,
                for_s=for_s,
                shipments=shipments,
                speed=speed,
                rate=rate,
                exercise=exercise,
                output=output,
                on_progress=telling,
            )
    finally:
        telling.end()  # also of a run that was broken off
    return _report(result, output, json_to)


def _report(result: dict[str, Any], output: Path | None, json_to: str | None) -> int:
    """What was simulated; and on standard error what was left without a receipt, for which the exit code is 1."""
    if output is not None and json_to != "-":
        click.echo(f"{result['readings']:,} readings, {result['truth']:,} faults in {output}")
    if json_to is not None:
        write_json(result, json_to)
    if left := result.get("unreceipted", 0):
        click.echo(
            f"puente: {left:,} of {result['measured']:,} readings have no receipt: nothing says that the line holds "
            "them. Does a gateway run on this broker and Kafka? Its log says what it does.",
            err=True,
        )
        return 1
    return 0
