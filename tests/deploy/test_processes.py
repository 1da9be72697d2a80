"""Children end with us, however we end; folders of runs that were killed do not stay."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.services.cache import cache_dir, scratch
from deploy.services.errors import ServiceFailedError
from deploy.services.processes import HISTORY_NICENESS, Child, answers, free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# Ignores SIGTERM, and has a child of its own.
_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""
STUBBORN = [sys.executable, "-c", _STUBBORN]


def wait_for(what: Callable[[], bool]) -> None:
    """Poll until it holds; give up, for good, after a minute."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """True where the process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_stubborn_child_and_its_own_children_are_stopped(tmp_path: Path):
    child = Child("stubborn", STUBBORN, tmp_path / "log")
    wait_for(lambda: (tmp_path / "log").read_text().strip().isdigit())
    grandchild = int((tmp_path / "log").read_text())
    child.stop(deadline_s=0.2)
    assert child.exit_code == -9
    wait_for(lambda: gone(grandchild))


def test_a_child_that_stops_early_is_told_with_its_last_words(tmp_path: Path):
    child = Child("server", [sys.executable, "-c", "print('no such port'); exit(4)"], tmp_path / "log")
    with pytest.raises(ServiceFailedError, match=r"server stopped with code 4.*\n  no such port"):
        child.wait_until(lambda: False, deadline_s=30)


def test_a_child_that_never_answers_is_told(tmp_path: Path):
    child = Child("server", SLEEP, tmp_path / "log")
    try:
        with pytest.raises(ServiceFailedError, match="did not answer"):
            child.wait_until(lambda: False, deadline_s=0.1)
    finally:
        child.kill()


def test_a_program_that_is_not_there_is_told(tmp_path: Path):
    child = Child("server", ["/nowhere/server"], tmp_path / "log")
    with pytest.raises(ServiceFailedError, match="No such file"):
        child.wait_until(lambda: False, deadline_s=30)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path):
    started: list[Child] = []
    thread = threading.Thread(target=lambda: started.append(Child("sleeper", SLEEP, tmp_path / "log")))
    thread.start()
    thread.join()
    wait_for(lambda: "sleep" in " ".join(psutil.Process(started[0].pid).cmdline()[-1:]))
    assert started[0].exit_code is None
    started[0].kill()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
@pytest.mark.parametrize("in_thread", [False, True])
def test_kill_9_of_the_parent_leaves_no_child(tmp_path: Path, in_thread: bool):
    start = f"Child('c', {SLEEP!r}, Path({str(tmp_path / 'log')!r}))"
    made = f"t = threading.Thread(target=lambda: made.append({start})); t.start(); t.join()"
    program = f"""
import threading, time
from pathlib import Path
from deploy.services.processes import Child
made = []
{made if in_thread else f"made.append({start})"}
print(made[0].pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # Under the leash it has become the program only once exec is done.
        wait_for(lambda: "leash" not in " ".join(psutil.Process(pid).cmdline()))
        parent.kill()
    wait_for(lambda: gone(pid))


def test_a_scratch_folder_goes_with_its_run_and_a_killed_runs_with_the_next(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = f"""
import os, signal, tempfile
tempfile.tempdir = {str(tmp_path)!r}
from deploy.services.cache import scratch
with scratch("killed") as folder:
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    with scratch("one") as one, scratch("two") as two:
        assert not left.exists()
        assert one.is_dir()
        assert two.is_dir()
    assert not one.exists()


def test_without_a_home_the_cache_falls_back(tmp_path: Path, monkeypatch):
    for name in ("PUENTE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_dir().parent == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home/.cache/puente"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg/puente"
    monkeypatch.setenv("PUENTE_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    assert cache_dir(tmp_path / "chosen") == tmp_path / "chosen"


def test_a_free_port_has_no_listener():
    assert not answers("127.0.0.1", free_port())


def test_a_child_that_is_to_step_back_has_the_niceness_it_was_given_and_others_have_none(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "import os; print(os.nice(0))"]
    with_it = Child("steps-back", program, log=tmp_path / "back.log", niceness=HISTORY_NICENESS)
    without = Child("goes-first", program, log=tmp_path / "first.log")
    for child in (with_it, without):
        wait_for(lambda child=child: child.exit_code is not None)
    own = os.nice(0)
    assert (tmp_path / "back.log").read_text().split() == [str(min(19, own + HISTORY_NICENESS))]
    assert (tmp_path / "first.log").read_text().split() == [str(own)]
