"""A version beside what the line told: the line's alerts stand where a shadow would have a second stage.

So a release's own model can be compared with the one before it, whose code it no longer has: that one judged in the
line, on the same records, and knew all that it had learnt. Assumes one partition's log, as ``streams.shadow`` does, and
the line's alerts of all partitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.alerts import Alert
from streams.episode_pairs import Episode, paired
from streams.shadow import Comparison, Form, Hear, Judge, Place, Verdict, group_of
from streams.stage import Stage


@dataclass(slots=True)
class Told:
    """What the line told by one rule, drills left out: by an alert's id its episode, and the version that told it."""

    episodes: dict[str, Episode] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def take(self, alert: Alert, subject: str, group: str) -> None:
        """The next update of an alert. In whatever order they come, and from how many audiences' topics, is one."""
        if alert.exercise:
            return
        known = self.episodes.get(alert.alert_id)
        if known is None:
            known = self.episodes[alert.alert_id] = Episode(alert.alert_id, subject, group, alert.opened_ms)
            # Before versions had names, there was one of each rule's.
            named = alert.evidence.get("model_version") or f"{alert.rule}@{alert.rule_version}"
            self.versions[alert.alert_id] = str(named)
        if alert.closed_ms is not None:
            known.closed_ms = alert.closed_ms


@dataclass(slots=True)
class _Span:
    """Of a subject in a group: when the version first judged it warm, 0 if never; when the last it heard was known."""

    warm_ms: int = 0
    last_ms: int = 0

    def take(self, place: Place, verdict: Verdict | None) -> None:
        self.last_ms = max(self.last_ms, place.known_ms)
        if not self.warm_ms and verdict is not None and verdict.warm:
            self.warm_ms = place.known_ms

    def open_ms(self, episode: Episode) -> int:
        """How long it was open while the version judged."""
        return episode.open_ms(self.warm_ms, self.last_ms) if self.warm_ms else 0


class Beside:
    """The new version on one partition; ``told`` is asked for its episodes once all has been heard.

    An episode counts where the new version had heard enough of its subject to judge it when it opened: the line had
    heard more than is kept.
    """

    def __init__(
        self,
        form: Form,
        told: Told,
        new: Callable[[Hear], Stage],
        groups: dict[str, Comparison] | None = None,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        """As of ``streams.shadow.Shadow``."""
        self.form = form
        self.groups = {} if groups is None else groups
        self.heard = 0
        self._told = told
        self._new = Judge(new, form, clock)
        self._spans: dict[tuple[str, str], _Span] = {}  # a shipment may go on in another corridor

    def take(self, value: bytes, is_tick: bool) -> None:
        """The next record of the partition."""
        self._new.take(value, is_tick)
        said = self._new.said
        for place, verdict in said.values():
            self._spans.setdefault((place.group, place.subject), _Span()).take(place, verdict)
            each = group_of(self.groups, self.form, place.group)
            each.add(None, verdict)
            each.compared += verdict is not None and verdict.warm
        self.heard += len(said)
        said.clear()

    def episodes(self) -> tuple[list[Episode], list[Episode]]:
        """Those that the line told and the new version could judge, and the new version's.

        What it tells of one that the line told before that is no news, and in neither.
        """
        counted, before = list[Episode](), list[Episode]()
        for episode in self._told.episodes.values():
            span = self._span_of(episode)
            if span is not None and episode.opened_ms <= span.last_ms:
                (counted if 0 < span.warm_ms <= episode.opened_ms else before).append(episode)
        both, _, alone = paired(counted, self._new.episodes.values())
        return counted, [new for _, new in both] + paired(before, alone).new

    def open_ms(self) -> tuple[int, int]:
        """As of ``streams.shadow.Shadow``, of the time in which the new version judged the episode's subject.

        Of all episodes, also those of which it is not asked whether they are told.
        """
        old, new = (
            sum(span.open_ms(each) for each in told.values() if (span := self._span_of(each)) is not None)
            for told in (self._told.episodes, self._new.episodes)
        )
        return old, new

    def _span_of(self, episode: Episode) -> _Span | None:
        return self._spans.get((episode.group, episode.subject))

    def spent_ns(self) -> tuple[int, int]:
        """Nothing of the old version's is known, and what the new one's stage has taken."""
        return 0, self._new.spent_ns

    def drift(self) -> dict[str, dict[str, float]]:
        """See ``streams.shadow.Form``, of the new version."""
        return self.form.drift_of(self._new.stage)
