"""The board on a broker in memory, killed anywhere: nothing old over something new, no closing unsaid, nothing left.

The same on a real broker and a real Kafka: test_alert_delivery.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.alerts import Alert
from streams.agents import alert_log
from streams.agents.alert_log import AlertLog
from streams.agents.board_keeper import BoardKeeper
from streams.alert_board import CLOSED_MAX, AlertBoard, Publication, topic_of
from streams.sinks.mqtt_notices import MqttDownError

SOURCE = TopicPartition("alerts.us.v1", 0)


def alert(number: int, revision: int, state: str, severity: str = "critical") -> Alert:
    return Alert(
        alert_id=f"{number:032x}", revision=revision, rule="seal_breach", rule_version=1, severity=severity,
        state=state, opened_ms=1, closed_ms=2 if state == "closed" else None, shipment_id=None, device_id="D",
        lat_deg=None, lon_deg=None, score=1.0, evidence={}, messages={}, exercise=False,
    )  # type: ignore[arg-type]  # fmt: skip


@dataclass
class Broker:
    """What is retained, and all that was published. Dies with its client after ``left`` more messages."""

    retained: dict[str, bytes] = field(default_factory=dict)
    published: list[Publication] = field(default_factory=list)
    left: int = 10**9
    connected: bool = False
    down: asyncio.Event | None = None

    async def connect(self) -> None:
        self.connected, self.down = True, asyncio.Event()

    async def close(self) -> None:
        self.connected = False
        if self.down is not None:
            self.down.set()

    async def lost(self) -> None:
        assert self.down is not None
        await self.down.wait()

    async def retained_of(self) -> list[tuple[str, bytes]]:
        return list(self.retained.items())

    async def publish(self, publications: list[Publication]) -> None:
        for each in publications:
            if not self.left:
                raise KilledError
            self.left -= 1
            self.published.append(each)
            if each.retain and each.payload:
                self.retained[each.topic] = each.payload
            elif each.retain:
                self.retained.pop(each.topic, None)


class KilledError(Exception):
    """The process is dead."""


class Client:
    """MqttNotices, on a broker in memory."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.connect, self.close, self.lost = broker.connect, broker.close, broker.lost
        self.publish = broker.publish

    @property
    def connected(self) -> bool:
        return self.broker.connected

    async def retained(self, _filter: str) -> list[tuple[str, bytes]]:
        return await self.broker.retained_of()


class HastyKeeper(BoardKeeper):
    """The control: posts what it reads without reading to the end first, as if nothing had been before."""

    async def _catch_up(self) -> None:
        self._caught_up = True


def log_of(records: list[Alert]) -> AlertLog:
    log = AlertLog("", SOURCE, 0, "test")
    log.feed(
        SimpleNamespace(offset=n, timestamp=0, value=msgspec.json.encode(a), headers=(), topic=SOURCE.topic)
        for n, a in enumerate(records)
    )
    return log


async def run(
    broker: Broker, log: AlertLog, saved: dict[str, bytes], kind: type[BoardKeeper] = BoardKeeper, first_end: int = 0
) -> None:
    """One life of a keeper: until it has read everything, or is killed. ``saved`` is what its checkpoints hold."""
    board = AlertBoard("us")
    for key, value in saved.items():
        board.restore(key, value)
    board.begin(0, first_end)

    def save(changes: list[Any]) -> None:
        for key, value in changes:
            saved.pop(key, None)
            if value is not None:
                saved[key] = value

    keeper = kind(board, log, Client(broker), save, lambda _: None)  # type: ignore[arg-type]
    life = asyncio.ensure_future(keeper.run())
    for _ in range(10_000):
        await asyncio.sleep(0)
        if life.done() or (board.offset == log.end and broker.connected and not board.due()):
            break
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    broker.connected = False


def faults_of(broker: Broker, records: list[Alert]) -> list[str]:
    """What a subscriber could complain of."""
    found, newest = [], dict[str, int]()
    for each in broker.published:
        if not each.payload:
            continue
        one = msgspec.json.decode(each.payload, type=Alert)
        if one.revision < newest.get(one.alert_id, 0):
            found.append(f"{one.alert_id} {one.revision} after {newest[one.alert_id]}")
        newest[one.alert_id] = max(one.revision, newest.get(one.alert_id, 0))
    final = {one.alert_id: one for one in sorted(records, key=lambda one: one.revision)}
    told = {(p.topic, p.payload) for p in broker.published}
    for one in final.values():
        topic, record = topic_of("us", one), msgspec.json.encode(one)
        if one.state == "closed" and (topic, record) not in told:
            found.append(f"{one.alert_id} closed and nobody was told")
        if one.state != "closed" and broker.retained.get(topic) != record:
            found.append(f"{one.alert_id} is open and not on the board")
        if one.state == "closed" and topic in broker.retained:
            found.append(f"{one.alert_id} is closed and still on the board")
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[Alert]:
    """Episodes side by side, each in order; now and then a stage dies and repeats its last few records."""
    steps = draw(st.lists(st.integers(0, 5), max_size=40))
    ends = draw(st.lists(st.integers(2, 4), min_size=6, max_size=6))
    revisions, out = dict.fromkeys(range(6), 0), []
    for number in steps:
        if revisions[number] == ends[number]:
            continue
        revisions[number] += 1
        revision = revisions[number]
        state = "opened" if revision == 1 else "closed" if revision == ends[number] else "updated"
        out.append(alert(number, revision, state))
        if draw(st.integers(0, 9)) == 0:
            out += out[-draw(st.integers(1, 8)) :]
    return out


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_log, "PAGE", 3)


@settings(max_examples=150, deadline=None)
@given(logs(), st.lists(st.integers(0, 12), max_size=4), st.booleans())
def test_however_often_it_is_killed_the_board_is_right_in_the_end(
    records: list[Alert], deaths: list[int], broker_forgets: bool
):
    broker, saved = Broker(), dict[str, bytes]()

    async def lives() -> None:
        grown = [records[: len(records) * (n + 1) // (len(deaths) + 1)] for n in range(len(deaths))]
        for some, left in zip(grown, deaths, strict=True):
            broker.left = left
            await run(broker, log_of(some), saved)
            if broker_forgets:
                broker.retained.clear()
        broker.left = 10**9
        await run(broker, log_of(records), saved)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alert_log, "PAGE", 3)
        asyncio.run(lives())
    assert faults_of(broker, records) == []


def killed_once(kind: type[BoardKeeper]) -> list[str]:
    """An alert opens, grows worse and closes; the keeper dies before it saved that, and is started again."""
    records = [alert(1, n, "opened" if n == 1 else "updated") for n in range(1, 8)] + [alert(1, 8, "closed")]
    broker, saved = Broker(), dict[str, bytes]()

    async def lives() -> None:
        await run(broker, log_of([]), saved, kind)
        before = dict(saved)
        await run(broker, log_of(records), saved, kind)
        await run(broker, log_of(records), before, kind)

    asyncio.run(lives())
    return faults_of(broker, records)


def test_after_a_kill_nothing_older_is_posted_over_something_newer():
    assert killed_once(BoardKeeper) == []


def test_a_keeper_that_does_not_read_on_first_is_found_out():
    assert any(" after " in fault for fault in killed_once(HastyKeeper))


def test_at_the_very_first_start_open_alerts_are_posted_and_old_closings_are_not_told():
    records = [alert(1, 1, "opened"), alert(2, 1, "opened"), alert(1, 2, "closed")]
    broker = Broker()
    asyncio.run(run(broker, log_of(records), {}, first_end=3))
    assert [(p.topic[-1], p.retain, bool(p.payload)) for p in broker.published] == [("2", True, True)]


def test_what_is_retained_and_should_not_be_is_taken_down():
    stale = topic_of("us", alert(9, 1, "opened"))
    broker = Broker(retained={stale: b"{}"})
    asyncio.run(run(broker, log_of([alert(1, 1, "opened")]), {}))
    assert list(broker.retained) == [topic_of("us", alert(1, 1, "opened"))]


def test_an_alert_keeps_the_topic_of_its_opening():
    records = [alert(1, 1, "opened", "warning"), alert(1, 2, "updated", "critical"), alert(1, 3, "closed", "critical")]
    broker, board = Broker(), AlertBoard("us")
    for n, one in enumerate(records):
        out = board.read(n, one, msgspec.json.encode(one))
        asyncio.run(broker.publish([*out, *board.due()]))
        board.posted()
    assert {each.topic for each in broker.published} == {topic_of("us", records[0])}
    assert broker.retained == {}


def test_the_closed_record_goes_out_unretained_and_then_an_empty_retained_one():
    board, one = AlertBoard("us"), alert(1, 1, "closed")
    topic, record = topic_of("us", one), msgspec.json.encode(one)
    assert board.read(0, one, record) == [Publication(topic, record, False), Publication(topic, b"", True)]
    assert board.read(1, one, record) == []


def test_a_rule_that_would_reach_into_other_topics_makes_none():
    for wrong in ("a/b", "#", "+", ""):
        with pytest.raises(ValueError, match="makes no MQTT topic"):
            topic_of("us", msgspec.structs.replace(alert(1, 1, "opened"), rule=wrong))


def test_closed_alerts_are_remembered_up_to_a_bound_and_forgotten_in_the_checkpoint_too():
    board, saved = AlertBoard("us"), dict[str, bytes]()
    for number in range(CLOSED_MAX + 5):
        board.read(number, alert(number, 1, "closed"), b"{}")
        for key, value in board.changes() if number % 1000 == 0 else ():
            saved.pop(key, None) if value is None else saved.__setitem__(key, value)
    for key, value in board.changes():
        saved.pop(key, None) if value is None else saved.__setitem__(key, value)
    assert sum(key.startswith("z/") for key in saved) == CLOSED_MAX
    assert not any(key.startswith("o/") for key in saved)


async def test_a_broker_that_goes_away_while_nothing_happens_gets_its_board_back():
    broker, board = Broker(), AlertBoard("us")
    log = log_of([alert(1, 1, "opened")])
    board.begin(0, 0)
    life = asyncio.ensure_future(
        BoardKeeper(board, log, Client(broker), lambda _: None, lambda _: None).run()  # type: ignore[arg-type]
    )
    await until(lambda: len(broker.retained) == 1)
    broker.retained.clear()
    await broker.close()
    await until(lambda: len(broker.retained) == 1)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


async def test_a_message_that_the_broker_did_not_acknowledge_goes_out_on_the_next_connection():
    class Deaf(Broker):
        deaf = 1

        async def publish(self, publications: list[Publication]) -> None:
            if publications and self.deaf:
                self.deaf -= 1
                raise MqttDownError("lost")
            await super().publish(publications)

    broker = Deaf()
    records = [alert(1, 1, "opened"), alert(1, 2, "closed")]
    await run(broker, log_of(records), {})
    assert faults_of(broker, records) == []


async def until(true: Any) -> None:
    """Return once it is; fails after a while."""
    for _ in range(20_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never was")
