"""Reading a topic from its beginning, and writing many records at once or not at all: what the commands need of Kafka.

Without a consumer group: nothing is remembered, and nobody's partitions move.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from deploy.services.errors import KafkaMissingError
from streams.agents.started import started

_POLL_MS: Final = 250


@asynccontextmanager
async def _consumer(bootstrap: str, topic: str) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A consumer assigned to every partition of the topic. Raises ServiceMissingError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_POLL_MS,
    )
    async with started(lambda: _reach(consumer, bootstrap), consumer.stop):
        numbers = (await consumer._client.fetch_all_metadata()).partitions_for_topic(topic)
        if not numbers:
            raise KafkaMissingError("no_topic", at=bootstrap, topic=topic)
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        yield consumer, partitions


async def _reach(client: AIOKafkaConsumer | AIOKafkaProducer, bootstrap: str) -> None:
    try:
        await client.start()
    except KafkaConnectionError:
        raise KafkaMissingError("no_kafka", at=bootstrap) from None


async def records_of(
    bootstrap: str,
    topic: str,
    *,
    last: int | None = None,
    follow: bool = False,
    only: int | None = None,
    since_ms: int | None = None,
) -> AsyncGenerator[Any, None]:
    """The records of a topic, oldest first within a partition: those there now, and with ``follow`` those to come.

    ``last`` begins that many records before each partition's end, ``since_ms`` at the first that Kafka took at that
    time or later; ``only`` reads one partition. Raises ServiceMissingError.
    """
    async with _consumer(bootstrap, topic) as (consumer, there):
        partitions = [partition for partition in there if only is None or partition.partition == only]
        consumer.assign(partitions)
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        if since_ms is not None:
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
            begins = {p: ends[p] if found[p] is None else found[p].offset for p in partitions}
        for partition in partitions:
            at = begins[partition] if last is None else max(begins[partition], ends[partition] - last)
            consumer.seek(partition, at)
        while follow or await _behind(consumer, ends):
            for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in batch:
                    yield record


async def _behind(consumer: Any, ends: dict[Any, int]) -> bool:
    """True while something that was there at the beginning has not come yet."""
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


async def ends_of(bootstrap: str, topic: str) -> dict[int, int]:
    """Where each partition of the topic ends now: the offset of what would come next. Raises ServiceMissingError."""
    async with _consumer(bootstrap, topic) as (consumer, partitions):
        return {place.partition: end for place, end in (await consumer.end_offsets(partitions)).items()}


async def partitions_of(bootstrap: str, topic: str) -> int:
    """How many partitions the topic has. Raises ServiceMissingError."""
    async with _consumer(bootstrap, topic) as (_, partitions):
        return len(partitions)


async def compacted(bootstrap: str, topic: str) -> dict[str, bytes]:
    """The newest value of every key of a compacted topic."""
    newest: dict[str, bytes] = {}
    async for record in records_of(bootstrap, topic):
        key = record.key.decode()
        if record.value is None:
            newest.pop(key, None)
        else:
            newest[key] = record.value
    return newest


async def write_all(
    bootstrap: str, topic: str, partition: int, pairs: Iterable[tuple[str, bytes]], as_whom: str
) -> None:
    """Write all of these records in one transaction: readers see all of them or none. Raises ServiceMissingError.

    Of two that write ``as_whom`` at the same time, the later one wins and the earlier one fails.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", transactional_id=as_whom, transaction_timeout_ms=300_000, linger_ms=5
    )
    async with started(lambda: _reach(producer, bootstrap), producer.stop), producer.transaction():
        sent = [await producer.send(topic, value, key.encode(), partition=partition) for key, value in pairs]
        for future in sent:
            await future


async def write_tombstones(bootstrap: str, topic: str, keys: Sequence[str]) -> None:
    """Take these keys out of a compacted topic of one partition. Raises KafkaError."""
    if not keys:
        return
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    async with started(producer.start, producer.stop):
        for future in [await producer.send(topic, None, key.encode()) for key in keys]:
            await future
