"""Thresholds as operators write them: a table a rule, read into the rule's own ``Thresholds``, or refused by name.

What each may be is declared where the rule is (``detectors.limits``); ``document`` makes docs/rules.md of it, and of
the versions of models there are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from detectors import catalog, model_versions
from detectors.limits import Limit, limits_of

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
    limits = limits_of(form)
    values = {}
    for key, value in table.items():
        if key not in limits:
            raise ValueError(f"{rule}.{key} is no threshold{_near(key, limits)}")
        values[key] = _number(f"{rule}.{key}", value, limits[key])
    try:
        made = form(**values)
        fault = made.fault() if hasattr(made, "fault") else None
    except ValueError as error:
        fault = str(error)
    if fault is not None:
        raise ValueError(f"{rule}: {fault}")
    return made


def _number(name: str, value: Any, limit: Limit) -> float:
    if not limit.allows(value):
        raise ValueError(f"{name} must be {limit.wanted}, and is {value!r}")
    return int(value) if limit.whole else float(value)


def _near(word: str, words: Iterable[str]) -> str:
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def document() -> str:
    """``docs/rules.md``: every threshold of every rule."""
    rows = [
        f"| `{rule}` | `{key}` | {each.default:,.15g} | {each.unit} | {each.bounds} | {each.says} |"
        for rule, form in FORMS.items()
        for key, each in limits_of(form).items()
    ]
    head = _HEAD.format(without=", ".join(f"`{n}`" for n in catalog.CARDS if n not in FORMS))
    return "\n".join([head, *rows, "", *_MODELS, *_versions(), ""])


def _versions() -> list[str]:
    own = model_versions.OWN.values()
    return [
        f"| `{model.rule}` | `{model.version}`{_OWN if model in own else ''} | {model.says} |"
        for model in model_versions.BY_NAME.values()
    ]


_HEAD: Final = """# Thresholds of the rules

Made from the rules' own declarations by `puente doctor --rules`; a test fails when it is stale. What each rule looks
for is in [architecture.md](architecture.md#rules); how many faults it finds and how often it is wrong at other
thresholds, in [scorecard.md](scorecard.md).

A threshold is set in the settings file, or as `PUENTE_RULES="shock.threshold_g=4 battery_low.low_pct=10"`; what is not
set keeps its default. The same for every worker: they share the episodes.

    [rules.shock]
    threshold_g = 4

A value outside its bounds, both of which are allowed, stops the start and says what would be right: beyond them a rule
would tell everybody, or nobody. No thresholds: {without}.

| rule | threshold | default | unit | bounds | what it does |
|---|---|---|---|---|---|"""
_OWN: Final = " (the release's own)"
_MODELS: Final = (
    "## Versions of models",
    "",
    "What a rule that learns takes for usual is its model's. Another version than the release's own is chosen in the",
    'settings file, or as `PUENTE_MODELS="unusual_journey=2-swift"`. It judges once it has been compared with the one',
    "that does, and somebody has signed for it: [architecture.md](architecture.md#versions-of-a-model).",
    "",
    '    adoptions = "adoptions.jsonl"',
    "    [models]",
    '    unusual_journey = "2-swift"',
    "",
    "| rule | version | what it is |",
    "|---|---|---|",
)
