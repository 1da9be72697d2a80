"""What a worker tells of itself: both stages on its partitions."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mode import Service
from mode.threads import WorkerThread

from contracts.metric_types import Sample
from deploy.health.partitions import PartitionVitals, apart, labels_of
from deploy.health.process import Health
from deploy.health.vitals import Check
from deploy.takeover import InForce


class WorkerVitals:
    """Ready where the reference is read, the reader's thread lives, and each partition of ours moves on.

    ``line`` is ``streams.agents.line_worker.Line``; ``still_s`` see ``PartitionVitals``; ``models`` are the versions
    that judge: what each says of who let it, and why, is said here too.
    """

    def __init__(self, line: Any, still_s: float, models: Sequence[InForce] = ()) -> None:
        self._line = line
        self._models = models
        self._partitions = PartitionVitals(line, still_s)

    def observe(self, now_s: float) -> None:
        """Look at every partition."""
        self._partitions.observe(now_s)

    def checks(self, _now_s: float) -> Iterator[Check]:
        """``reference``, ``threads``, ``models`` (always ready), ``partitions``, ``progress``."""
        read = self._line.reference_read
        yield Check("reference", read, "the reference is read" if read else "the reference is not yet read to its end")
        readers = [thread for thread in threading.enumerate() if isinstance(thread, WorkerThread)]
        yield Check("threads", bool(readers), "the reader's thread lives" if readers else "no thread reads from Kafka")
        yield Check("models", True, self._models_say())
        yield from self._partitions.checks()

    def _models_say(self) -> str:
        anew = sum(getattr(runner.state, "anew", 0) for runner in list(self._line.runners.values()))
        also = f"; {anew} records of what other versions had learnt are not read" if anew else ""
        return "; ".join(map(str, self._models)) + also

    def samples(self) -> Iterator[Sample]:
        """What both stages count, by partition; episodes and alerts, by rule."""
        line = self._line
        yield Sample("puente_reference_records", line.book.version)
        for judging in self._models:
            model, how = judging.model, judging.how
            about = {"rule": model.rule, "version": model.version, "how": how}
            yield Sample("puente_model", how != "waived", about | ({"by": judging.by} if judging.by else {}))
        yield from self._partitions.samples()
        for stage, reason, count, drill in self._partitions.refused():
            yield from apart("puente_refused_total", count, drill, {"stage": stage, "reason": reason})
        for exercise, histogram in line.latencies.by_exercise.items():
            yield Sample("puente_latency_seconds", histogram, {"to": "alert", "exercise": _said(exercise)})
        opened: Counter[tuple[str, str, bool]] = Counter()
        told: Counter[tuple[str, str, str, bool]] = Counter()
        for source, runner in sorted(line.runners.items()):
            state, labels = runner.state, labels_of(source, runner)
            watermark = getattr(state, "watermark", None)
            sources = list(watermark.sources.values()) if watermark is not None else []
            if sources:
                delay_s = time.time() - min(sources) / 1000.0
                yield Sample("puente_watermark_delay_seconds", max(0.0, delay_s), labels)
            devices = getattr(state, "devices", None)
            if devices is not None:
                real, drill = devices
                yield from apart("puente_devices", real + drill, drill, labels)
            drift = getattr(state, "drift", None)
            if drift is not None:
                for model, deviations in drift().items():
                    corridor, direction, zone = model.rsplit("/", 2)
                    about = {"corridor": corridor, "direction": direction, "zone": zone}
                    yield Sample("puente_corridor_drift", deviations, about)
            episodes = getattr(state, "episodes", None)
            if episodes is not None:
                opened.update((labels["stage"], rule, exercise) for rule, _, exercise in list(episodes.open))
                for (rule, change, exercise), count in list(state.told.items()):
                    told[labels["stage"], rule, change, exercise] += count
        for (name, rule, exercise), count in opened.items():
            labels = {"stage": name, "rule": rule, "exercise": _said(exercise)}
            yield Sample("puente_episodes_open", count, labels)
        for (name, rule, change, exercise), count in told.items():
            labels = {"stage": name, "rule": rule, "state": change, "exercise": _said(exercise)}
            yield Sample("puente_alerts_total", count, labels)


class Beating(Service):  # type: ignore[misc]
    """A process's beat as mode's worker takes it: a service, to be started before all others."""

    def __init__(self, health: Health, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._beating = health.beating()

    async def on_start(self) -> None:
        """From here on the loop's beat is taken."""
        await self._beating.__aenter__()

    async def on_stop(self) -> None:
        """No more."""
        await self._beating.__aexit__(None, None, None)


def _said(exercise: bool) -> str:
    return "true" if exercise else "false"
