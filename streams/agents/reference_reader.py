"""The reference topic, read to its end before the first frame and followed from then on, by no consumer group."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts import reference, topics

log = logging.getLogger(__name__)


class Book(Protocol):
    """What a reader fills; ``version`` counts the records."""

    version: int

    def apply(self, record: reference.Record) -> None:
        """Take one version in."""
        ...


class ReferenceReader:
    """Fills a book. ``ready`` is set once the topic's end at start has been reached."""

    def __init__(self, bootstrap: str, book: Book, client_id: str) -> None:
        self.book = book
        self.ready = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id=f"{client_id}-reference",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # a file is loaded in one transaction, or not at all
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read to the end, then follow in the background. Raises KafkaError."""
        await self._consumer.start()
        partition = TopicPartition(topics.REFERENCE, 0)
        self._consumer.assign([partition])
        await self._consumer.seek_to_beginning(partition)
        end = (await self._consumer.end_offsets([partition]))[partition]
        while await self._consumer.position(partition) < end:
            await self._read(500)
        log.info("The reference is read: %d records.", self.book.version)
        self.ready.set()
        self._task = asyncio.create_task(self._follow(), name="reference")

    async def _follow(self) -> None:
        while True:
            try:
                await self._read(1_000)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("The reference could not be read on; trying again.")
                await asyncio.sleep(1.0)

    async def _read(self, timeout_ms: int) -> None:
        for records in (await self._consumer.getmany(timeout_ms=timeout_ms)).values():
            for record in records:
                if record.value is None:
                    continue
                try:
                    self.book.apply(reference.parse(record.value))
                except (ValueError, msgspec.DecodeError) as error:
                    log.error("Reference record %s, offset %d, is left out: %s", record.key, record.offset, error)

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()
