"""The runner of one partition, between a source, a store and a work that are written by hand here.

Offsets are covered in order, acknowledged only once covered; a gap is read again, a failure starts over, a frame that
fails twice is set aside, and a runner that was overtaken lets go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from contracts import frames
from contracts.readings import Tick
from streams.agents.partition_runner import Arrival, PartitionRunner, RunnerConfig

QUICK = RunnerConfig(checkpoint_interval_s=0.02, linger_s=0.005)
NEVER = RunnerConfig(checkpoint_interval_s=3_600.0, linger_s=3_600.0)


class Store:
    """Checkpoints in memory. ``fail`` is raised by the next save."""

    def __init__(self, log: list[str], covered: int = -1) -> None:
        self.log, self.covered, self.state = log, covered, {}
        self.fail: list[Exception] = []
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def restore(self, apply: Callable[[str, bytes], None]) -> tuple[int, int]:
        for key, value in self.state.items():
            apply(key, value)
        return self.covered, self.covered + 1

    async def save(self, covered: int, changes: Iterator[tuple[str, bytes | None]]) -> int:
        assert self.is_open
        held = dict(changes)
        await asyncio.sleep(0.005)  # as Kafka's answer does, it takes a moment, in which the queue fills
        if self.fail:
            raise self.fail.pop(0)
        self.state |= held
        self.covered = covered
        self.log.append(f"save {covered}")
        return len(held)


class Work:
    """Remembers what it was given; its state is all frames since the beginning. Some values make it fail."""

    def __init__(self, log: list[str], faults: dict[bytes, list[Exception]]) -> None:
        self.log, self.faults = log, faults
        self.seen: list[bytes] = []
        self.held: list[bytes] = []

    @property
    def state(self) -> Work:
        return self

    @property
    def waiting(self) -> bool:
        return bool(self.held)

    def begin(self, end_offset: int) -> None:
        self.log.append(f"begin {end_offset}")

    async def take_frame(self, offset: int, value: bytes) -> None:
        if self.faults.get(value):
            raise self.faults[value].pop(0)
        self.seen.append(value)
        self.held.append(value)
        self.log.append(f"take {offset}")

    async def take_tick(self, tick: Tick) -> None:
        self.log.append(f"tick {tick.time_ms}")

    async def push(self) -> None:
        if self.held:
            self.log.append(f"push {len(self.held)}")
        self.held = []

    async def settle(self) -> None:
        assert not self.held, "what is covered has been sent"
        self.log.append("settle")

    async def refuse_frame(self, value: bytes, why: str) -> None:
        self.log.append(f"refuse {value!r}")

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        yield "seen", b"".join(self.seen)

    def restore(self, key: str, value: bytes) -> None:
        self.seen = [bytes([b]) for b in value]

    def counters(self) -> dict[str, int]:
        return {"seen": len(self.seen)}


class Source:
    """A log with a position, as Kafka has one: ``seek`` moves it, and what was fetched before still arrives."""

    def __init__(self, log: list[str], values: dict[int, Any]) -> None:
        self.log, self.values, self.position = log, values, 0
        self.runner: PartitionRunner | None = None
        self.acked: list[int] = []

    async def seek(self, offset: int) -> None:
        self.log.append(f"seek {offset}")
        self.position = offset

    def arrival(self, offset: int) -> Arrival:
        value = self.values[offset]
        kind = "tick" if isinstance(value, Tick) else "frame"
        data = frames.encode_tick(value) if isinstance(value, Tick) else value
        return Arrival(offset, kind, data, lambda: self._ack(offset))

    def _ack(self, offset: int) -> None:
        self.acked.append(offset)
        self.log.append(f"ack {offset}")

    async def pump(self) -> None:
        """Deliver from the position on, forever."""
        assert self.runner is not None
        while True:
            if self.position in self.values:
                offset, self.position = self.position, self.position + 1
                await self.runner.offer(self.arrival(offset))
            await asyncio.sleep(0)


class Bench:
    """All of it, wired."""

    def __init__(self, values: dict[int, Any], covered: int = -1, config: RunnerConfig = QUICK) -> None:
        self.log: list[str] = []
        self.faults: dict[bytes, list[Exception]] = {}
        self.store = Store(self.log, covered)
        self.source = Source(self.log, values)
        self.works: list[Work] = []
        self.repairs: list[Exception] = []
        self.runner = PartitionRunner("test/0", self._work, self.store, self.source.seek, config, self._repair)  # type: ignore[arg-type]
        self.source.runner = self.runner
        self.pump: asyncio.Task[None] | None = None

    def _work(self) -> Work:
        self.works.append(Work(self.log, self.faults))
        return self.works[-1]

    async def _repair(self, error: Exception) -> None:
        self.repairs.append(error)

    def start(self, pump: bool = True) -> None:
        self.runner.start()
        if pump:
            self.pump = asyncio.create_task(self.source.pump())

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(120):
            while not done():  # noqa: ASYNC110 - what is waited for is in the log of many
                await asyncio.sleep(0.002)

    async def end(self) -> None:
        if self.pump is not None:
            self.pump.cancel()
            await asyncio.gather(self.pump, return_exceptions=True)
        await self.runner.stop()


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(values: dict[int, Any], **more: Any) -> Bench:
        made.append(Bench(values, **more))
        return made[-1]

    yield make
    for one in made:
        await one.end()


def letters(text: str, first: int = 0) -> dict[int, Any]:
    return {first + i: letter.encode() for i, letter in enumerate(text)}


async def test_what_a_runner_has_done_is_counted_for_whoever_watches(bench) -> None:
    b = bench({0: b"a", 1: Tick("g", 1), 2: b"x", 3: b"b"})
    b.faults[b"x"] = [ValueError("once"), ValueError("twice")]
    before_s = time.monotonic()
    b.start()
    await b.until(lambda: b.runner.covered == 3)
    counts = b.runner.counts
    assert (counts.failures, counts.refused_frames) == (2, 1)
    assert (counts.frames >= 4, counts.ticks >= 1) == (True, True)  # what was read again is counted again
    assert before_s <= counts.saved_s <= time.monotonic()
    assert (counts.save_records, counts.save_took_s > 0.0) == (1, True)
    assert b.runner.alive
    await b.runner.stop()
    assert not b.runner.alive


async def test_records_are_acknowledged_in_order_and_only_once_a_checkpoint_covers_them(bench) -> None:
    b = bench(letters("abcd"))
    b.start()
    await b.until(lambda: len(b.source.acked) == 4)
    assert b.source.acked == [0, 1, 2, 3]
    assert b.store.state == {"seen": b"abcd"}
    for i, entry in enumerate(b.log):
        if entry.startswith("ack"):
            covered = max(int(e.split()[1]) for e in b.log[:i] if e.startswith("save"))
            assert int(entry.split()[1]) <= covered


async def test_what_is_covered_has_been_sent_and_delivered_first(bench) -> None:
    b = bench(letters("ab"), config=NEVER)
    b.start()
    await b.until(lambda: "take 1" in b.log)
    assert b.source.acked == []
    await b.end()
    assert b.log[b.log.index("take 1") + 1 :] == ["push 2", "settle", "save 1", "ack 0", "ack 1"]


async def test_what_a_checkpoint_covers_is_skipped_and_acknowledged(bench) -> None:
    b = bench(letters("abcdef"), covered=3)
    b.store.state = {"seen": b"abcd"}
    b.start()
    await b.until(lambda: len(b.source.acked) == 6)
    assert [e for e in b.log if e.startswith("take")] == ["take 4", "take 5"]
    assert b.source.acked == list(range(6))
    assert b.store.state == {"seen": b"abcdef"}


async def test_a_gap_is_read_again_from_where_it_begins(bench) -> None:
    b = bench(letters("abcdefgh"))
    b.source.position = 5  # the group's offset was ahead of the checkpoint
    b.start()
    await b.until(lambda: len(b.source.acked) == 8)
    assert [e for e in b.log if e.startswith(("seek", "take"))] == ["seek 0", *(f"take {i}" for i in range(8))]


async def test_what_was_fetched_before_the_seek_is_dropped_without_seeking_again(bench) -> None:
    b = bench(letters("abcdefgh"))
    b.start(pump=False)
    for offset in (4, 5, 6, 0, 1):
        await b.runner.offer(b.source.arrival(offset))
    await b.until(lambda: len(b.source.acked) == 2)
    assert [e for e in b.log if e.startswith("take")] == ["take 0", "take 1"]
    assert [e for e in b.log if e.startswith("seek")] == ["seek 0"]


async def test_a_record_that_comes_twice_is_processed_once(bench) -> None:
    b = bench(letters("ab"))
    b.start(pump=False)
    for offset in (0, 0, 1, 0, 1):
        await b.runner.offer(b.source.arrival(offset))
    await b.until(lambda: b.store.covered == 1)
    assert b.works[0].seen == [b"a", b"b"]


async def test_ticks_are_told_from_frames(bench) -> None:
    b = bench({0: b"a", 1: Tick("gateway", 5_000), 2: b"c"})
    b.start()
    await b.until(lambda: len(b.source.acked) == 3)
    assert [e for e in b.log if e.startswith(("take", "tick"))] == ["take 0", "tick 5000", "take 2"]


async def test_a_frame_that_fails_once_is_processed_after_all_though_nothing_follows_it(bench) -> None:
    b = bench(letters("abc"))
    b.faults[b"c"] = [ValueError("once")]
    b.start()
    await b.until(lambda: len(b.source.acked) == 3)
    assert b.store.state == {"seen": b"abc"}
    assert len(b.works) == 2  # what the failed one had made of its state is gone
    assert not [e for e in b.log if e.startswith("refuse")]
    assert [str(error) for error in b.repairs] == ["once"]


async def test_a_frame_that_fails_twice_is_refused_whole_and_the_line_goes_on(bench) -> None:
    b = bench(letters("abcde"))
    b.faults[b"c"] = [ValueError("poison")] * 10
    b.start()
    await b.until(lambda: len(b.source.acked) == 5)
    assert [e for e in b.log if e.startswith("refuse")] == ["refuse b'c'"]
    assert b.store.state == {"seen": b"abde"}


async def test_a_tick_that_is_none_is_refused_and_the_line_goes_on(bench) -> None:
    b = bench({0: b"a", 1: b"b", 2: b"c"})
    b.start(pump=False)
    bad = Arrival(1, "tick", b"no tick", lambda: b.source._ack(1))

    async def again(offset: int) -> None:
        for arrival in [b.source.arrival(0), bad, b.source.arrival(2)][offset:]:
            await b.runner.offer(arrival)

    b.runner._seek_source = again
    await again(0)
    await b.until(lambda: len(b.source.acked) == 3)
    assert "refuse b'no tick'" in b.log
    assert b.store.state == {"seen": b"ac"}


async def test_a_record_without_a_value_is_an_empty_frame(bench) -> None:
    b = bench({0: b"a", 1: None, 2: b"c"})
    b.start()
    await b.until(lambda: len(b.source.acked) == 3)
    assert b.works[-1].seen == [b"a", b"", b"c"]


async def test_kafkas_failures_are_no_frames_fault_however_often_they_come(bench) -> None:
    b = bench(letters("abc"))
    b.faults[b"b"] = [KafkaConnectionError(), KafkaConnectionError(), OSError("reset")]
    b.start()
    await b.until(lambda: len(b.source.acked) == 3)
    assert not [e for e in b.log if e.startswith("refuse")]
    assert b.store.state == {"seen": b"abc"}


async def test_a_checkpoint_that_fails_is_made_again_from_the_last_one(bench) -> None:
    b = bench(letters("abc"))
    b.store.fail = [KafkaConnectionError()]
    b.start()
    await b.until(lambda: len(b.source.acked) == 3)
    assert b.source.acked == [0, 1, 2]
    assert b.store.state == {"seen": b"abc"}


async def test_a_runner_that_was_overtaken_lets_go_and_holds_nobody_up(bench) -> None:
    b = bench({}, config=RunnerConfig(checkpoint_interval_s=0.0, linger_s=0.0))
    b.store.fail = [ProducerFenced()]
    b.runner.start()
    b.source.values = letters("a" * 300)

    async def offer_all() -> None:
        for offset in range(300):
            await b.runner.offer(b.source.arrival(offset))

    async with asyncio.timeout(120):
        await offer_all()
        await asyncio.shield(b.runner._task)
    assert b.source.acked == []
    assert b.store.covered == -1
    assert not b.store.is_open


async def test_stopping_checkpoints_what_is_done_and_leaves_the_rest_to_the_next_owner(bench) -> None:
    b = bench(letters("abcdef"), config=NEVER)
    b.start(pump=False)
    for offset in range(3):
        await b.runner.offer(b.source.arrival(offset))
    await b.until(lambda: "take 2" in b.log)
    await b.runner.stop()
    await b.runner.offer(b.source.arrival(3))
    assert (b.store.covered, b.source.acked) == (2, [0, 1, 2])
    other = Bench(b.source.values, covered=b.store.covered)
    other.store.state = b.store.state
    other.start()
    await other.until(lambda: len(other.source.acked) == 6)
    assert other.works[0].seen == [bytes([c]) for c in b"abcdef"]
    await other.end()


async def test_stopping_before_anything_came_saves_nothing(bench) -> None:
    b = bench({})
    b.start()
    await b.until(b.runner.restored.is_set)
    await b.end()
    assert [e for e in b.log if e.startswith("save")] == []
    assert b.log[0] == "begin 0"


async def test_what_waits_is_pushed_after_the_linger(bench) -> None:
    b = bench(letters("a"), config=RunnerConfig(checkpoint_interval_s=3_600.0, linger_s=0.005))
    b.start()
    await b.until(lambda: "push 1" in b.log)
    assert b.store.covered == -1
