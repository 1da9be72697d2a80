"""How a simulated fleet gets on, for people."""

from __future__ import annotations

from simulators.mqtt_devices import Progress


def sentence(progress: Progress) -> str:
    """What was done so far, in readings."""
    return (
        f"{progress.published:,} published, {progress.held:,} held, {progress.refused:,} refused, "
        f"{progress.resent:,} resent, {progress.unreceipted:,} without a receipt"
    )
