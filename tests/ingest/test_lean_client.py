"""The lean client hears what paho's own hears, packet for packet."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.lean_client import LeanClient

HELLO = struct.pack("!H", 5) + b"v1/a/"
EXPIRY = b"\x05\x02\x00\x00\x00\x09"  # a message expiry interval of 9 s
V5 = [
    (0x32, HELLO + b"\x00\x07" + b"\x00" + b"payload"),
    (0x3A, HELLO + b"\x00\x07" + b"\x00" + b"again"),
    (0x33, HELLO + b"\x00\x07" + b"\x00" + b"retained"),
    (0x32, HELLO + b"\xff\xff" + EXPIRY + b"with a property"),
    (0x32, HELLO + b"\x00\x07" + b"\x00"),
    (0x30, HELLO + b"\x00" + b"QoS 0"),
]
V311 = [
    (0x32, HELLO + b"\x00\x07" + b"payload"),
    (0x3B, HELLO + b"\x12\x34" + b"\x00starts with a nought"),
    (0x32, HELLO + b"\x00\x07"),
    (0x30, HELLO + b"QoS 0"),
]


def heard(kind: type[Client], version: MQTTProtocolVersion, packets: list[tuple[int, bytes]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def on_message(_client: Client, _userdata: Any, m: MQTTMessage) -> None:
        found.append((m.mid, m.topic, m.qos, m.dup, m.retain, bytes(m.payload)))

    client = kind(CallbackAPIVersion.VERSION2, client_id="c", protocol=version, manual_ack=True)
    client.on_message = on_message
    for command, packet in packets:
        client._in_packet["command"] = command
        client._in_packet["packet"] = bytearray(packet)
        client._packet_handle()
    return found


@pytest.mark.parametrize(("version", "packets"), [(MQTTv5, V5), (MQTTv311, V311)], ids=["MQTT 5", "MQTT 3.1.1"])
def test_it_hears_what_paho_hears(version: MQTTProtocolVersion, packets: list[tuple[int, bytes]]) -> None:
    of_paho = heard(Client, version, packets)
    assert len(of_paho) == len(packets)
    assert heard(LeanClient, version, packets) == of_paho


def test_its_handlers_are_still_the_ones_paho_calls() -> None:
    # If paho renames them the gateway stays right and becomes slow: this says so.
    for name in ("_handle_publish", "_handle_pubackcomp"):
        assert name in vars(Client)
        assert name in vars(LeanClient)


@pytest.mark.parametrize("packet", [b"\x00\x01", b"\x00\x01\x10", b"\x00\x01\x00\x00", b"\x00\x01\x97"])
def test_an_acknowledgement_of_ours_is_heard_once_whatever_its_reason(packet: bytes) -> None:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="c", protocol=MQTTv5, manual_ack=True)
    published: list[int] = []
    client.on_publish = lambda _client, _userdata, mid, _reason, _properties: published.append(mid)
    assert client.publish("v1/a/b/receipt", b"{}", qos=1).mid == 1
    for _ in range(2):
        client._in_packet["command"] = 0x40
        client._in_packet["packet"] = bytearray(packet)
        client._packet_handle()
    assert published == [1]
