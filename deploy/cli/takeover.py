"""``puente detectors shadow`` compares a new version with the line's; ``puente detectors adopt`` lets it take over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from contracts.words import Language
from deploy.cli.common import cluster_if_known, json_option, language_option, need, with_settings, write_json
from deploy.cli.durations import Amount
from deploy.said import RefusalError, Said
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.adoptions import Adoption
    from deploy.cli.telling import Telling
    from deploy.shadow import Progress, Run, Version
    from detectors.model_versions import ModelVersion

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
    "--told", is_flag=True,
    help="Compare with what the line told, whichever release told it, in place of a replay of its version.",
)
@click.option(
    "--labels", type=_FILE, metavar="FILE",
    help="What officers said, as UTF-8: an alert's id (or its first 12 characters or more), a comma, right or wrong; "
    "one a line.",
)
@click.option(
    "--corridor", "corridors", multiple=True, metavar="NAME", help="Only this corridor's windows (unusual_journey).",
)
@click.option(
    "--hours", type=Amount("hours", 0.1, 8_760.0), help="Begin so many hours back; without it, with all kept.",
)
@click.option(
    "--follow", "minutes", type=Amount("minutes", 0.0, 100_000.0), default=0.0, metavar="MINUTES",
    help="Go on with what comes for so long before comparing; Ctrl-C ends it with what was compared by then.",
)
@language_option
@json_option
@with_settings
def shadow(
    settings: Settings, rule: str, version: str | None, candidate: Path | None, told: bool, labels: Path | None,
    corridors: tuple[str, ...], hours: float | None, minutes: float, language: Language,
    json_to: str | None,
) -> int:
    # fmt: on
    """Run a new version of a rule's model in the shadow of the line's own: on the same input, telling nobody.

    Reads journey windows (unusual_journey) or watched sensors' values (sensor_anomaly) from Kafka in no consumer group,
    and compares what both, only the old or only the new version would tell. The JSON it writes is what `puente
    detectors adopt` signs. Exit code 0 where the new one is ready to take over, 1 where it is not, 130 where Ctrl-C cut
    it short.

    Without --model it is thresholds that are compared. Those of the release's own version are set without leave, and
    `adopt` signs no report of them.

    With --told the line's alerts stand for the old version: so a new release's own model is compared, from where that
    release is installed, while the workers of the one before go on. `adopt` signs that report.

    \b
    Examples:
      puente detectors shadow --model 2-swift --json report.json
      puente detectors shadow --rule sensor_anomaly --model 8-own-range --labels said.csv
      puente detectors shadow --rule sensor_anomaly --told --json report.json
      puente detectors shadow --candidate stricter.toml --hours 48
      puente detectors shadow --candidate stricter.toml --corridor I-35 --follow 60
      puente detectors shadow --model 2-swift --language es
    """
    need(settings.kafka, "kafka", "Kafka")

    import asyncio

    from deploy import shadow as runs
    from deploy import shadow_inputs
    from deploy.cli import INTERRUPTED
    from deploy.services.topics import cluster_of

    if version is None and candidate is None and not told:
        raise RefusalError("name_version")
    if corridors and rule != runs.JOURNEYS:
        raise RefusalError("no_corridors", rule=rule)
    cluster = cluster_of(settings.kafka)
    new = _candidate(settings, rule, version, candidate, cluster)
    said = shadow_inputs.labels_in(labels) if labels is not None else {}
    asked = runs.Asked(new, said, corridors, hours, minutes, told)
    telling = _telling(rule, language)
    try:
        found = asyncio.run(runs.run(settings, asked, cluster, on_progress=telling))
    finally:
        telling.end()
    _report(found, language, json_to)
    if found.cut_short:
        return INTERRUPTED
    return 0 if found.report.ready else 1


def _candidate(settings: Settings, rule: str, version: str | None, limits: Path | None, cluster: str) -> Version:
    """What is to be compared: this version with the thresholds of this file; of either that is None, the line's."""
    from deploy import shadow as runs
    from deploy import shadow_inputs

    new = runs.in_the_line(settings, rule, cluster)
    return runs.Version(
        new.model if version is None else _find(rule, version),
        new.limits if limits is None else shadow_inputs.candidate_in(limits, rule),
    )


def _telling(rule: str, language: Language) -> Telling[Progress]:
    """How far the comparison is, on standard error."""
    import sys

    from deploy.cli.telling import Telling
    from streams.shadow_stages import FORMS

    form = FORMS[rule]
    judged = form.judged if language == "en" else form.in_spanish[form.judged]

    def so_far(progress: Progress) -> str:
        return Said("progress", judged=judged, **progress._asdict()).in_language(language)

    live = sys.stderr.isatty()
    return Telling(so_far, sys.stderr if live else None, None if live else sys.stderr)


def _report(found: Run, language: Language, json_to: str | None) -> None:
    """What was found, for people, unless standard output is the JSON's; and as JSON where that is asked for."""
    from deploy import shadow_words

    if json_to is not None:
        write_json(shadow_words.as_dict(found), json_to)
    if json_to != "-":
        for line in shadow_words.lines_of(found, language):
            click.echo(line)


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
@language_option
@with_settings
def adopt(
    settings: Settings, report: Path | None, by: str, waive: str, rule: str | None, version: str | None,
    to: Path | None, language: Language,
) -> None:
    # fmt: on
    """Sign for a version of a rule's model, so that workers let it judge in place of the release's own.

    REPORT is what `puente detectors shadow --json` wrote of this line in the last 30 days, and must say ready. --waive
    is for what cannot wait for that; every worker, `puente doctor` and the metrics tell of it. A record holds for the
    version's very content and its thresholds: after a release that changes the content, or with other thresholds, it
    has to be compared again.

    The release's own model needs nobody's leave, until it is signed for once (a report of `shadow --told`, or --waive):
    from then on no later release's own judges either before it is signed for.

    \b
    Examples:
      puente detectors adopt report.json --by "Ana Ruiz, ANAM"
      puente detectors adopt --rule unusual_journey --model 2-swift --by "J. Poe, CBP" --waive "flooded road, I-35"
      puente detectors adopt --rule sensor_anomaly --model 7 --by "Ana Ruiz, ANAM" --waive "the first to be signed for"
      puente detectors adopt report.json --by "Ana Ruiz, ANAM" --language es
    """
    from deploy import adopting, adoptions, takeover
    from detectors import model_versions

    file = to or settings.adoptions
    by, waive = (" ".join(said.split()) for said in (by, waive))  # one line each, wherever they are told
    if file is None:
        raise RefusalError("no_file")
    if not by:
        raise RefusalError("no_name")
    record = _record(settings, report, by, waive, rule, version, language)
    judging = takeover.InForce(model_versions.named(record.model), record).said()
    # Made before it is written: what can't be shown is not signed for.
    said = [Said("signed", path=file, judging=judging).in_language(language), Said("to_set").in_language(language)]
    said += [f"  {line}" for line in adopting.to_set(settings, record, file)]
    if judging.name == "judges_signed":
        said.append(Said("own_asks", rule=model_versions.named(record.model).rule).in_language(language))
    try:
        adoptions.read(file) if file.exists() else None
        adoptions.append(file, record)
    except OSError as error:
        raise RefusalError("not_added", path=file, why=error.strerror or error) from None
    for line in said:
        click.echo(line)


def _record(
    settings: Settings, report: Path | None, by: str, waive: str, rule: str | None, version: str | None,
    language: Language,
) -> Adoption:  # fmt: skip
    from datetime import UTC, datetime

    from deploy import adopting

    at = datetime.now(UTC)
    if report is not None:
        if rule or version:
            raise RefusalError("report_says")
        content, cluster = adopting.read_report(report), cluster_if_known(settings.kafka)
        for doubt in adopting.doubts(content, cluster):
            click.echo(doubt.in_language(language), err=True)
        return adopting.signed(content, by, at, waive, cluster)
    if not (rule and version and waive):
        raise RefusalError("name_report")
    return adopting.waived(settings, _find(rule, version), by, at, waive)


def _find(rule: str, version: str) -> ModelVersion:
    """This version of the rule's model. Raises RefusalError."""
    from detectors import model_versions

    try:
        return model_versions.find(rule, version)
    except ValueError:
        known = ", ".join(model.version for model in model_versions.BY_NAME.values() if model.rule == rule)
        raise RefusalError("no_version", rule=rule, version=version, known=known) from None
