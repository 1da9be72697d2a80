"""The history's consumer: joined readings, events, alerts and the line's health into the store, each once.

A plain consumer group: partitions come and go, each with a runner of its own. Its group offsets follow the
checkpoints and are there for whoever watches the lag; the checkpoints are the truth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from contracts import deadletters, topics
from contracts.alerts import Alert
from contracts.events import Event
from contracts.frames import kind_of
from contracts.health import LineSample
from contracts.history import History, Refusal
from streams.agents.checkpoints import CheckpointStore
from streams.agents.partition_runner import Arrival, PartitionRunner, RunnerConfig, Work
from streams.agents.started import started
from streams.agents.works import HistoryWriter, ReadingsWork, RecordsWork
from streams.history_stage import HistoryStage

log = logging.getLogger(__name__)

STAGE: Final = "history"
_JSON: Final = msgspec.json.Encoder()
_ALERT: Final = msgspec.json.Decoder(Alert)
_EVENT: Final = msgspec.json.Decoder(Event)
_SAMPLE: Final = msgspec.json.Decoder(LineSample)
_RECORDS: Final[dict[str, Any]] = {topics.SHIPMENT_EVENTS: _EVENT, topics.HEALTH: _SAMPLE}  # any other: alerts


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """What the sink needs to know. ``check_identity`` is off only in the fault test's control run."""

    bootstrap: str
    group: str = "puente-history"
    client_id: str = "puente-sink"
    session_timeout_s: float = 10.0
    check_identity: bool = True
    runner: RunnerConfig = field(default_factory=lambda: RunnerConfig(linger_s=1.0))


class HistorySink:
    """Runs until told to stop."""

    def __init__(self, config: SinkConfig, history: History) -> None:
        self.config = config
        self._writer = HistoryWriter(history, self._refused)
        self._runners: dict[TopicPartition, PartitionRunner] = {}
        self.totals: dict[str, Counter[str]] = {}  # by source topic, what the runners let go of have counted
        self._acked: dict[TopicPartition, int] = {}
        self.joined = False  # true while the group has said which partitions are ours, be it none
        self.refused: Counter[bool] = Counter()  # what the store will never take, by whether it is a drill's
        session_ms = int(config.session_timeout_s * 1000)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=config.bootstrap,
            group_id=config.group,
            client_id=config.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(3_000, session_ms // 3),
            max_partition_fetch_bytes=4_194_304,
        )
        self._producer = AIOKafkaProducer(
            bootstrap_servers=config.bootstrap,
            client_id=f"{config.client_id}-refused",
            acks="all",
            enable_idempotence=True,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then checkpoint and leave. Raises KafkaError where Kafka can't be reached."""
        consumer, producer = self._consumer, self._producer
        async with started(producer.start, producer.stop), started(consumer.start, consumer.stop):
            names = [topics.SHIPMENT_READINGS, topics.SHIPMENT_EVENTS, topics.alerts("joint"), topics.HEALTH]
            consumer.subscribe(names, listener=_Listener(self))
            try:
                while not stop.is_set():
                    await self._poll()
            finally:
                await self.let_go()

    @property
    def runners(self) -> dict[TopicPartition, PartitionRunner]:
        """The runners of the partitions that are ours and have sent anything."""
        return self._runners

    @property
    def writer(self) -> HistoryWriter:
        """What writes to the store."""
        return self._writer

    def log_ends(self) -> dict[TopicPartition, int | None]:
        """Our partitions, and where each one's log ended when last fetched, None before that."""
        return {source: self._consumer.highwater(source) for source in self._consumer.assignment()}

    async def _poll(self) -> None:
        fetched = await self._consumer.getmany(timeout_ms=250, max_records=64)
        for source, records in fetched.items():
            runner = self._runners.get(source)
            if runner is None:
                runner = self._runners[source] = self._runner(source)
                runner.start()
            for record in records:
                arrival = Arrival(
                    record.offset, kind_of(record.headers), record.value, self._ack(source, record.offset)
                )
                await runner.offer(arrival)
        if self._acked:
            await self._commit()

    def _ack(self, source: TopicPartition, offset: int) -> Callable[[], None]:
        def ack() -> None:
            self._acked[source] = max(offset + 1, self._acked.get(source, 0))

        return ack

    async def _commit(self) -> None:
        acked, self._acked = self._acked, {}
        try:
            await self._consumer.commit({p: o for p, o in acked.items() if p in self._consumer.assignment()})
        except (CommitFailedError, IllegalStateError) as error:
            log.info("Group offsets were not committed (%s); the checkpoints hold.", type(error).__name__)

    def _runner(self, source: TopicPartition) -> PartitionRunner:
        async def seek(offset: int) -> None:
            self._consumer.seek(source, offset)

        make: Callable[[], Work]
        if source.topic == topics.SHIPMENT_READINGS:
            make = lambda: ReadingsWork(HistoryStage(self.config.check_identity), self._writer, self._poison)  # noqa: E731
        else:
            decoder: Any = _RECORDS.get(source.topic, _ALERT)
            make = lambda: RecordsWork(decoder.decode, self._writer, self.config.check_identity)  # noqa: E731
        store = CheckpointStore(self.config.bootstrap, STAGE, source, self.config.client_id)
        return PartitionRunner(f"{STAGE}/{source.topic}/{source.partition}", make, store, seek, self.config.runner)

    async def let_go(self) -> None:
        """Checkpoint, acknowledge and drop every runner: the partitions may be another's in a moment."""
        runners, self._runners = self._runners, {}
        await asyncio.gather(*(runner.stop() for runner in runners.values()))
        for source, runner in runners.items():
            self.totals.setdefault(source.topic, Counter()).update(runner.counters())
        if self._acked:
            await self._commit()

    async def _poison(self, value: bytes, why: str) -> None:
        """Dead-letter a frame of readings that the sink cannot process; no checkpoint covers it before."""
        sentence = f"The history could not take {why}. Report it with these bytes; the readings are in the topic."
        now_ms = int(time.time() * 1000)
        letter = deadletters.dead_letter("history_refused", sentence, topics.SHIPMENT_READINGS, now_ms, value)
        await self._producer.send_and_wait(topics.REFUSED, _JSON.encode(letter))

    async def _refused(self, refusal: Refusal) -> None:
        """Dead-letter what the store will never take; no checkpoint covers it before that is delivered."""
        self.refused[getattr(refusal.record, "exercise", False)] += 1
        data = _JSON.encode(refusal.record)
        sentence = f"The history refuses this record: {refusal.why}"
        moment_ms = getattr(refusal.record, "time_ms", 0) or getattr(refusal.record, "opened_ms", 0)
        letter = deadletters.dead_letter("history_refused", sentence, topics.SHIPMENT_READINGS, moment_ms, data)
        await self._producer.send_and_wait(topics.REFUSED, _JSON.encode(letter))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """On revoke: checkpoint, commit, drop the state. aiokafka waits for it before it rejoins."""

    def __init__(self, sink: HistorySink) -> None:
        self._sink = sink

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002 - all go
        self._sink.joined = False
        await self._sink.let_go()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._sink.joined = True
        log.info("The history sink has %d partitions.", len(assigned))
