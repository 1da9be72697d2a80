"""The deliverer on real Kafka, real MQTT and real HTTP: killed, restarted, taken over, and nobody misses a word.

What is on the board while no deliverer runs is each kill's control: it is the restart that puts it right.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from aiokafka import AIOKafkaProducer
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics
from contracts.alerts import Alert
from deploy.services.processes import Child
from deploy.settings import load
from deploy.stack import LocalStack
from streams.delivery import signature
from streams.stage import cloud_event

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]

SECRET = "0123456789abcdef"
PATIENCE_S = 240.0


def alert(number: int, revision: int, state: str, **more: Any) -> Alert:
    base: dict[str, Any] = {
        "alert_id": f"{number:032x}", "revision": revision, "rule": "seal_breach", "rule_version": 1,
        "severity": "critical", "state": state, "opened_ms": 1_790_000_000_000,
        "closed_ms": 1_790_000_060_000 if state == "closed" else None, "shipment_id": "SHP-1", "device_id": "SEAL-1",
        "lat_deg": 27.5, "lon_deg": -99.5, "score": 1.0, "evidence": {}, "messages": {"en": "Opened.", "es": "Abrió."},
        "exercise": False, "corridor": "I-35", "audiences": ("us", "joint"),
    }  # fmt: skip
    return Alert(**{**base, **more})


async def _tell(kafka: str, alerts: list[Alert], audience: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    for one in alerts:
        headers = cloud_event(f"alert.{one.state}", f"{one.alert_id}/{one.revision}", "/shipment/0", one.opened_ms)
        await producer.send_and_wait(
            topics.alerts(audience), msgspec.json.encode(one), one.alert_id.encode(), 0, headers=list(headers)
        )
    await producer.stop()


class Receiver:
    """A webhook's far end. ``status`` is what it answers; what it took with 204 is in ``got``, by delivery id."""

    def __init__(self) -> None:
        self.status = 204
        self.refused = 0
        self.got: dict[str, Alert] = {}
        self.posts = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Notification-Signature"] == signature(SECRET, body)
                outer.posts += 1
                if outer.status == 204:
                    outer.got[self.headers["Delivery-Id"]] = msgspec.json.decode(body, type=Alert)
                else:
                    outer.refused += 1
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> set[tuple[str, int]]:
        return {(one.alert_id, one.revision) for one in self.got.values()}


class Line:
    """A stack with a deliverer that may be killed, its receivers, and an MQTT subscriber who listens all the time."""

    def __init__(self, stack: LocalStack, receivers: dict[str, Receiver]) -> None:
        self.stack = stack
        self.receivers = receivers
        self.heard: list[tuple[str, bytes, bool]] = []
        self.children: list[Child] = []
        self._client = self._subscribe(self.heard)

    def _subscribe(
        self, into: list[tuple[str, bytes, bool]], subscribed: Callable[[], object] = lambda: None
    ) -> paho.Client:
        assert self.stack.mqtt is not None
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(self.stack.mqtt.subscriber_username, self.stack.mqtt.subscriber_password)
        client.on_connect = lambda c, *_: c.subscribe("alerts/#", qos=1)
        client.on_subscribe = lambda *_: subscribed()
        client.on_message = lambda _c, _u, m: into.append((m.topic, bytes(m.payload), m.retain))
        client.connect(self.stack.mqtt.host, self.stack.mqtt.port)
        client.loop_start()
        return client

    def start(self, name: str = "deliver") -> Child:
        self.children.append(self.stack.start_role("deliver", name=name))
        return self.children[-1]

    def tell(self, *alerts: Alert, audience: str = "us") -> None:
        asyncio.run(_tell(self.stack.settings.kafka, list(alerts), audience))

    def retained(self) -> dict[str, Alert]:
        """What a subscriber who comes now is given, by topic: all that comes before what is told after it came."""
        assert self.stack.mqtt is not None
        found: list[tuple[str, bytes, bool]] = []
        subscribed, last = threading.Event(), f"alerts/end/{secrets.token_hex(8)}"
        client = self._subscribe(found, subscribed.set)
        assert subscribed.wait(PATIENCE_S)
        login: Any = {"username": self.stack.mqtt.username, "password": self.stack.mqtt.password}
        publish.single(last, b"", 1, hostname=self.stack.mqtt.host, port=self.stack.mqtt.port, auth=login)
        self.until(lambda: any(topic == last for topic, _, _ in found))
        client.disconnect()
        client.loop_stop()
        return {topic: msgspec.json.decode(payload, type=Alert) for topic, payload, retain in found if retain}

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, "\n".join(child.last_words(30) for child in self.children)
            time.sleep(0.05)

    def puente(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments],
            env={**environ, "PUENTE_CONFIG": str(self.stack.config)},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def line(kafka_ready: None, mosquitto: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    # amqtt forgets what it retains when killed.
    folder = tmp_path_factory.mktemp("subscribers")
    (folder / "secret").write_text(SECRET)
    receivers = {"all": Receiver(), "fails": Receiver(), "drills": Receiver()}
    file = folder / "subscribers.toml"
    file.write_text(
        "".join(
            f'[webhooks.{name}]\nurl = "{receivers[name].url}"\naudience = "us"\nsecret_file = "secret"\n{more}\n'
            for name, more in (
                ("all", ""), ("fails", "tries_max = 2\nexercise = false"), ("drills", "exercise = true")
            )
        )
    )  # fmt: skip
    with LocalStack(replace(load({}), subscribers=file, session_timeout_s=3.0)) as stack:
        line = Line(stack, receivers)
        try:
            yield line
        finally:
            line.close()
            for receiver in receivers.values():
                receiver.close()


def topic(number: int) -> str:
    return f"alerts/us/critical/seal_breach/{number:032x}"


def closing_then_nothing(line: Line, number: int) -> bool:
    """Whether the closed record was heard, unretained, and after it the empty message."""
    heard = [payload for name, payload, _ in line.heard if name == topic(number)]
    closed = [n for n, payload in enumerate(heard) if payload and json.loads(payload)["state"] == "closed"]
    return bool(closed) and b"" in heard[closed[-1] :]


def test_killed_between_any_two_steps_it_loses_no_alert_and_leaves_nothing_behind(line: Line) -> None:
    told: set[tuple[str, int]] = set()

    def tell(*alerts: Alert) -> None:
        told.update((one.alert_id, one.revision) for one in alerts)
        line.tell(*alerts)

    everyone = line.receivers["all"]
    # Told before the first start: open ones are posted, webhooks begin at their subscription.
    line.tell(alert(1, 1, "opened"), alert(2, 1, "opened"), alert(2, 2, "closed"))
    first = line.start("deliver-1")
    line.until(lambda: set(line.retained()) == {topic(1)})
    line.until(lambda: "all: us" in line.puente("deliveries", "list").stdout)

    tell(alert(3, 1, "opened"), alert(1, 2, "updated"), alert(4, 1, "opened"))
    line.until(lambda: (alert(4, 1, "opened").alert_id, 1) in everyone.told())
    first.kill()  # within a second of its last deliveries: before or after they were saved
    tell(alert(1, 3, "closed"), alert(3, 2, "updated"), alert(5, 1, "opened"), alert(6, 1, "opened"))
    tell(alert(6, 2, "closed"))
    # The control: without a deliverer what is closed stays on the board, and what is open is not there.
    held = line.retained()
    assert topic(1) in held
    assert topic(5) not in held
    assert not closing_then_nothing(line, 1)

    second = line.start("deliver-2")
    line.until(lambda: set(line.retained()) == {topic(3), topic(4), topic(5)})
    line.until(lambda: everyone.told() >= told)
    line.until(lambda: line.retained()[topic(3)].revision == 2)
    line.until(lambda: closing_then_nothing(line, 1))  # by a subscriber of its own, who may hear it later
    line.until(lambda: closing_then_nothing(line, 6))

    standby = line.start("deliver-3")
    time.sleep(1.0)
    tell(alert(7, 1, "opened"))
    line.until(lambda: topic(7) in line.retained())
    second.kill()
    tell(*(alert(number, 9, "closed") for number in (3, 4, 5, 7)))
    line.until(lambda: line.retained() == {})
    line.until(lambda: everyone.told() >= told)
    for number in (3, 4, 5, 7):
        line.until(lambda number=number: closing_then_nothing(line, number))
    newest: dict[str, int] = {}
    for name, payload, _ in line.heard:
        if payload:
            revision = json.loads(payload)["revision"]
            assert revision >= newest.get(name, 0), f"{name}: {revision} after {newest[name]}"
            newest[name] = revision
    assert len(everyone.got) == len(told), "each has one delivery id, however often it came"
    standby.stop(PATIENCE_S)
    assert standby.exit_code == 0


def test_a_broker_that_lost_its_memory_gets_the_board_back(line: Line) -> None:
    child = line.start("deliver-4")
    line.tell(alert(20, 1, "opened"), alert(21, 1, "opened"))
    line.until(lambda: set(line.retained()) == {topic(20), topic(21)})
    mqtt = line.stack.mqtt
    assert mqtt is not None
    mqtt.kill()
    memory = line.stack.folder / "mqtt" / "mosquitto.db"
    memory.unlink(missing_ok=True)
    line.tell(alert(21, 2, "closed"))
    mqtt.restart()
    line.until(lambda: set(line.retained()) == {topic(20)})
    line.tell(alert(20, 2, "closed"))
    line.until(lambda: line.retained() == {})
    child.stop()


def test_a_receiver_that_fails_gets_its_alerts_later_and_what_was_given_up_can_be_sent_again(line: Line) -> None:
    fails, everyone, drills = (line.receivers[name] for name in ("fails", "all", "drills"))
    child = line.start("deliver-5")
    line.until(lambda: "fails: us" in line.puente("deliveries", "list").stdout)
    fails.status, posts = 500, fails.posts
    drill = alert(31, 1, "opened", exercise=True)
    line.tell(alert(30, 1, "opened"), drill, alert(32, 1, "opened"))
    ids = [alert(n, 1, "opened").alert_id for n in (30, 31, 32)]
    # Nobody waits for the one that fails.
    line.until(lambda: everyone.told() >= {(each, 1) for each in ids})
    line.until(lambda: drills.told() == {(ids[1], 1)})
    assert next(iter(drills.got.values())).exercise
    line.until(lambda: fails.posts >= posts + 3)  # 30 is given up at its second try, then 32 is tried

    said = line.puente("deliveries", "list")
    line.until(lambda: ids[0] in line.puente("deliveries", "list").stdout)
    said = line.puente("deliveries", "list")
    assert f"tried too often: seal_breach {ids[0]} revision 1 for fails, 2 tries" in said.stdout
    assert "HTTP 500" in said.stdout
    alone = "drills: us, 0 delivered, 0 given up; of drills: 1 delivered, 0 given up"
    line.until(lambda: alone in line.puente("deliveries", "list").stdout)
    again = line.puente("deliveries", "replay", "--subscriber", "fails")
    assert (again.returncode, "0 delivered, " in again.stdout) == (1, True), again.stderr

    child.kill()  # while 32 waits for its next try
    fails.status = 204
    line.start("deliver-6")
    line.until(lambda: (ids[2], 1) in fails.told() or ids[2] in line.puente("deliveries", "list").stdout)
    again = line.puente("deliveries", "replay", "--json")
    assert (again.returncode, json.loads(again.stdout)["not_delivered"]) == (0, {}), again.stderr
    assert {(ids[0], 1), (ids[2], 1)} <= fails.told()
    assert (ids[1], 1) not in fails.told(), "it wants no drills"
    assert "nothing was given up" in line.puente("deliveries", "list").stdout
    line.tell(*(alert(n, 2, "closed", exercise=n == 31) for n in (30, 31, 32)))
    line.until(lambda: line.retained() == {})
