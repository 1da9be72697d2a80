"""One source partition of one stage, from restore to revoke.

Each record goes through here: skipped where a checkpoint covers it, processed, settled (what it made is delivered),
covered by a checkpoint, and only then acknowledged, in offset order. A gap seeks back. A failure drops the state,
restores, and reads again from the checkpoint, frame by frame until past where it failed; a frame that fails twice is
dead-lettered whole, and the line goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka.errors import KafkaError, ProducerFenced

from contracts import frames
from contracts.readings import Tick
from streams.agents.checkpoints import NOTHING_COVERED, CheckpointStore
from streams.stage import StateChange

log = logging.getLogger(__name__)

_QUEUE: Final = 64
_SEEK_AGAIN_S: Final = 3.0
_BACKOFF_MAX_S: Final = 30.0
# Kafka away, or slow: no frame is to blame for that, however often it is the one in hand.
_NOT_ITS_FAULT: Final = (KafkaError, OSError, TimeoutError)
_SAVE_SHARE: Final = 1 / 40  # of the time, at most, that a partition's checkpoints may take: a worker has several
_SAVE_LARGE: Final = 500  # records
_SAVE_LATER_MAX: Final = 10.0  # times the interval: the most that a checkpoint is put off for that
_BEHIND_S: Final = 0.5  # while records wait in the queue, gathering goes on for this much longer than the linger


@dataclass(slots=True)
class Arrival:
    """A record as it comes from the source, which may have no value. ``ack`` tells the source that it is done with."""

    offset: int
    kind: str
    value: bytes | None
    ack: Callable[[], object]


class State(Protocol):
    """What a checkpoint holds of a stage: see ``streams.stage.Stage``."""

    def changes(self) -> Iterator[StateChange]:
        """State that has changed since the last call."""
        ...

    def restore(self, key: str, value: bytes) -> None:
        """Put one key of it back."""
        ...

    def counters(self) -> dict[str, int]:
        """Totals of the partition's life."""
        ...


class Work(Protocol):
    """What is done with a partition's records. A fresh one is made at each restore."""

    @property
    def state(self) -> State:
        """What checkpoints hold."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether anything taken in has not been sent on yet."""
        ...

    def begin(self, end_offset: int) -> None:
        """The state is restored; the source log ended at ``end_offset`` when that was done."""
        ...

    async def take_frame(self, offset: int, value: bytes) -> None:
        """Process a frame, now or together with those that follow it before the next ``push``."""
        ...

    async def take_tick(self, tick: Tick) -> None:
        """Process a tick."""
        ...

    async def push(self) -> None:
        """Send on what waits, without awaiting its delivery."""
        ...

    async def settle(self) -> None:
        """Return once everything so far has been delivered. Raises where it was not."""
        ...

    async def refuse_frame(self, value: bytes, why: str) -> None:
        """Dead-letter a frame that can't be processed."""
        ...


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """How often to checkpoint, at the most, and how long to gather. ``before_save`` is the kill test's hook."""

    checkpoint_interval_s: float = 3.0
    linger_s: float = 0.03
    before_save: Callable[[], None] | None = None


@dataclass(slots=True)
class Counts:
    """What a runner has done since it began, and when: for whoever watches. ``saved_s`` is monotonic."""

    frames: int = 0
    ticks: int = 0
    refused_frames: int = 0  # dead-lettered whole
    failures: int = 0
    saved_s: float = field(default_factory=time.monotonic)  # the last checkpoint or restore
    save_records: int = 0  # of the last checkpoint
    save_took_s: float = 0.0


async def _nothing_to_repair(_error: Exception) -> None:
    """Where works share nothing that can break."""


class PartitionRunner:
    """See the module. ``seek`` moves the source's position; it may be asked again if nothing comes of it."""

    def __init__(
        self,
        name: str,
        make_work: Callable[[], Work],
        store: CheckpointStore,
        seek: Callable[[int], Awaitable[None]],
        config: RunnerConfig,
        repair: Callable[[Exception], Awaitable[None]] = _nothing_to_repair,
    ) -> None:
        """``repair`` is told of each failure before the partition is read again, to mend what the works share."""
        self.name = name
        self._repair = repair
        self._make_work = make_work
        self._store = store
        self._seek_source = seek
        self._config = config
        self._queue: asyncio.Queue[Arrival | None] = asyncio.Queue(_QUEUE)
        self._unacked: list[Arrival] = []
        self._covered = NOTHING_COVERED
        self._done = NOTHING_COVERED  # the last offset processed since the restore
        self._sought_s = -math.inf
        self._seeking = False
        self._seek_task: asyncio.Task[None] | None = None
        self._taken = NOTHING_COVERED  # the last offset begun with, ever
        self._alone_until = NOTHING_COVERED  # frames up to here are processed one by one, to find which one fails
        self._suspect = NOTHING_COVERED
        self._poison: set[int] = set()
        self._stopping = asyncio.Event()
        self._state: State | None = None
        self._counted_before: dict[str, int] = {}  # by those who had the partition before us
        self._task: asyncio.Task[None] | None = None
        self.restored = asyncio.Event()
        self.saves = 0
        self.counts = Counts()

    def start(self) -> None:
        """Begin to restore and serve, in a task of its own."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def offer(self, arrival: Arrival) -> None:
        """Hand a record over; waits while the runner is behind. After ``stop`` it is dropped: another will read it."""
        if not self._stopping.is_set():
            await self._queue.put(arrival)

    @property
    def alive(self) -> bool:
        """Whether it serves, or tries to: not once stopped, fenced off, or ended by what must not end it."""
        return self._task is not None and not self._task.done() and not self._stopping.is_set()

    @property
    def covered(self) -> int:
        """The last offset under a checkpoint."""
        return self._covered

    @property
    def store(self) -> CheckpointStore:
        """Where its checkpoints are."""
        return self._store

    @property
    def state(self) -> State | None:
        """What its checkpoints hold, None before the first restore. Its owner's: look, do not touch."""
        return self._state

    def counters(self) -> dict[str, int]:
        """What this runner has counted, without what its checkpoints held when it began."""
        now = {} if self._state is None else self._state.counters()
        return {name: count - self._counted_before.get(name, 0) for name, count in now.items()}

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Checkpoint what is done, acknowledge it, let go. What was not yet processed is left to the next owner."""
        self._stopping.set()
        self._drain()
        self._queue.put_nowait(None)
        if self._task is not None:
            try:
                await asyncio.wait_for(self._task, timeout_s)
            except TimeoutError:
                log.warning(
                    "%s: no checkpoint within %g s of being told to stop: to be read again.", self.name, timeout_s
                )
            except asyncio.CancelledError:
                if not self._task.cancelled():
                    raise
        if self._seek_task is not None:
            self._seek_task.cancel()

    def _drain(self) -> None:
        """Drop what is queued, so that whoever waits in ``offer`` goes on."""
        while not self._queue.empty():
            self._queue.get_nowait()

    async def _run(self) -> None:
        backoff_s, failed = 0.5, False
        while not self._stopping.is_set():
            try:
                await self._store.open()
                work = await self._restore()
                if failed:  # what was taken since the checkpoint must come again, even where nothing follows it
                    self._seek_back()
                backoff_s, failed = 0.5, False
                await self._serve(work)
            except ProducerFenced:
                log.warning("%s: another worker has taken this partition over; letting go.", self.name)
                self._stopping.set()
                self._drain()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                failed = True
                self.counts.failures += 1
                log.exception("%s: failed; reading again from the checkpoint in %g s.", self.name, backoff_s)
                try:
                    await self._repair(error)
                except _NOT_ITS_FAULT as still:
                    log.warning("%s: Kafka is not back yet (%s).", self.name, still)
                self._alone_until = self._taken
                self.restored.clear()
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
            finally:
                with contextlib.suppress(Exception):
                    await self._store.close()

    async def _restore(self) -> Work:
        work = self._make_work()
        started_s = time.monotonic()
        self._covered, end = await self._store.restore(work.state.restore)
        self._done = self._covered
        self._unacked = []
        if self._state is None:
            self._counted_before = work.state.counters()
        self._state = work.state
        work.begin(end)
        self.counts.saved_s = time.monotonic()
        log.info("%s: restored to offset %d in %.2f s.", self.name, self._covered, time.monotonic() - started_s)
        self.restored.set()
        return work

    async def _serve(self, work: Work) -> None:
        clock, config = time.monotonic, self._config
        save_at_s = clock() + config.checkpoint_interval_s
        push_at_s: float | None = None
        while not self._stopping.is_set():
            until_s = save_at_s if push_at_s is None else min(save_at_s, push_at_s)
            arrival = await self._next(until_s - clock())
            if self._stopping.is_set():
                break
            if arrival is not None:
                await self._take(work, arrival)
            now_s = clock()
            if not work.waiting:
                push_at_s = None
            elif push_at_s is None:
                push_at_s = now_s + config.linger_s
            elif now_s >= push_at_s and (self._queue.empty() or now_s >= push_at_s + _BEHIND_S):
                await work.push()
                push_at_s = None
            if now_s >= save_at_s:
                records = await self._save(work)
                save_at_s = clock() + self._pause_s(records, clock() - now_s)
        await self._save(work)

    def _pause_s(self, records: int, took_s: float) -> float:
        """Until the next checkpoint: the interval, or longer where the last was large and took so long that it would
        crowd out the work. What that costs is more to read again after a crash.
        """
        interval_s = self._config.checkpoint_interval_s
        if records < _SAVE_LARGE:
            return interval_s  # it took Kafka's time, not ours
        return min(max(interval_s, took_s / _SAVE_SHARE), _SAVE_LATER_MAX * interval_s)

    async def _next(self, timeout_s: float) -> Arrival | None:
        if not self._queue.empty():
            return self._queue.get_nowait()
        if timeout_s <= 0:
            await asyncio.sleep(0)
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None

    async def _take(self, work: Work, arrival: Arrival) -> None:
        offset, value = arrival.offset, arrival.value or b""
        if offset <= self._done:
            if offset <= self._covered:
                arrival.ack()
            return
        if offset > self._done + 1:
            if not self._seeking and time.monotonic() - self._sought_s > _SEEK_AGAIN_S:
                log.warning("%s: offset %d came, %d was next; seeking back.", self.name, offset, self._done + 1)
                self._seek_back()
            return
        self._taken = max(self._taken, offset)
        if offset in self._poison:
            await work.refuse_frame(value, "a frame that could not be processed, twice")
            self.counts.refused_frames += 1
        else:
            try:
                if arrival.kind == "tick":
                    self.counts.ticks += 1
                    await work.take_tick(frames.decode_tick(value))
                else:
                    self.counts.frames += 1
                    await work.take_frame(offset, value)
                if offset <= self._alone_until:
                    await work.push()
            except _NOT_ITS_FAULT:
                raise
            except Exception:
                if self._suspect == offset:
                    self._poison.add(offset)
                self._suspect = offset
                raise
        self._done = offset
        self._unacked.append(arrival)

    def _seek_back(self) -> None:
        """Have the source read on from what is done; what was fetched ahead of it is dropped as it comes.

        Beside the serving, not within it: a source may have to hand over what it has in hand before it can seek.
        """
        if not self._seeking:
            self._seeking = True
            self._seek_task = asyncio.create_task(self._seek(self._done + 1), name=f"{self.name} seeks")

    async def _seek(self, offset: int) -> None:
        try:
            await self._seek_source(offset)
        except _NOT_ITS_FAULT as error:
            log.warning("%s: could not seek to %d (%s); trying again.", self.name, offset, error)
        finally:
            self._sought_s = time.monotonic()
            self._seeking = False

    async def _save(self, work: Work) -> int:
        """Checkpoint what is done, then acknowledge it. Returns how many records that took."""
        if self._done == self._covered:
            return 0
        began_s = time.monotonic()
        await work.push()
        await work.settle()
        if self._config.before_save is not None:
            self._config.before_save()
        covered = self._done
        records = await self._store.save(covered, work.state.changes())
        self._covered = covered
        self.saves += 1
        self.counts.save_records, self.counts.saved_s = records, time.monotonic()
        self.counts.save_took_s = self.counts.saved_s - began_s
        for arrival in self._unacked:
            arrival.ack()
        self._unacked.clear()
        return records
