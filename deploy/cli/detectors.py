"""``puente detectors``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy.cli.common import P, R, json_option, write_json
from deploy.cli.durations import Amount
from deploy.cli.takeover import adopt, shadow

if TYPE_CHECKING:
    from deploy.detection.benchmark import Series
    from deploy.detection.peers import Factory


def _limit_option(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Adds ``--limit-us``, as ``limit_us``."""
    return click.option(
        "--limit-us",
        type=Amount("microseconds", 0.001, 1_000_000.0),
        default=2000.0,
        show_default=True,
        help=f"{what} that costs more a row is given up and not scored.",
    )


@click.group()
def detectors() -> None:
    """Detectors of anomalies: compare them, try a new version in the shadow of the old, let it take over."""


# fmt: off
@detectors.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="TEXT", help="Only detectors whose name has this in it.")
@_limit_option("A detector")
@click.option(
    "--simulated", default=0, show_default=True, type=click.IntRange(0, 100), metavar="RUNS",
    help="Score them also on so many simulated runs of scenario sensors, seeds 1 and up.",
)
@click.option("--perturbed", is_flag=True, help="Score on the series changed in ways that change no label.")
@click.option("--no-range", is_flag=True, help="Declare no range; what cannot do without one is not scored.")
@json_option
def table(
    folder: Path, only: tuple[str, ...], limit_us: float, simulated: int, perturbed: bool, no_range: bool,
    json_to: str | None,
) -> int:
    # fmt: on
    """Score our sensor detector, River's and PySAD's on the labelled series in FOLDER.

    FOLDER holds windows.json and the series as CSV. The rules are those of the Numenta Anomaly Benchmark: 0 is no
    alarm at all, 100 every anomaly at its first row, one threshold for all series. Where a range is to be declared it
    is that of the series in FOLDER, and the sensor's own in simulated runs.

    PySAD comes with the extra bench (pip install 'puente[bench]'). Without it, its detectors are named as not run.

    With --perturbed each change has a row: at its best threshold, at 0.5, and with a threshold chosen on the series of
    all other folders, or on four folds of series for the fifth.

    \b
    Examples:
      puente detectors table labelled/
      puente detectors table labelled/ --simulated 1
      puente detectors table labelled/ --only SensorAnomaly --perturbed
      puente detectors table labelled/ --only SensorAnomaly --perturbed --no-range
      puente detectors table labelled/ --only River --json table.json
    """
    from deploy.detection.peers import all_peers, missing, without_range
    from deploy.detection.simulated import days

    if perturbed and simulated:
        raise click.UsageError("--perturbed changes the series in FOLDER only: leave it or --simulated out")
    series = _series_in(folder)
    chosen = {n: f for n, f in all_peers().items() if not only or any(part.lower() in n.lower() for part in only)}
    if not chosen:
        raise click.UsageError("there is nothing to score")
    not_run = missing(chosen)
    chosen = {n: without_range(f) if no_range else f for n, f in chosen.items() if n not in not_run}
    aside = bool(json_to)
    if perturbed:
        changed = {name: _perturbed(name, factory, series, limit_us, aside) for name, factory in chosen.items()}
        result: dict[str, Any] = {"perturbed": changed}
    else:
        result = _scored(chosen, series, limit_us, aside)
    if simulated:
        click.echo("\nsimulated days", err=aside)
        runs = [one for seed in range(1, simulated + 1) for one in days(seed)]
        result["simulated"] = _scored(chosen, runs, limit_us, aside)
    for name, why in not_run.items():
        click.echo(f"{name:36}not run: {why}", err=aside)
    if json_to:
        write_json(result | {"not_run": not_run}, json_to)
    return 0 if chosen else 1


def _scored(chosen: dict[str, Factory], series: list[Series], limit_us: float, aside: bool) -> dict[str, Any]:
    """Print the table as its rows are known, to standard error where ``aside``; all of it as plain data."""
    from deploy.detection.benchmark import PROFILES
    from deploy.detection.table import rows

    click.echo(f"{'detector':36}" + "".join(f"{name:>10}" for name in PROFILES) + f"{'us/row':>10}", err=aside)
    result = []
    for row in rows(chosen, series, limit_us):
        said = "".join(f"{value:10.1f}" for value in row.scores.values()) if row.scores else f"{row.error:>30}"
        click.echo(f"{row.detector:36}{said}{row.us_per_row:10.1f}", err=aside)
        result.append(row.as_json())
    return {"series": len(series), "windows": sum(one.windows for one in series), "rows": result}


def _perturbed(
    name: str, factory: Factory, series: list[Series], limit_us: float, aside: bool
) -> list[dict[str, Any]]:
    """Print one detector's scores by change, then their means and spreads; all of it as plain data. Where it is given
    up at a change, or fails, that is said, and no other change is tried."""
    from dataclasses import asdict
    from statistics import fmean, pstdev

    from deploy.detection.benchmark import UnscoredError
    from deploy.detection.perturbed import CHANGES, measure

    columns = ("best", "at_half", "other_folders", "other_folds")
    click.echo(f"{name:32}" + "".join(f"{column:>15}" for column in columns), err=aside)
    result: list[dict[str, Any]] = []
    for change in CHANGES:
        try:
            row = asdict(measure(change, factory, series, limit_us))
        except UnscoredError as error:
            click.echo(f"  {change:30}{error!s:>60}", err=aside)
            return [*result, {"change": change, "error": str(error)}]
        click.echo(f"  {change:30}" + "".join(f"{row[column]:15.1f}" for column in columns), err=aside)
        result.append(row)
    for said, of in (("mean", fmean), ("standard deviation", pstdev)):
        means = "".join(f"{of([row[column] for row in result]):15.1f}" for column in columns)
        click.echo(f"  {said:30}{means}", err=aside)
    return result


# fmt: off
@detectors.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="TEXT", help="Only ideas whose name or kind has this in it.")
@_limit_option("An idea")
@click.option(
    "--changes", default=2, show_default=True, type=click.IntRange(1, 10), metavar="N",
    help="Score on the series as they are and changed in so many ways less one.",
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), metavar="N", help="Processes.")
@click.option("--markdown", is_flag=True, help="Tables as in docs/detection.md.")
@json_option
def ideas(
    folder: Path, only: tuple[str, ...], limit_us: float, changes: int, jobs: int, markdown: bool, json_to: str | None
) -> int:
    # fmt: on
    """Score every idea that was tried beside our sensor detector on the labelled series in FOLDER.

    Ideas of others, alone, raw and told once; ours without each part, with each constant halved and doubled; ours with
    something more. Scores are those of `puente detectors table`: on the series as they are, then means over a few
    changes that change no label (with --changes 1 there is none, and no column of it). "from ours" is the difference
    of the means, with its standard error over series: what lies within twice that is nothing.

    All of it takes some ten minutes of one core, and with ten changes six times as long.

    \b
    Examples:
      puente detectors ideas labelled/ --jobs 2
      puente detectors ideas labelled/ --only DSPOT --only "matrix profile" --changes 1
      puente detectors ideas labelled/ --only "a part of ours" --json parts.json
    """
    from deploy.detection.ideas import shown, tried
    from deploy.detection.ideas.catalog import all_ideas

    wanted = [part.lower() for part in only]
    chosen = {
        name: idea
        for name, idea in all_ideas().items()
        if not wanted or any(part in name.lower() or part in idea.kind for part in wanted)
    }
    sets = tried.changed_sets(_series_in(folder), changes)
    if not chosen:
        raise click.UsageError("there is nothing to score")
    click.echo(f"{len(chosen)} ideas, each on {len(sets)} x {len(sets[tried.ORDER[0]])} series", err=True)
    table, result = shown.Table(markdown, len(sets)), []
    for its in tried.rows(chosen, sets, limit_us, jobs):
        for row in its:
            for line in table.lines(row):
                click.echo(line, err=json_to == "-")
            result.append(row.as_json())
    if json_to:
        write_json({"changes": list(sets), "rows": result}, json_to)
    return 0


def _series_in(folder: Path) -> list[Series]:
    """Raises UsageError where the folder holds none, or nothing to find."""
    from deploy.detection.benchmark import SeriesError, read

    try:
        series = read(folder)
    except SeriesError as error:
        raise click.UsageError(f"{folder} holds no labelled series: {error}") from None
    if not any(one.windows for one in series):
        raise click.UsageError(f"no series in {folder} has a window: there is nothing to find")
    return series


detectors.add_command(shadow)
detectors.add_command(adopt)
