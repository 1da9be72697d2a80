"""A new version of ``unusual_journey`` in the shadow of the old: the same windows, the same order, nothing told.

Assumes one partition's log of journey windows and ticks. Each version has a whole stage of its own, so that what one
learns or tells never touches the other; what they say of each window, and which episodes they open, is compared. Drills
are left out: nobody's settings are chosen by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import msgspec
from river import stats

from contracts import frames
from contracts.alerts import Alert
from contracts.journeys import JourneyWindow
from detectors.unusual_journey import Thresholds
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.journey_models import Judgement
from streams.reference_book import ReferenceBook
from streams.stage import Outgoing

Side: TypeAlias = Literal["both", "old", "new"]
SIDES: Final[tuple[Side, ...]] = ("both", "old", "new")
_ALERT: Final = msgspec.json.Decoder(Alert)
_ALWAYS: Final = 1 << 62


def _none() -> dict[Side, int]:
    return dict.fromkeys(SIDES, 0)


@dataclass(slots=True)
class Episode:
    """One that a version told; ``closed_ms`` is far ahead while it is open."""

    alert_id: str
    shipment_id: str
    corridor: str
    opened_ms: int
    closed_ms: int = _ALWAYS

    def meets(self, other: Episode) -> bool:
        """Whether they are of one shipment and overlap: one thing, told by both."""
        same = self.shipment_id == other.shipment_id
        return same and self.opened_ms <= other.closed_ms and other.opened_ms <= self.closed_ms


@dataclass(slots=True)
class Comparison:
    """Of a corridor and direction: windows judged and, of those warm, unusual, by who says so; episodes likewise.

    ``correlation`` is Pearson's, of the scores of windows that both judge once both are warm.
    """

    windows: dict[Side, int] = field(default_factory=_none)
    unusual: dict[Side, int] = field(default_factory=_none)
    episodes: dict[Side, int] = field(default_factory=_none)
    correlation: Any = field(default_factory=stats.PearsonCorr)
    compared: int = 0

    def add(self, old: Judgement | None, new: Judgement | None) -> None:
        """What each says of a window, None where it does not judge it."""
        _count(self.windows, old is not None, new is not None)
        _count(self.unusual, _tells(old), _tells(new))
        if old is not None and new is not None and old.warm and new.warm:
            self.compared += 1
            self.correlation.update(old.score, new.score)


def _tells(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.warm and judgement.unusual


def _count(counts: dict[Side, int], old: bool, new: bool) -> None:
    if old or new:
        counts["both" if old and new else "old" if old else "new"] += 1


class _Version:
    """One version's stage, what it said of the windows since it was last asked, and its episodes."""

    def __init__(self, partition: int, book: ReferenceBook, config: CorridorConfig) -> None:
        self.stage = CorridorStage(partition, book, config, self._heed)
        self.said: dict[str, tuple[JourneyWindow, Judgement | None]] = {}
        self.episodes: dict[str, Episode] = {}

    def _heed(self, window: JourneyWindow, judgement: Judgement | None) -> None:
        if not window.exercise:
            self.said[window.window_id] = window, judgement

    def take(self, value: bytes, is_tick: bool) -> None:
        """The next record."""
        stage = self.stage
        self._note(stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value))
        for _ in stage.changes():  # nobody keeps them
            pass

    def _note(self, out: list[Outgoing]) -> None:
        for record in out:
            if not record.topic.startswith("alerts."):
                continue
            alert = _ALERT.decode(record.value)
            if alert.exercise or alert.shipment_id is None:
                continue
            known = self.episodes.setdefault(
                alert.alert_id,
                Episode(alert.alert_id, alert.shipment_id, f"{alert.corridor}/{alert.direction}", alert.opened_ms),
            )
            if alert.closed_ms is not None:
                known.closed_ms = alert.closed_ms


class Shadow:
    """Both versions on one partition; ``corridors`` has the windows compared so far."""

    def __init__(self, partition: int, book: ReferenceBook, config: CorridorConfig, candidate: Thresholds) -> None:
        self.corridors: dict[str, Comparison] = {}
        self._old = _Version(partition, book, config)
        self._new = _Version(partition, book, replace(config, thresholds=candidate))

    def take(self, value: bytes, is_tick: bool) -> None:
        """The next record of the partition."""
        self._old.take(value, is_tick)
        self._new.take(value, is_tick)
        said = self._new.said
        for window_id, (window, old) in self._old.said.items():
            self.corridors.setdefault(window.key, Comparison()).add(old, said[window_id][1])
        self._old.said, self._new.said = {}, {}

    def episodes(self) -> tuple[list[Episode], list[Episode]]:
        """Those of the old version, and of the new."""
        return list(self._old.episodes.values()), list(self._new.episodes.values())

    def drift(self) -> dict[str, dict[str, float]]:
        """By model, of each feature how far the last windows lie from what was usual: ``JourneyNorm.drift``."""
        limits = self._old.stage.config.thresholds
        models = self._old.stage.models.items()
        return {name: model.drift() for name, model in models if model.seen >= limits.warm_up_windows}


@dataclass(slots=True)
class Labels:
    """What officers said of the old version's alerts, and what becomes of those: by the beginning of an alert's id."""

    right_kept: int = 0
    right_lost: list[str] = field(default_factory=list)
    wrong_kept: list[str] = field(default_factory=list)
    wrong_gone: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition for taking over, and whether it holds."""

    name: str
    holds: bool
    says: str


@dataclass(slots=True)
class Report:
    """The comparison of all partitions."""

    corridors: dict[str, Comparison]
    labels: Labels
    criteria: list[Criterion]
    drift: dict[str, dict[str, float]]

    @property
    def ready(self) -> bool:
        """Whether the new version may take over, by all criteria."""
        return all(criterion.holds for criterion in self.criteria)


LEAST_WINDOWS: Final = 500
LEAST_CORRELATION: Final = 0.8
MORE_SHARE: Final = 0.2
LOST_SHARE: Final = 0.2


def report(shadows: list[Shadow], said: Mapping[str, bool]) -> Report:
    """Compare what the partitions' shadows have seen. ``said``: by the beginning of an alert's id, if it was right."""
    corridors: dict[str, Comparison] = {}
    labels = Labels()
    known = dict.fromkeys(said, False)
    drift: dict[str, dict[str, float]] = {}
    for shadow in shadows:
        corridors |= shadow.corridors  # a corridor and direction is one partition's
        drift |= shadow.drift()
        old, new = shadow.episodes()
        olds, news = _by_shipment(old), _by_shipment(new)
        for episode in old:
            kept = any(episode.meets(other) for other in news.get(episode.shipment_id, ()))
            _count(corridors.setdefault(episode.corridor, Comparison()).episodes, True, kept)
            for prefix in (p for p in said if episode.alert_id.startswith(p)):
                known[prefix] = True
                _label(labels, episode, said[prefix], kept)
        for episode in new:
            if not any(episode.meets(other) for other in olds.get(episode.shipment_id, ())):
                _count(corridors.setdefault(episode.corridor, Comparison()).episodes, False, True)
    labels.unknown = sum(not seen for seen in known.values())
    return Report(dict(sorted(corridors.items())), labels, _criteria(corridors, labels, len(said)), drift)


def _by_shipment(episodes: list[Episode]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for episode in episodes:
        found.setdefault(episode.shipment_id, []).append(episode)
    return found


def _label(labels: Labels, episode: Episode, right: bool, kept: bool) -> None:
    if right and kept:
        labels.right_kept += 1
    elif right:
        labels.right_lost.append(episode.alert_id)
    elif kept:
        labels.wrong_kept.append(episode.alert_id)
    else:
        labels.wrong_gone += 1


def _criteria(corridors: Mapping[str, Comparison], labels: Labels, labelled: int) -> list[Criterion]:
    every = corridors.values()
    compared = sum(c.compared for c in every)
    weighed = sum(c.compared * c.correlation.get() for c in every)
    mean = weighed / compared if compared else 0.0
    both, old, new = (sum(c.episodes[side] for c in every) for side in SIDES)
    told, would = both + old, both + new
    lost = old - labels.wrong_gone
    return [
        Criterion(
            "windows", compared >= LEAST_WINDOWS, f"{compared} windows judged by both, warm; at least {LEAST_WINDOWS}"
        ),
        Criterion(
            "correlation",
            mean >= LEAST_CORRELATION,
            f"scores correlate at {mean:.3f}, corridors weighed by windows; at least {LEAST_CORRELATION}",
        ),
        Criterion(
            "no flood",
            would <= told + max(2.0, MORE_SHARE * told),
            f"{would} episodes against {told}; at most {MORE_SHARE:.0%} more, or 2",
        ),
        Criterion(
            "nothing lost",
            lost <= LOST_SHARE * told,
            f"{lost} of {told} episodes no longer told, those labelled wrong not counted; at most {LOST_SHARE:.0%}",
        ),
        Criterion(
            "labels",
            not labels.right_lost,
            f"{labels.right_kept} of {labels.right_kept + len(labels.right_lost)} alerts labelled right are still told"
            if labelled
            else "no labels were given: whether what only one of them tells is right is not known",
        ),
    ]
