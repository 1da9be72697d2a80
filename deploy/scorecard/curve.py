"""The curve of which a rule's threshold is a point: its figures at each level of the grid, from lax to strict.

Measured by playing the days again, not by sweeping the scores of one play: a lower threshold opens episodes earlier,
merges them and splits them, which no score tells afterwards. All rules are moved together, level by level; where one
rule's word keeps another silent (false positions are no separation), that shows in the other's curve too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from deploy.scorecard import grid
from deploy.scorecard.matching import Matched
from deploy.scorecard.statistics import Interval, score


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's figures where its main threshold is ``value``; null where there is nothing to divide by."""

    value: float
    set_point: bool
    precision: float | None
    precision_95: Interval | None
    recall: float | None
    recall_95: Interval | None
    false_per_shipment_day: float
    delay_median_s: float | None
    delay_median_95_s: Interval | None


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Points from lax to strict; ``threshold`` is the field of the rule's ``Thresholds`` that is moved."""

    rule: str
    threshold: str
    points: list[Point]


def curves(rules: Iterable[str], by_level: Mapping[int, Mapping[int, Matched]], shipment_days: float) -> list[Curve]:
    """Of each rule with a threshold. ``by_level``: matched days by seed, at each level that was played.

    Every level is of the same days, which together have ``shipment_days`` (above 0).
    """
    return [
        Curve(rule=rule, threshold=grid.MAIN[rule].name, points=_points(rule, by_level, shipment_days))
        for rule in rules
        if rule in grid.MAIN
    ]


def _points(rule: str, by_level: Mapping[int, Mapping[int, Matched]], shipment_days: float) -> list[Point]:
    points = []
    for level in sorted(by_level):
        found = score(rule, True, by_level[level], shipment_days)
        points.append(
            Point(
                value=grid.values(rule)[level],
                set_point=level == grid.SET_POINT,
                precision=found.precision,
                precision_95=found.precision_95,
                recall=found.recall,
                recall_95=found.recall_95,
                false_per_shipment_day=found.false_per_shipment_day,
                delay_median_s=found.delay_median_s,
                delay_median_95_s=found.delay_median_95_s,
            )
        )
    return points
