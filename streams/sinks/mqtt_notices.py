"""Connections to an MQTT broker, one at a time: publish at QoS 1 and wait for its word; read what it retains.

paho on a thread of its own, which hands everything to the event loop. MQTT 3.1.1, which every broker speaks. The client
id is fixed: a broker closes an older connection of the same id, so a deliverer that was thought dead and wakes up
cannot publish what is old by now. Nothing is sent again here: who publishes knows what still is due.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from contracts.broker_access import CREDENTIALS_REFUSED, CredentialsRefusedError
from contracts.tls import connection_fault
from streams.alert_board import Publication

log = logging.getLogger(__name__)

_ANSWER_S: Final = 10.0
_ACK_S: Final = 30.0
_QUIET_S: Final = 1.0  # after which no more retained messages are expected; one that comes later is found next time
_AT_ONCE: Final = 500


class MqttDownError(Exception):
    """There is no connection, or it was lost before the broker acknowledged everything."""


class MqttRefusedError(MqttDownError, CredentialsRefusedError):
    """The broker refuses our user name or password."""


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: SSLContext | None = None


class MqttNotices:
    """At most one connection at a time. Everything is called on the event loop's thread."""

    def __init__(self, address: MqttAddress) -> None:
        self.address = address
        self._client: Client | None = None
        self._down = asyncio.Event()
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._granted: asyncio.Future[bool] | None = None
        self._retained: dict[str, bytes] = {}
        self._heard = asyncio.Event()
        self._down.set()

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return not self._down.is_set()

    async def lost(self) -> None:
        """Return once there is no connection."""
        await self._down.wait()

    async def connect(self) -> None:
        """A new connection. Raises MqttDownError; MqttRefusedError where the broker refuses our name or password."""
        await self.close()
        where = f"{self.address.host}:{self.address.port}"
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[ReasonCode | None] = loop.create_future()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.address.client_id,
            clean_session=True,
            protocol=MQTTv311,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(_AT_ONCE)
        if self.address.tls is not None:
            client.tls_set_context(self.address.tls)
        if self.address.username is not None:
            client.username_pw_set(self.address.username, self.address.password)

        def later(call: Any, *arguments: Any) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(call, *arguments)

        def settle(why: ReasonCode | None) -> None:
            if not answered.done():
                answered.set_result(why)

        client.on_connect = lambda _c, _u, _f, reason, _p: later(settle, reason if reason.is_failure else None)
        client.on_disconnect = lambda *_: later(self._lost, client)
        client.on_publish = lambda _c, _u, mid, *_: later(self._acked, client, mid)
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: later(self._subscribed, not reasons[0].is_failure)
        client.on_message = lambda _c, _u, message: later(self._message, client, message)
        self._client = client
        self._down.clear()
        try:
            await asyncio.to_thread(client.connect, self.address.host, self.address.port, 30)
            client.loop_start()
            async with asyncio.timeout(_ANSWER_S):
                refused = await answered
        except (OSError, ValueError, TimeoutError) as error:
            await self.close()
            raise MqttDownError(
                f"no MQTT broker answers at {where}: {connection_fault(error) or 'it does not answer'}"
            ) from None
        if refused is not None:
            await self.close()
            kind = MqttRefusedError if refused.value in CREDENTIALS_REFUSED else MqttDownError
            raise kind(f"the MQTT broker at {where} refused us: {refused}")

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Return once the broker has acknowledged all of them; they go out in this order. Raises MqttDownError."""
        for first in range(0, len(publications), _AT_ONCE):
            await self._publish(publications[first : first + _AT_ONCE])

    async def _publish(self, publications: Sequence[Publication]) -> None:
        client, loop = self._client, asyncio.get_running_loop()
        waiting = []
        for each in publications:
            if client is None or self._down.is_set():
                raise MqttDownError("the connection is lost")
            info = client.publish(each.topic, each.payload, qos=1, retain=each.retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise MqttDownError(f"the connection is lost: {info.rc.name}")
            waiting.append(self._acks.setdefault(info.mid, loop.create_future()))
        try:
            async with asyncio.timeout(_ACK_S):
                await asyncio.gather(*waiting)
        except TimeoutError:
            await self.close()
            raise MqttDownError(f"the broker acknowledged nothing for {_ACK_S:.0f} s") from None

    async def retained(self, topic_filter: str) -> list[tuple[str, bytes]]:
        """What the broker retains under this filter: topics and payloads. Raises MqttDownError."""
        if self._client is None or self._down.is_set():
            raise MqttDownError("the connection is lost")
        self._retained = {}
        self._granted = asyncio.get_running_loop().create_future()
        self._client.subscribe(topic_filter, qos=1)
        try:
            async with asyncio.timeout(_ANSWER_S):
                granted = await self._granted
            if not granted:
                raise MqttDownError(f"the broker does not let us read {topic_filter}: let this user read and write it")
            while True:
                self._heard.clear()
                async with asyncio.timeout(_QUIET_S):
                    await self._heard.wait()
        except TimeoutError:
            if not self._granted.done():
                raise MqttDownError("the broker does not answer a subscription") from None
        finally:
            if self._client is not None:
                self._client.unsubscribe(topic_filter)
        if self._down.is_set():
            raise MqttDownError("the connection is lost")
        return list(self._retained.items())

    async def close(self) -> None:
        """Leave; safe to call twice."""
        client, self._client = self._client, None
        self._fail()
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    # What paho's thread hands over

    def _acked(self, client: Client, mid: int) -> None:
        future = self._acks.pop(mid, None) if client is self._client else None
        if future is not None and not future.done():
            future.set_result(None)

    def _subscribed(self, granted: bool) -> None:
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(granted)

    def _message(self, client: Client, message: MQTTMessage) -> None:
        if client is self._client and message.retain and message.payload:
            self._retained[message.topic] = bytes(message.payload)
            self._heard.set()

    def _lost(self, client: Client) -> None:
        if client is self._client:
            self._fail()

    def _fail(self) -> None:
        self._down.set()
        acks, self._acks = self._acks, {}
        for future in acks.values():
            if not future.done():
                future.set_exception(MqttDownError("the connection was lost before the broker's word"))
                future.exception()  # noted, where nobody waits for it any more
        if self._granted is not None and not self._granted.done():
            self._granted.set_exception(MqttDownError("the connection was lost"))
            self._granted.exception()
