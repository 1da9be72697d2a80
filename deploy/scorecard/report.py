"""The scorecard's result: one object for machines, one table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import Final

import msgspec

from deploy.scorecard import grid
from deploy.scorecard.curve import Curve, curves
from deploy.scorecard.day import Day
from deploy.scorecard.matching import Excused, Matched, Opening, match
from deploy.scorecard.statistics import Interval, RuleScore, scores
from simulators.faults import NOT_IN_EVERY_LINE, VARIANTS, Fault
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


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that counts as neither right nor wrong, and the fault that excuses it."""

    seed: int
    opening: Opening
    fault: Fault


class NoRule(msgspec.Struct, frozen=True, kw_only=True):
    """What was true and this line has no rule for, nor need have; ``variants`` counts its episodes."""

    kind: str
    episodes: int
    variants: dict[str, int]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """What was played and was not its rule's to tell, and why (``Fault.exempt``); neither found nor missed."""

    rule: str
    why: str
    faults: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What ``puente scorecard --json`` writes. Drills are counted in ``drills`` and in nothing else.

    ``curves`` are empty unless asked for. ``repeats`` and ``explained`` are every alert that the columns of these names
    count, for whoever wants to judge them otherwise. ``interval_s`` is what the devices declared.
    """

    scenario: str
    seeds: list[int]
    interval_s: float
    readings: int
    refused: int
    shipment_days: float
    cpu_s: float
    lateness_bound_ms: int
    rules: list[RuleScore]
    not_run: list[str]
    of_no_rule: list[NoRule]
    exempt: list[Apart]
    curves: list[Curve]
    drills: list[RuleScore]
    faults: list[Found]
    false_alarms: list[FalseAlarm]
    repeats: list[Audited]
    explained: list[Audited]


def result_of(scenario: str, days: Iterable[Day]) -> Result:
    """Match every day and count. Raises ValueError where there is no day, or none with a shipment.

    Days at other levels of thresholds than the set point are for the curves alone.
    """
    at_all = sorted(days, key=lambda day: day.seed)
    played = [day for day in at_all if day.level == grid.SET_POINT]
    shipment_days = sum(day.shipment_days for day in played)
    if shipment_days <= 0:
        raise ValueError("no shipment was followed in these days")
    real, drilled = ({day.seed: _matched(day, drill) for day in played} for drill in (False, True))
    run = set.intersection(*(set(day.rules) for day in played))
    asked = {fault.rule for day in played for fault in day.faults if not fault.exempt}
    untold = {kind for kind in NOT_IN_EVERY_LINE if kind not in run}
    asked -= untold
    rules = sorted(run | asked, key=lambda rule: (list(VARIANTS).index(rule) if rule in VARIANTS else 99, rule))
    drill_rules = [r for r in rules if any(f.rule == r and f.exercise for day in played for f in day.faults)]
    return Result(
        scenario=scenario,
        seeds=[day.seed for day in played],
        interval_s=played[0].interval_s,
        readings=sum(day.readings for day in played),
        refused=sum(day.refused for day in played),
        shipment_days=shipment_days,
        cpu_s=sum(day.cpu_s for day in played),
        lateness_bound_ms=LATENESS_BOUND_MS,
        rules=scores(rules, run, real, shipment_days),
        not_run=sorted(asked - run),
        of_no_rule=[_no_rule(kind, played) for kind in NOT_IN_EVERY_LINE if kind in untold],
        exempt=_exempt(played, untold),
        curves=_curves(rules, at_all, shipment_days),
        drills=scores(drill_rules, run, drilled, shipment_days),
        faults=[f for seed, day in real.items() for f in _found(seed, day) if f.fault.rule not in untold],
        false_alarms=[FalseAlarm(seed=seed, opening=o) for seed, day in real.items() for o in day.false],
        repeats=[excused for seed, day in real.items() for excused in _audited(seed, day.repeats)],
        explained=[excused for seed, day in real.items() for excused in _audited(seed, day.explained)],
    )


def _no_rule(kind: str, days: Iterable[Day]) -> NoRule:
    episodes = {(day.seed, f.episode_id): f.variant for day in days for f in day.faults if f.rule == kind}
    return NoRule(kind=kind, episodes=len(episodes), variants=dict(sorted(Counter(episodes.values()).items())))


def _exempt(days: Iterable[Day], untold: Container[str]) -> list[Apart]:
    why = Counter((f.rule, f.exempt) for day in days for f in day.faults if f.exempt and not f.exercise)
    return [Apart(rule=r, why=w, faults=n) for (r, w), n in sorted(why.items()) if r not in untold]


def _curves(rules: Iterable[str], days: Iterable[Day], shipment_days: float) -> list[Curve]:
    by_level: dict[int, dict[int, Matched]] = {}
    for day in days:
        by_level.setdefault(day.level, {})[day.seed] = _matched(day, drill=False)
    return curves(rules, by_level, shipment_days) if len(by_level) > 1 else []


def _matched(day: Day, drill: bool) -> Matched:
    faults = [fault for fault in day.faults if fault.exercise == drill]
    return match(faults, [o for o in day.openings if o.exercise == drill], LATENESS_BOUND_MS)


def _found(seed: int, day: Matched) -> list[Found]:
    found = [Found(seed=seed, fault=hit.fault, delay_s=hit.delay_s) for hit in day.hits]
    found += [Found(seed=seed, fault=fault, delay_s=None) for fault in day.missed]
    return sorted(found, key=lambda f: (f.fault.start_ms, f.fault.fault_id))


def _audited(seed: int, excused: Iterable[Excused]) -> list[Audited]:
    return [Audited(seed=seed, opening=each.opening, fault=each.fault) for each in excused]


_HEAD: Final = (
    "rule",
    "episodes",
    "faults",
    "precision",
    "of all",
    "recall",
    "delay s",
    "p95",
    "false/ship-day",
    "false",
    "rep.",
    "expl.",
)


_WHY: Final = {
    "below": "Played, and too small to be a fault (an alert of it would be false)",
    "slight": "Not judged, for not even its companions contradict so small a share",
    "unwatched": "Not judged, for the sensor is not watched",
    "unheard": "Not judged, for the sensor had not been heard for a day",
}
_DELAY: Final = "delay s: the median; no interval where fewer than six episodes were found."
_LEGEND: Final = """In brackets: 95 % intervals. rep.: a fault told of again; expl.: another rule's fault that shows as
this one too; neither counts as right or wrong, but in `of all`: hits in all that was told."""


def table(result: Result) -> str:
    """The figures in columns, and what they leave out."""
    lines = _aligned([_HEAD, *(_row(rule) for rule in result.rules)])
    days = f"{len(result.seeds)} simulated day{'s' if len(result.seeds) > 1 else ''}"
    lines.append("")
    lines.append(
        f"{result.scenario}, {days} (seeds {_ranges(result.seeds)}), {result.shipment_days:.1f} shipment-days, "
        f"{result.readings:,} readings, one each {result.interval_s:g} s of a device, {result.refused} refused, "
        f"{result.cpu_s:.0f} CPU-seconds."
    )
    lines += [_LEGEND, _DELAY]
    if result.explained:
        why = Counter((each.fault.rule, each.opening.rule) for each in result.explained)
        lines.append(
            "Explained, by fault -> alert: " + ", ".join(f"{f} -> {o} {n}" for (f, o), n in sorted(why.items()))
        )
    lines += [f"NOT RUN: {name} is not in this line; its faults above were found by nobody." for name in result.not_run]
    lines += [
        f"Told by no rule: {of.kind}, {of.episodes} episodes ({', '.join(f'{v} {n}' for v, n in of.variants.items())})."
        for of in result.of_no_rule
        if of.episodes
    ]
    by_name = {rule.rule: rule for rule in result.rules}
    lines += [f"{_WHY[of.why]}: {of.rule}, {of.faults}{_with_them(of, by_name.get(of.rule))}." for of in result.exempt]
    lines += [
        f"Drills, apart: {drill.rule}, {drill.hits} of {drill.faults} found, {drill.false_alarms} false."
        for drill in result.drills
    ]
    return "\n".join(lines)


def _with_them(of: Apart, score: RuleScore | None) -> str:
    """What the recall would be, were those not judged all missed."""
    if of.why != "slight" or score is None or score.recall is None:
        return ""
    return f"; were they all missed, its recall would be {score.recall * score.faults / (score.faults + of.faults):.3f}"


def variants_table(result: Result) -> str:
    """What came of each variant of each rule's fault, in columns."""
    rows = [("rule", "variant", "faults", "found", "delay s")]
    for rule in result.rules:
        for n, (name, of) in enumerate(rule.variants.items()):
            delay = _delay(of.delay_median_s, of.delay_median_95_s)
            rows.append(("" if n else rule.rule, name, str(of.faults), str(of.found), delay))
    return "\n".join([*_aligned(rows, 2), "", "Each rule's faults by the ways in which they come. " + _DELAY])


def curve_table(result: Result) -> str:
    """The curves in columns, a rule's points from lax to strict, its set point marked."""
    rows = [("rule", "threshold", "value", "", "precision", "recall", "false/ship-day", "delay s")]
    for curve in result.curves:
        for n, point in enumerate(curve.points):
            rows.append(
                (
                    "" if n else curve.rule,
                    "" if n else curve.threshold,
                    f"{point.value:.6g}",
                    "<" if point.set_point else "",
                    "-" if point.precision is None else f"{point.precision:.3f}",
                    "-" if point.recall is None else f"{point.recall:.3f}",
                    f"{point.false_per_shipment_day:.4f}",
                    _seconds(point.delay_median_s),
                )
            )
    return "\n".join(
        [*_aligned(rows, 2), "", "Each rule by its main threshold, from lax to strict; < marks where it is set."]
    )


def _aligned(rows: Sequence[tuple[str, ...]], left: int = 1) -> list[str]:
    """Rows as lines of columns, of which so many are aligned to the left."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if n < left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(rule: RuleScore) -> tuple[str, ...]:
    if not rule.run:
        return (rule.rule, str(rule.episodes), str(rule.faults), *("not run",) * 3, *("",) * 6)
    return (
        rule.rule,
        str(rule.episodes),
        str(rule.faults),
        _share(rule.precision, rule.precision_95),
        _share(rule.of_all, rule.of_all_95),
        _share(rule.recall, rule.recall_95),
        _delay(rule.delay_median_s, rule.delay_median_95_s),
        _seconds(rule.delay_p95_s),
        "{:.4f} [{:.4f}, {:.4f}]".format(rule.false_per_shipment_day, *rule.false_per_shipment_day_95),
        str(rule.false_alarms),
        str(rule.repeats),
        str(rule.explained),
    )


def _share(share: float | None, interval: Interval | None) -> str:
    return "-" if share is None or interval is None else f"{share:.3f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def _delay(median_s: float | None, interval_s: Interval | None) -> str:
    within = "" if interval_s is None else f" [{_seconds(interval_s[0])}, {_seconds(interval_s[1])}]"
    return _seconds(median_s) + within


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
