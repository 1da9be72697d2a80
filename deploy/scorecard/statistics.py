"""A rule's figures over some days: precision, recall, delay, false alarms a shipment-day, each with how sure it is.

Intervals are of 95 %: Wilson's for shares, Garwood's exact one for the rate of false alarms, Thompson's for the median
delay, which holds whatever delays are distributed like. What befalls a truck befalls its three devices at once, so an
interval counts fault episodes and, of alerts that are counted as wrong, shipments: counted a device each, three of a
kind would pass for three witnesses.
Sources: Wilson, "Probable inference, the law of succession, and statistical inference" (1927); Garwood, "Fiducial
limits for the Poisson distribution" (1936); Thompson, "On confidence ranges for the median and other expectation
distributions for populations of unknown distribution form" (1936).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
from scipy.stats import binom, chi2

from deploy.scorecard.matching import Hit, Matched, Opening
from simulators.faults import Fault

Interval: TypeAlias = tuple[float, float]
Z: Final = 1.959963984540054


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """How many faults of one variant there were and were found, and after how long; null where it cannot be said."""

    faults: int
    found: int
    delay_median_s: float | None
    delay_median_95_s: Interval | None


class RuleScore(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's figures; null where there is nothing to divide by. ``run``: the rule was there to speak.

    ``episodes`` are fault episodes, ``faults`` those by subject: a truck that stands makes one and three. ``of_all`` is
    the share of hits in all that was told, repeats and what another rule's fault explains counted as wrong;
    ``of_all_95`` its interval, wherever there is a share. ``delay_median_95_s`` is null for fewer than six episodes.
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
    delay_median_95_s: Interval | None
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


def median_interval(values: Collection[float], witnesses: int) -> Interval | None:
    """Thompson's interval of the median of what these values were drawn from: from the k-th least to the k-th greatest.

    Of ``n`` independent values, k is the most for which fewer than k of them lie on either side of the median with a
    chance of 2.5 % at the most. ``witnesses`` (no more than there are values) is how many of them are independent;
    where that is fewer, each is taken to have said the same several times over. None where even the least and the
    greatest are not that sure: for fewer than six.
    """
    k = int(binom.ppf(0.025, witnesses, 0.5))
    if k == 0:
        return None
    ordered = sorted(values)
    at = (k - 1) * len(ordered) // witnesses
    return float(ordered[at]), float(ordered[-1 - at])


def score(rule: str, run: bool, days: Mapping[int, Matched], shipment_days: float) -> RuleScore:
    """One rule's figures over days by seed, which together have ``shipment_days`` (above 0)."""
    hits = [(seed, hit) for seed, day in days.items() for hit in day.hits if hit.fault.rule == rule]
    missed = [(seed, fault) for seed, day in days.items() for fault in day.missed if fault.rule == rule]
    false = [(seed, o) for seed, day in days.items() for o in day.false if o.rule == rule]
    repeats = [(seed, e.opening) for seed, day in days.items() for e in day.repeats if e.opening.rule == rule]
    explained = [(seed, e.opening) for seed, day in days.items() for e in day.explained if e.opening.rule == rule]
    neither = [*repeats, *explained]
    faults = [(seed, hit.fault) for seed, hit in hits] + missed
    episodes = {(seed, fault.episode_id) for seed, fault in faults}
    precision, precision_95 = _right(hits, false)
    of_all, of_all_95 = _right(hits, [*false, *neither])
    recall = _share(len(hits), len(faults))
    delay_median_s, delay_median_95_s = _delay(hits)
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
        delay_median_s=delay_median_s,
        delay_median_95_s=delay_median_95_s,
        delay_p95_s=_quantile([hit.delay_s for _, hit in hits], 0.95),
        false_per_shipment_day=len(false) / shipment_days,
        false_per_shipment_day_95=garwood(len(false), shipment_days),
        variants={name: _variant(name, hits, faults) for name in sorted({fault.variant for _, fault in faults})},
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


def _variant(name: str, hits: Sequence[tuple[int, Hit]], faults: Sequence[tuple[int, Fault]]) -> Variant:
    found = [(seed, hit) for seed, hit in hits if hit.fault.variant == name]
    delay_median_s, delay_median_95_s = _delay(found)
    return Variant(
        faults=sum(fault.variant == name for _, fault in faults),
        found=len(found),
        delay_median_s=delay_median_s,
        delay_median_95_s=delay_median_95_s,
    )


def _delay(hits: Sequence[tuple[int, Hit]]) -> tuple[float | None, Interval | None]:
    """The median delay of these hits, by seed, and how sure it is (s)."""
    delays_s = [hit.delay_s for _, hit in hits]
    episodes = {(seed, hit.fault.episode_id) for seed, hit in hits}
    return _quantile(delays_s, 0.5), median_interval(delays_s, len(episodes))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None
