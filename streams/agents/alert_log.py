"""One audience's alerts as its subscribers read them, each at its own pace: the newest from memory, older from Kafka.

The topic is the queue: it is replicated, keeps 90 days, and a slow subscriber holds nothing but its own offset. All
that keep up are served from the same few megabytes; who falls behind reads pages of its own until it has caught up.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts import drills
from contracts.alerts import Alert
from streams.drill_tally import DrillTally, Split

log = logging.getLogger(__name__)

PAGE: Final = 500
_KEPT: Final = 4_000  # records in memory, at the least; at most half as many more
_POLL_MS: Final = 500
_ALERT: Final = msgspec.json.Decoder(Alert)


@dataclass(frozen=True, slots=True)
class Told:
    """A record of an alert topic. ``alert`` is None where its bytes are none; ``told_ms`` is Kafka's time of it."""

    offset: int
    told_ms: int
    alert: Alert | None
    record: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def drill(self) -> bool:
        """Whether it is a drill's; bytes that are no alert, where they say so."""
        return drills.says_drill(self.record) if self.alert is None else self.alert.exercise


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order, and the offset to read from next."""

    records: list[Told]
    then: int


class AlertLog:
    """See the module. ``end`` is the topic's end of now; our owner calls ``feed`` with what comes from there on."""

    def __init__(self, bootstrap: str, source: TopicPartition, end: int, client_id: str) -> None:
        self.end = end
        self._source = source
        self._start = end
        self._recent: list[Told] = []
        self._tally = DrillTally(end)
        self._more = asyncio.Event()
        self._reading = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None
        self._client_id = f"{client_id}-pages-{source.topic}"
        self._bootstrap = bootstrap

    def feed(self, records: Iterable[Any]) -> None:
        """What Kafka has that is new."""
        for record in records:
            if record.offset >= self.end:
                told = _told(record)
                self._recent.append(told)
                self._tally.note(told.offset, told.drill)
                self.end = record.offset + 1
        if len(self._recent) > _KEPT + _KEPT // 2:
            del self._recent[:-_KEPT]
            self._start = self._recent[0].offset
        self._more.set()

    def split(self, offset: int) -> Split:
        """How many real alerts, and a drill's, lie from this offset to the end; unread is what came before we began."""
        return self._tally.split(offset, self.end)

    def forget(self, before: int) -> None:
        """Nobody is behind this offset any more."""
        self._tally.forget(before)

    def first_ms(self, page: Page, wanted: Callable[[Told], bool], drill: bool) -> int | None:
        """When the first was told, behind this page, that is wanted; ``drill``: what kind that is. None without one.

        What is in memory is looked at. What lies between the page and that is not read for this: where there is any of
        the kind, it was told no earlier than the page's last.
        """
        recent, start = list(self._recent), self._start
        between = self._tally.split(page.then, start)
        if page.records and (between.unread or (between.drill if drill else between.real)):
            return page.records[-1].told_ms
        return next((told.told_ms for told in recent if told.offset >= page.then and wanted(told)), None)

    async def read(self, offset: int) -> Page:
        """The next records from this offset on, one at the least. Waits until there are any."""
        while offset >= self.end:
            self._more.clear()
            await self._more.wait()
        if offset >= self._start:
            first = bisect_left(self._recent, offset, key=lambda told: told.offset)
            records = self._recent[first : first + PAGE]
            if records:
                return Page(records, records[-1].offset + 1)
            return Page([], self.end)
        async with self._reading:
            return await self._older(offset)

    async def _older(self, offset: int) -> Page:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            self._consumer = consumer
            try:
                await consumer.start()
            except BaseException:
                self._consumer = None
                await consumer.stop()
                raise
            consumer.assign([self._source])
        consumer = self._consumer
        consumer.seek(self._source, offset)
        while True:
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=PAGE)
            then = await consumer.position(self._source)
            if found or then > offset:
                return Page([_told(record) for records in found.values() for record in records], then)

    async def close(self) -> None:
        """Let the pages' reader go."""
        if self._consumer is not None:
            await self._consumer.stop()


def _told(record: Any) -> Told:
    alert = None
    try:
        alert = _ALERT.decode(record.value or b"")
    except msgspec.DecodeError as error:
        log.error(
            "%s: the record at offset %d is no alert and is told to nobody: %s", record.topic, record.offset, error
        )
    return Told(record.offset, record.timestamp, alert, record.value or b"", tuple(record.headers))
