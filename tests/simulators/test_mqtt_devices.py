"""A fleet on a real broker, with a gateway of the test's own at the other end of it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from contracts.drills import says_drill
from contracts.readings import Reading, ReadingId, identity
from contracts.receipts import HeldRange, Receipt, RefusedRange
from simulators import Fleet
from simulators.mqtt_devices import DeviceFleet
from simulators.mqtt_links import Broker, Link, Links, identity_of

pytestmark = pytest.mark.mqtt
START_MS = 1_790_000_000_000
PATIENCE_S = 120.0


class Gateway:
    """Takes every reading on the broker; ``answers`` says what receipt each gets, if any."""

    def __init__(self, mqtt: Any, answers: Callable[[Reading, int], Receipt | None]) -> None:
        self.taken: list[Reading] = []
        self.payloads = 0
        self.statuses: dict[str, list[str]] = defaultdict(list)
        self.status_payloads: list[bytes] = []
        self._answers = answers
        self._times: dict[ReadingId, int] = defaultdict(int)
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(mqtt.username, mqtt.password)
        self.client.max_inflight_messages_set(0)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.connect(mqtt.host, mqtt.port)
        self.client.loop_start()
        self.client.subscribe([("v1/+/+/readings", 1), ("v1/+/+/status", 1)])
        assert self._subscribed.wait(PATIENCE_S)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        _, scac, device_id, what = message.topic.split("/")
        if what == "status":
            self.status_payloads.append(message.payload)
            self.statuses[device_id].append(msgspec.json.decode(message.payload)["status"])
            return
        self.payloads += 1
        for line in message.payload.split(b"\n"):
            reading = msgspec.json.decode(line, type=Reading)
            assert reading.device_id == device_id
            self.taken.append(reading)
            self._times[identity(reading)] += 1
            receipt = self._answers(reading, self._times[identity(reading)])
            if receipt is not None:
                self.client.publish(f"v1/{scac}/{device_id}/receipt", msgspec.json.encode(receipt), qos=1)

    def identities(self) -> set[ReadingId]:
        return {identity(reading) for reading in self.taken}


def held(reading: Reading) -> Receipt:
    return Receipt(held=[HeldRange(reading.boot_id, reading.seq, reading.seq)])


@contextmanager
def gateway(mqtt: Any, answers: Callable[[Reading, int], Receipt | None]) -> Iterator[Gateway]:
    taking = Gateway(mqtt, answers)
    try:
        yield taking
    finally:
        taking.client.disconnect()
        taking.client.loop_stop()


def devices(fleet: Fleet, mqtt: Any, journal_dir: Path | None = None, **how: Any) -> DeviceFleet:
    how = {"mode": "fast", "drain_s": PATIENCE_S} | how
    return DeviceFleet(fleet, mqtt.host, mqtt.port, mqtt.device_username, mqtt.device_password, journal_dir, **how)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.02)


def first_occurrences(readings: list[Reading]) -> dict[str, list[tuple[int, int]]]:
    order: dict[str, list[tuple[int, int]]] = defaultdict(list)
    seen = set()
    for reading in readings:
        if identity(reading) not in seen:
            seen.add(identity(reading))
            order[reading.device_id].append((reading.boot_id, reading.seq))
    return order


@pytest.mark.parametrize("connections", ["device", "carrier"])
@pytest.mark.parametrize("keeps", ["file", "memory"])
def test_all_of_a_fleet_arrives_once_and_in_order_and_is_receipted(
    mqtt: Any, tmp_path: Path, connections: str, keeps: str
) -> None:
    fleet = Fleet(3, START_MS, 4, interval_s=1, horizon_s=120)
    sent = {identity(reading) for _, _, reading in fleet.run()}
    with gateway(mqtt, lambda reading, _: held(reading)) as taking:
        simulated = devices(
            fleet, mqtt, tmp_path if keeps == "file" else None, connections=connections, resend_after_ms=60_000
        )
        before_ms = time.time_ns() // 1_000_000
        done = simulated.run()
        after_ms = time.time_ns() // 1_000_000
        assert simulated.published() == taking.identities() == sent
    assert len(taking.taken) == len(sent), "nothing was sent twice"
    assert done["held"] == done["published"] == len(sent)
    assert simulated.unreceipted() == done["resent"] == 0
    for order in first_occurrences(taking.taken).values():
        assert order == sorted(order)
    assert all(before_ms <= (simulated.first_published_ms(r) or 0) <= after_ms for r in sorted(sent)[::50])
    simulated.close()


def test_what_gets_no_receipt_is_sent_again_until_it_does(mqtt: Any) -> None:
    fleet = Fleet(4, START_MS, 2, interval_s=1, horizon_s=60)

    def forgetful(reading: Reading, times: int) -> Receipt | None:
        return None if reading.seq % 7 == 3 and times == 1 else held(reading)

    with gateway(mqtt, forgetful) as taking:
        simulated = devices(fleet, mqtt, resend_after_ms=300)
        done = simulated.run()
    unanswered = sum(reading.seq % 7 == 3 for _, _, reading in fleet.run())
    assert unanswered > 10
    assert done["resent"] >= unanswered
    assert simulated.unreceipted() == 0
    assert len(taking.identities()) == done["held"]


def test_what_is_refused_is_forgotten_and_counted_by_reason(mqtt: Any) -> None:
    fleet = Fleet(4, START_MS, 2, interval_s=1, horizon_s=60)

    def strict(reading: Reading, _: int) -> Receipt:
        if reading.seq % 10 == 5:
            return Receipt(refused=[RefusedRange(reading.boot_id, reading.seq, reading.seq, "out_of_range")])
        return held(reading)

    with gateway(mqtt, strict):
        simulated = devices(fleet, mqtt)
        done = simulated.run()
    refused = sum(reading.seq % 10 == 5 for _, _, reading in fleet.run())
    assert done["refused"] == refused > 5
    assert simulated.refusals() == {"out_of_range": refused}
    assert simulated.unreceipted() == 0


def test_a_journal_outlives_its_process_and_sends_again_what_had_no_receipt(mqtt: Any, tmp_path: Path) -> None:
    fleet = Fleet(4, START_MS, 2, interval_s=1, horizon_s=60)
    sent = {identity(reading) for _, _, reading in fleet.run()}
    with gateway(mqtt, lambda *_: None):
        before = devices(fleet, mqtt, tmp_path, drain_s=0.5)
        before.run()  # closed by nobody, receipted by nobody
    assert before.unreceipted() == len(sent)
    with gateway(mqtt, lambda reading, _: held(reading)) as taking:
        after = devices(fleet, mqtt, tmp_path, batch_max=10)
        assert after.unreceipted() == len(sent)
        done = after.run()
    assert done["measured"] == 0, "what is journaled already is not measured again"
    assert taking.identities() == after.published() == sent
    assert taking.payloads < len(sent) / 3, "a backlog goes out in batches"
    assert after.unreceipted() == 0
    assert all(after.first_published_ms(r) == before.first_published_ms(r) for r in sorted(sent)[::20])


def test_a_broker_that_dies_and_comes_back_costs_no_reading_and_no_order(mqtt_factory: Callable[..., Any]) -> None:
    own = mqtt_factory()
    fleet = Fleet(4, START_MS, 2, interval_s=1, horizon_s=300)
    going, waiting = threading.Event(), threading.Event()
    going.set()

    def now_ms() -> int:
        """The clock, on which the devices stand still until there is somebody to hear them again."""
        if not going.is_set():
            waiting.set()
            going.wait()
        return time.time_ns() // 1_000_000

    with gateway(own, lambda *_: None) as first:
        simulated = devices(fleet, own, in_flight_max=50, resend_after_ms=60_000, now_ms=now_ms)
        running = threading.Thread(target=simulated.run)
        running.start()
        until(lambda: len(first.taken) >= 100)
        own.kill()
        until(lambda: not any(link.ready for link in simulated._links.links))  # they find it dead, and try again
        going.clear()
        assert waiting.wait(PATIENCE_S)
    own.restart()
    with gateway(own, lambda reading, _: held(reading)) as second:
        going.set()
        running.join(PATIENCE_S)
        assert not running.is_alive()
    assert simulated.unreceipted() == 0
    assert second.identities() == {identity(reading) for _, _, reading in fleet.run()}
    for order in first_occurrences(first.taken).values():
        assert order == sorted(order)
    for order in first_occurrences(second.taken).values():
        assert order == sorted(order)


def test_a_device_says_when_it_comes_and_goes_and_its_last_will_when_it_is_lost(mqtt: Any) -> None:
    fleet = Fleet(4, START_MS, 1, interval_s=1, horizon_s=20)
    with gateway(mqtt, lambda reading, _: held(reading)) as taking:
        devices(fleet, mqtt).run()
        device_id = "CRDN-T00000"
        until(lambda: taking.statuses[device_id] == ["online", "offline"])
        lost = devices(Fleet(4, START_MS, 1, interval_s=1, horizon_s=3_600), mqtt, mode="clock", rate=1.0)
        thread = threading.Thread(target=lost.run)
        thread.start()
        until(lambda: taking.statuses[device_id] == ["online", "offline", "online"])
        for link in lost._links.links:
            assert link.socket is not None
            link.socket.shutdown(2)
        until(lambda: "lost" in taking.statuses[device_id])
        lost.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert taking.statuses[device_id][:4] == ["online", "offline", "online", "lost"]


def test_a_drill_is_marked_on_the_wire(mqtt: Any) -> None:
    with gateway(mqtt, lambda reading, _: held(reading)) as taking:
        devices(Fleet(4, START_MS, 1, interval_s=1, horizon_s=10), mqtt, exercise=True).run()
    assert taking.taken
    assert all(reading.exercise for reading in taking.taken)
    assert taking.status_payloads
    assert all(map(says_drill, taking.status_payloads))


@pytest.mark.parametrize("exercise", [True, False])
def test_a_last_will_says_whether_it_is_a_drills(exercise: bool) -> None:
    will = identity_of("CRDN", "CRDN-T00000", "CRDN-T00000", "CRDN-T00000", 9, exercise).will
    assert says_drill(will) is exercise
    assert msgspec.json.decode(will)["status"] == "lost"


def test_a_device_that_the_broker_refuses_is_named_as_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    identity = identity_of("PTNE", "PTNE-S00010", "PTNE-S00010", "PTNE-S00010", 9)
    link = Link(Broker("broker.example", 1883), identity, Links(lambda _: None, lambda *_: None))
    refused = ReasonCode(PacketTypes.CONNACK, "Not authorized")
    link._on_connect(Client(CallbackAPIVersion.VERSION2, "PTNE-S00010"), None, None, refused, None)
    assert "the broker refuses PTNE-S00010: Not authorized." in caplog.text
