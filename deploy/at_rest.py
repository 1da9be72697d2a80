"""When a line is at rest: its stages' checkpoints cover all that stood in their sources, one stage after another.

That the history holds every reading says nothing of the stages beside it: an alert may still be on its way. Ticks
never rest: of them those count that are there when it is a stage's turn.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from contracts import topics
from deploy.topic_io import ends_of, records_of
from streams.agents.checkpoints import covered_in

_CHAIN: Final = (
    ("admit", (topics.READINGS,)),
    ("shipment", (topics.SHIPMENT_READINGS,)),
    ("corridor", (topics.JOURNEY_WINDOWS,)),
    ("sensor", (topics.SENSOR_VALUES,)),
    ("history", (topics.SHIPMENT_READINGS, topics.SHIPMENT_EVENTS, topics.alerts("joint"))),
)


async def wait_at_rest(bootstrap: str) -> None:
    """Return once it is so; the caller bounds the wait. Raises ServiceMissingError where Kafka does not answer."""
    for stage, sources in _CHAIN:
        await _covered(bootstrap, stage, sources)


async def _covered(bootstrap: str, stage: str, sources: tuple[str, ...]) -> None:
    """Return once the stage's checkpoints cover what is in these topics now."""
    wanted = {
        (topic, partition): end - 1
        for topic in sources
        for partition, end in (await ends_of(bootstrap, topic)).items()
        if end > 0
    }
    if not wanted:
        return
    async with aclosing(records_of(bootstrap, topics.checkpoints(stage), follow=True)) as records:
        async for record in records:
            found = covered_in(record)
            if found is not None:
                source, offset = found
                place = (source, record.partition)
                if offset >= wanted.get(place, offset + 1):
                    del wanted[place]
                    if not wanted:
                        return
