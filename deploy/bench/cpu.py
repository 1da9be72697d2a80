"""CPU-seconds and memory of other processes, as the kernel accounts them."""

from __future__ import annotations

import time
from contextlib import suppress
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
    found = [_usage(process)]
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # ended since it was listed
            found.append(_usage(child))
    return Usage(sum(each.cpu_s for each in found), sum(each.rss_bytes for each in found))


def _usage(process: psutil.Process) -> Usage:
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_info().rss)


def own_cpu_s() -> float:
    """Of this process itself, all threads."""
    return time.process_time()
