"""paho's client with two of its handlers made lean: the two that run for every reading.

For each MQTT 5 packet paho fills a table of all property names, and for each message it walks locks and matchers that
one thread with one callback has no use for: measured, that was half of the gateway's CPU time. The overrides take the
plain packets (no properties, success) and hand every other to paho. They add nothing that paho lacks: were it to
rename these handlers, they would not be called, and everything would go on, slower.
"""

from __future__ import annotations

import struct
from typing import Final, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_SHORT: Final = struct.Struct("!H").unpack_from
_QOS_1: Final = 0x02
_QOS_BITS: Final = 0x06
_SUCCESS: Final = ReasonCode(PacketTypes.PUBACK)
_NO_PROPERTIES: Final = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


class LeanClient(Client):
    """paho's client for one thread: one message callback, acknowledged by hand."""

    def _handle_publish(self) -> MQTTErrorCode:
        command, packet = self._in_packet["command"], self._in_packet["packet"]
        callback = self._on_message
        end = len(packet)
        if command & _QOS_BITS != _QOS_1 or callback is None or not self._manual_ack or end < 5:
            return super()._handle_publish()
        at = 2 + _SHORT(packet)[0]
        payload_at = at + 2
        if self._protocol == MQTTv5:
            if payload_at >= end or packet[payload_at] != 0:  # it has properties, or is cut short
                return super()._handle_publish()
            payload_at += 1
        if at == 2 or payload_at > end:
            return super()._handle_publish()
        message = MQTTMessage(_SHORT(packet, at)[0], bytes(packet[2:at]))
        message.qos = 1
        message.dup = bool(command & 0x08)
        message.retain = bool(command & 0x01)
        message.payload = bytes(packet[payload_at:])
        callback(self, self._userdata, message)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        # Two bytes are success; a third is the reason (0x10: nobody subscribes), then perhaps no properties (0).
        plain = len(packet) == 2 or (packet[2] < 0x80 and bytes(packet[3:]) in (b"", b"\0"))
        if cmd != "PUBACK" or not plain:
            return super()._handle_pubackcomp(cmd)
        mid = _SHORT(packet)[0]
        with self._out_message_mutex:
            if mid in self._out_messages:
                return self._do_on_publish(mid, _SUCCESS, _NO_PROPERTIES)
        return MQTTErrorCode.MQTT_ERR_SUCCESS
