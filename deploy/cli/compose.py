"""``puente compose``."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.common import json_option, write_json


@click.group()
def compose() -> None:
    """The line in containers: see deploy/compose/compose.yaml."""


@compose.command(short_help="Make the passwords that the containers need.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="deploy/compose/secrets")
@json_option
def init(folder: Path, json_to: str | None) -> None:
    """Make the passwords that deploy/compose needs, each at random, in FOLDER (deploy/compose/secrets).

    What is there is kept, so it may be run again. No password is printed.

    \b
    Example:
      puente compose init
    """
    from deploy import compose_secrets

    try:
        made = compose_secrets.make(folder)
    except OSError as error:
        raise click.UsageError(f"{folder}: {error.strerror or error}; name a folder that you may write") from None
    if json_to is not None:
        write_json({"folder": str(folder), "made": made}, json_to)
        return
    for name in made:
        click.echo(f"{folder / name}: made")
    if not made:
        click.echo(f"{folder} has every password already.")
