"""``puente scorecard``."""

from __future__ import annotations

import re
from typing import Any

import click

from deploy.cli.common import json_option, write_json
from deploy.cli.durations import Amount
from deploy.cli.scenarios import scenario_option


class _Seeds(click.ParamType):
    """``7``, ``101-110``, ``1,3,5-7``."""

    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        seeds: set[int] = set()
        for part in str(value).split(","):
            found = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if not first <= last <= first + 999:
                self.fail(f"{value!r} names no seeds; write 7, 101-110 or 1,3,5-7", param, ctx)
            seeds.update(range(first, last + 1))
        return tuple(sorted(seeds))


@click.command()
@click.option("--seed", type=click.IntRange(0), help="One day of this seed (1 where none is named).")
@click.option("--seeds", type=_Seeds(), help="A day of each, such as 101-110.")
@click.option("--hours", type=Amount("hours", 0.1, 744.0), help="How long a day is; else as the scenario says.")
@scenario_option("day")
@click.option("--shipments", type=click.IntRange(1, 100_000), help="Under way at once; else as the scenario says.")
@click.option(
    "--interval",
    "interval_s",
    type=Amount("seconds", 1.0, 3600.0),
    metavar="SECONDS",
    help="How often each device reports, such as 120; else as the scenario says.",
)
@click.option("--jobs", type=click.IntRange(1), help="Days at a time; else as many as there are cores.")
@click.option("--curve", is_flag=True, help="Also over a grid of each rule's main threshold: four more plays a day.")
@click.option(
    "--variants", is_flag=True, help="Also what came of each variant of a rule's fault (--json always has it)."
)
@json_option
def scorecard(
    seed: int | None,
    seeds: tuple[int, ...] | None,
    hours: float | None,
    scenario: str,
    shipments: int | None,
    interval_s: float | None,
    jobs: int | None,
    curve: bool,
    variants: bool,
    json_to: str | None,
) -> int:
    """Play simulated days through the line's core and say, rule by rule, what it found of what was wrong.

    An alert tells of a fault where rule and subject are the same and it opened between the fault's start and its end,
    the lateness bound and a minute. Exit code 1 where a reading was refused or a rule was not there to be run.

    \b
    Examples:
      puente scorecard --seed 7 --hours 6
      puente scorecard --seeds 1-4 --variants --json scores.json
      puente scorecard --scenario hard --seed 7 --curve
      puente scorecard --seeds 1-2 --interval 120
    """
    if seed is not None and seeds is not None:
        raise click.UsageError("give --seed or --seeds, not both")

    import os

    import msgspec

    from deploy import scorecard as cards

    wanted = seeds or (1 if seed is None else seed,)
    levels = range(cards.LEVELS) if curve else (cards.SET_POINT,)
    orders = [
        cards.Order(scenario=scenario, seed=s, hours=hours, shipments=shipments, interval_s=interval_s, level=level)
        for s in wanted
        for level in levels
    ]
    days = list(_watched(orders, jobs or os.cpu_count() or 1))
    result = cards.result_of(scenario, days)
    if json_to != "-":
        click.echo(cards.table(result))
        if variants:
            click.echo("\n" + cards.variants_table(result))
        if curve:
            click.echo("\n" + cards.curve_table(result))
    if json_to is not None:
        write_json(msgspec.to_builtins(result), json_to)
    return 1 if result.refused or result.not_run else 0


def _watched(orders: list[Any], jobs: int) -> Any:
    """The days as they are over, with how far they are on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from deploy.scorecard import play_all

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulated days", total=len(orders))
        over: dict[tuple[int, int], float] = {}

        def progress(which: tuple[int, int], share: float) -> None:
            over[which] = share
            bar.update(task, completed=round(sum(over.values()), 2))

        for day in play_all(orders, jobs, progress):
            progress((day.seed, day.level), 1.0)
            yield day
