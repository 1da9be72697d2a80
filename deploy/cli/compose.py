"""``puente compose``."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.common import json_option, with_settings, write_json, writing_to
from deploy.settings import Settings, SettingsError


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

    with writing_to(folder):
        made = compose_secrets.make(folder)
    if json_to is not None:
        write_json({"folder": str(folder), "made": made}, json_to)
        return
    for name in made:
        click.echo(f"{folder / name}: made")
    if not made:
        click.echo(f"{folder} has every password already.")


@compose.command(short_help="Make Grafana's login at InfluxDB, which may read alone.")
@click.argument("password_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings
def reader(settings: Settings, password_file: Path) -> None:
    """Make the login `grafana` at the history's InfluxDB, with the password in PASSWORD_FILE; it may read and no more.

    Grafana lets whoever may open a dashboard ask its data source for anything, so that must not be able to write. Run
    again, it sets the password anew.

    \b
    Example:
      puente compose reader deploy/compose/secrets/grafana_influx_password
    """
    from urllib.parse import parse_qs, unquote, urlsplit

    from deploy.services.influx_reader import let_read

    parts = urlsplit(settings.history)
    if settings.influx_url is None or settings.influx_token is None:
        raise SettingsError("PUENTE_HISTORY", "must be an InfluxDB's address, and PUENTE_INFLUX_TOKEN its token")
    org, bucket = parse_qs(parts.query)["org"][0], unquote(parts.path.strip("/"))
    password = password_file.read_text().strip()
    made = let_read(settings.influx_url, org, bucket, settings.influx_token, password)
    click.echo(f"Grafana's login is {'made' if made else 'there; its password is set'}.")
