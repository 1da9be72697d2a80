"""What Kafka keeps, as those read it who judge again: topics from some time on, and the reference.

A ``Log`` is all that an explanation asks of Kafka: so it can be had of a line without one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from contracts import reference, topics
from deploy.topic_io import partitions_of, records_of
from streams.reference_book import ReferenceBook


class Log(Protocol):
    """Topics by partition: records with ``key``, ``value``, ``headers``, ``timestamp`` (ms) and ``offset``."""

    def records(self, topic: str, *, only: int | None = None, since_ms: int | None = None) -> AsyncGenerator[Any, None]:
        """The records there now, oldest first within a partition; of one, and from a time on, where that is said."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...


@dataclass(frozen=True, slots=True)
class KafkaLog:
    """The topics of a running Kafka. Its methods raise ServiceMissingError."""

    bootstrap: str

    def records(self, topic: str, *, only: int | None = None, since_ms: int | None = None) -> AsyncGenerator[Any, None]:
        """See ``Log``."""
        return records_of(self.bootstrap, topic, only=only, since_ms=since_ms)

    async def partitions(self, topic: str) -> int:
        """See ``Log``."""
        return await partitions_of(self.bootstrap, topic)


async def reference_records(log: Log) -> list[tuple[int, reference.Record]]:
    """The reference's records as the line reads them, in their order, each with Kafka's time (UTC ms)."""
    found = []
    async for record in log.records(topics.REFERENCE):
        if record.value is not None:
            try:
                found.append((record.timestamp, reference.parse(record.value)))
            except (ValueError, msgspec.DecodeError):
                continue  # the line left it out too, and logged it
    return found


async def read_reference(log: Log) -> ReferenceBook:
    """The reference as it is by now."""
    book = ReferenceBook()
    for _, record in await reference_records(log):
        book.apply(record)
    return book


@asynccontextmanager
async def between(
    log: Log, topic: str, partition: int, since_ms: int, until_ms: int
) -> AsyncIterator[AsyncIterator[Any]]:
    """A partition's records that were taken between these times; its reader is stopped where the block is left."""
    async with aclosing(log.records(topic, only=partition, since_ms=since_ms)) as records:

        async def until() -> AsyncGenerator[Any, None]:
            async for record in records:
                if record.timestamp > until_ms:
                    return
                yield record

        async with aclosing(until()) as wanted:
            yield wanted
