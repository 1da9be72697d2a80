"""A paho client set up as the gateway's: fixed client id, session kept, acknowledged by hand, MQTT 5 or 3.1.1."""

from __future__ import annotations

from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.lean_client import LeanClient

# Told to MQTT 5 brokers; one that speaks 3.1.1 is to be set to the same. Well above the 1 MiB that a payload may have,
# so that what is somewhat too large still comes, and is refused with a reason.
PACKET_BYTES_MAX: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """Where the broker is and who we are to it. ``receive_maximum`` bounds what MQTT 5 sends unacknowledged."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    receive_maximum: int = 4_096
    session_expiry_s: int = 7 * 86_400
    keepalive_s: int = 30
    tls: SSLContext | None = None
    versions: tuple[MQTTProtocolVersion, ...] = (MQTTv5, MQTTv311)  # tried in this order, round and round


def new_client(config: LinkConfig, protocol: MQTTProtocolVersion) -> Client:
    """A client that speaks this version, not yet connected."""
    kept: dict[str, Any] = {} if protocol == MQTTv5 else {"clean_session": False}
    client = LeanClient(
        CallbackAPIVersion.VERSION2,
        client_id=config.client_id,
        protocol=protocol,
        reconnect_on_failure=False,
        manual_ack=True,
        **kept,
    )
    client.max_inflight_messages_set(0)  # the window is the link's: paho's walks all in flight at each PUBACK
    if config.tls is not None:
        client.tls_set_context(config.tls)
    if config.username is not None:
        client.username_pw_set(config.username, config.password)
    return client


def connect(client: Client, config: LinkConfig, protocol: MQTTProtocolVersion) -> None:
    """Connect and send CONNECT; the answer comes to ``on_connect``. Blocks. Raises OSError."""
    if protocol != MQTTv5:
        client.connect(config.host, config.port, config.keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = config.session_expiry_s
    properties.MaximumPacketSize = PACKET_BYTES_MAX
    properties.ReceiveMaximum = min(config.receive_maximum, 65_535)
    client.connect(config.host, config.port, config.keepalive_s, clean_start=False, properties=properties)
