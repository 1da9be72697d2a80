"""MQTT connections by the dozen on one thread: paho-mqtt driven by one selector.

paho's own loop is a thread a connection; a fleet has one connection a device. A ``Link`` is one connection: it says
when it is ready to publish (connected, and subscribed to its receipts) and how many messages more it may have
unacknowledged. A lost connection is made anew, with a fresh paho client, after a growing wait.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from contracts.broker_access import CREDENTIALS_REFUSED
from contracts.tls import connection_fault

_log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 30
BACKOFF_MS: Final = (200, 500, 1_000, 2_000, 5_000)
FAREWELL_MS: Final = 10_000  # a busy machine needs it; an idle one is done at once
ANSWER_MS: Final = 10_000  # for CONNACK and SUBACK
MISC_EVERY_MS: Final = 1_000

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and who devices are to it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a link is: its client id, the receipts it wants, its last will, and how much it has under way at once."""

    client_id: str
    receipts: str
    will_topic: str
    will: bytes
    window: int


def status_of(device_id: str, status: str, time_ms: int | None, exercise: bool = False) -> bytes:
    """What a device's status topic says: ``online``, ``offline`` (it said goodbye) or ``lost`` (its last will)."""
    told: dict[str, object] = {"device_id": device_id, "status": status}
    if time_ms is not None:
        told["time_ms"] = time_ms
    if exercise:
        told["exercise"] = True
    return _encode(told)


def identity_of(
    scac: str, receipts_of: str, device_id: str, client_id: str, window: int, exercise: bool = False
) -> Identity:
    """A link's identity: ``receipts_of`` is one device, or ``+`` for all of the carrier's."""
    return Identity(
        client_id=client_id,
        receipts=f"v1/{scac}/{receipts_of}/receipt",
        will_topic=f"v1/{scac}/{device_id}/status",
        will=status_of(device_id, "lost", None, exercise),
        window=window,
    )


class Link:
    """One connection to the broker, kept up by ``Links``."""

    def __init__(self, broker: Broker, identity: Identity, links: Links) -> None:
        self._broker = broker
        self._links = links
        self.identity = identity
        self.ready = False
        self.socket: socket.socket | None = None
        self.client: Client | None = None
        self._unacknowledged: set[int] = set()
        self._failures = 0
        self.retry_at_ms = 0

    @property
    def room(self) -> int:
        """Messages that may be published now."""
        return self.identity.window - len(self._unacknowledged) if self.ready else 0

    def publish(self, topic: str, payload: bytes) -> int | None:
        """Publish at QoS 1; its number while it is not acknowledged. What the connection loses is the journal's to send
        again.
        """
        if self.client is None:
            return None
        mid = self.client.publish(topic, payload, qos=1).mid
        self._unacknowledged.add(mid)
        return mid

    def owes(self, mid: int | None) -> bool:
        """Whether the broker has not acknowledged this yet, and still may."""
        return mid in self._unacknowledged

    def connect(self, now_ms: int) -> None:
        """Try to connect; the answers come through ``Links.turn``."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.identity.client_id,
            protocol=MQTTv311,
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # ours is the window
        client.connect_timeout = 5.0
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        client.will_set(self.identity.will_topic, self.identity.will, qos=1)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        self.retry_at_ms = now_ms + ANSWER_MS
        try:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        except OSError as error:
            self.down(now_ms, connection_fault(error))
            return
        self.client = client
        found = client.socket()
        self.socket = found if isinstance(found, socket.socket) else None

    def down(self, now_ms: int, why: str) -> None:
        """The connection is gone: forget it, try again later."""
        wait_ms = BACKOFF_MS[min(self._failures, len(BACKOFF_MS) - 1)]
        _log.log(
            logging.WARNING if self._failures < 2 else logging.DEBUG,
            "MQTT: %s has no connection to %s:%s (%s); trying again in %.1f s.",
            self.identity.client_id,
            self._broker.host,
            self._broker.port,
            why,
            wait_ms / 1000,
        )
        self._failures += 1
        self.retry_at_ms = now_ms + wait_ms
        self.ready = False
        self._unacknowledged.clear()
        self.client = self.socket = None

    # paho's callbacks, all on the thread of Links.turn

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            if reason.value in CREDENTIALS_REFUSED and not self._links.ever_ready:
                self._links.stranger = str(reason)
            who = self.identity.client_id
            _log.error("MQTT: the broker refuses %s: %s. Check its user name and password.", who, reason)
        else:
            client.subscribe(self.identity.receipts, qos=1)

    def _on_subscribe(self, _client: Client, _userdata: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self.ready = self._links.ever_ready = True
        self._failures = 0
        self._links.on_ready(self)

    def _on_publish(self, _client: Client, _userdata: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._unacknowledged.discard(mid)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._links.on_receipt(message.topic, bytes(message.payload))


class Links:
    """Every connection of a fleet. ``turn`` does all work; nothing happens between two turns."""

    def __init__(self, on_ready: Callable[[Link], None], on_receipt: Callable[[str, bytes], None]) -> None:
        self.on_ready = on_ready
        self.on_receipt = on_receipt
        self.links: list[Link] = []
        self.ever_ready = False
        self.stranger: str | None = None  # the broker's word, where it let nobody in and refused a name or password
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Link, tuple[socket.socket, int]] = {}
        self._misc_at_ms = 0

    def add(self, broker: Broker, identity: Identity) -> Link:
        """A link more; it connects in the turns to come."""
        link = Link(broker, identity, self)
        self.links.append(link)
        return link

    @property
    def ready_count(self) -> int:
        """Links that may publish."""
        return sum(link.ready for link in self.links)

    def turn(self, now_ms: int, wait_s: float) -> None:
        """Connect what is not connected, wait at most ``wait_s`` for the network, then read and write."""
        if now_ms >= self._misc_at_ms:
            self._misc_at_ms = now_ms + MISC_EVERY_MS
            for link in self.links:
                if link.client is not None:
                    link.client.loop_misc()
                    if not link.ready and now_ms >= link.retry_at_ms:
                        self._drop(link, now_ms, "no answer")
        for link in self.links:
            if link.client is None and now_ms >= link.retry_at_ms:
                link.connect(now_ms)
            self._watch(link, now_ms)
        for key, events in self._selector.select(wait_s):
            link = key.data
            if link.client is not None and events & selectors.EVENT_WRITE:
                link.client.loop_write()
            if link.client is not None and events & selectors.EVENT_READ:
                link.client.loop_read()
                # What TLS has deciphered already would wake nobody.
                while isinstance(link.socket, ssl.SSLSocket) and link.client.socket() and link.socket.pending():
                    link.client.loop_read()
            self._watch(link, now_ms)

    def close(self, farewells: Sequence[tuple[Link, str, bytes]], now_ms: Callable[[], int]) -> None:
        """Publish each link's last words, say goodbye once the broker has them, and close. At most ``FAREWELL_MS``.

        A connection that only closed could be taken over by the next of its name before a busy broker had read from it:
        then its last will was told in place of its last words.
        """
        until_ms = now_ms() + FAREWELL_MS
        said = [(link, link.publish(topic, payload)) for link, topic, payload in farewells if link.ready]
        while any(link.owes(mid) for link, mid in said) and now_ms() < until_ms:
            self.turn(now_ms(), 0.01)
        for link in self.links:
            if link.client is not None:
                link.client.disconnect()
                link.client.loop_write()
        for link in self.links:
            self._unwatch(link)
            link.client = link.socket = None
        self._selector.close()

    def _drop(self, link: Link, now_ms: int, why: str) -> None:
        self._unwatch(link)
        if link.socket is not None:
            link.socket.close()
        link.down(now_ms, why)

    def _watch(self, link: Link, now_ms: int) -> None:
        """Have the selector watch this link as its client now wants; notice a connection that is gone."""
        if link.client is None:
            return
        if link.client.socket() is None or link.socket is None:
            self._drop(link, now_ms, "connection lost")
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.client.want_write() else 0)
        seen = self._watched.get(link)
        if seen is None:
            self._selector.register(link.socket, events, link)
        elif seen != (link.socket, events):
            self._selector.modify(link.socket, events, link)
        self._watched[link] = (link.socket, events)

    def _unwatch(self, link: Link) -> None:
        seen = self._watched.pop(link, None)
        if seen is not None:
            self._selector.unregister(seen[0])
