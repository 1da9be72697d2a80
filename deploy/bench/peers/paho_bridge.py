"""A naive bridge, as tutorials have it: paho's callback hands each message to aiokafka, one record a reading.

It acknowledges before Kafka has anything, gathers no frames, judges nothing and answers nobody: less than our gateway
does, and what one would write first.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from deploy.bench.peers.task import Task, from_command_line


async def main(task: Task) -> None:
    """Work until killed."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[MQTTMessage] = asyncio.Queue()
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-bridge", protocol=MQTTv5)
    client.username_pw_set(task.mqtt_username, task.mqtt_password)

    def on_connect(*_: Any) -> None:
        client.subscribe("v1/+/+/readings", qos=1)

    def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
        loop.call_soon_threadsafe(waiting.put_nowait, message)

    client.on_connect, client.on_message = on_connect, on_message
    client.connect("127.0.0.1", task.mqtt_port)
    client.loop_start()
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=5, compression_type="lz4"
    )
    async with producer:
        while True:
            message = await waiting.get()
            key = message.topic.split("/")[2].encode()
            await producer.send(task.target, bytes(message.payload), key)


if __name__ == "__main__":
    asyncio.run(main(from_command_line()))
