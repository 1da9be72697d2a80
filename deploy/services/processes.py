"""Child processes that never outlive us, and the ports they listen on.

A child is started in a process group of its own, so that Ctrl-C in the terminal reaches only us and we stop the
children in the right order; and under ``leash``, so that it dies with us however we die. Processes are ended by their
own id, never by name.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from deploy.services.errors import ServiceFailedError

_LEASH: Final = str(Path(__file__).with_name("leash.py"))
# Below the range that operating systems give to outgoing connections: a server that is killed and started again on
# its port must not find a client's connection there.
_PORTS: Final = range(15_000, 32_000)
# On a machine that has all of the line: an alert comes before a chart, so the history's processes wait for the others'.
HISTORY_NICENESS: Final = 5
_spawn_requests: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]] = (
    queue.SimpleQueue()
)
_spawner_lock = threading.Lock()
_spawner: threading.Thread | None = None


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens now."""
    chance = random.SystemRandom()
    for _ in range(200):
        port = chance.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceFailedError("no free port was found on 127.0.0.1 between 15000 and 32000")


def answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """True where something accepts a TCP connection."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


class Child:
    """One running program of ours. ``log`` holds what it printed."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        niceness: int = 0,
    ) -> None:
        """Start it. Raises ServiceFailedError where the program cannot be run.

        ``niceness`` over 0: where the cores are full, others go first (``nice(1)``).
        """
        self.name = name
        self.log = log
        leashed = [sys.executable, "-I", "-S", _LEASH, str(os.getpid()), str(niceness), *command]

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as out:
                return subprocess.Popen(
                    leashed,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )

        try:
            self._process = _from_lasting_thread(start)
        except OSError as error:
            raise ServiceFailedError(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """The program's process id, which is also its process group's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative where a signal ended it."""
        return self._process.poll()

    def check(self) -> None:
        """Raises ServiceFailedError, with its last words, where it has stopped."""
        if self.exit_code is not None:
            raise ServiceFailedError(self.ending())

    def wait_until(self, ready: Callable[[], bool], deadline_s: float) -> None:
        """Return once ``ready()``. Raises ServiceFailedError, with its last words, where it stops or takes longer."""
        end = time.monotonic() + deadline_s
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise ServiceFailedError(f"{self.name} did not answer within {deadline_s:.0f} s.{self.last_words()}")
            time.sleep(0.05)

    def ending(self) -> str:
        """How it ended, and the last that it printed."""
        code = self.exit_code
        if code is not None and code < 0:  # it was given no time for last words
            return f"{self.name} was killed by signal {-code}.{self.last_words(called=' What it had printed last:')}"
        return f"{self.name} stopped with code {code}.{self.last_words()}"

    def last_words(self, lines: int = 15, called: str = " Its last words:") -> str:
        """The end of what it printed, as a sentence's continuation; empty where it printed nothing."""
        try:
            tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return ""
        return "\n".join([called, *(f"  {line}" for line in tail)]) if tail else ""

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting; nothing where it has ended."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, deadline_s: float = 10.0) -> None:
        """SIGTERM, and SIGKILL to all of its group after the deadline. Returns when it is gone."""
        self.ask_to_stop()
        try:
            self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL to it and all of its group. Returns when it is gone."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # nobody left in the group
            pass
        self._process.wait()


def _from_lasting_thread(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a process from a thread that lasts as long as we do.

    To the kernel, the parent whose death ends a leashed child is the *thread* that made it: a child started from a
    thread of a pool would die with that thread.
    """
    global _spawner
    if threading.current_thread() is threading.main_thread():
        return start()
    with _spawner_lock:
        if _spawner is None or not _spawner.is_alive():
            _spawner = threading.Thread(target=_spawn_for_others, name="puente-spawner", daemon=True)
            _spawner.start()
    answer: Future[subprocess.Popen[bytes]] = Future()
    _spawn_requests.put((start, answer))
    return answer.result()


def _spawn_for_others() -> None:
    while True:
        start, answer = _spawn_requests.get()
        try:
            answer.set_result(start())
        except Exception as error:
            answer.set_exception(error)
