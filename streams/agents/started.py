"""A client of Kafka that is let go of however its work ends, its start included.

A start that is interrupted leaves aiokafka's client with its connections open, and the library then complains of an
unclosed client on standard error, which is not what somebody who pressed Ctrl-C should read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Step = Callable[[], Awaitable[object]]


@asynccontextmanager
async def started(start: Step, stop: Step) -> AsyncIterator[None]:
    """``start``, the block, then ``stop``: also where ``start`` itself fails or is cancelled."""
    try:
        await start()
        yield
    finally:
        await stop()
