"""What is done with a partition's records: a stage that answers with Kafka records, or a write to the history."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final, TypeVar

import msgspec
from aiokafka import AIOKafkaProducer

from contracts import deadletters, topics
from contracts.alerts import Alert
from contracts.events import Event
from contracts.health import LineSample
from contracts.histogram import WRITE_S, Histogram
from contracts.history import Batch, Held, History, HistoryUnavailableError, Refusal
from contracts.readings import ShipmentReading, Tick
from streams.agents.latency import Latencies
from streams.agents.partition_runner import State
from streams.history_stage import HistoryStage
from streams.stage import Outgoing, Stage, StateChange, pack, unpack

log = logging.getLogger(__name__)

_IN_FLIGHT_MAX: Final = 256
_BATCH_OWN: Final = 8  # from so many records of one partition on, a batch of our own
_BATCH_MAX: Final = 4_000
_WAIT_FIRST_S: Final = 0.2
_WAIT_MAX_S: Final = 15.0
_JSON: Final = msgspec.json.Encoder()
_TOLD: Final = topics.alerts("joint")  # whom all is told, each alert once
_T = TypeVar("_T")


class StageWork:
    """A pure stage between two Kafka topics. Deliveries are awaited at ``settle``, some earlier where many wait.

    ``gather_bytes`` over 0 gathers frames until they have so many bytes, or until ``push``, and has the stage process
    them as one: a frame of a live gateway holds a dozen readings, and judging in columns costs a dozen nearly what it
    costs hundreds.
    """

    def __init__(
        self, stage: Stage, producer: AIOKafkaProducer, gather_bytes: int = 0, latencies: Latencies | None = None
    ) -> None:
        """``latencies`` learn how old an episode is when Kafka holds its opening."""
        self.stage = stage
        self._latencies = latencies
        self._producer = producer
        self._gather_bytes = gather_bytes
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._in_flight: list[asyncio.Future[object]] = []

    @property
    def state(self) -> Stage:
        """The stage itself."""
        return self.stage

    @property
    def waiting(self) -> bool:
        """Whether frames are gathered, or the stage holds readings back."""
        return bool(self._gathered) or self.stage.waiting > 0

    def begin(self, end_offset: int) -> None:
        """Nothing: downstream drops what a replay repeats."""

    async def take_frame(self, offset: int, value: bytes) -> None:  # noqa: ARG002 - a stage drops repeats by identity
        """Gather a frame; process what is gathered, and send what comes out, once it is enough."""
        self._gathered.append(value)
        self._gathered_bytes += len(value)
        if self._gathered_bytes >= self._gather_bytes:
            await self._process()

    async def take_tick(self, tick: Tick) -> None:
        """Process what was gathered before it, then the tick, and send what comes out."""
        await self._process()
        await self._send(self.stage.process_tick(tick))

    async def push(self) -> None:
        """Process what is gathered, and send all that the stage holds back."""
        await self._process()
        await self._send(self.stage.flush())

    async def _process(self) -> None:
        gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if gathered:
            await self._send(self.stage.process_frame(b"\n".join(gathered)))

    async def settle(self) -> None:
        """Raises KafkaError where a record was not delivered."""
        waiting, self._in_flight = self._in_flight, []
        if waiting:
            await asyncio.gather(*waiting)

    async def refuse_frame(self, value: bytes, why: str) -> None:
        """Dead-letter it, as much of it as a dead letter holds."""
        now_ms = int(time.time() * 1000)
        sentence = f"The line could not process {why}. Report it with these bytes; the readings are in the topic."
        letter = deadletters.dead_letter("bad_json", sentence, topics.READINGS, now_ms, value)
        await self._send([Outgoing(topics.REFUSED, 0, None, _JSON.encode(letter), ())])

    async def _send(self, records: list[Outgoing]) -> None:
        groups: dict[tuple[str, int], list[Outgoing]] = {}
        for record in records:
            groups.setdefault((record.topic, record.partition), []).append(record)
        for (topic, _), group in groups.items():
            if len(group) < _BATCH_OWN:
                for record in group:
                    self._in_flight.append(
                        await self._producer.send(
                            record.topic, record.value, record.key, record.partition, headers=list(record.headers)
                        )
                    )
            else:
                await self._send_batch(group)
            if topic == _TOLD and self._latencies is not None:
                told = [record.value for record in group]
                self._in_flight[-1].add_done_callback(partial(self._latencies.told, told))
        if len(self._in_flight) > _IN_FLIGHT_MAX:
            await self.settle()

    async def _send_batch(self, group: list[Outgoing]) -> None:
        """Many records of one partition: batches of our own cost a fraction of as many calls of ``send``."""
        topic, partition = group[0].topic, group[0].partition
        batch = self._producer.create_batch()
        for record in group:
            about = {"timestamp": None, "key": record.key, "value": record.value, "headers": list(record.headers)}
            if batch.append(**about) is None:
                self._in_flight.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(**about)  # the first is taken whatever its size
        self._in_flight.append(await self._producer.send_batch(batch, topic, partition=partition))


class HistoryWriter:
    """One history store, shared by a sink's partitions, written by one of them at a time, retried until it answers."""

    def __init__(self, history: History, on_refusal: Callable[[Refusal], Awaitable[None]]) -> None:
        self.history = history
        self._on_refusal = on_refusal
        self._turn = asyncio.Lock()
        self.took = Histogram(WRITE_S)  # a write that the store answered
        self.latencies = Latencies()
        self.retries = 0
        self.silent_since_s: float | None = None  # monotonic; None while the store answers
        self.fault = ""

    async def write(self, batch: Batch) -> None:
        """Return once the store holds the batch, and the dead letters what it refuses for good."""
        for refusal in await self._persist(lambda: self._timed(batch)):
            await self._on_refusal(refusal)

    async def held(self, batch: Batch) -> Held:
        """What the store holds of this batch already."""
        return await self._persist(lambda: self.history.held(batch))

    def _timed(self, batch: Batch) -> list[Refusal]:
        began_s = time.monotonic()
        refused = self.history.write(batch)
        self.took.observe(time.monotonic() - began_s)
        return refused

    async def _persist(self, call: Callable[[], _T]) -> _T:
        wait_s = _WAIT_FIRST_S
        async with self._turn:
            while True:
                try:
                    answer = await asyncio.to_thread(call)
                    self.silent_since_s = None
                    return answer
                except HistoryUnavailableError as error:
                    self.retries += 1
                    self.silent_since_s, self.fault = self.silent_since_s or time.monotonic(), str(error)
                    log.warning("The history does not answer (%s); again in %.1f s. Nothing is lost.", error, wait_s)
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _WAIT_MAX_S)


class ReadingsWork:
    """Joined readings into the history, each once: the ledger's word, and after a restart the store's own."""

    def __init__(
        self, stage: HistoryStage, writer: HistoryWriter, on_poison: Callable[[bytes, str], Awaitable[None]]
    ) -> None:
        """``on_poison`` dead-letters a frame that this work cannot process: stage 2 may well have."""
        self.stage = stage
        self._on_poison = on_poison
        self._writer = writer
        self._waiting: list[ShipmentReading] = []
        self._doubtful_until = 0
        self._firsts: list[tuple[int, bool]] = []  # of each frame that waits: when, and whether it is a drill's

    @property
    def state(self) -> HistoryStage:
        """The repeat check."""
        return self.stage

    @property
    def waiting(self) -> bool:
        """Whether readings wait to be written."""
        return bool(self._waiting)

    def begin(self, end_offset: int) -> None:
        """What the log held when the state was restored may have been written by whoever was here before."""
        self._doubtful_until = end_offset

    async def take_frame(self, offset: int, value: bytes) -> None:
        """Check a frame; write once enough waits."""
        readings = self.stage.decode(value)
        if offset < self._doubtful_until:
            held = await self._writer.held(Batch(readings=readings))
            lacking = self.stage.lacking(readings, held.readings)
        else:
            lacking = self.stage.lacking(readings)
        if lacking:
            self._firsts.append((lacking[0].time_ms, lacking[0].exercise))
        self._waiting += lacking
        if len(self._waiting) >= _BATCH_MAX:
            await self.push()

    async def take_tick(self, tick: Tick) -> None:
        """Ticks are no history."""

    async def push(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await self._writer.write(Batch(readings=waiting))
            firsts, self._firsts = self._firsts, []
            for event_ms, exercise in firsts:
                self._writer.latencies.observe(event_ms, exercise)

    async def settle(self) -> None:
        """Everything pushed was held before ``push`` returned."""

    async def refuse_frame(self, value: bytes, why: str) -> None:
        """Dead-letter it: the history lacks what is in it."""
        log.error("The history skips %s of %d bytes; it is in the dead letters.", why, len(value))
        await self._on_poison(value, why)


class _Passed:
    """How many records have passed: all there is to remember, for the store itself is the repeat check."""

    def __init__(self) -> None:
        self.count = 0

    def changes(self) -> Iterator[StateChange]:
        """The count."""
        yield "c", pack({"passed": self.count})

    def restore(self, key: str, value: bytes) -> None:
        """The count back."""
        if key == "c":
            self.count = unpack(value)["passed"]

    def counters(self) -> dict[str, int]:
        """The count, by its name in a checkpoint."""
        return {"passed": self.count}


class RecordsWork:
    """Alerts, events or samples into the history, each once. They are few, so the store is asked each time.

    Samples alone it is not asked for: one written again overwrites itself, and nothing counts them.
    """

    def __init__(
        self, decode: Callable[[bytes], Alert | Event | LineSample], writer: HistoryWriter, check_identity: bool
    ) -> None:
        self._decode = decode
        self._writer = writer
        self._check_identity = check_identity
        self._waiting = Batch()
        self._passed = _Passed()

    @property
    def state(self) -> State:
        """The count of what has passed."""
        return self._passed

    @property
    def waiting(self) -> bool:
        """Whether records wait to be written."""
        return len(self._waiting) > 0

    def begin(self, end_offset: int) -> None:
        """The store is asked each time, so there is nothing to doubt."""

    async def take_frame(self, offset: int, value: bytes) -> None:
        """One record. What its topic does not carry is logged and left: its topic keeps it."""
        try:
            record = self._decode(value)
        except msgspec.DecodeError as error:
            log.error("A record of %d bytes at offset %d is not what its topic carries: %s", len(value), offset, error)
            return
        if isinstance(record, Alert):
            self._waiting.alerts.append(record)
        elif isinstance(record, Event):
            self._waiting.events.append(record)
        else:
            self._waiting.samples.append(record)
        if len(self._waiting) >= _BATCH_MAX:
            await self.push()

    async def take_tick(self, tick: Tick) -> None:
        """There are none on these topics."""

    async def push(self) -> None:
        """Write those that the store lacks, each once."""
        batch, self._waiting = self._waiting, Batch()
        if not len(batch):
            return
        asks = self._check_identity and (batch.alerts or batch.events)
        held = await self._writer.held(batch) if asks else Held()
        alerts = {(a.alert_id, a.revision): a for a in batch.alerts if (a.alert_id, a.revision) not in held.alerts}
        events = {e.event_id: e for e in batch.events if e.event_id not in held.events}
        lacking = Batch(events=list(events.values()), alerts=list(alerts.values()), samples=batch.samples)
        if not self._check_identity:
            lacking = batch
        await self._writer.write(lacking)
        self._passed.count += len(lacking)

    async def settle(self) -> None:
        """Everything pushed was held before ``push`` returned."""

    async def refuse_frame(self, value: bytes, why: str) -> None:
        """Its topic keeps it; the history goes on without."""
        log.error("The history skips %s of %d bytes.", why, len(value))
