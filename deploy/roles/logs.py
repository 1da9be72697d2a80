"""How the line's processes log: one line an entry on standard error, UTC, level, who, what."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_LIBRARIES: Final = ("aiokafka", "faust", "mode", "paho", "amqtt", "asyncio")
_AGAIN_S: Final = 30.0


class SayOnce(logging.Filter):
    """Lets a library say the same thing (logger, level, template) once in a while, and counts what it held back.

    A Kafka that is away for a minute was measured to make thousands of the same three lines.
    """

    def __init__(self, again_s: float = _AGAIN_S, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._again_s = again_s
        self._clock_s = clock_s
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what was said a moment ago."""
        if not record.name.startswith(_LIBRARIES):
            return True
        key = record.name, record.levelno, str(record.msg)[:80]
        now_s = self._clock_s()
        said_s, held_back = self._said.get(key, (-self._again_s, 0))
        if now_s - said_s < self._again_s:
            self._said[key] = (said_s, held_back + 1)
            return False
        self._said[key] = (now_s, 0)
        if held_back:
            record.msg = f"{record.msg} (and {held_back} more like it)"
        return True


def configure(level: str) -> None:
    """Log from this level up (``debug`` ... ``error``). Libraries are heard from warnings up, unless at debug."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        handler.addFilter(SayOnce())
        for library in _LIBRARIES:
            logging.getLogger(library).setLevel(logging.WARNING)
