"""CPU-seconds are the kernel's account of a process and its children, not wall time."""

from __future__ import annotations

import subprocess
import sys

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
