"""Thresholds as operators write them: a table a rule, read into the rule's own ``Thresholds``, or refused by name."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from detectors import catalog

FORMS: Final = catalog.THRESHOLDS


def read(tables: Mapping[str, Any]) -> dict[str, Any]:
    """By rule, an object of its ``Thresholds``: ``{"shock": {"threshold_g": 4.0}}`` is one rule's.

    What a table leaves out keeps its default. Raises ValueError, naming the rule and the key.
    """
    return {rule: _read_rule(rule, table) for rule, table in tables.items()}


def _read_rule(rule: str, table: Any) -> Any:
    form = FORMS.get(rule)
    if form is None:
        raise ValueError(f"{rule} is no rule with thresholds{_near(rule, FORMS)}")
    if not isinstance(table, Mapping):
        raise ValueError(f"{rule} must be a table of thresholds")
    defaults = {item.name: item.default for item in dataclasses.fields(form)}
    values = {}
    for key, value in table.items():
        if key not in defaults:
            raise ValueError(f"{rule}.{key} is no threshold{_near(key, defaults)}")
        values[key] = _number(f"{rule}.{key}", value, whole=isinstance(defaults[key], int))
    try:
        return form(**values)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from None


def _number(name: str, value: Any, whole: bool) -> float:
    """A finite number, not negative; where the default is a whole number, a whole one."""
    wanted = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be {wanted}, not negative: {value!r} is not")
    if whole and value != int(value):
        raise ValueError(f"{name} must be {wanted}: {value!r} is not")
    return int(value) if whole else float(value)


def _near(word: str, words: Iterable[str]) -> str:
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
