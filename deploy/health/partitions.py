"""What a process with partitions of its own tells of them: whether each moves on, its counts, its checkpoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from aiokafka import TopicPartition

from contracts.metric_types import Sample
from deploy.health.vitals import Check, Standstill, listed
from streams.agents.partition_runner import PartitionRunner

log = logging.getLogger(__name__)


def still_s(checkpoint_interval_s: float) -> float:
    """How long a partition may stay where it is: large checkpoints come at ten intervals, a restore takes its time."""
    return 30.0 + 10.0 * checkpoint_interval_s


class Owner(Protocol):
    """Who has partitions: the line's worker, the history's sink."""

    @property
    def joined(self) -> bool:
        """Whether the group has said which partitions are ours."""
        ...

    @property
    def runners(self) -> Mapping[TopicPartition, PartitionRunner]:
        """A runner for each partition that has sent anything."""
        ...

    def log_ends(self) -> Mapping[TopicPartition, int | None]:
        """Our partitions, and where each log ended when last fetched."""
        ...


class PartitionVitals:
    """See the module.

    A partition stands still where its log holds more than its checkpoints cover and they have not moved for
    ``still_s``. Checkpoints, not the last record taken in: a partition that fails and reads again, over and over, takes
    in much and gets nowhere.
    """

    def __init__(self, owner: Owner, still_s: float) -> None:
        self._owner = owner
        self._still_s = still_s
        self._standstill = Standstill()
        self._looked = False  # since the group gave us ours
        self._ends: dict[TopicPartition, int | None] = {}
        self._first_ends: dict[TopicPartition, int | None] = {}
        self._stuck: dict[TopicPartition, float] = {}  # for how long, in s; those that move are not in it

    def observe(self, now_s: float) -> None:
        """Look at every partition that is ours; called on the event loop."""
        try:
            self._looked, self._ends = self._owner.joined, dict(self._owner.log_ends())
        except Exception:  # between two assignments Kafka's clients have no answer, and say so in many ways
            log.debug("Health: the consumer does not say where its partitions stand.", exc_info=True)
            return
        self._standstill.forget(self._ends)
        self._first_ends = {source: self._first_ends.get(source, end) for source, end in self._ends.items()}
        stuck = {}
        for source, end in self._ends.items():
            where = self._where(source, end)
            still_s = self._standstill.see(source, where, now_s)
            if where is not None and still_s > self._still_s:
                stuck[source] = still_s
        self._stuck = stuck

    def _where(self, source: TopicPartition, end: int | None) -> object:
        """Where a partition is that has something to do, None of one that has not: what must change by and by."""
        runner = self._owner.runners.get(source)
        if end is None:
            return "no fetch of it was answered"
        if runner is None:
            if self._first_ends[source] is None:
                self._first_ends[source] = end
            return None if end == self._first_ends[source] else "its log grows, and nothing of it comes here"
        behind = end - 1 > runner.covered or not runner.restored.is_set()
        return runner.covered if behind else None

    def checks(self) -> Iterator[Check]:
        """``partitions``: the group has given us ours, and each is served. ``progress``: each moves on."""
        owner, ends = self._owner, self._ends
        if not self._looked:
            yield Check("partitions", False, "the consumer group has not yet said which partitions are ours")
            return
        gone = [_named(source) for source, runner in list(owner.runners.items()) if not runner.alive]
        if gone:
            yield Check("partitions", False, f"no longer served here, though ours: {listed(gone)}")
        elif ends:
            yield Check("partitions", True, f"{len(ends)} partitions are ours, {len(owner.runners)} have sent records")
        else:
            yield Check("partitions", True, "no partition is left for this process: it stands by")
        if self._stuck:
            stuck = sorted(self._stuck.items())
            which = listed(f"{_named(source)} for {still_s:.0f} s" for source, still_s in stuck)
            yield Check("progress", False, f"records wait and no checkpoint covers them: {which}")
        else:
            yield Check("progress", True, "every partition with records waiting moves on")

    def samples(self) -> Iterator[Sample]:
        """Per partition: what was counted, the lag, the checkpoints."""
        now_s, ends = time.monotonic(), dict(self._ends)
        for source, runner in sorted(self._owner.runners.items()):
            labels = labels_of(source, runner)
            counts, counted = runner.counts, runner.counters()
            yield Sample("puente_frames_total", counts.frames, labels)
            yield Sample("puente_ticks_total", counts.ticks, labels)
            yield Sample("puente_failures_total", counts.failures, labels)
            yield Sample("puente_checkpoints_total", runner.saves, labels)
            yield Sample("puente_checkpoint_age_seconds", now_s - counts.saved_s, labels)
            yield Sample("puente_checkpoint_records", counts.save_records, labels)
            yield Sample("puente_checkpoint_bytes", runner.store.saved_bytes, labels)
            yield Sample("puente_checkpoint_seconds", counts.save_took_s, labels)
            end = ends.get(source)
            if end is not None:
                yield Sample("puente_lag_records", max(0, end - 1 - runner.covered), labels)
            if "passed_drill" in counted:  # what has no drill's share counts no readings
                for name, metric in _READINGS.items():
                    if name in counted:
                        yield from apart(metric, counted[name], counted.get(f"{name}_drill", 0), labels)

    def refused(self) -> Iterator[tuple[str, str, int, int]]:
        """Dead letters by stage and reason: of how many, and how many of those are a drill's."""
        sums: dict[tuple[str, str], list[int]] = {}
        for runner in list(self._owner.runners.values()):
            counted, stage = runner.counters(), stage_of(runner)
            for name, reason in _REFUSED.items():
                if f"{name}_drill" in counted:
                    both = sums.setdefault((stage, reason), [0, 0])
                    both[0] += counted[name] + (runner.counts.refused_frames if name == "unreadable" else 0)
                    both[1] += counted[f"{name}_drill"]
        for (stage, reason), (all_of_them, drill) in sums.items():
            yield stage, reason, all_of_them, drill


_READINGS: Mapping[str, str] = {
    "passed": "puente_readings_total",
    "repeats": "puente_repeats_total",
    "gaps": "puente_gaps_total",
    "late": "puente_late_total",
}
_REFUSED: Mapping[str, str] = {"unreadable": "bad_json", "conflicts": "identity_conflict"}


def stage_of(runner: PartitionRunner) -> str:
    """The stage a runner is of: its name begins with it."""
    return runner.name.partition("/")[0]


def labels_of(source: TopicPartition, runner: PartitionRunner) -> dict[str, str]:
    """The labels of whatever is a partition's."""
    return {"stage": stage_of(runner), "topic": source.topic, "partition": str(source.partition)}


def _named(source: TopicPartition) -> str:
    return f"{source.topic}/{source.partition}"


def apart(name: str, everything: int, drill: int, labels: Mapping[str, str]) -> Iterator[Sample]:
    """Two samples: the real, and the drills'."""
    yield Sample(name, everything - drill, {**labels, "exercise": "false"})
    yield Sample(name, drill, {**labels, "exercise": "true"})
