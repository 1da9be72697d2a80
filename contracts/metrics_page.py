"""``docs/metrics.md``, from the table of metrics."""

from __future__ import annotations

from typing import Final

from contracts.metrics import METRICS


def document() -> str:
    """The page: what there is to say of all, and a row a metric."""
    rows = [
        f"| `{m.name}` | {m.kind} | {m.unit} | {', '.join(m.labels)} | {m.drills} | {', '.join(m.roles)} | {m.means} |"
        for m in METRICS
    ]
    return "\n".join(
        [
            _HEAD,
            "| metric | kind | unit | labels | drills | of | what it means |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


_HEAD: Final = """# Metrics

Made from `contracts/metrics.py` by `puente doctor --metrics`; a test fails when it is stale.

Every process of the line serves `/metrics` (Prometheus' text), and publishes the same numbers every ten seconds to the
topic `line.health.v1`, but for the buckets of histograms: `puente_latency_recent_seconds` is there in their place.
Counters start from nothing with their process, and where a partition moves, its series go on in another process:
use `rate()`, and `sum` over processes.

**Drills are never mixed with the real.** The column *drills* says how: `apart`, by the label `exercise` (`true` for a
drill's); `none`, no drill has a part in it; `line`, it counts the line itself, its processes, connections, records and
bytes, which carry both at once: a drill is meant to load them. Whatever counts what happens at the border, on the road
or to a subscriber is `apart` or `none`, and a test holds each to that. What is no reading, such as a last will, is a
drill's where its bytes say `"exercise": true`.
"""
