"""What every bench is told (its size) and what it answers (the report), and how it says where it is."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.settings import Settings


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. The defaults are the figures the floors speak of; tests use small ones."""

    devices: int = 20_000
    rate: float = 3_000.0  # readings a second, as frames are cut and messages are sent
    stream_readings: int = 540_000
    gateway_readings: int = 60_000
    peer_readings: int = 15_000
    gateway_peer_readings: int = 30_000
    line_devices: int = 9_000
    line_s: float = 45.0
    rules_devices: int = 400
    rules_backlog_frame: int = 500  # readings judged together where stage 1 is behind, and gathers
    rules_live_frame: int = 58  # the same of a line that keeps up: what a gateway puts in a frame at ``rate``
    rules_readings: int = 100_000
    rules_passes: int = 5
    peers: bool = True
    influx: bool = True
    within_s: float = 420.0  # for any one thing waited for: then the bench fails, and ends


@dataclass(slots=True)
class Report:
    """What was measured. ``as_dict`` has the same keys for every bench; what does not apply is None or empty."""

    bench: str
    readings: int
    cpu_s: float
    loadgen_cpu_s: float
    frame_mean: float | None
    latency_ms: dict[str, float | None] = field(default_factory=lambda: {"p50": None, "p99": None})
    bytes_per_device: int | None = None
    peers: dict[str, float] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``more`` holds what only this bench knows."""
        return {
            "bench": self.bench,
            "readings": self.readings,
            "cpu_s": round(self.cpu_s, 3),
            "readings_per_cpu_s": rate(self.readings, self.cpu_s),
            "loadgen_cpu_s": round(self.loadgen_cpu_s, 3),
            "frame_mean": None if self.frame_mean is None else round(self.frame_mean, 1),
            "latency_ms": self.latency_ms,
            "bytes_per_device": self.bytes_per_device,
            "peers": self.peers,
            "not_run": self.not_run,
            **self.more,
        }


def rate(readings: int, cpu_s: float) -> float:
    """Readings a CPU-second; 0 where nothing was spent, which is nothing measured."""
    return round(readings / cpu_s, 0) if cpu_s > 0 else 0.0


def own_servers(settings: Settings) -> Settings:
    """The same settings on servers of the bench's own: it must never load a Kafka that somebody works with."""
    return replace(
        settings,
        kafka="",
        replication=1,
        mqtt="",
        mqtt_username=None,
        mqtt_password=None,
        mqtt_device_username=None,
        mqtt_device_password=None,
        history="",
        influx_token=None,
        data_dir=None,
        log_level="warning",
    )


def say(text: str) -> None:
    """Progress, a line on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
