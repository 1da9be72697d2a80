"""What the gateway and its broker tell each other of the largest packet they take."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.readings import PAYLOAD_BYTES_MAX
from deploy.services.mqtt import LocalMqtt
from ingest.mqtt_client import PACKET_BYTES_MAX, LinkConfig, connect, new_client


def connect_packet(protocol: MQTTProtocolVersion) -> bytes:
    """The first bytes that the gateway's client sends to a broker."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = LinkConfig("127.0.0.1", server.getsockname()[1], "gw-1")
        client = new_client(config, protocol)
        connect(client, config, protocol)
        client.loop_write()
        with server.accept()[0] as peer:
            peer.settimeout(60)
            packet = peer.recv(1_000)
        client.disconnect()
    return packet


def test_over_mqtt_5_the_gateway_says_how_long_a_packet_it_takes() -> None:
    said = b"\x27" + struct.pack("!I", PACKET_BYTES_MAX)  # property 0x27: maximum packet size, four bytes
    assert said in connect_packet(MQTTv5)
    assert b"\x27" not in connect_packet(MQTTv311)


def test_a_payload_somewhat_too_large_still_comes_and_is_refused_with_a_reason() -> None:
    assert PACKET_BYTES_MAX > 2 * PAYLOAD_BYTES_MAX


@pytest.mark.mqtt
def test_the_local_mosquitto_takes_packets_of_the_same_length(
    mosquitto: Path, mqtt_factory: Callable[..., LocalMqtt]
) -> None:
    # amqtt has no such bound.
    broker = mqtt_factory("mosquitto")
    answers: Queue[Any] = Queue()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(broker.device_username, broker.device_password)
    client.on_connect = lambda _client, _userdata, _flags, _reason, properties: answers.put(properties)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert answers.get(timeout=60).MaximumPacketSize == PACKET_BYTES_MAX
    finally:
        client.disconnect()
        client.loop_stop()
