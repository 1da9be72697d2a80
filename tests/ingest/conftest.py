"""A gateway between a real broker and a real Kafka, in this process or in one of its own that may be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics
from contracts.frames import kind_of, lines_of
from deploy.services.kafka import LocalKafka
from deploy.services.mqtt import LocalMqtt
from deploy.services.topics import create_topics
from ingest.gateway import Gateway
from ingest.gateway_config import GatewayConfig

PARTITIONS = 4
PROCESS = Path(__file__).with_name("gateway_process.py")


def reading(device_id: str, seq: int, **more: object) -> bytes:
    """A reading of now, as one line."""
    whole = {"device_id": device_id, "boot_id": 1, "seq": seq, "time_ms": time.time_ns() // 1_000_000, **more}
    return json.dumps(whole, separators=(",", ":")).encode()


async def eventually(true: Callable[[], bool], within_s: float = 180.0) -> None:
    """Wait until it is so. The bound is on hanging: nothing is said of time."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


class Device:
    """An MQTT client that publishes at QoS 1 and hears receipts."""

    def __init__(self, broker: LocalMqtt) -> None:
        self.receipts: list[tuple[str, dict[str, Any]]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="devices", clean_session=False)
        self._client.username_pw_set(broker.device_username, broker.device_password)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(1_000)
        self._client.on_connect = lambda client, *_: client.subscribe("v1/+/+/receipt", qos=1)
        self._listening = threading.Event()  # connected is less: a receipt could come before there is a subscription
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_message = self._heard
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    async def publish(self, topic: str, *payloads: bytes) -> None:
        """Publish; returns when the broker has all of it."""
        await eventually(lambda: self._listening.is_set() and self._client.is_connected())
        sent = [self._client.publish(topic, payload, qos=1) for payload in payloads]
        await eventually(lambda: all(info.is_published() for info in sent))

    async def send(self, device_id: str, *payloads: bytes) -> None:
        """Publish readings of this device; returns when the broker has them all."""
        await self.publish(f"v1/CRDN/{device_id}/readings", *payloads)

    def told(self, device_id: str, kind: str) -> list[dict[str, Any]]:
        """All entries of one kind (held, refused, unreadable) that this device was told."""
        topic = f"v1/CRDN/{device_id}/receipt"
        return [entry for name, receipt in self.receipts if name == topic for entry in receipt[kind]]

    def held(self, device_id: str) -> set[int]:
        """Every seq that this device was told is held."""
        return {s for r in self.told(device_id, "held") for s in range(r["first_seq"], r["last_seq"] + 1)}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.receipts.append((message.topic, json.loads(message.payload)))


class GatewayProcess:
    """A gateway in a process of its own, which may be killed. Flags are those of ``gateway_process.py``."""

    def __init__(self, config: GatewayConfig, *flags: str) -> None:
        settings = {
            "kafka": config.kafka,
            "mqtt": f"mqtt://{config.mqtt_host}:{config.mqtt_port}",
            "mqtt_username": config.mqtt_username,
            "mqtt_password": config.mqtt_password,
            "partitions": config.partitions,
            "gateway_id": config.gateway_id,
            "frame_linger_ms": config.frame_linger_ms,
            "log_level": "info",
            "health_host": "127.0.0.1",
            "health_port": 0,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS), json.dumps(settings), *flags], stderr=subprocess.PIPE, text=True
        )
        self._said: list[str] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    async def says(self, text: str) -> None:
        """Wait until it has logged this."""
        await eventually(lambda: any(text in line for line in self._said))

    async def ended(self) -> int:
        """Its exit status, negative for the signal that ended it."""
        await eventually(lambda: self._process.poll() is not None)
        return self._process.returncode

    async def terminate(self) -> int:
        """SIGTERM, and its exit status."""
        self._process.terminate()
        return await self.ended()

    def kill(self) -> None:
        """SIGKILL; nothing where it has ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                self._said.append(line)
                sys.stderr.write(line)  # shown where the test fails


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that hangs: it neither answers nor hangs up."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@dataclass
class Line:
    """A broker, a Kafka with the line's topics, and what a test does with them."""

    kafka: LocalKafka
    broker: LocalMqtt
    unique: str
    stack: ExitStack

    reading = staticmethod(reading)
    eventually = staticmethod(eventually)
    stopped = staticmethod(stopped)

    @property
    def gateway_id(self) -> str:
        """This test's own, as everything on a shared Kafka."""
        return f"gw-{self.unique}"

    @property
    def device_id(self) -> str:
        """This test's own."""
        return f"TRK-{self.unique}"

    def config(self, **more: Any) -> GatewayConfig:
        """A quick gateway's configuration."""
        quick: dict[str, Any] = {
            "kafka": self.kafka.bootstrap,
            "mqtt_host": self.broker.host,
            "mqtt_port": self.broker.port,
            "mqtt_username": self.broker.username,
            "mqtt_password": self.broker.password,
            "gateway_id": self.gateway_id,
            "partitions": PARTITIONS,
            "frame_linger_ms": 10.0,
            "receipt_interval_ms": 50.0,
            "stop_within_s": 60.0,
        }
        return GatewayConfig(**(quick | more))

    @contextlib.asynccontextmanager
    async def serving(self, gateway: Gateway | None = None) -> AsyncIterator[Gateway]:
        """A gateway at work in this event loop, connected; left in order at the end."""
        gateway = gateway or Gateway(self.config())
        stop = asyncio.Event()
        task = asyncio.create_task(gateway.run(stop))
        try:
            await eventually(lambda: gateway.connected or task.done())
            yield gateway
        finally:
            stop.set()
            await task

    def process(self, *flags: str) -> GatewayProcess:
        """A gateway in a process of its own, ended with the test."""
        process = GatewayProcess(self.config(), *flags)
        self.stack.callback(process.kill)
        return process

    def device(self) -> Device:
        """A client for devices, closed with the test."""
        device = Device(self.broker)
        self.stack.callback(device.close)
        return device

    async def records(self, topic: str = topics.READINGS) -> list[Any]:
        """Everything a topic holds now, partition by partition, in order."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            found = []
            partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
            consumer.assign(partitions)
            for partition, end in (await consumer.end_offsets(partitions)).items():
                while await consumer.position(partition) < end:
                    found += (await consumer.getmany(partition, timeout_ms=500)).get(partition, [])
            return found
        finally:
            await consumer.stop()

    async def seqs(self, device_id: str) -> list[int]:
        """Every seq of this device that Kafka holds, in order, repeats included."""
        frames = [record.value for record in await self.records() if kind_of(record.headers) == "frame"]
        found = [json.loads(line) for frame in frames for line in lines_of(frame)]
        return [line["seq"] for line in found if line["device_id"] == device_id]


@pytest.fixture(scope="module")
def line_kafka(kafka_ready: None) -> Iterator[LocalKafka]:
    """A Kafka with the line's topics, a module's own, since their names are fixed. Killed, it is to be restarted."""
    with LocalKafka() as server:
        create_topics(server.bootstrap, PARTITIONS, ("us",))
        yield server


@pytest.fixture
def make_line(line_kafka: LocalKafka, unique: str) -> Iterator[Callable[[LocalMqtt], Line]]:
    """Makes a line on this broker."""
    with ExitStack() as stack:
        yield lambda broker: Line(line_kafka, broker, unique, stack)


@pytest.fixture(params=["mosquitto", "amqtt"])
def line(
    request: pytest.FixtureRequest,
    mqtt_factory: Callable[..., LocalMqtt],
    make_line: Callable[[LocalMqtt], Line],
) -> Line:
    """A line on each broker that there is."""
    if request.param == "mosquitto":
        request.getfixturevalue("mosquitto")
    return make_line(mqtt_factory(request.param))


@pytest.fixture
def durable_line(
    mosquitto: Path,
    mqtt_factory: Callable[..., LocalMqtt],
    make_line: Callable[[LocalMqtt], Line],
) -> Line:
    """A line on a broker that keeps sessions over a restart of its clients, whatever they do not acknowledge."""
    # amqtt drops what is not acknowledged within 5 s.
    return make_line(mqtt_factory("mosquitto"))
