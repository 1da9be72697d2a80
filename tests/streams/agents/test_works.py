"""Works: what a stage makes is sent as it says, and the history takes each record once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.deadletters import DeadLetter
from contracts.events import Event
from contracts.histogram import LATENCY_S
from contracts.history import Batch, Held, HistoryUnavailableError, Refusal
from contracts.readings import ReadingId, ShipmentReading, Tick, identity
from streams.agents import works
from streams.agents.latency import Latencies
from streams.agents.works import HistoryWriter, ReadingsWork, RecordsWork, StageWork
from streams.history_stage import HistoryStage
from streams.stage import Outgoing


class Producer:
    """Keeps what it is sent; deliveries succeed when told to, or fail."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[object]] = []

    async def send(self, topic, value, key, partition, headers):
        self.sent.append((topic, partition, key, value, headers))
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


class Echo:
    """A stage that answers each line with a record, and holds the last one back until it is flushed."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.held: list[bytes] = []

    @property
    def waiting(self) -> int:
        return len(self.held)

    def process_frame(self, value: bytes) -> list[Outgoing]:
        self.frames.append(value)
        lines = self.held + frames.lines_of(value)
        self.held = lines[-1:]
        return [self._record(line) for line in lines[:-1]]

    def process_tick(self, tick: Tick) -> list[Outgoing]:
        return [*self.flush(), self._record(b"tick")]

    def flush(self) -> list[Outgoing]:
        held, self.held = self.held, []
        return [self._record(line) for line in held]

    @staticmethod
    def _record(line: bytes) -> Outgoing:
        return Outgoing("out", 3, None, line, (("type", b"frame"),))


def values(producer: Producer) -> list[bytes]:
    return [value for _, _, _, value, _ in producer.sent]


async def test_what_a_stage_makes_is_sent_with_its_partition_and_headers() -> None:
    producer = Producer()
    work = StageWork(Echo(), producer)
    await work.take_frame(0, b"a\nb\n")
    assert producer.sent == [("out", 3, None, b"a", [("type", b"frame")])]
    assert work.waiting
    await work.push()
    assert values(producer) == [b"a", b"b"]
    assert not work.waiting


async def test_frames_are_gathered_and_processed_as_one_and_before_the_tick_that_follows_them() -> None:
    producer, stage = Producer(), Echo()
    work = StageWork(stage, producer, gather_bytes=6)
    await work.take_frame(0, b"a\n")
    await work.take_frame(1, b"b\n")
    assert (stage.frames, work.waiting) == ([], True)
    await work.take_frame(2, b"c\n")
    assert [frames.lines_of(value) for value in stage.frames] == [[b"a", b"b", b"c"]]
    await work.take_frame(3, b"d\n")
    await work.take_tick(Tick("g", 1))
    assert values(producer) == [b"a", b"b", b"c", b"d", b"tick"]


async def test_settling_waits_for_every_delivery_and_raises_where_one_failed() -> None:
    producer = Producer()
    work = StageWork(Echo(), producer)
    await work.take_frame(0, b"a\nb\nc\n")
    settling = asyncio.ensure_future(work.settle())
    await asyncio.sleep(0)
    producer.futures[0].set_result(None)
    await asyncio.sleep(0)
    assert not settling.done()
    producer.futures[1].set_exception(OSError("broker gone"))
    with pytest.raises(OSError, match="broker gone"):
        await settling
    await work.settle()  # nothing is in flight any more


class Teller(Echo):
    """A stage whose records are alerts told to all."""

    @staticmethod
    def _record(line: bytes) -> Outgoing:
        return Outgoing(topics.alerts("joint"), 0, b"id", line, ())


async def test_an_openings_age_is_counted_once_kafka_holds_it_and_a_drills_apart() -> None:
    producer, latencies = Producer(), Latencies()
    work = StageWork(Teller(), producer, latencies=latencies)
    hour_ago_ms = int(time.time() * 1000) - 3_600_000

    async def tell() -> None:
        told = [("opened", False), ("closed", False), ("updated", False), ("opened", True), ("opened", True)]
        about = [{"state": state, "opened_ms": hour_ago_ms, "exercise": drill} for state, drill in told]
        await work.take_frame(0, b"\n".join(map(msgspec.json.encode, about)))
        await work.push()

    def counted() -> tuple[int, int]:
        return sum(latencies.by_exercise[False].counts), sum(latencies.by_exercise[True].counts)

    await tell()
    assert counted() == (0, 0)  # sent, and not yet held
    for future in producer.futures:
        future.set_result(None)
    await work.settle()
    assert counted() == (1, 2)
    assert latencies.by_exercise[False].counts[LATENCY_S.index(7_200.0)] == 1
    delivered = len(producer.futures)
    await tell()
    for future in producer.futures[delivered:]:
        future.set_exception(OSError("broker gone"))
    with pytest.raises(OSError, match="broker gone"):
        await work.settle()
    assert counted() == (1, 2)


async def test_a_refused_frame_goes_to_the_dead_letters_with_its_bytes() -> None:
    producer = Producer()
    await StageWork(Echo(), producer).refuse_frame(b"x" * 100_000, "a frame")
    ((topic, _, _, value, _),) = producer.sent
    letter = msgspec.json.decode(value, type=DeadLetter)
    assert (topic, letter.length, letter.bytes_held()) == (topics.REFUSED, 100_000, b"x" * 65_536)


# -- the history ---------------------------------------------------------------------------------------------------


class Store:
    """A history in memory, which counts what it is asked. ``down`` times it does not answer."""

    kind = "memory"

    def __init__(self, down: int = 0, refuse: frozenset[ReadingId] = frozenset()) -> None:
        self.down, self.refuse = down, refuse
        self.written: list[Any] = []
        self.asked = 0

    def write(self, batch: Batch) -> list[Refusal]:
        if self.down:
            self.down -= 1
            raise HistoryUnavailableError("down")
        self.written += [_key(r) for r in [*batch.readings, *batch.events, *batch.alerts]]
        return [Refusal(r, "never") for r in batch.readings if identity(r) in self.refuse]

    def held(self, batch: Batch) -> Held:
        self.asked += 1
        mine = set(self.written)
        return Held(
            frozenset(_key(r) for r in batch.readings) & mine,
            frozenset(_key(e) for e in batch.events) & mine,
            frozenset(_key(a) for a in batch.alerts) & mine,
        )


def _key(record: Any) -> Any:
    if isinstance(record, ShipmentReading):
        return identity(record)
    return record.event_id if isinstance(record, Event) else (record.alert_id, record.revision)


def frame(*seqs: int) -> bytes:
    return frames.encode_lines([ShipmentReading(device_id="d", boot_id=1, seq=s, time_ms=s) for s in seqs])


def alert(revision: int) -> bytes:
    return msgspec.json.encode(
        Alert(
            alert_id="a", revision=revision, rule="r", rule_version=1, severity="info", state="opened", opened_ms=1,
            closed_ms=None, shipment_id=None, device_id="d", lat_deg=None, lon_deg=None, score=1.0, evidence={},
            messages={}, exercise=False,
        )
    )  # fmt: skip


async def nobody(refusal: Refusal) -> None:
    raise AssertionError(f"refused: {refusal}")


async def no_poison(value: bytes, why: str) -> None:
    raise AssertionError(f"{why}: {value!r}")


async def test_a_frame_that_cannot_be_processed_is_handed_on_for_nobody_else_may_have_failed_on_it() -> None:
    poison: list[tuple[bytes, str]] = []

    async def keep(value: bytes, why: str) -> None:
        poison.append((value, why))

    work = ReadingsWork(HistoryStage(), HistoryWriter(Store(), nobody), keep)
    await work.refuse_frame(frame(0), "a frame that could not be processed, twice")
    assert poison == [(frame(0), "a frame that could not be processed, twice")]


async def test_readings_are_written_once_without_asking_the_store() -> None:
    store = Store()
    work = ReadingsWork(HistoryStage(), HistoryWriter(store, nobody), no_poison)
    work.begin(0)
    for offset, value in enumerate([frame(0, 1), frame(1, 2), frame(0, 2, 3)]):
        await work.take_frame(offset, value)
    await work.push()
    assert [seq for _, _, seq in store.written] == [0, 1, 2, 3]
    assert (store.asked, work.waiting) == (0, False)


async def test_after_a_restart_the_store_is_asked_up_to_the_logs_end_and_not_beyond() -> None:
    store = Store()
    store.written = [("d", 1, 0), ("d", 1, 1)]  # by whoever died before a checkpoint
    work = ReadingsWork(HistoryStage(), HistoryWriter(store, nobody), no_poison)
    work.begin(2)
    for offset, value in enumerate([frame(0), frame(1, 2), frame(3)]):
        await work.take_frame(offset, value)
    await work.push()
    assert [seq for _, _, seq in store.written] == [0, 1, 2, 3]
    assert store.asked == 2


async def test_much_that_waits_is_written_without_a_push() -> None:
    store = Store()
    work = ReadingsWork(HistoryStage(), HistoryWriter(store, nobody), no_poison)
    for offset in range(9):
        await work.take_frame(offset, frame(*range(500 * offset, 500 * (offset + 1))))
    assert len(store.written) == works._BATCH_MAX


async def test_a_store_that_is_down_is_asked_again_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(works, "_WAIT_FIRST_S", 0.001)
    store = Store(down=4)
    writer = HistoryWriter(store, nobody)
    work = ReadingsWork(HistoryStage(), writer, no_poison)
    await work.take_frame(0, frame(0, 1))
    pushing = asyncio.ensure_future(work.push())
    while writer.retries == 0:  # noqa: ASYNC110 - what is waited for happens in a thread
        await asyncio.sleep(0)
    assert (writer.silent_since_s is not None, writer.fault) == (True, "down")
    await pushing
    assert len(store.written) == 2
    assert (writer.retries, writer.silent_since_s, sum(writer.took.counts)) == (4, None, 1)


async def test_the_age_of_each_frames_first_new_reading_is_counted_once_written_and_a_drills_apart() -> None:
    writer = HistoryWriter(Store(), nobody)
    work = ReadingsWork(HistoryStage(), writer, no_poison)
    drill = ShipmentReading(device_id="d", boot_id=1, seq=9, time_ms=9, exercise=True)
    for offset, value in enumerate([frame(0, 1), frame(0, 1), frames.encode_lines([drill])]):
        await work.take_frame(offset, value)
    ages = writer.latencies.by_exercise
    assert sum(ages[False].counts) == 0
    await work.push()
    assert (ages[False].counts[-1], ages[True].counts[-1]) == (1, 1)
    assert work.stage.counters()["passed_drill"] == 1


async def test_what_the_store_refuses_is_handed_on_before_the_write_is_done() -> None:
    refused: list[ReadingId] = []

    async def slowly(refusal: Refusal) -> None:
        await asyncio.sleep(0.001)
        refused.append(_key(refusal.record))

    store = Store(refuse=frozenset({("d", 1, 1)}))
    work = ReadingsWork(HistoryStage(), HistoryWriter(store, slowly), no_poison)
    await work.take_frame(0, frame(0, 1, 2))
    await work.push()
    assert refused == [("d", 1, 1)]


async def test_alerts_are_written_once_a_revision_whatever_comes_again() -> None:
    store = Store()
    decode = msgspec.json.Decoder(Alert).decode
    for _ in range(2):  # the second is a restart
        work = RecordsWork(decode, HistoryWriter(store, nobody), check_identity=True)
        for offset, value in enumerate([alert(1), alert(1), b"nonsense", alert(2)]):
            await work.take_frame(offset, value)
        await work.push()
    assert store.written == [("a", 1), ("a", 2)]


async def test_with_the_identity_check_off_repeats_are_written() -> None:
    store = Store()
    work = RecordsWork(msgspec.json.Decoder(Alert).decode, HistoryWriter(store, nobody), check_identity=False)
    for offset in range(2):
        await work.take_frame(offset, alert(1))
    await work.push()
    assert store.written == [("a", 1)] * 2
