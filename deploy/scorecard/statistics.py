"""A rule's figures over some days: precision, recall, delay, false alarms a shipment-day, each with how sure it is.

Intervals are of 95 %: Wilson's for shares, Garwood's exact one for the rate of false alarms. What befalls a truck
befalls its three devices at once, so a share's interval counts fault episodes and, of alerts that are counted as wrong,
shipments: counted a device each, three of a kind would pass for three witnesses.
Sources: Wilson, "Probable inference, the law of succession, and statistical inference" (1927); Garwood, "Fiducial
limits for the Poisson distribution" (1936).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
from scipy.stats import chi2

from deploy.scorecard.matching import Hit, Matched, Opening

Interval: TypeAlias = tuple[float, float]
Z: Final = 1.959963984540054


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """How many faults of one variant there were and were found."""

    faults: int
    found: int


class RuleScore(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's figures; null where there is nothing to divide by. ``run``: the rule was there to speak.

    ``episodes`` are fault episodes, ``faults`` those by subject: a truck that stands makes one and three. ``of_all`` is
    the share of hits in all that was told, repeats and what another rule's fault explains counted as wrong;
    ``of_all_95`` its interval, wherever there is a share.
    """

    rule: str
    run: bool
    episodes: int
    faults: int
    alerts: int
    hits: int
    repeats: int
    explained: int
    false_alarms: int
    precision: float | None
    precision_95: Interval | None
    of_all: float | None
    of_all_95: Interval | None
    recall: float | None
    recall_95: Interval | None
    delay_median_s: float | None
    delay_p95_s: float | None
    false_per_shipment_day: float
    false_per_shipment_day_95: Interval
    variants: dict[str, Variant]


def wilson(share: float, n: int) -> Interval:
    """Wilson's score interval of a share seen in ``n`` independent cases (at least one)."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def garwood(count: int, exposure: float) -> Interval:
    """The exact interval of a rate of which ``count`` events were seen in ``exposure`` (above 0)."""
    low = 0.0 if count == 0 else float(chi2.ppf(0.025, 2 * count)) / 2.0
    return low / exposure, float(chi2.ppf(0.975, 2 * count + 2)) / 2.0 / exposure


def score(rule: str, run: bool, days: Mapping[int, Matched], shipment_days: float) -> RuleScore:
    """One rule's figures over days by seed, which together have ``shipment_days`` (above 0)."""
    hits = [(seed, hit) for seed, day in days.items() for hit in day.hits if hit.fault.rule == rule]
    missed = [(seed, fault) for seed, day in days.items() for fault in day.missed if fault.rule == rule]
    false = [(seed, o) for seed, day in days.items() for o in day.false if o.rule == rule]
    repeats = [(seed, o) for seed, day in days.items() for o in day.repeats if o.rule == rule]
    explained = [(seed, o) for seed, day in days.items() for o in day.explained if o.rule == rule]
    neither = [*repeats, *explained]
    faults = [(seed, hit.fault) for seed, hit in hits] + missed
    episodes = {(seed, fault.episode_id) for seed, fault in faults}
    precision, precision_95 = _right(hits, false)
    of_all, of_all_95 = _right(hits, [*false, *neither])
    recall = _share(len(hits), len(faults))
    delays_s = [hit.delay_s for _, hit in hits]
    found = [hit.fault.variant for _, hit in hits]
    all_variants = [fault.variant for _, fault in faults]
    return RuleScore(
        rule=rule,
        run=run,
        episodes=len(episodes),
        faults=len(faults),
        alerts=len(hits) + len(false) + len(neither),
        hits=len(hits),
        repeats=len(repeats),
        explained=len(explained),
        false_alarms=len(false),
        precision=precision,
        precision_95=precision_95,
        of_all=of_all,
        of_all_95=of_all_95,
        recall=recall,
        recall_95=None if recall is None else wilson(recall, len(episodes)),
        delay_median_s=_quantile(delays_s, 0.5),
        delay_p95_s=_quantile(delays_s, 0.95),
        false_per_shipment_day=len(false) / shipment_days,
        false_per_shipment_day_95=garwood(len(false), shipment_days),
        variants={
            name: Variant(faults=all_variants.count(name), found=found.count(name))
            for name in sorted(set(all_variants))
        },
    )


def scores(
    rules: Iterable[str], run: Iterable[str], days: Mapping[int, Matched], shipment_days: float
) -> list[RuleScore]:
    """The figures of each rule; ``run`` names those that were there to speak."""
    known = set(run)
    return [score(rule, rule in known, days, shipment_days) for rule in rules]


def _right(
    hits: Sequence[tuple[int, Hit]], wrong: Sequence[tuple[int, Opening]]
) -> tuple[float | None, Interval | None]:
    """The share of hits, by seed, in hits and what is counted as wrong, and how sure it is."""
    share = _share(len(hits), len(hits) + len(wrong))
    right = {(seed, hit.fault.episode_id) for seed, hit in hits}
    witnesses = len(right) + len({(seed, opening.shipment_id) for seed, opening in wrong})
    return share, None if share is None else wilson(share, witnesses)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None
