"""What the history sink tells of itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

from contracts.metric_types import Sample
from deploy.health.partitions import PartitionVitals, apart, labels_of
from deploy.health.vitals import Check
from streams.agents.history_sink import STAGE, HistorySink
from streams.history_stage import HistoryStage


class SinkVitals:
    """Ready where the store answers and each partition of ours moves on."""

    def __init__(self, sink: HistorySink, still_s: float) -> None:
        self._sink = sink
        self._partitions = PartitionVitals(sink, still_s)

    def observe(self, now_s: float) -> None:
        """Look at every partition."""
        self._partitions.observe(now_s)

    def checks(self, now_s: float) -> Iterator[Check]:
        """``history``, ``partitions``, ``progress``."""
        writer = self._sink.writer
        since_s = writer.silent_since_s
        if since_s is None:
            yield Check("history", True, f"the history ({writer.history.kind}) has answered each time it was asked")
        else:
            silent = f"the history ({writer.history.kind}) has not answered for {now_s - since_s:.0f} s"
            yield Check("history", False, f"{silent}: {writer.fault or 'no reason given'}. Nothing is lost")
        yield from self._partitions.checks()

    def samples(self) -> Iterator[Sample]:
        """What is counted by partition, and the store's own."""
        sink, writer = self._sink, self._sink.writer
        yield from self._partitions.samples()
        refused = dict(sink.refused)
        labels = {"stage": STAGE, "reason": "history_refused"}
        yield from apart("puente_refused_total", sum(refused.values()), refused.get(True, 0), labels)
        for exercise, histogram in writer.latencies.by_exercise.items():
            yield Sample("puente_latency_seconds", histogram, {"to": "history", "exercise": str(exercise).lower()})
        yield Sample("puente_history_write_seconds", writer.took)
        yield Sample("puente_history_retries_total", writer.retries)
        waited_s = 0.0 if writer.silent_since_s is None else time.monotonic() - writer.silent_since_s
        yield Sample("puente_history_silent_seconds", waited_s)
        for source, runner in sorted(sink.runners.items()):
            state = runner.state
            if isinstance(state, HistoryStage):
                real, drill = state.devices
                yield from apart("puente_devices", real + drill, drill, labels_of(source, runner))
