"""How a long command gets on, for people: one line kept up to date in a terminal, a line now and then in a file.

``live`` is a terminal, ``plain`` what is none (a file, a journal, a pipe); either may be None. Time comes in as data.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Generic, TextIO, TypeVar

P = TypeVar("P")
EVERY_S: Final = 30.0  # a log of an hour's run is 120 lines


class Telling(Generic[P]):
    """Call it with the progress as often as you like; ``end`` says what was done in the end, however it came to end."""

    def __init__(
        self,
        sentence: Callable[[P], str],
        live: TextIO | None,
        plain: TextIO | None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sentence = sentence
        self._live, self._plain, self._now_s = live, plain, now_s
        self._due_s = now_s() + EVERY_S
        self._last: P | None = None

    def __call__(self, progress: P) -> None:
        """Tell of it, where it is time to."""
        self._last = progress
        if self._live is not None:
            self._live.write(f"\r\x1b[K{self._sentence(progress)}")
            self._live.flush()
        if self._plain is not None and self._now_s() >= self._due_s:
            self._due_s = self._now_s() + EVERY_S
            self._line(self._plain, self._sentence(progress))

    def end(self) -> None:
        """The last line; nothing where there was no progress."""
        if self._last is None:
            return
        if self._live is not None:
            self._line(self._live, f"\r\x1b[K{self._sentence(self._last)}")
        if self._plain is not None:
            self._line(self._plain, self._sentence(self._last))

    @staticmethod
    def _line(to: TextIO, text: str) -> None:
        to.write(f"{text}\n")
        to.flush()  # a file is looked at while it is written
