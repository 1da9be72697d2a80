"""A pool's processes begin as told, leave Ctrl-C to their parent, and end with it."""

from __future__ import annotations

import os
import signal

import psutil

from deploy.pools import processes

_told: list[str] = []


def begin(word: str) -> None:
    _told.append(word)


def what_was_told(_: int) -> tuple[int, list[str]]:
    os.kill(os.getpid(), signal.SIGINT)  # a terminal tells all of them
    return os.getpid(), list(_told)


def test_its_processes_begin_as_told_outlive_ctrl_c_and_end_with_it() -> None:
    with processes(2, begin, ("word",)) as pool:
        found = pool.map(what_was_told, range(8), chunksize=1)
        children = [psutil.Process(pid) for pid in {pid for pid, _ in found}]
    assert {tuple(words) for _, words in found} == {("word",)}
    assert psutil.wait_procs(children, timeout=120)[1] == []


def test_its_parent_hears_ctrl_c_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with processes(1):
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before
