"""Limits: how a rule declares a threshold, with its default, its unit, what it does, and between what it may be set.

The bounds are where the rule still does what it says: below them it would tell everybody or divide by nothing, above
them it would tell nobody, or its columns could not count so far. Both are included.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

_KEY: Final = "limit"


@dataclass(frozen=True, slots=True)
class Limit:
    """One threshold. ``whole``: it counts something, so it is a whole number. ``unit`` is empty for a share."""

    default: float
    low: float
    high: float
    unit: str
    says: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are right."""
        return isinstance(self.default, int)

    @property
    def wanted(self) -> str:
        """What is right, as the end of "must be"."""
        unit = f" {self.unit}" if self.unit else ""
        return f"a {'whole ' if self.whole else ''}number from {self.bounds}{unit}"

    @property
    def bounds(self) -> str:
        """Between what it may be set, both included."""
        return f"{self.low:,.15g} to {self.high:,.15g}"

    def allows(self, value: Any) -> bool:
        """Whether it may be set to this value."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False  # NaN is within nothing
        return not self.whole or value == int(value)


def limit(default: Any, low: float, high: float, unit: str, says: str) -> Any:
    """A field's declaration in a rule's ``Thresholds``: see ``Limit``."""
    return dataclasses.field(default=default, metadata={_KEY: Limit(default, low, high, unit, says)})


def limits_of(form: type) -> dict[str, Limit]:
    """The thresholds of a rule by name. Raises KeyError for a field that was declared without ``limit``."""
    return {item.name: item.metadata[_KEY] for item in dataclasses.fields(form)}
