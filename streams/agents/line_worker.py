"""The Faust application of all stages: each agent is a few lines that hand events to their partition's runner.

What Faust does otherwise, and what is done about it (each measured or read in its source):

- an exception in an agent acknowledges the event: runners never raise, they read again from the checkpoint
- ``take()`` acknowledges in ``finally``: events are taken one by one with ``noack()``, acknowledged after a checkpoint
- held acknowledgements deadlock a rebalance: ``stream_wait_empty`` is off, revoking checkpoints and drops the state
- frames come before ``on_partitions_assigned`` handlers end: a runner is made at the first frame of its partition
- after a rebalance the position may jump ahead: a runner seeks back to what it has not seen
- a seek while a batch is in hand is undone by that batch, and what comes again is dropped: see ``seeking_consumer``
- Tables count twice after a kill: there are none
- the web server binds every address whatever the settings say: it is off
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import faust
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from faust.types import TP
from mode import Service

from contracts import topics
from contracts.frames import kind_of
from streams.agents.checkpoints import CheckpointStore
from streams.agents.latency import Latencies
from streams.agents.partition_runner import Arrival, PartitionRunner
from streams.agents.reference_reader import ReferenceReader
from streams.agents.seeking_consumer import SeekingTransport
from streams.agents.worker_stages import ADMIT, CORRIDOR, SENSOR, SHIPMENT, WorkerConfig, stage_of
from streams.agents.works import StageWork
from streams.reference_book import ReferenceBook

log = logging.getLogger(__name__)

_RENEW_S: Final = 10.0  # partitions that fail together make one new producer between them


class Line(Service):  # type: ignore[misc]
    """The runners of this worker's partitions, and what they share: one producer, one reference."""

    def __init__(self, config: WorkerConfig, app: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.faust = app
        self.book = ReferenceBook()
        self.runners: dict[TopicPartition, PartitionRunner] = {}
        self.totals: dict[str, Counter[str]] = {}  # by source topic, what the runners let go of have counted
        self.latencies = Latencies()
        self.joined = False  # true while the group has said which partitions are ours, be it none
        self._producer: AIOKafkaProducer | None = None
        self._reference: ReferenceReader | None = None
        self._ready = asyncio.Event()
        self._renewing = asyncio.Lock()
        self._renewed_s = -_RENEW_S

    async def on_start(self) -> None:
        """Read the reference, open the producer; frames wait until then."""
        config = self.config
        self._reference = ReferenceReader(config.bootstrap, self.book, config.client_id)
        await self._reference.start()
        self._producer = await self._new_producer()
        self._ready.set()

    @property
    def reference_read(self) -> bool:
        """Whether the reference has been read to its end."""
        return self._reference is not None and self._reference.ready.is_set()

    def log_ends(self) -> dict[TopicPartition, int | None]:
        """Our partitions, and where each one's log ended when last fetched, None before that."""
        if not self.joined:
            return {}
        consumer = self.faust.consumer
        return {TopicPartition(tp.topic, tp.partition): consumer.highwater(tp) for tp in consumer.assignment()}

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.config.bootstrap,
            client_id=f"{self.config.client_id}-out",
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=1_048_576,
            max_request_size=4_194_304,
            compression_type="zstd",  # of what aiokafka offers the smallest, and seven times cheaper than its lz4
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _renew_producer(self, error: Exception) -> None:
        """A producer that failed to deliver has lost its place in the order of its sequence: begin with a new one.

        The runners that were using the old one fail too, and read again from their checkpoints.
        """
        if not isinstance(error, KafkaError) or isinstance(error, ProducerFenced):
            return
        async with self._renewing:
            if time.monotonic() - self._renewed_s < _RENEW_S:
                return
            old, self._producer = self._producer, await self._new_producer()
            self._renewed_s = time.monotonic()
        if old is not None:
            with suppress(Exception):
                await asyncio.wait_for(old.stop(), _RENEW_S)

    async def on_stop(self) -> None:
        """Checkpoint every partition, then let go of everything."""
        await self.let_go()
        if self._producer is not None:
            await self._producer.stop()
        if self._reference is not None:
            await self._reference.stop()

    async def let_go(self) -> None:
        """Checkpoint, acknowledge and drop every runner: the partitions may be another's in a moment."""
        runners, self.runners = self.runners, {}
        await asyncio.gather(*(runner.stop() for runner in runners.values()))
        for source, runner in runners.items():
            self.totals.setdefault(source.topic, Counter()).update(runner.counters())

    async def offer(self, stage: str, event: Any) -> None:
        """Hand an event to its partition's runner, made at its first."""
        message = event.message
        source = TopicPartition(message.topic, message.partition)
        runner = self.runners.get(source)
        if runner is None:
            await self._ready.wait()
            runner = self.runners.get(source)
            if runner is None:
                runner = self.runners[source] = self._runner(stage, source)
                runner.start()
        kind = kind_of(message.headers)
        await runner.offer(Arrival(message.offset, kind, message.value, event.ack))

    def _runner(self, stage: str, source: TopicPartition) -> PartitionRunner:
        config = self.config

        async def seek(offset: int) -> None:
            await self.faust.consumer.seek(TP(source.topic, source.partition), offset)

        store = CheckpointStore(config.bootstrap, stage, source, config.client_id)
        name = f"{stage}/{source.partition}"
        gather_bytes = config.gather_bytes if stage == ADMIT else 0  # stage 2's frames come gathered

        def work() -> StageWork:
            assert self._producer is not None, "offer waits until the producer is there"
            made = stage_of(stage, source.partition, self.book, config)
            return StageWork(made, self._producer, gather_bytes, self.latencies)

        return PartitionRunner(name, work, store, seek, config.runner, self._renew_producer)


def build(config: WorkerConfig) -> Any:
    """The Faust application. Topics must exist before it starts."""
    app = _application(config)
    line = Line(config, app)

    @app.service
    class _LineService(Service):  # type: ignore[misc]
        async def on_start(self) -> None:
            await self.add_runtime_dependency(line)

    for stage, name in (
        (ADMIT, topics.READINGS),
        (SHIPMENT, topics.SHIPMENT_READINGS),
        (CORRIDOR, topics.JOURNEY_WINDOWS),
        (SENSOR, topics.SENSOR_VALUES),
    ):
        source = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        app.agent(source, name=stage)(_agent(line, stage))

    @app.on_partitions_revoked.connect
    async def revoked(_app: Any, _revoked: Any, **_: Any) -> None:
        line.joined = False
        await line.let_go()

    @app.on_partitions_assigned.connect
    async def assigned(_app: Any, _assigned: Any, **_: Any) -> None:
        line.joined = True

    app.line = line
    return app


def _application(config: WorkerConfig) -> Any:
    """Faust as the line has it, without agents yet."""
    app = faust.App(
        config.group,
        broker=f"aiokafka://{config.bootstrap}",
        store="memory://",
        datadir=str(config.data_dir / "faust"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=32,
        broker_session_timeout=config.session_timeout_s,
        broker_heartbeat_interval=min(3.0, config.session_timeout_s / 3),
        broker_commit_interval=1.0,
        broker_max_poll_records=64,
        # aiokafka hands one partition's fetch on to its end before the next one's: small fetches keep all going.
        consumer_max_fetch_size=262_144,
    )
    app.transport = SeekingTransport(app.conf.broker_consumer, app)
    return app


def _agent(line: Line, stage: str) -> Callable[[Any], Awaitable[None]]:
    """What Faust runs on each partition of a stage's source."""

    async def offers(stream: Any) -> None:
        async for event in stream.noack().events():
            await line.offer(stage, event)

    return offers
