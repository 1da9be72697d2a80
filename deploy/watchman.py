"""Keeps servers and processes running: what stops is started again, what stops again and again needs a person.

Started again at once the first time, then after a wait that doubles, five times in ten minutes at most. The clock is
given, so that the rule can be tried without waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from deploy.services.errors import ServiceFailedError

RESTARTS_MAX: Final = 5
WINDOW_S: Final = 600.0
_FIRST_WAIT_S: Final = 1.0


@dataclass(slots=True)
class Watched:
    """One of them. ``check`` raises ServiceFailedError where it has stopped, as ``start`` does where it cannot."""

    name: str
    check: Callable[[], None]
    start: Callable[[], None]
    _restarts_s: list[float] = field(default_factory=list)
    _due_s: float | None = None  # when it is to be started again; None: it runs, as far as is known

    def look(self, now_s: float, say: Callable[[str], None]) -> None:
        """Look after it once. Raises ServiceFailedError where starting it again has not helped."""
        if self._due_s is None:
            self._attempt(self.check, now_s, say)
        elif now_s >= self._due_s:
            self._due_s = None
            if self._attempt(self.start, now_s, say):
                say(f"{self.name} runs again.")

    def _attempt(self, act: Callable[[], None], now_s: float, say: Callable[[str], None]) -> bool:
        try:
            act()
        except ServiceFailedError as error:
            self._plan(now_s, str(error), say)
            return False
        return True

    def _plan(self, now_s: float, why: str, say: Callable[[str], None]) -> None:
        self._restarts_s = [at_s for at_s in self._restarts_s if now_s - at_s < WINDOW_S]
        before = len(self._restarts_s)
        if before == RESTARTS_MAX:
            raise ServiceFailedError(
                f"{why}\n{self.name} was started again {before} times within {WINDOW_S / 60:.0f} minutes, and stopped "
                "each time: it needs a person. All is stopped now."
            )
        wait_s = _FIRST_WAIT_S * 2 ** (before - 1) if before else 0.0
        self._restarts_s.append(now_s)
        self._due_s = now_s + wait_s
        say(f"{why}\nStarting {self.name} again" + (f" in {wait_s:.0f} s." if wait_s else "."))
