"""The load generator: messages to an MQTT broker at a given pace, QoS 1, by a process of its own.

It is no device: it keeps no journal and hears no receipts. ``python -m deploy.bench.loadgen FILE`` publishes what the
file says and prints, as JSON, how many messages the broker acknowledged, in how long, and the CPU time that took.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from paho.mqtt.client import Client, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from deploy.services.cache import scratch
from deploy.services.errors import ServiceFailedError

_IN_FLIGHT_MAX: Final = 2_000
_DRAIN_S: Final = 60.0
_TURN_S: Final = 0.005


class Message(NamedTuple):
    """What is published where."""

    topic: str
    payload: bytes


class Order(msgspec.Struct):
    """What the process is told: the broker, the pace (messages a second), and the messages as (topic, payload)."""

    host: str
    port: int
    username: str
    password: str
    rate: float
    messages: list[tuple[str, bytes]]


class Done(msgspec.Struct):
    """What it did. ``seconds`` is from the first message to the last acknowledgement."""

    published: int
    seconds: float
    cpu_s: float


class Load:
    """Publishes to one broker, by a process each time; ``cpu_s`` sums up what they took."""

    def __init__(self, host: str, port: int, username: str, password: str, rate: float) -> None:
        self._about = (host, port, username, password, rate)
        self.cpu_s = 0.0

    def publish(self, messages: Sequence[Message]) -> Done:
        """Publish these evenly; returns once the broker has acknowledged all. Raises ServiceFailedError."""
        rate = self._about[-1]
        with scratch("bench-load") as folder:
            file = folder / "order.msgpack"
            file.touch(mode=0o600)
            file.write_bytes(msgspec.msgpack.encode(Order(*self._about, [(m.topic, m.payload) for m in messages])))
            command = [sys.executable, "-m", "deploy.bench.loadgen", str(file)]
            try:
                ran = subprocess.run(
                    command, capture_output=True, check=False, timeout=len(messages) / rate + 2 * _DRAIN_S
                )
            except subprocess.TimeoutExpired:
                raise ServiceFailedError("the load generator did not come to its end") from None
        if ran.returncode != 0:
            raise ServiceFailedError(f"the load generator failed: {ran.stderr.decode(errors='replace')[-500:]}")
        done = msgspec.json.decode(ran.stdout, type=Done)
        self.cpu_s += done.cpu_s
        if done.published < len(messages):
            raise ServiceFailedError(f"the broker acknowledged {done.published} of {len(messages)} messages")
        return done


def main(order: Order) -> Done:
    """Publish an order's messages, on this thread."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-load", protocol=MQTTv311)
    client.max_inflight_messages_set(0)
    client.username_pw_set(order.username, order.password)
    acknowledged = 0

    def on_publish(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1

    client.on_publish = on_publish
    client.connect(order.host, order.port)
    while not client.is_connected():
        client.loop(0.1)
    began_s, cpu_from_s, sent, total = time.monotonic(), time.process_time(), 0, len(order.messages)
    deadline_s = began_s + total / order.rate + _DRAIN_S
    last: MQTTMessageInfo | None = None
    while acknowledged < total and time.monotonic() < deadline_s:
        due = min(total, int((time.monotonic() - began_s) * order.rate) + 1, acknowledged + _IN_FLIGHT_MAX)
        for topic, payload in order.messages[sent:due]:
            last = client.publish(topic, payload, qos=1)
        sent = max(sent, due)
        client.loop(_TURN_S)
    done = Done(acknowledged, time.monotonic() - began_s, time.process_time() - cpu_from_s)
    assert last is not None or total == 0
    client.disconnect()
    client.loop(_TURN_S)
    return done


if __name__ == "__main__":
    made = main(msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Order))
    sys.stdout.buffer.write(msgspec.json.encode(made))
