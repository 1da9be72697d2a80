"""How often a sensor repeats a value at the most, by its noise and its resolution: what makes a run of repeats strange.

The share of repeats in what was heard is no measure of that. A coarse sensor repeats itself seldom while the true value
lies between two of its steps, nearly always while it lies on one, and may come to lie on one for hours. So the share
that it would have there is worked out. Where noise is as likely up as down, one reading's apart from the next one's,
and has a chance ``a`` to reach the next step on either side, a value is repeated with 1 - 2a, and two readings in a row
lie on the two sides with 2a²: a jump over more than one step. Jumps are about as frequent wherever the true value lies,
so a share ``f`` of jumps allows repeats of 1 - sqrt(2f) at the most. A fine sensor jumps nearly always; one that has
never been seen to may stand still for as long as it likes. ``f`` is taken two standard deviations lower than counted.

A step is what the sensor usually changes by: its running median, for the least change ever seen would be spoilt by one
value off the steps. Sensors that smooth their values jump less, and so are given more time, as they need.
Source of the share where little was heard: the Beta-Bernoulli posterior mean, e.g. Gelman et al., "Bayesian Data
Analysis", 3rd edition (2013), 2.1.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

_JUMP: Final = np.float32(1.5)  # steps
_UP, _DOWN = np.float32(1.125), np.float32(1.0 / 1.125)


class Heard(NamedTuple):
    """Of one sensor, or arrays of many: readings that repeated the one before, that changed it, that jumped."""

    repeats: Any
    changes: Any
    jumps: Any


def greatest_share(heard: Heard, prior: Heard) -> Any:
    """The greatest share of repeats that is usual, 0 to 1; ``prior`` is taken to have been heard before, not all 0."""
    seen = prior.repeats + heard.repeats + prior.changes + heard.changes
    least_jumps = np.maximum(0.0, heard.jumps - 2.0 * np.sqrt(heard.jumps))
    on_a_step = 1.0 - np.sqrt(np.minimum(1.0, 2.0 * (prior.jumps + least_jumps) / seen))
    return np.maximum((prior.repeats + heard.repeats) / seen, on_a_step)


def surprise(run: Any, heard: Heard, prior: Heard) -> Any:
    """1 - probability of a run of so many repeats."""
    return 1.0 - np.power(greatest_share(heard, prior), run)


def stepped(step: Any, change: Any) -> tuple[Any, Any]:
    """(whether a change, above 0, went over more than a step; the usual step after it); arrays of float32.

    ``step`` is NaN before the first. It follows the median: larger changes raise it a little, smaller lower it.
    """
    first = step != step
    jumped = ~first & (change > _JUMP * step)
    return jumped, np.where(first, change, step * np.where(change > step, _UP, _DOWN))
