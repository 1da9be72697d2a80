"""Versions of the models that learn: of each such rule the release's own, and those that may take its place.

A version is an implementation and its settings, by a name such as ``unusual_journey@2-swift``. What a rule looks at and
when it tells stay the rule's; what its model takes for usual is the version's. One that is not the release's own judges
in the line once it has been compared with the one that does (``puente detectors shadow``, docs/architecture.md).

A version begins with its rule's version: where that rises, none of before is offered any more.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from detectors import sensor_watch, unusual_journey


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version. ``make`` makes a model that has seen nothing, of what it is for and these ``settings``.

    ``goes_on_from`` are versions whose learnt state means the same to this one: it goes on from there. Of every other
    version's it begins anew.
    """

    rule: str
    version: str
    says: str
    make: Callable[..., Any]
    settings: Mapping[str, float | bool] = field(default_factory=dict)
    goes_on_from: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """``rule@version``."""
        return f"{self.rule}@{self.version}"

    def fresh(self, *about: Any) -> Any:
        """A model that has seen nothing."""
        return self.make(*about, **self.settings)

    def reads(self, version: str) -> bool:
        """Whether what this version of the rule has learnt is read as its own."""
        return version == self.version or version in self.goes_on_from


_JOURNEY: Final = unusual_journey.CARD
_SENSOR: Final = sensor_watch.CARD
JOURNEY: Final = ModelVersion(
    _JOURNEY.name,
    str(_JOURNEY.version),
    "means and spreads by place; some hundreds of windows are remembered; what is unusual teaches once most "
    "vehicles in a place have been so for eight hours",
    unusual_journey.fresh,
    goes_on_from=frozenset({f"{_JOURNEY.version}-swift"}),
)
SENSOR: Final = ModelVersion(
    _SENSOR.name,
    str(_SENSOR.version),
    "distances from all that the sensor has done, in parts of its declared range",
    sensor_watch.fresh,
    goes_on_from=frozenset({"7"}),  # what is learnt means the same; what closes an alert does not
)
_EVERY: Final = (
    JOURNEY,
    ModelVersion(
        _JOURNEY.name,
        f"{_JOURNEY.version}-swift",
        "for a corridor whose traffic has changed to stay (roadworks, a new lane): a quarter of the memory, and "
        "what is unusual teaches after two hours, so the new is usual sooner, a queue that holds all up too",
        unusual_journey.fresh,
        {"memory_share": 0.25, "lasting_h": 2.0},
        goes_on_from=frozenset({JOURNEY.version}),  # the same means and spreads, forgotten otherwise
    ),
    SENSOR,
    ModelVersion(
        _SENSOR.name,
        f"{_SENSOR.version}-own-range",
        "for sensors that use a small part of what they are declared to (a probe for -200 to 850 °C in a reefer): the "
        "range is found out from the first hundred values, and grows",
        sensor_watch.fresh,
        {"own_range": True},
    ),
)
OWN: Final[Mapping[str, ModelVersion]] = {model.rule: model for model in (JOURNEY, SENSOR)}
BY_NAME: Final[Mapping[str, ModelVersion]] = {model.name: model for model in _EVERY}


def is_own(name: str, rule: str) -> bool:
    """Whether this is the name of a release's own model of this rule, of whichever release: with the rule's version."""
    of, _, version = name.partition("@")
    return of == rule and version.isdecimal()


def said_of(model: ModelVersion, waived_by: str) -> dict[str, str]:
    """Evidence: which version judged, and who waived the comparison where it had none: an alert says so to all."""
    said = {"model_version": model.name}
    return {**said, "model_waived_by": waived_by} if waived_by else said


def find(rule: str, version: str) -> ModelVersion:
    """This version of this rule's model. Raises ValueError, which says which there are."""
    if rule not in OWN:
        raise ValueError(f"{rule} is no rule whose model has versions{_near(rule, list(OWN))}")
    found = BY_NAME.get(f"{rule}@{version}")
    if found is None:
        known = [model.version for model in _EVERY if model.rule == rule]
        raise ValueError(f"{rule} has no version {version!r}{_near(version, known)}")
    return found


def named(name: str) -> ModelVersion:
    """The version of this name, ``rule@version``. Raises ValueError as ``find`` does."""
    rule, _, version = name.partition("@")
    return find(rule, version)


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
