"""What every server of ours has in common: a folder, ports, one process, and that it may be killed and started again.

A server is started on a port that was free a moment ago. Where somebody took it meanwhile, another is looked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Final, Self

from deploy.services.cache import scratch
from deploy.services.errors import ServiceFailedError
from deploy.services.processes import Child, free_port

_ATTEMPTS: Final = 3


class LocalServer(ABC):
    """One server, as a context manager. ``data`` names a folder that outlives it; without one, data go with it."""

    label: ClassVar[str]  # for people
    scratch_name: ClassVar[str]
    start_s: ClassVar[float]  # after so long without an answer it has failed
    stop_s: ClassVar[float] = 10.0

    def __init__(self, data: Path | None = None) -> None:
        self.port = 0
        self._data = data
        self._folder = Path()
        self._stack = ExitStack()
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._running().pid

    def __enter__(self) -> Self:
        """Start it. Returns when it answers. Raises ServiceMissingError or ServiceFailedError."""
        with ExitStack() as stack:
            self._folder = self._data if self._data is not None else stack.enter_context(scratch(self.scratch_name))
            self._folder.mkdir(parents=True, exist_ok=True)
            stack.callback(self.stop)
            for attempt in range(1, _ATTEMPTS + 1):
                self._take_ports()
                try:
                    self._start()
                    break
                except ServiceFailedError as error:
                    if attempt == _ATTEMPTS or "already in use" not in str(error).lower():
                        raise
            self._set_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def stop(self) -> None:
        """Stop it in order, by force after ``stop_s``. The data stay until the context ends."""
        if self._child is not None:
            self._child.stop(deadline_s=self.stop_s)

    def check(self) -> None:
        """Raises ServiceFailedError, with its last words, where it has stopped by itself."""
        self._running().check()

    def kill(self) -> None:
        """SIGKILL, as when the machine loses power."""
        self._running().kill()

    def restart(self) -> None:
        """Start it again on the same port, data and passwords. Returns when it answers."""
        self.stop()
        self._start()

    def _running(self) -> Child:
        if self._child is None:
            raise ServiceFailedError(f"{self.label} was not started: use it as a context manager")
        return self._child

    def _start(self) -> None:
        child = self._launch()
        self._child = child
        try:
            child.wait_until(self._answers, self.start_s)
        except BaseException:
            child.kill()
            raise

    def _take_ports(self) -> None:
        self.port = free_port()

    @abstractmethod
    def _launch(self) -> Child:
        """Start its process in its folder. Raises ServiceMissingError where there is no such program."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it does what it is for."""

    def _set_up(self) -> None:  # noqa: B027
        """What is to be done once, when it first answers."""
