"""The models of journeys of one partition: for each corridor, direction and zone, what is usual there.

Assumes that windows come in one order whatever happened in between: each is scored before it is learnt from. A drill is
scored and not learnt.

What another version of the model has learnt is not misread: where the two do not mean the same by it, the models begin
anew, and what it wrote is taken out of the checkpoint (``anew`` counts it). What bears no mark is version 1's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from contracts.journeys import WINDOW_MS, JourneyWindow
from detectors import model_versions, unusual_journey
from detectors.explanation import Reason
from detectors.journey_norm import PLACE, JourneyNorm
from detectors.model_versions import ModelVersion
from detectors.unusual_journey import Thresholds
from streams.stage import StateChange, pack, unpack

_SORTED: Final = msgspec.json.Encoder(order="sorted")
_CARD: Final = unusual_journey.CARD
_UNMARKED: Final = "1"  # the version that was before versions were marked


_VERSION: Final = "@version"  # beside what was learnt: no feature has such a name
_LEARNT: Final = "learnt"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of a window. ``warm``: it has seen enough for that to be told.

    Of an unusual one: each feature's part in the score, those to name, and the ``grounds`` of the score as they were
    before the window was learnt.
    """

    model: str
    score: float
    unusual: bool
    warm: bool
    reasons: tuple[Reason, ...] = ()
    named: tuple[Reason, ...] = ()
    grounds: dict[str, Any] | None = None


class JourneyModels:
    """See the module."""

    def __init__(self, thresholds: Thresholds, version: ModelVersion = model_versions.JOURNEY) -> None:
        self.thresholds = thresholds
        self.version = version
        self.anew = 0  # records of another version's that were found and not read
        self.by_name: dict[str, JourneyNorm] = {}
        self._void: set[str] = set()  # their keys
        self._dirty: set[tuple[str, str]] = set()  # a model, a place in it

    def judge(self, window: JourneyWindow) -> Judgement | None:
        """Score a window, then learn from it; None of one that is not for these models to judge."""
        limits = self.thresholds
        if not unusual_journey.judged(window, limits):
            return None
        name = name_of(window)
        model, x = self._model(name), features_of(window)
        judgement = _judge(model, name, x, limits)
        if not window.exercise:  # a drill is no journey to learn from
            model.learn_one(x, window.device_id, window.end_ms)
            self._dirty.add((name, str(x[PLACE])))
        return judgement

    def drift(self) -> dict[str, float]:
        """Of each model that is warm, how far its feature furthest off has drifted: ``JourneyNorm.drift``, unsigned."""
        warm = [(n, m) for n, m in list(self.by_name.items()) if m.seen >= self.thresholds.warm_up_windows]
        return {name: max(map(abs, model.drift().values()), default=0.0) for name, model in warm}

    def _model(self, name: str) -> JourneyNorm:
        model = self.by_name.get(name)
        if model is None:
            zone = name.rpartition("/")[2]
            model = self.by_name[name] = self.version.fresh(zone, self.thresholds)
        return model

    def changes(self) -> Iterator[StateChange]:
        """Models that have learnt since the last call (``h/``), and those of their places that have (``p/``)."""
        for key in sorted(self._void):
            yield key, None
        self._void.clear()
        for name in sorted({name for name, _ in self._dirty}):
            yield f"h/{name}", self._mark(self.by_name[name].dump())
            for place in self.by_name[name].let_go():
                yield f"p/{name}/{place}", None
        for name, place in sorted(self._dirty):
            if place in self.by_name[name].places:
                yield f"p/{name}/{place}", self._mark(self.by_name[name].dump_place(place))
        self._dirty.clear()

    def _mark(self, dumped: Any) -> bytes:
        version = self.version.version
        return pack(dumped if version == _UNMARKED else {_VERSION: version, _LEARNT: dumped})

    def restore(self, kind: str, rest: str, value: bytes) -> None:
        """One of ``changes`` back, where this version reads it; ``kind`` is ``h`` or ``p``."""
        dumped, by = unpack(value), _UNMARKED
        if isinstance(dumped, dict) and _VERSION in dumped:
            dumped, by = dumped[_LEARNT], dumped[_VERSION]
        if not self.version.reads(by):
            self._void.add(f"{kind}/{rest}")
            self.anew += 1
        elif kind == "h":
            self._model(rest).load(dumped)
        else:
            name, place = rest.rsplit("/", 1)
            self._model(name).load_place(place, dumped)


def name_of(window: JourneyWindow) -> str:
    """The model that judges this window: corridor/direction/zone, and before the zone how long it is, if longer than
    most: what is usual of six minutes is not of three.
    """
    times = (window.end_ms - window.start_ms) // WINDOW_MS
    lasts = f"/{times} windows" if times > 1 else ""
    return f"{window.key}{lasts}/{unusual_journey.zone_of(window)}"


def features_of(window: JourneyWindow) -> dict[str, Any]:
    """What a model is given of a window: its features, and where it is."""
    return {**window.features(), PLACE: unusual_journey.place_of(window)}


def rejudge(window: JourneyWindow, grounds: dict[str, Any], limits: Thresholds) -> Judgement:
    """The judgement that these grounds give of this window, whoever gives it."""
    return _judge(JourneyNorm.on(grounds), name_of(window), features_of(window), limits)


def _judge(model: JourneyNorm, name: str, x: dict[str, Any], limits: Thresholds) -> Judgement:
    score, warm = model.score_one(x), model.seen >= limits.warm_up_windows
    if score < limits.open_score:
        return Judgement(name, score, unusual=False, warm=warm)
    why = unusual_journey.why(model, x, limits.open_score)
    reasons = why.reasons()
    grounds = model.grounds(str(x[PLACE]))
    return Judgement(name, score, True, warm, tuple(reasons), tuple(why.named(reasons)), grounds)


def state_sha256(grounds: dict[str, Any]) -> str:
    """64 hexadecimal digits, of the grounds as JSON with sorted keys and the rule's name and version before it."""
    return hashlib.sha256(_SORTED.encode([_CARD.name, _CARD.version, grounds])).hexdigest()
