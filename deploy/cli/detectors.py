"""``puente detectors``."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.common import json_option, write_json


@click.group()
def detectors() -> None:
    """Detectors of anomalies: compare them."""


@detectors.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="TEXT", help="Only detectors whose name has this in it.")
@click.option("--limit-us", default=2000.0, show_default=True, help="A detector that costs more a row is not scored.")
@json_option
def table(folder: Path, only: tuple[str, ...], limit_us: float, json_to: str | None) -> int:
    """Score our sensor detector, River's and PySAD's on the labelled series in FOLDER.

    FOLDER holds windows.json and the series as CSV. The rules are those of the Numenta Anomaly Benchmark: 0 is no
    alarm at all, 100 every anomaly at its first row, one threshold for all series.

    \b
    Examples:
      puente detectors table labelled/
      puente detectors table labelled/ --only River --json table.json
    """
    from deploy.detection.benchmark import PROFILES, read
    from deploy.detection.peers import all_peers
    from deploy.detection.table import rows

    try:
        series = read(folder)
    except (OSError, KeyError, ValueError) as error:
        raise click.UsageError(f"{folder} holds no labelled series: {error!r}") from None
    chosen = {n: f for n, f in all_peers().items() if not only or any(part.lower() in n.lower() for part in only)}
    if not chosen or not series:
        raise click.UsageError("there is nothing to score")
    click.echo(f"{'detector':36}" + "".join(f"{name:>10}" for name in PROFILES) + f"{'us/row':>10}", err=bool(json_to))
    result = []
    for row in rows(chosen, series, limit_us):
        said = "".join(f"{value:10.1f}" for value in row.scores.values()) if row.scores else f"{row.error:>30}"
        click.echo(f"{row.detector:36}{said}{row.us_per_row:10.1f}", err=bool(json_to))
        result.append(row.as_json())
    if json_to:
        write_json({"series": len(series), "windows": sum(one.windows for one in series), "rows": result}, json_to)
    return 0
