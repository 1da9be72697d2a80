"""How the line's processes log: one line an entry on standard error, UTC, level, who, what."""

from __future__ import annotations

import logging
import time


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
        for library in ("aiokafka", "faust", "mode", "paho", "amqtt", "asyncio"):
            logging.getLogger(library).setLevel(logging.WARNING)
