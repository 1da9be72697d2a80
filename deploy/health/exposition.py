"""Samples as Prometheus' text, and as the snapshot that goes to ``line.health.v1``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from contracts.health import sample_key
from contracts.histogram import Histogram, quantile
from contracts.metric_types import Metric, Sample
from contracts.metrics import check_declared

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_QUANTILES: Final = (0.5, 0.95, 0.99)
_LATENCY: Final = "puente_latency_seconds"
_RECENT: Final = "puente_latency_recent_seconds"


def prometheus_text(samples: Iterable[Sample]) -> bytes:
    """The text format, version 0.0.4. Raises ValueError for a sample that is not declared."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(_families(samples)))
    return generate_latest(registry)


class _Once:
    """Families made already, as prometheus_client's registry takes them: from a collector."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def describe(self) -> list[Family]:
        """Nothing: the registry would collect us to find out."""
        return []

    def collect(self) -> list[Family]:
        """The families."""
        return self._families


def _families(samples: Iterable[Sample]) -> list[Family]:
    families: dict[str, Family] = {}
    for sample in samples:
        metric = check_declared(sample)
        family = families.get(metric.name)
        if family is None:
            family = families[metric.name] = _family(metric)
        if isinstance(sample.value, Histogram):
            _add_histogram(family, metric.name, dict(sample.labels), sample.value)
        else:
            family.add_sample(metric.name, dict(sample.labels), float(sample.value))
    return list(families.values())


def _family(metric: Metric) -> Family:
    # The library's own names of counters lack the _total, which it puts back.
    name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
    return Family(name, f"{metric.means} ({metric.unit})", metric.kind)


def _add_histogram(family: Family, name: str, labels: dict[str, str], histogram: Histogram) -> None:
    counts, below = list(histogram.counts), 0
    for bound, count in zip((*map(repr, histogram.bounds), "+Inf"), counts, strict=True):
        below += count
        family.add_sample(f"{name}_bucket", {**labels, "le": bound}, float(below))
    family.add_sample(f"{name}_count", labels, float(below))
    family.add_sample(f"{name}_sum", labels, histogram.sum)


class Snapshots:
    """Successive snapshots of one process: each says of its interval's latencies what buckets alone would not."""

    def __init__(self) -> None:
        self._before: dict[str, list[int]] = {}

    def take(self, samples: Iterable[Sample]) -> dict[str, float]:
        """The metrics of a ``LineSample``. Raises ValueError for a sample that is not declared."""
        found: dict[str, float] = {}
        for sample in samples:
            check_declared(sample)
            if isinstance(sample.value, Histogram):
                counts = list(sample.value.counts)
                found[sample_key(f"{sample.name}_count", sample.labels)] = float(sum(counts))
                found[sample_key(f"{sample.name}_sum", sample.labels)] = sample.value.sum
                if sample.name == _LATENCY:
                    found.update((sample_key(s.name, s.labels), _number(s)) for s in self._recent(sample, counts))
            else:
                found[sample_key(sample.name, sample.labels)] = float(sample.value)
        return found

    def _recent(self, sample: Sample, counts: list[int]) -> Iterator[Sample]:
        assert isinstance(sample.value, Histogram)
        key = sample_key(sample.name, sample.labels)
        before = self._before.get(key, [0] * len(counts))
        self._before[key] = counts
        new = [now - then for now, then in zip(counts, before, strict=True)]
        for share in _QUANTILES:
            value = quantile(sample.value.bounds, new, share)
            if value is not None:
                recent = Sample(_RECENT, round(value, 3), {**sample.labels, "quantile": str(share)})
                check_declared(recent)
                yield recent


def _number(sample: Sample) -> float:
    assert not isinstance(sample.value, Histogram)
    return float(sample.value)
