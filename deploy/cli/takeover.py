"""``puente detectors shadow`` compares a new version with the line's; ``puente detectors adopt`` lets it take over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deploy.cli.common import cluster_if_known, json_option, need, with_settings, write_json
from deploy.settings import Settings, SettingsError

_RULES = ("unusual_journey", "sensor_anomaly")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


# fmt: off
@click.command()
@click.option(
    "--rule", type=click.Choice(_RULES), default=_RULES[0], show_default=True, help="The rule whose model it is.",
)
@click.option("--model", "version", metavar="VERSION", help="The new version of its model; without it, the line's.")
@click.option(
    "--candidate", type=_FILE, metavar="FILE",
    help="TOML with a table [rules.RULE]: the new version's thresholds; without it, the line's.",
)
@click.option(
    "--labels", type=_FILE, metavar="FILE",
    help="What officers said: an alert's id (or its beginning), a comma, right or wrong; one a line.",
)
@click.option(
    "--corridor", "corridors", multiple=True, metavar="NAME", help="Only this corridor's windows (unusual_journey).",
)
@click.option("--hours", type=click.FloatRange(0.1), help="Begin so many hours back; without it, with all kept.")
@click.option(
    "--follow", "minutes", type=click.FloatRange(0.0), default=0.0, metavar="MINUTES",
    help="Go on with what comes for so long before comparing.",
)
@json_option
@with_settings
def shadow(
    settings: Settings, rule: str, version: str | None, candidate: Path | None, labels: Path | None,
    corridors: tuple[str, ...], hours: float | None, minutes: float, json_to: str | None,
) -> int:
    # fmt: on
    """Run a new version of a rule's model in the shadow of the line's own: on the same input, telling nobody.

    Reads journey windows (unusual_journey) or watched sensors' values (sensor_anomaly) from Kafka in no consumer group,
    and compares what both, only the old or only the new version would tell. The JSON it writes is what `puente
    detectors adopt` signs. Exit code 0 where the new one is ready to take over, 1 where it is not.

    Without --model it is thresholds that are compared. Those of the release's own version are set without leave, and
    `adopt` signs no report of it.

    \b
    Examples:
      puente detectors shadow --model 1-swift --json report.json
      puente detectors shadow --rule sensor_anomaly --model 4-own-range --labels said.csv
      puente detectors shadow --candidate stricter.toml --hours 48
      puente detectors shadow --candidate stricter.toml --corridor I-35 --follow 60
    """
    need(settings.kafka, "kafka", "Kafka")

    import asyncio

    from deploy import shadow as runs
    from deploy import shadow_words
    from deploy.services.topics import cluster_of
    from detectors import model_versions

    if version is None and candidate is None:
        raise click.UsageError("name the new version: --model, --candidate, or both")
    if corridors and rule != runs.JOURNEYS:
        raise click.UsageError(f"--corridor: {rule} knows of no corridors")
    cluster = cluster_of(settings.kafka)
    try:
        new = runs.in_the_line(settings, rule, cluster)
        model = new.model if version is None else model_versions.find(rule, version)
        limits = new.limits if candidate is None else runs.candidate_in(candidate, rule)
        said = runs.labels_in(labels) if labels is not None else {}
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = asyncio.run(runs.run(settings, runs.Version(model, limits), said, corridors, hours, minutes, cluster))
    if json_to is not None:
        write_json(shadow_words.as_dict(found), json_to)
    if json_to != "-":
        for line in shadow_words.lines_of(found):
            click.echo(line)
    return 0 if found.report.ready else 1


# fmt: off
@click.command()
@click.argument("report", required=False, type=_FILE)
@click.option("--by", required=True, metavar="NAME", help="Who lets it take over: a person and agency.")
@click.option("--waive", default="", metavar="REASON", help="Why it may, though it is not ready or was not compared.")
@click.option("--rule", type=click.Choice(_RULES), help="Without a report: the rule.")
@click.option("--model", "version", metavar="VERSION", help="Without a report: the version.")
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The file of adoptions to add to; without it, that of the settings.",
)
@with_settings
def adopt(
    settings: Settings, report: Path | None, by: str, waive: str, rule: str | None, version: str | None,
    to: Path | None,
) -> None:
    # fmt: on
    """Sign for a version of a rule's model, so that workers let it judge in place of the release's own.

    REPORT is what `puente detectors shadow --json` wrote of this line in the last 30 days, and must say ready. --waive
    is for what cannot wait for that; every worker, `puente doctor` and the metrics tell of it. A record holds for the
    version's very content and its thresholds: after a release that changes the content, or with other thresholds, it
    has to be compared again.

    \b
    Examples:
      puente detectors adopt report.json --by "Ana Ruiz, ANAM"
      puente detectors adopt --rule unusual_journey --model 1-swift --by "J. Poe, CBP" --waive "flooded road, I-35"
    """
    from deploy import adopting, adoptions, takeover
    from detectors import model_versions

    file = to or settings.adoptions
    if file is None:
        raise SettingsError("PUENTE_ADOPTIONS", "is not set: name the file of adoptions there, or with --to")
    by, waive = (" ".join(said.split()) for said in (by, waive))  # one line each, wherever they are told
    if not by:
        raise click.UsageError("--by: say who")
    try:
        record = _record(settings, report, by, waive, rule, version)
        adoptions.read(file) if file.exists() else None
        adoptions.append(file, record)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror or error}") from None
    click.echo(f"{file}: {takeover.InForce(model_versions.named(record.model), record)}.")
    click.echo("For each worker (on another machine, the path of its copy there):")
    for line in adopting.to_set(settings, record, file):
        click.echo(f"  {line}")


def _record(settings: Settings, report: Path | None, by: str, waive: str, rule: str | None, version: str | None) -> Any:
    from datetime import UTC, datetime

    from deploy import adopting
    from detectors import model_versions

    at = datetime.now(UTC)
    if report is not None:
        if rule or version:
            raise click.UsageError("a report says itself which version it is of: leave --rule and --model out")
        content, cluster = adopting.read_report(report), cluster_if_known(settings.kafka)
        if (doubt := adopting.doubt(content, cluster)) is not None:
            click.echo(f"WARNING: {doubt}.", err=True)
        return adopting.signed(content, by, at, waive, cluster)
    if not (rule and version and waive):
        raise click.UsageError("name a report; or a version, by --rule and --model, and the reason for it with --waive")
    return adopting.waived(settings, model_versions.find(rule, version), by, at, waive)
