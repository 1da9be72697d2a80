"""The notice board: which alerts of one audience are held as retained MQTT messages, and what is to be published. Pure.

``alerts/{audience}/{severity}/{rule}/{alert_id}``, the severity as it was at the opening, so that an alert keeps its
topic. Retained while open; at closing the closed record goes out unretained, and then an empty retained message, which
takes the alert off the board. A drill has the same topic and ``"exercise": true`` in its record.

Records may repeat, and after a restart are read again from some point before: only an alert's newest revision within
what was read is due, so an older one is never published over a newer one. What is posted is checkpointed with the
place in the log, so no open alert is forgotten; ``compare`` takes down what the broker holds and should not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Final

from contracts.alerts import Alert
from streams.stage import StateChange, pack, unpack

# Closed alerts that are remembered: a stage that died repeats what it told since its last checkpoint, not more.
CLOSED_MAX: Final = 10_000
_ROOT: Final = "alerts"
_PLACE: Final = "m"


@dataclass(frozen=True, slots=True)
class Publication:
    """One MQTT message, at QoS 1."""

    topic: str
    payload: bytes
    retain: bool
    exercise: bool = False  # a drill's; of a stray message nobody knows


@dataclass(slots=True)
class _Notice:
    """An open alert: its newest revision, and the newest that was posted (0: none)."""

    topic: str
    revision: int
    posted: int
    record: bytes
    exercise: bool

    def publication(self) -> Publication:
        """As it is to hang on the board."""
        return Publication(self.topic, self.record, True, self.exercise)


def topic_of(audience: str, alert: Alert) -> str:
    """The alert's topic. Raises ValueError where a part of it cannot be a level of an MQTT topic."""
    levels = (_ROOT, audience, alert.severity, alert.rule, alert.alert_id)
    if any(not level or set(level) & set("/+#\0") for level in levels):
        raise ValueError(f"alert {alert.alert_id!r} of rule {alert.rule!r} makes no MQTT topic")
    return "/".join(levels)


def filter_of(audience: str) -> str:
    """The topic filter that matches every alert of an audience and nothing else."""
    return f"{_ROOT}/{audience}/+/+/+"


class AlertBoard:
    """One audience's board. ``offset`` is the next record to read; None before the first start."""

    def __init__(self, audience: str) -> None:
        self.audience = audience
        self.offset: int | None = None
        self.silent_until = 0  # closings before it happened before we were first there: nobody is told of them
        self._open: dict[str, _Notice] = {}
        self._due: dict[str, None] = {}  # of the open ones, in the order in which they were read
        self._closed: dict[str, None] = {}
        self._drills: set[str] = set()  # of the open ones
        self._dirty: dict[str, None] = {}

    def open_alerts(self) -> tuple[int, int]:
        """How many are open: real ones, and drills'."""
        drills = len(self._drills)
        return len(self._open) - drills, drills

    def begin(self, start: int, end: int) -> None:
        """At the very first start: everything that is open is to be posted, no old closing told."""
        if self.offset is None:
            self.offset, self.silent_until = start, end

    def read(self, offset: int, alert: Alert, record: bytes) -> list[Publication]:
        """Take one record in. Closings are due at once; openings and updates with ``due``. Raises ValueError.

        ``offset`` (of the next record) is the caller's to move, once what comes out has been published.
        """
        known = self._open.get(alert.alert_id)
        if alert.alert_id in self._closed or (known is not None and alert.revision <= known.revision):
            return []
        topic = known.topic if known is not None else topic_of(self.audience, alert)
        self._dirty[f"o/{alert.alert_id}"] = None
        if alert.state != "closed":
            posted = known.posted if known else 0
            self._keep(alert.alert_id, _Notice(topic, alert.revision, posted, record, alert.exercise))
            return []
        self._open.pop(alert.alert_id, None)
        self._drills.discard(alert.alert_id)
        self._due.pop(alert.alert_id, None)
        self._remember(alert.alert_id)
        if offset < self.silent_until:
            return []
        drill = alert.exercise
        return [Publication(topic, record, False, drill), Publication(topic, b"", True, drill)]

    def _keep(self, alert_id: str, notice: _Notice) -> None:
        self._open[alert_id] = notice
        if notice.exercise:
            self._drills.add(alert_id)
        if notice.posted < notice.revision:
            self._due[alert_id] = None

    def _remember(self, alert_id: str) -> None:
        self._closed[alert_id] = None
        self._dirty[f"z/{alert_id}"] = None
        if len(self._closed) > CLOSED_MAX:
            oldest = next(iter(self._closed))
            del self._closed[oldest]
            self._dirty[f"z/{oldest}"] = None

    def due(self) -> list[Publication]:
        """Open alerts whose newest revision is not posted. Only when all there is has been read."""
        return [self._open[alert_id].publication() for alert_id in self._due]

    def posted(self) -> None:
        """What was due has been published."""
        for alert_id in self._due:
            notice = self._open[alert_id]
            notice.posted = notice.revision
            self._dirty[f"o/{alert_id}"] = None
        self._due.clear()

    def compare(self, retained: Iterable[tuple[str, bytes]]) -> list[Publication]:
        """What to publish so that the broker, which holds these messages, holds what is open and nothing else."""
        held = dict(retained)
        wanted = {notice.topic: notice for notice in self._open.values()}
        off = [Publication(topic, b"", True) for topic in held if topic not in wanted]
        return off + [n.publication() for topic, n in wanted.items() if held.get(topic) != n.record]

    def changes(self) -> Iterator[StateChange]:
        """For a checkpoint: open alerts (``o/``), closed ones that are remembered (``z/``), the place (``m``)."""
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            kind, _, alert_id = key.partition("/")
            notice = self._open.get(alert_id)
            if kind == "z":
                yield key, b"" if alert_id in self._closed else None
            elif notice is None:
                yield key, None
            else:
                yield key, pack(astuple(notice))
        yield _PLACE, pack([self.offset, self.silent_until])

    def restore(self, key: str, value: bytes) -> None:
        """One of ``changes`` back; other keys are somebody else's."""
        kind, _, alert_id = key.partition("/")
        if key == _PLACE:
            self.offset, self.silent_until = unpack(value)
        elif kind == "o":
            self._keep(alert_id, _Notice(*unpack(value)))
        elif kind == "z":
            self._closed[alert_id] = None
