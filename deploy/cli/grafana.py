"""``puente grafana``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import click

from deploy.cli.common import json_option, need, with_settings, write_json, writing_to
from deploy.settings import Settings, SettingsError

if TYPE_CHECKING:
    from dashboards.grafana.catalog import Everything, Source
    from dashboards.grafana.sync import Account


@click.group()
def grafana() -> None:
    """Dashboards, folders, teams and the line's alarms in a Grafana: by its API, or as files that it reads."""


@grafana.command(short_help="Bring a Grafana up to date by its API.")
@click.option("--url", help="Grafana's address (or PUENTE_GRAFANA).", metavar="URL")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with a service account's token, of the role Admin (or PUENTE_GRAFANA_TOKEN).",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--force", is_flag=True, help="Take back what people changed in our dashboards and alarms.")
@click.option("--restore", is_flag=True, help="Bring back what people deleted, and sight of folders they took away.")
@json_option
@with_settings
def sync(
    settings: Settings,
    url: str | None,
    token_file: Path | None,
    dry_run: bool,
    force: bool,
    restore: bool,
    json_to: str | None,
) -> None:
    """Make or update all that is Puente's in a Grafana. May be run again at any time.

    A folder for each audience and a team that sees it and the joint one, dashboards in English and Spanish, the line's
    alarms, and the data source where the history is an InfluxDB. What people made, changed, deleted or took away is
    left so and said.

    \b
    Examples:
      puente grafana sync --url https://grafana.example --token-file grafana.token --dry-run
      PUENTE_GRAFANA=https://grafana.example PUENTE_GRAFANA_TOKEN_FILE=grafana.token puente grafana sync --json
    """
    from dashboards.grafana.sync import GrafanaRefusedError, GrafanaUnreachableError, Sync, connect
    from deploy.services.errors import ServiceFailedError

    address = url or need(settings.grafana, "grafana", "Grafana")
    token = token_file.read_text().strip() if token_file else settings.grafana_token
    if not token:
        raise SettingsError("PUENTE_GRAFANA_TOKEN", "is not set: it must be the token of a service account, role Admin")
    try:
        client = connect(address, token)
    except ValueError as error:
        raise SettingsError("--url" if url else "PUENTE_GRAFANA", f"{error}, such as https://grafana.example") from None
    run = Sync(client, force=force, restore=restore, dry_run=dry_run)
    refused = None
    try:
        run.run(_everything(settings), _source(settings))
    except GrafanaUnreachableError as error:
        raise ServiceFailedError(str(error)) from None
    except GrafanaRefusedError as error:
        refused = str(error)
    if json_to is not None:
        write_json(_as_dict(run.account, dry_run=dry_run, refused=refused), json_to)
    _tell(run.account, dry_run=dry_run)
    if refused is not None:
        click.echo(f"Grafana refuses: {refused}. What was done before it stays; run again.", err=True)
        click.get_current_context().exit(1)


@grafana.command(short_help="Write the same as files for a Grafana to read.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--at", help="Where Grafana will see FOLDER.", default="/etc/grafana/provisioning", show_default=True)
@click.option(
    "--token",
    help="What stands for InfluxDB's token; Grafana replaces $NAME and $__file{PATH}.",
    default="$PUENTE_INFLUX_TOKEN",
    show_default=True,
)
@click.option("--login", help="A login of InfluxDB's that may read; the token is then its password.")
@click.option(
    "--without-alarm",
    "without_alarms",
    multiple=True,
    metavar="KEY",
    help="Leave this alarm out, such as silent-deliver where no webhook is served. May be given again.",
)
@json_option
@with_settings
def export(
    settings: Settings,
    folder: Path,
    at: str,
    token: str,
    login: str | None,
    without_alarms: tuple[str, ...],
    json_to: str | None,
) -> None:
    """Write the same as provisioning files into FOLDER, for a Grafana that reads them at its start.

    The data source is the history of the settings (PUENTE_HISTORY), by the name under which Grafana reaches it. No
    secret is written. Teams and who sees what are no files to Grafana: `puente grafana sync` makes those. Nor can what
    came from files be edited or paused there: leave out the alarms that you do not want.

    \b
    Example:
      PUENTE_HISTORY='influxdb://influxdb:8086/puente?org=puente' puente grafana export ./provisioning
    """
    from dashboards.grafana import alarms, provisioning

    keys = [alarm.key for alarm in alarms.ALARMS]
    if unknown := [key for key in without_alarms if key not in keys]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(keys)}", param_hint="--without-alarm")
    source = _source(settings, token, login)
    if source is None:
        raise SettingsError("PUENTE_HISTORY", "must be an InfluxDB's address: Grafana asks no other history")
    made = provisioning.files(_everything(settings), source, at, without_alarms)
    with writing_to(folder):
        count = provisioning.write(made, folder)
    if json_to is not None:
        write_json({"files": sorted(made)}, json_to)
    click.echo(f"{count} files in {folder}", err=True)


def _everything(settings: Settings) -> Everything:
    from dashboards.grafana.catalog import everything

    return everything(settings.audience_names, settings.languages)


def _source(settings: Settings, token: str | None = None, login: str | None = None) -> Source | None:
    """The history as Grafana reaches it, None where it is no InfluxDB or its token is not known."""
    from dashboards.grafana.catalog import Source

    address = settings.grafana_history or settings.history
    token = token or settings.grafana_influx_token or settings.influx_token
    parts = urlsplit(address)
    if not parts.scheme.startswith("influxdb") or not parts.netloc or not token:
        return None
    scheme = "https" if parts.scheme in ("influxdbs", "influxdb+https") else "http"
    assert dict(parse_qsl(parts.query)).get("org"), "checked with the settings"
    return Source(f"{scheme}://{parts.netloc}", unquote(parts.path.strip("/")), token, login)


def _as_dict(account: Account, *, dry_run: bool, refused: str | None) -> dict[str, object]:
    steps = [{"kind": s.kind, "name": s.name, "outcome": s.outcome, "why": s.why or None} for s in account.steps]
    counts = {str(outcome): count for outcome, count in account.counts().items()}
    return {**counts, "dry_run": dry_run, "refused": refused, "steps": steps}


def _tell(account: Account, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for step in account.steps:
        if step.outcome != "unchanged":
            why = f" ({step.why})" if step.why else ""
            click.echo(
                f"{'' if step.outcome == 'skipped' else would}{step.outcome}: {step.kind} {step.name}{why}", err=True
            )
    click.echo(", ".join(f"{count} {outcome}" for outcome, count in account.counts().items()), err=True)
