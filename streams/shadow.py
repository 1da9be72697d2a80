"""A new version of a model in the shadow of the old: the same records, the same order, nothing told.

Assumes one partition's log, of what the rule's stage reads. Each version has a whole stage of its own, so that what one
learns or tells never touches the other; what they say of each window or value, and which episodes they open, is
compared (``streams.shadow_report``). Drills are left out: nobody's settings are chosen by them. What a version says is
heard through ``Hear``, so that nothing here knows which stage says it (``streams.shadow_stages``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from contracts import frames
from contracts.alerts import Alert
from streams.episode_pairs import Episode
from streams.stage import Outgoing, Stage

Side: TypeAlias = Literal["both", "old", "new"]
SIDES: Final[tuple[Side, ...]] = ("both", "old", "new")
_ALERT: Final = msgspec.json.Decoder(Alert)


class Verdict(NamedTuple):
    """What a version says of a window or value. ``tells``: it is unusual; counted once the model is ``warm``."""

    score: float
    tells: bool
    warm: bool


class Place(NamedTuple):
    """Of a window or value: ``group`` is its corridor and direction, or its sensor; ``subject`` its shipment or series.

    ``known_ms`` is when it is known: the time at which an alert of it opens.
    """

    group: str
    subject: str
    known_ms: int


Hear = Callable[[str, Place, Verdict | None], None]
"""Of the window or value of this name, there: what is said of it, None where it is not judged."""


class Correlation(Protocol):
    """How alike two versions score, from -1 to 1."""

    def update(self, old: float, new: float) -> Any:
        """Take a pair of scores in."""
        ...

    def get(self) -> float | None:
        """As it is by now; None where there is nothing that could be alike."""
        ...


def none() -> dict[Side, int]:
    """Nothing counted of either side."""
    return dict.fromkeys(SIDES, 0)


@dataclass(slots=True)
class Comparison:
    """Of a group: what was judged and, of that warm, told, by who says so; episodes likewise.

    ``correlation`` is of the scores of what both judge once both are warm.
    """

    correlation: Correlation
    judged: dict[Side, int] = field(default_factory=none)
    told: dict[Side, int] = field(default_factory=none)
    episodes: dict[Side, int] = field(default_factory=none)
    compared: int = 0

    def add(self, old: Verdict | None, new: Verdict | None) -> None:
        """What each says of a window or value, None where it does not judge it."""
        count(self.judged, old is not None, new is not None)
        count(self.told, _tells(old), _tells(new))
        if old is not None and new is not None and old.warm and new.warm:
            self.compared += 1
            self.correlation.update(old.score, new.score)


def _tells(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.warm and verdict.tells


def count(counts: dict[Side, int], old: bool, new: bool) -> None:
    """Count one for whoever says so."""
    if old or new:
        counts["both" if old and new else "old" if old else "new"] += 1


@dataclass(frozen=True, slots=True)
class Form:
    """How a rule's comparison is made and named; what its version must reach to be ready.

    ``in_spanish`` has what it calls groups, judged, told and correlates; in plain data they keep their English names.
    ``place_of`` gives subject and group of an alert by what was put out with it, None of one that is not compared.
    ``drift_of`` is by model, of each feature how far the last windows lie from what was usual.
    """

    rule: str
    groups: str
    judged: str
    told: str
    correlates: str
    in_spanish: Mapping[str, str]
    least: int
    least_correlation: float
    correlation: Callable[[], Correlation]
    place_of: Callable[[Alert, Sequence[Outgoing]], tuple[str, str] | None]
    drift_of: Callable[[Any], dict[str, dict[str, float]]]


class Judge:
    """One version's stage, what it said since it was last asked, its episodes, and the time it took, in ns."""

    def __init__(self, make: Callable[[Hear], Stage], form: Form, clock: Callable[[], int]) -> None:
        self.said: dict[str, tuple[Place, Verdict | None]] = {}
        self.stage = make(self._hear)
        self.episodes: dict[str, Episode] = {}
        self.spent_ns = 0
        self._form = form
        self._clock = clock

    def _hear(self, name: str, place: Place, verdict: Verdict | None) -> None:
        self.said[name] = place, verdict

    def take(self, value: bytes, is_tick: bool) -> None:
        """The next record."""
        stage, began_ns = self.stage, self._clock()
        out = stage.process_tick(frames.decode_tick(value)) if is_tick else stage.process_frame(value)
        self.spent_ns += self._clock() - began_ns
        self._note(out)
        for _ in stage.changes():  # nobody keeps them
            pass

    def _note(self, out: Sequence[Outgoing]) -> None:
        for record in out:
            if not record.topic.startswith("alerts."):
                continue
            alert = _ALERT.decode(record.value)
            known = self.episodes.get(alert.alert_id)
            if known is None:
                place = None if alert.exercise else self._form.place_of(alert, out)
                if place is None:
                    continue
                known = self.episodes[alert.alert_id] = Episode(alert.alert_id, *place, alert.opened_ms)
            if alert.closed_ms is not None:
                known.closed_ms = alert.closed_ms


def group_of(groups: dict[str, Comparison], form: Form, name: str) -> Comparison:
    """What was compared of this group, nothing at first."""
    return groups.setdefault(name, Comparison(form.correlation()))


class Shadow:
    """Both versions on one partition. ``groups`` has what was compared so far, and may be that of all partitions."""

    def __init__(
        self,
        form: Form,
        old: Callable[[Hear], Stage],
        new: Callable[[Hear], Stage],
        groups: dict[str, Comparison] | None = None,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        """``old`` and ``new`` make the stages; ``clock`` gives ns, and is asked before and after each record."""
        self.form = form
        self.groups = {} if groups is None else groups
        self.heard = 0  # windows or values
        self._old = Judge(old, form, clock)
        self._new = Judge(new, form, clock)
        self._turn = False
        self._until_ms = 0  # when the last that was heard was known

    def take(self, value: bytes, is_tick: bool) -> None:
        """The next record of the partition. The versions take turns to be first: whoever is second finds it warm."""
        self._turn = not self._turn
        for version in (self._old, self._new) if self._turn else (self._new, self._old):
            version.take(value, is_tick)
        said = self._new.said
        for name, (place, old) in self._old.said.items():
            group_of(self.groups, self.form, place.group).add(old, said[name][1])
            self._until_ms = max(self._until_ms, place.known_ms)
        self.heard += len(said)
        self._old.said.clear()
        said.clear()

    def episodes(self) -> tuple[list[Episode], list[Episode]]:
        """Those of the old version, and of the new."""
        return list(self._old.episodes.values()), list(self._new.episodes.values())

    def open_ms(self) -> tuple[int, int]:
        """How long those of the old version stood open in all, and those of the new, of the time that was heard."""
        old, new = (sum(each.open_ms(0, self._until_ms) for each in told) for told in self.episodes())
        return old, new

    def spent_ns(self) -> tuple[int, int]:
        """What the old version's stage has taken so far, and the new one's."""
        return self._old.spent_ns, self._new.spent_ns

    def drift(self) -> dict[str, dict[str, float]]:
        """See ``Form``, of the old version."""
        return self.form.drift_of(self._old.stage)
