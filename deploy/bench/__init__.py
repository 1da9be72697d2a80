"""The bench: what the line does in a CPU-second, measured on real servers of its own, peers beside it in the same run.

- ``stream``: both stages with their checkpoints, in a real worker process on a real Kafka
- ``gateway``: one reading a message, from a real MQTT broker to a real Kafka
- ``end_to_end``: the whole line at 3,000 readings a second, with every server on this machine
- ``rules``: all device rules on joined readings, in this process; no server

CPU-seconds (user + system) of our processes are what counts, read by ``cpu`` from the kernel: wall time on a shared
machine says little. The load generator's are reported and not counted. ``frames`` cuts frames as the gateway does;
``loadgen`` publishes at a given pace; ``far_end`` counts what arrived where it arrives; ``peers`` do the same work by
other means. Everything talks to servers started for the bench on 127.0.0.1, whatever the settings name, is bounded in
time, and says on standard error where it is.
"""

from __future__ import annotations

from typing import Any

from deploy.bench.report import Size
from deploy.settings import Settings

__all__ = ["Size", "run"]


def run(name: str, settings: Settings, size: Size | None = None) -> dict[str, Any]:
    """Run one bench and return its report. Raises ValueError for an unknown name, ServiceError without a server."""
    from deploy.bench import end_to_end, gateway, rules, stream

    benches = {"stream": stream.run, "gateway": gateway.run, "end-to-end": end_to_end.run, "rules": rules.run}
    if name not in benches:
        raise ValueError(f"no bench {name!r}: there are {', '.join(benches)}")
    return benches[name](settings, size or Size())
