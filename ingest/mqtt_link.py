"""The link to the broker: paho-mqtt on asyncio, one session over as many connections as it takes.

Fixed client id, session kept, QoS 1, acknowledged by hand. paho drives the protocol; the event loop watches its
socket. Every connection has an epoch, 1 for the first: packet ids are a connection's own, so an acknowledgement for
an earlier epoch is dropped, never sent. MQTT 5 where the broker has it, else 3.1.1, found by trying.

Everything here runs on the event loop's thread, but for paho's blocking connect, which runs on a worker's before any
callback is set.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts.broker_access import CREDENTIALS_REFUSED, CredentialsRefusedError
from contracts.tls import connection_fault
from ingest.mqtt_client import LinkConfig, connect, new_client

_log = logging.getLogger(__name__)

_PACKETS_A_TURN: Final = 200  # then the event loop has its turn: Kafka's answers, timers
_IN_FLIGHT_MAX: Final = 500  # own messages published and not yet acknowledged by the broker
_ANSWER_S: Final = 3.0  # for CONNACK and SUBACK
_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CORK: Final = getattr(socket, "TCP_CORK", None)  # Linux only


class MqttLink:
    """A session with a broker, kept until ``close``.

    ``on_message(message, epoch)`` is called for each message in order of arrival and must not raise; ``on_turn()``
    after a burst of them; ``on_room()`` when the broker has acknowledged something of ours.
    """

    def __init__(
        self,
        config: LinkConfig,
        filters: Sequence[str],
        on_message: Callable[[MQTTMessage, int], None],
        on_turn: Callable[[], None],
        on_room: Callable[[], None],
    ) -> None:
        self._config = config
        self._filters = filters
        self._on_message = on_message
        self._on_turn = on_turn
        self._on_room = on_room
        self.epoch = 0
        self.late_acks = 0
        self.acks = 0
        self._client: Client | None = None  # the live connection's; a new one each time, so nothing of the old stays
        self._socket: socket.socket | None = None
        self._subscribed = False
        self._unread = False  # paused by us
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._down = asyncio.Event()
        self._answered: asyncio.Future[str | None] | None = None
        self._stranger: str | None = None  # the broker's word where it takes us for nobody it knows
        self._closing = False
        self._received = 0
        self._window = _IN_FLIGHT_MAX
        self._in_flight: dict[int, tuple[str, bytes]] = {}
        self._again: list[tuple[str, bytes]] = []  # what the last connection took and did not acknowledge

    @property
    def connected(self) -> bool:
        """True while subscribed on a live connection."""
        return self._subscribed

    @property
    def reading(self) -> bool:
        """True while connected and not paused: what the broker has for us is being taken."""
        return self._subscribed and self._may_read.is_set()

    # What the gateway asks of it

    def ack(self, packet_ids: Sequence[tuple[int, int]]) -> None:
        """Acknowledge (packet id, epoch) pairs in this order. Those of another epoch are dropped and counted."""
        client = self._client
        if client is None:
            self.late_acks += len(packet_ids)
            return
        self._cork(True)
        for packet_id, epoch in packet_ids:
            if self._is_late(epoch):
                self.late_acks += 1
            else:
                client.ack(packet_id, 1)
                self.acks += 1
        client.loop_write()
        self._cork(False)

    def room(self) -> int:
        """How many messages may be published now."""
        return self._window - len(self._in_flight) if self._subscribed else 0

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, not retained; sent again on the next connection until acknowledged. Mind ``room``."""
        client = self._client
        if client is None:
            self._again.append((topic, payload))
            return
        self._in_flight[client.publish(topic, payload, qos=1).mid] = (topic, payload)

    def pause(self) -> None:
        """Leave what comes in the socket: there is no room for it."""
        if self._may_read.is_set():
            self._may_read.clear()
            self._watch(False)

    def resume(self) -> None:
        """Read on."""
        if not self._may_read.is_set():
            self._may_read.set()
            self._watch(True)

    async def run(self) -> None:
        """Keep connected until closed.

        Raises CredentialsRefusedError where the broker has never let us in and says that our user name or password
        is wrong. Nothing else that a broker or a network does ends it, nor that once it has let us in: a broker that
        is restarted, or whose passwords are being changed, knows us again in a while.
        """
        settled = False
        failures = tried = 0
        versions = self._config.versions
        while not self._closing:
            await self._may_read.wait()  # else a new connection would be sent everything anew, with no room for it
            refused = await self._connect_once(versions[tried % len(versions)])
            if refused is None:
                settled, failures = True, 0
                await self._until_down()
            elif not settled and self._stranger is not None:
                raise CredentialsRefusedError(self._stranger)
            elif not settled and refused == "":
                tried += 1
            if not self._closing and refused is not None:
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    async def close(self) -> None:
        """Leave, and let the broker keep the session."""
        self._closing = True
        self._may_read.set()
        client = self._client
        if client is not None:
            client.disconnect()
            client.loop_write()
        self._down.set()

    # One connection

    def _is_late(self, epoch: int) -> bool:
        return epoch != self.epoch

    async def _connect_once(self, protocol: MQTTProtocolVersion) -> str | None:
        """None once subscribed; else why not; "" where the broker may only not speak this version."""
        where = f"{self._config.host}:{self._config.port}"
        client = new_client(self._config, protocol)
        self._stranger = None
        try:
            await asyncio.to_thread(connect, client, self._config, protocol)
        except (OSError, ValueError) as error:
            why = connection_fault(error)
            _log.warning("MQTT: no broker answers at %s (%s). Trying again.", where, why)
            return why or "no answer"
        self._attach(client)
        try:
            async with asyncio.timeout(_ANSWER_S):
                refused = await self._answer()
        except TimeoutError:
            refused = ""
        if refused is not None:
            self._detach(client)
            why = refused or "it closed the connection or did not answer"
            _log.warning("MQTT: the broker at %s refused us over %s: %s.", where, protocol.name, why)
            return refused
        _log.info("MQTT: connected to %s over %s, epoch %d.", where, protocol.name, self.epoch)
        self._send_again()
        return None

    async def _answer(self) -> str | None:
        assert self._answered is not None
        return await self._answered

    def _attach(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        found = client.socket()
        self._client = client
        self._down = asyncio.Event()
        self._answered = loop.create_future()
        client.on_connect = self._connected
        client.on_subscribe = self._subscription_answered
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_close = self._socket_closing
        client.on_socket_register_write = self._wants_to_write
        client.on_socket_unregister_write = self._wrote_all
        if not isinstance(found, socket.socket):
            self._down.set()
            self._answered.set_result("")
            return
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = found
        self._watch(True)

    def _detach(self, client: Client) -> None:
        """Give the connection up. What it had not acknowledged of ours is sent again on the next."""
        self._subscribed = False
        if self._client is client:
            self._client = None
        self._again.extend(self._in_flight.values())
        self._in_flight.clear()
        found = self._socket
        if found is not None:
            # No DISCONNECT: the broker is to keep the session, as after any loss of the network.
            self._socket_closing(client, None, found)
            found.close()
        client.on_socket_close = client.on_socket_register_write = client.on_socket_unregister_write = None
        self._down.set()

    async def _until_down(self) -> None:
        client = self._client
        while client is not None and not self._down.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await self._down.wait()
            except TimeoutError:
                client.loop_misc()  # pings, and finds out that nobody answers them
        if client is not None:
            self._detach(client)
        if not self._closing:
            _log.warning("MQTT: the connection of epoch %d is gone. Connecting anew.", self.epoch)

    def _send_again(self) -> None:
        again, self._again = self._again, []
        for topic, payload in again:
            self.publish(topic, payload)

    # What the event loop and paho call

    def _watch(self, on: bool) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        if on and self._may_read.is_set():
            loop.add_reader(self._socket, self._readable)
            if self._deciphered():
                loop.call_soon(self._readable)
        else:
            loop.remove_reader(self._socket)

    def _cork(self, on: bool) -> None:
        # One segment for a run of PUBACKs, which paho sends one by one.
        if _CORK is not None and self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _CORK, int(on))

    def _readable(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            for _ in range(_PACKETS_A_TURN):
                before = self._received
                if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self._received == before:
                    break
                if not self._may_read.is_set():
                    break
        except Exception:
            # paho is left in the middle of a packet: only a new connection knows where the next one begins.
            _log.exception("MQTT: a packet could not be handled. Connecting anew; the broker sends it again.")
            self._detach(client)
        self._on_turn()
        if self._may_read.is_set() and self._deciphered():
            asyncio.get_running_loop().call_soon(self._readable)

    def _deciphered(self) -> bool:
        """Whether TLS holds more for us already: no news to whoever watches the socket, so nobody would call again."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _writable(self) -> None:
        if self._client is not None:
            self._client.loop_write()

    def _wants_to_write(self, _client: Client, _userdata: Any, sock: Any) -> None:
        asyncio.get_running_loop().add_writer(sock, self._writable)

    def _wrote_all(self, _client: Client, _userdata: Any, sock: Any) -> None:
        asyncio.get_running_loop().remove_writer(sock)

    def _socket_closing(self, _client: Client, _userdata: Any, sock: Any) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
        self._socket = None

    def _connected(self, client: Client, _userdata: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            if reason.value in CREDENTIALS_REFUSED:
                self._stranger = str(reason)
            # Brokers that do not know MQTT 5 say so in their own version's words, or just hang up.
            self._settle("" if "rotocol" in str(reason) else str(reason))
            return
        self.epoch += 1
        self._window = min(_IN_FLIGHT_MAX, getattr(properties, "ReceiveMaximum", _IN_FLIGHT_MAX))
        if client.protocol == MQTTv5:
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            client.subscribe([(name, options) for name in self._filters])
        else:
            client.subscribe([(name, 1) for name in self._filters])

    def _subscription_answered(self, _c: Client, _u: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._settle(
                f"the subscription was refused ({', '.join(refused)}); let this client read {', '.join(self._filters)}"
            )
            return
        self._subscribed = True
        self._settle(None)

    def _disconnected(self, _client: Client, _userdata: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._subscribed = False
        self._settle("")
        self._down.set()

    def _settle(self, answer: str | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(answer)

    def _message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._received += 1
        self._on_message(message, self.epoch)

    def _published(self, _client: Client, _userdata: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._in_flight.pop(mid, None)
        self._on_room()
