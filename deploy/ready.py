"""Whether a line has begun to work: ticks are the gateway's own, so they run through it before any device speaks.

The gateway sends none before it has subscribed, so whoever publishes after this is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from contracts import frames, topics
from deploy.services.errors import ServiceFailedError
from deploy.settings import Settings
from deploy.topic_io import records_of

READY_S: Final = 60.0
_CHECK_S: Final = 0.5


class NotReadyError(ServiceFailedError):
    """The line did not run through in time; it may still."""


def wait_ready(settings: Settings, check: Callable[[], None] = lambda: None, timeout_s: float = READY_S) -> None:
    """Return once new ticks have gone through every partition of both stages.

    ``check`` is asked twice a second and may raise. Raises NotReadyError where the ticks do not come in time,
    ServiceMissingError where Kafka does not answer.
    """
    try:
        asyncio.run(asyncio.wait_for(_wait(settings, check), timeout_s))
    except TimeoutError:
        raise NotReadyError(f"the line did not run through within {timeout_s:g} s.") from None


async def _wait(settings: Settings, check: Callable[[], None]) -> None:
    stages = asyncio.gather(_through_stage_1(settings.kafka, settings.partitions), _through_stage_2(settings.kafka))
    try:
        while not stages.done():
            check()
            await asyncio.wait([stages], timeout=_CHECK_S)
        stages.result()
    finally:
        stages.cancel()
        await asyncio.gather(stages, return_exceptions=True)  # else its end is complained of whenever it is collected


async def _through_stage_1(kafka: str, partitions: int) -> None:
    """Every partition of stage 1 sends a tick on to every partition of stage 2."""
    seen: set[tuple[int, str]] = set()
    async for record in records_of(kafka, topics.SHIPMENT_READINGS, last=0, follow=True):
        if frames.kind_of(record.headers) == "tick":
            seen.add((record.partition, frames.decode_tick(record.value).source))
            if len(seen) >= partitions * partitions:
                return


async def _through_stage_2(kafka: str) -> None:
    """Stage 2 covers what it has taken in, ticks too, with a checkpoint."""
    async for _ in records_of(kafka, topics.checkpoints("shipment"), last=0, follow=True):
        return
