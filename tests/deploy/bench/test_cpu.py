"""CPU-seconds are the kernel's account of a process and its children, not wall time."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from deploy.bench.cpu import usage_of

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
WAIT = "print('done', flush=True); input()"


def test_a_process_that_burns_is_charged_for_it_and_one_that_waits_is_not() -> None:
    used = []
    for work in (BURN + WAIT, WAIT):
        command = [sys.executable, "-I", "-S", "-c", work]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            used.append(usage_of(process.pid))
            process.communicate(b"\n")
    burnt, waited = used
    assert burnt.cpu_s >= 0.29
    assert burnt.cpu_s > waited.cpu_s + 0.2
    assert burnt.rss_bytes > 1_000_000


def test_a_childs_time_is_its_parents() -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {BURN + WAIT!r}])"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = usage_of(process.pid)
        process.communicate(b"\n")
    assert used.cpu_s >= 0.29


def test_a_child_that_ends_between_its_listing_and_the_look_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        gone = psutil.Process(process.pid)
        process.communicate(b"\n")
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [gone])
    assert usage_of(os.getpid()).cpu_s > 0
    with pytest.raises(psutil.NoSuchProcess):
        usage_of(gone.pid)
