"""Checkpoints on a real Kafka: held together or not at all, by one writer at a time, read back as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import ProducerFenced

from contracts.topics import checkpoints
from streams.agents.checkpoints import NOTHING_COVERED, CheckpointStore
from streams.stage import pack

pytestmark = pytest.mark.kafka

Opened = Callable[..., Awaitable[CheckpointStore]]
PARTITION = 1


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def stage(admin: AIOKafkaAdminClient, unique: str) -> str:
    """A stage of the test's own, with its compacted topic and two sources of two partitions."""
    topics = [NewTopic(checkpoints(unique), 2, 1, topic_configs={"cleanup.policy": "compact"})]
    topics += [NewTopic(f"{unique}.{name}", 2, 1) for name in ("readings", "alerts")]
    await admin.create_topics(topics)
    return unique


@pytest.fixture
async def opened(kafka: str, stage: str) -> AsyncIterator[Opened]:
    """Opens a store of the stage; all are closed at the end."""
    stores: list[CheckpointStore] = []

    async def make(source: str = "readings", open_it: bool = True) -> CheckpointStore:
        store = CheckpointStore(kafka, stage, TopicPartition(f"{stage}.{source}", PARTITION), "test")
        stores.append(store)
        if open_it:
            await store.open()
        return store

    yield make
    await asyncio.gather(*(store.close() for store in stores), return_exceptions=True)


async def restored(store: CheckpointStore) -> tuple[dict[str, bytes], int, int]:
    state: dict[str, bytes] = {}
    covered, end = await store.restore(lambda key, value: state.__setitem__(key, value))
    return state, covered, end


async def fill(kafka: str, topic: str, records: int) -> None:
    """Put records into the source."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(records):
            await producer.send_and_wait(topic, b"frame", partition=PARTITION)


async def test_nothing_is_restored_from_an_empty_partition(opened: Opened) -> None:
    assert await restored(await opened()) == ({}, NOTHING_COVERED, 0)


async def test_records_come_back_in_the_order_in_which_they_were_last_written(opened: Opened) -> None:
    store = await opened()
    await store.save(1, [("d/a", b"1"), ("h/a", b"1")])
    await store.save(2, [("d/a", b"2")])
    state, _, _ = await restored(store)
    assert list(state.items()) == [("h/a", b"1"), ("d/a", b"2")]


async def test_state_and_covered_offset_come_back_newest_first_and_forgotten_keys_do_not(opened: Opened) -> None:
    store = await opened()
    assert await store.save(4, [("d/a", b"1"), ("d/b", b"1"), ("e/x", b"open")]) == 4
    await store.save(9, [("d/a", b"2"), ("e/x", None), ("e/y", None)])
    await store.save(11, [])
    for reader in (store, await opened()):
        assert await restored(reader) == ({"d/a": b"2", "d/b": b"1"}, 11, 0)


async def test_keys_are_restored_in_no_particular_order_but_each_once(opened: Opened) -> None:
    store = await opened()
    for round_ in range(3):
        await store.save(round_, [(f"d/{i}", b"%d" % round_) for i in range(50)])
    seen: list[str] = []
    await store.restore(lambda key, _: seen.append(key))
    assert sorted(seen) == sorted(f"d/{i}" for i in range(50))


async def test_a_checkpoint_larger_than_a_batch_is_held_whole(opened: Opened) -> None:
    store = await opened()
    changes = [(f"h/device-{i}/0", bytes([i % 251]) * 256) for i in range(5_000)]
    changes.append(("d/large", b"x" * 600_000))
    assert await store.save(7, changes) == len(changes) + 1
    state, covered, _ = await restored(await opened())
    assert (state, covered) == (dict(changes), 7)


async def test_a_transaction_that_was_not_committed_is_not_seen(opened: Opened) -> None:
    store = await opened()
    await store.save(4, [("d/a", b"1")])

    def changes():  # the writer dies between two records
        yield "d/a", b"2"
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await store.save(9, changes())
    assert await restored(await opened()) == ({"d/a": b"1"}, 4, 0)


async def test_a_writer_that_hangs_in_a_transaction_is_fenced_and_its_records_never_seen(opened: Opened) -> None:
    zombie = await opened()
    await zombie.save(4, [("d/a", b"1")])
    producer = zombie._producer
    assert producer is not None
    await producer.begin_transaction()
    await producer.send_and_wait(
        checkpoints(zombie.stage), b"2", f"{zombie.source.topic}|d/a".encode(), partition=PARTITION
    )
    successor = await opened()
    assert await restored(successor) == ({"d/a": b"1"}, 4, 0)
    with pytest.raises(ProducerFenced):
        await producer.commit_transaction()
    await successor.save(5, [("d/a", b"3")])
    assert await restored(successor) == ({"d/a": b"3"}, 5, 0)


async def test_another_sources_hanging_transaction_holds_nobody_up(opened: Opened) -> None:
    readings, alerts = await opened("readings"), await opened("alerts")
    await readings.save(4, [("d/a", b"1")])
    producer = alerts._producer
    assert producer is not None
    await producer.begin_transaction()
    await producer.send_and_wait(checkpoints(alerts.stage), b"2", b"never", partition=PARTITION)
    async with asyncio.timeout(20):
        assert await restored(await opened("readings")) == ({"d/a": b"1"}, 4, 0)
    await producer.abort_transaction()


async def test_who_opens_second_fences_the_first(opened: Opened) -> None:
    first = await opened()
    await first.save(1, [("d/a", b"1")])
    second = await opened()
    await second.save(2, [("d/a", b"2")])
    with pytest.raises(ProducerFenced):
        await first.save(3, [("d/a", b"zombie")])
    assert await restored(second) == ({"d/a": b"2"}, 2, 0)


async def test_sources_that_share_a_partition_neither_see_nor_fence_each_other(opened: Opened) -> None:
    readings, alerts = await opened("readings"), await opened("alerts")
    await readings.save(4, [("d/a", b"r")])
    await alerts.save(8, [("d/a", b"a")])
    await readings.save(5, [])
    assert await restored(readings) == ({"d/a": b"r"}, 5, 0)
    assert await restored(alerts) == ({"d/a": b"a"}, 8, 0)


async def test_it_says_where_the_source_ends(opened: Opened, kafka: str, stage: str) -> None:
    await fill(kafka, f"{stage}.readings", 3)
    store = await opened()
    assert await restored(store) == ({}, NOTHING_COVERED, 3)
    await store.save(1, [])
    assert await restored(store) == ({}, 1, 3)


async def test_what_the_source_no_longer_holds_is_not_waited_for(
    opened: Opened, kafka: str, stage: str, admin: AIOKafkaAdminClient, caplog: pytest.LogCaptureFixture
) -> None:
    source = TopicPartition(f"{stage}.readings", PARTITION)
    await fill(kafka, source.topic, 10)
    store = await opened()
    await store.save(1, [("d/a", b"1")])
    await admin.delete_records({source: RecordsToDelete(before_offset=6)})
    assert await restored(store) == ({"d/a": b"1"}, 5, 10)
    assert "records 2 to 5 were deleted before they were read" in caplog.text


async def test_a_checkpoint_of_another_format_stops_the_start(opened: Opened, kafka: str, stage: str) -> None:
    store = await opened()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        key = f"{stage}.readings|covered".encode()
        await producer.send_and_wait(checkpoints(stage), pack([4, 99]), key, partition=PARTITION)
    with pytest.raises(RuntimeError, match=r"format 99; this release reads 2"):
        await restored(store)


async def test_a_store_that_is_not_open_saves_nothing_and_closes_twice(opened: Opened) -> None:
    store = await opened(open_it=False)
    with pytest.raises(RuntimeError, match="not open"):
        await store.save(1, [])
    await store.close()
    await store.open()
    await store.save(1, [])
    await store.close()
    await store.close()
    assert (await restored(store))[1] == 1
