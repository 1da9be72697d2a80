"""The scorecard's result: one object for machines, one table for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from deploy.scorecard.day import Day
from deploy.scorecard.matching import Matched, Opening, match
from deploy.scorecard.statistics import Interval, RuleScore, scores
from simulators.faults import VARIANTS, Fault
from streams.shipment_windows import WindowConfig

LATENESS_BOUND_MS: Final = WindowConfig().lateness_bound_ms


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A fault, and after how many seconds it was told of; null: never."""

    seed: int
    fault: Fault
    delay_s: float | None


class FalseAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that no fault explains."""

    seed: int
    opening: Opening


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What ``puente scorecard --json`` writes. Drills are counted in ``drills`` and in nothing else."""

    scenario: str
    seeds: list[int]
    readings: int
    refused: int
    shipment_days: float
    cpu_s: float
    lateness_bound_ms: int
    rules: list[RuleScore]
    not_run: list[str]
    drills: list[RuleScore]
    faults: list[Found]
    false_alarms: list[FalseAlarm]


def result_of(scenario: str, days: Iterable[Day]) -> Result:
    """Match every day and count. Raises ValueError where there is no day, or none with a shipment."""
    played = sorted(days, key=lambda day: day.seed)
    shipment_days = sum(day.shipment_days for day in played)
    if shipment_days <= 0:
        raise ValueError("no shipment was followed in these days")
    real, drilled = ({day.seed: _matched(day, drill) for day in played} for drill in (False, True))
    run = set.intersection(*(set(day.rules) for day in played))
    asked = {fault.rule for day in played for fault in day.faults}
    rules = sorted(run | asked, key=lambda rule: (list(VARIANTS).index(rule) if rule in VARIANTS else 99, rule))
    drill_rules = [r for r in rules if any(f.rule == r and f.exercise for day in played for f in day.faults)]
    return Result(
        scenario=scenario,
        seeds=[day.seed for day in played],
        readings=sum(day.readings for day in played),
        refused=sum(day.refused for day in played),
        shipment_days=shipment_days,
        cpu_s=sum(day.cpu_s for day in played),
        lateness_bound_ms=LATENESS_BOUND_MS,
        rules=scores(rules, run, real, shipment_days),
        not_run=sorted(asked - run),
        drills=scores(drill_rules, run, drilled, shipment_days),
        faults=[found for seed, day in real.items() for found in _found(seed, day)],
        false_alarms=[FalseAlarm(seed=seed, opening=o) for seed, day in real.items() for o in day.false],
    )


def _matched(day: Day, drill: bool) -> Matched:
    faults = [fault for fault in day.faults if fault.exercise == drill]
    return match(faults, [o for o in day.openings if o.exercise == drill], LATENESS_BOUND_MS)


def _found(seed: int, day: Matched) -> list[Found]:
    found = [Found(seed=seed, fault=hit.fault, delay_s=hit.delay_s) for hit in day.hits]
    found += [Found(seed=seed, fault=fault, delay_s=None) for fault in day.missed]
    return sorted(found, key=lambda f: (f.fault.start_ms, f.fault.fault_id))


_HEAD: Final = (
    "rule",
    "episodes",
    "faults",
    "precision",
    "recall",
    "delay s",
    "p95",
    "false/ship-day",
    "false",
    "rep.",
    "expl.",
)


_LEGEND: Final = """In brackets: 95 % intervals. rep.: a fault told of again; expl.: another rule's fault that shows as
this one too; neither counts as right or wrong."""


def table(result: Result) -> str:
    """The figures in columns, and what they leave out."""
    rows = [_HEAD, *(_row(rule) for rule in result.rules)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    days = f"{len(result.seeds)} simulated day{'s' if len(result.seeds) > 1 else ''}"
    lines.append("")
    lines.append(
        f"{result.scenario}, {days} (seeds {_ranges(result.seeds)}), {result.shipment_days:.1f} shipment-days, "
        f"{result.readings:,} readings, {result.refused} refused, {result.cpu_s:.0f} CPU-seconds."
    )
    lines.append(_LEGEND)
    lines += [f"NOT RUN: {name} is not in this line; its faults above were found by nobody." for name in result.not_run]
    lines += [
        f"Drills, apart: {drill.rule}, {drill.hits} of {drill.faults} found, {drill.false_alarms} false."
        for drill in result.drills
    ]
    return "\n".join(lines)


def _row(rule: RuleScore) -> tuple[str, ...]:
    if not rule.run:
        return (rule.rule, str(rule.episodes), str(rule.faults), *("not run",) * 2, *("",) * 6)
    return (
        rule.rule,
        str(rule.episodes),
        str(rule.faults),
        _share(rule.precision, rule.precision_95),
        _share(rule.recall, rule.recall_95),
        _seconds(rule.delay_median_s),
        _seconds(rule.delay_p95_s),
        "{:.4f} [{:.4f}, {:.4f}]".format(rule.false_per_shipment_day, *rule.false_per_shipment_day_95),
        str(rule.false_alarms),
        str(rule.repeats),
        str(rule.explained),
    )


def _share(share: float | None, interval: Interval | None) -> str:
    return "-" if share is None or interval is None else f"{share:.3f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _ranges(seeds: list[int]) -> str:
    """``1, 3-5``."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], seed]
        else:
            parts.append([seed])
    return ", ".join("-".join(map(str, part)) for part in parts)
