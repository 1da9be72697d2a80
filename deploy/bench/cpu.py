"""CPU-seconds and memory of other processes, as the kernel accounts them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process had used at one moment: user and system CPU time, and resident memory."""

    cpu_s: float
    rss_bytes: int


def usage_of(pid: int) -> Usage:
    """Of this process and the children it has, all threads. Raises psutil.NoSuchProcess once it has gone."""
    process = psutil.Process(pid)
    cpu_s, rss = 0.0, 0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        cpu_s += times.user + times.system
        rss += each.memory_info().rss
    return Usage(cpu_s, rss)


def own_cpu_s() -> float:
    """Of this process itself, all threads."""
    return time.process_time()
