"""The gateway: from MQTT to Kafka, acknowledged only when held. It keeps nothing that outlives it.

A message is taken, judged line by line, its lines gathered into frames and its refusals made dead letters; when Kafka
holds every one of those, it is acknowledged to the broker, in order of arrival, and receipted to the device. Killed
at any instant, it loses nothing: the broker's session sends again what was not acknowledged. Then Kafka has repeats,
which the admit stage drops.

Backpressure: messages not yet held are bounded in number and in bytes, what was made of them included; at the bound
the socket is left unread (and MQTT 5's receive maximum makes the broker wait before that). Kafka away is a pause,
never a loss.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import msgspec
from paho.mqtt.client import MQTTMessage

from contracts import drills, topics
from contracts.deadletters import TOPIC_MAX, dead_letter
from contracts.frames import FRAME_HEADERS, TICK_HEADERS, encode_tick
from contracts.identifiers import is_name
from contracts.partitioner import partition_of
from contracts.readings import Tick
from ingest import decoders, status
from ingest.admission import admit, carrier_fault
from ingest.carriers import Carriers
from ingest.counters import Counters
from ingest.custody import Custody, Delivery
from ingest.decoders import Address
from ingest.framing import Frame, Gatherer
from ingest.gateway_config import GatewayConfig
from ingest.kafka_outbox import KafkaOutbox, Record, idempotent_producer
from ingest.mqtt_client import LinkConfig
from ingest.mqtt_link import MqttLink
from ingest.receipts import Receipts
from ingest.refusals import Refusal

_log = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode
_NOWHERE: Final = Address("", "")  # a topic that names nobody: nobody to answer
# What a line keeps in memory until it is held, beside its bytes: its token, or its dead letter's record and callback.
_LINE_BYTES: Final = 400
_LETTER_BYTES: Final = 1_000

# What a line settles: its message, whom to answer for which reading, and whether that is a drill's.
Token = tuple[Delivery, Address, int, int, bool]


class Gateway:
    """One gateway. ``run`` until told to stop; ``counters`` say what it has done.

    ``carriers`` says whose each device is, and ``prepare`` is awaited before anything is taken from the broker: it
    fills them. ``before_ack(n)`` is called when Kafka holds the n-th frame, before anything of it is acknowledged:
    where a fault test kills us.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        before_ack: Callable[[int], None] | None = None,
        carriers: Carriers | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.config = config
        self.counters = Counters()
        self._clock_ms = clock_ms
        self._before_ack = before_ack
        self._carriers = carriers
        self._prepare = prepare
        self._custody = Custody()
        self._gatherer: Gatherer[Token] = Gatherer(config.partitions, config.frame_linger_ms)
        self._receipts = Receipts()
        self._overdue = 0  # receipts that have waited their interval, and wait for the broker's room
        self._receipted = asyncio.Event()
        self._taking = True
        self._ticks_unheld = 0
        self._linger: asyncio.TimerHandle | None = None
        self._outbox = KafkaOutbox(
            lambda: idempotent_producer(config.kafka, config.gateway_id, config.compression),
            dict.fromkeys((topics.READINGS, topics.REFUSED, topics.STATUS), config.partitions),
        )
        self._link = self.make_link()

    def make_link(self) -> MqttLink:
        """The link to the broker."""
        config = self.config
        link = LinkConfig(
            config.mqtt_host,
            config.mqtt_port,
            config.gateway_id,
            config.mqtt_username,
            config.mqtt_password,
            receive_maximum=config.unheld_messages_max,
            tls=config.mqtt_tls,
            versions=config.mqtt_versions,
        )
        filters = [decoder.pattern for decoder in decoders.all_decoders()] + [status.PATTERN]
        return MqttLink(link, filters, self._take, self._after_turn, self._publish_receipts)

    @property
    def connected(self) -> bool:
        """True while subscribed on a live MQTT connection."""
        return self._link.connected

    @property
    def link(self) -> MqttLink:
        """The link to the broker, for whoever watches."""
        return self._link

    @property
    def outbox(self) -> KafkaOutbox:
        """The way to Kafka, for whoever watches."""
        return self._outbox

    @property
    def unheld(self) -> tuple[int, int]:
        """Messages taken that Kafka does not hold, and their bytes with what was made of them."""
        return len(self._custody), self._custody.size

    @property
    def receipts_waiting(self) -> tuple[int, int]:
        """Devices that are owed a receipt: of real readings, and of a drill's."""
        return self._receipts.waiting

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then leave in order.

        Raises WrongPartitionsError and CredentialsRefusedError at the start.
        """
        start = asyncio.ensure_future(self._start())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            await _end(start)
            return
        await start
        works = [
            asyncio.create_task(self._outbox.run(), name="kafka outbox"),
            asyncio.create_task(self._link.run(), name="mqtt link"),
            asyncio.create_task(self._tick_each_second(), name="ticks"),
            asyncio.create_task(self._receipt_each_interval(), name="receipts"),
            asyncio.create_task(self._report_each_interval(), name="report"),
        ]
        try:
            done, _ = await asyncio.wait({*works, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # a task of ours never ends by itself: raise what ended it
            await self._leave()
        finally:
            await _end(stopped, *works)
            await self._outbox.stop(1.0)
            self._report()

    async def _start(self) -> None:
        await self._outbox.start()
        if self._prepare is not None:
            await self._prepare()

    # From MQTT

    def _take(self, message: MQTTMessage, epoch: int) -> None:
        if not self._taking:
            return  # leaving: unacknowledged, so the broker keeps it for our next start
        payload = bytes(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # no decoder reads it, so it is dead-lettered
        delivery = self._custody.take(message.mid if message.qos else 0, epoch, len(payload))
        self.counters.messages += 1
        address = status.address_of(topic) if topic.endswith("/status") else None
        if address is not None:
            self._take_status(topic, payload, address, delivery)
        else:
            self._take_readings(topic, payload, delivery)
        if len(self._custody) >= self.config.unheld_messages_max or self._custody.size >= self.config.unheld_bytes_max:
            self._link.pause()

    def _take_readings(self, topic: str, payload: bytes, delivery: Delivery) -> None:
        found = decoders.find(topic)
        address = found[1] if found is not None else _NOWHERE
        accepted, refused, aside = admit(topic, payload, self._clock_ms(), self._carriers)
        delivery.parts += len(accepted) + len(refused)
        answered = address if address.carrier_scac is not None else _NOWHERE
        if accepted:
            self._custody.weigh(delivery, _LINE_BYTES * len(accepted))
            now_ms = time.monotonic() * 1000
            add, may_be = self._gatherer.add, drills.MAY_BE in payload
            for device_id, boot_id, seq, data in accepted:
                drill = may_be and drills.is_drill(data)
                self.counters.accepted_drill += drill
                for frame in add(device_id, data, (delivery, answered, boot_id, seq, drill), now_ms):
                    self._send(frame)
            self.counters.accepted += len(accepted)
        for refusal in refused:
            self._refuse(topic, refusal, address, delivery)
        for kind, line in aside:
            self.counters.aside[kind] += 1
            self.counters.aside_drill[kind] += drills.says_drill(payload)
            if line is not None:
                self._send_status(line, address, delivery, drills.says_drill(payload))
        if delivery.parts == 0:  # nothing to wait for; not from within paho's own call
            asyncio.get_running_loop().call_soon(self._settle)

    def _take_status(self, topic: str, payload: bytes, address: Address, delivery: Delivery) -> None:
        judged = status.judge(payload, address)
        fault = carrier_fault(address, self._clock_ms(), self._carriers)
        if fault is not None:
            judged = Refusal("carrier_mismatch", fault, payload)
        if isinstance(judged, Refusal):
            delivery.parts += 1
            self._refuse(topic, judged, address, delivery, receipted=False)
        else:
            self._send_status(judged, address, delivery, drills.says_drill(judged))

    def _send_status(self, line: bytes, address: Address, delivery: Delivery, drill: bool) -> None:
        delivery.parts += 1
        self._outbox.put(
            Record(
                topics.STATUS,
                partition_of(address.device_id, self.config.partitions),
                line,
                partial(self._status_held, delivery, drill),
                key=address.device_id.encode(),
            )
        )

    def _refuse(
        self, topic: str, refusal: Refusal, address: Address, delivery: Delivery, *, receipted: bool = True
    ) -> None:
        letter = dead_letter(refusal.reason, refusal.sentence, topic, self._clock_ms(), refusal.data)
        value = _encode(letter)
        drill = drills.says_drill(refusal.data)
        self.counters.refused[refusal.reason] += 1
        self.counters.refused_drill[refusal.reason] += drill
        self._custody.weigh(delivery, len(value) + _LETTER_BYTES)
        # What is no name is no key either: those letters go to the first partition, in no device's order.
        named = is_name(address.device_id)
        receipted = receipted and address.carrier_scac is not None and len(topic) <= TOPIC_MAX
        answered = address if receipted else _NOWHERE
        self._outbox.put(
            Record(
                topics.REFUSED,
                partition_of(address.device_id, self.config.partitions) if named else 0,
                value,
                partial(self._refusal_held, refusal, answered, delivery, drill),
                key=address.device_id.encode() if named else None,
            )
        )

    def _after_turn(self) -> None:
        if self._linger is None:
            self._wait_linger()

    def _wait_linger(self) -> None:
        due_ms = self._gatherer.next_due_ms()
        if due_ms is None:
            self._linger = None
        else:
            wait_s = max(0.0, due_ms / 1000 - time.monotonic())
            self._linger = asyncio.get_running_loop().call_later(wait_s, self._linger_over)

    def _linger_over(self) -> None:
        # A timer may come a hair early by this clock: a millisecond's grace instead of a second timer.
        for frame in self._gatherer.due(time.monotonic() * 1000 + 1.0):
            self._send(frame)
        self._wait_linger()

    # To Kafka, and back

    def _send(self, frame: Frame[Token]) -> None:
        held = partial(self._frame_held, frame)
        self._outbox.put(Record(topics.READINGS, frame.partition, frame.value(), held, headers=FRAME_HEADERS))

    def _frame_held(self, frame: Frame[Token]) -> None:
        self.counters.frames += 1
        self.counters.frame_readings += len(frame.lines)
        if self._before_ack is not None:
            self._before_ack(self.counters.frames)
        held = self._receipts.held
        for delivery, address, boot_id, seq, drill in frame.tokens:
            delivery.parts -= 1
            if address is not _NOWHERE:
                held(address, boot_id, seq, drill)
        self._settle()

    def _refusal_held(self, refusal: Refusal, address: Address, delivery: Delivery, drill: bool) -> None:
        delivery.parts -= 1
        if address is not _NOWHERE:
            self._receipts.refused(address, refusal, drill)
        self._settle()

    def _status_held(self, delivery: Delivery, drill: bool) -> None:
        delivery.parts -= 1
        self.counters.statuses += 1
        self.counters.statuses_drill += drill
        self._settle()

    def _settle(self) -> None:
        settled = self._custody.settled()
        if settled:
            self._link.ack([(d.packet_id, d.epoch) for d in settled if d.packet_id])
        config, custody = self.config, self._custody
        if len(custody) <= config.unheld_messages_max // 2 and custody.size <= config.unheld_bytes_max // 2:
            self._link.resume()

    # By the clock

    async def _tick_each_second(self) -> None:
        while True:
            await asyncio.sleep(1.0 - time.time() % 1.0)
            # Not while paused either: what waits unread would look like silence. And one tick at a time.
            if self._link.reading and self._ticks_unheld == 0:
                self._tick()

    def _tick(self) -> None:
        for frame in self._gatherer.flush():
            self._send(frame)
        value = encode_tick(Tick(self.config.gateway_id, self._clock_ms()))
        for partition in range(self.config.partitions):
            self._ticks_unheld += 1
            self._outbox.put(Record(topics.READINGS, partition, value, self._tick_held, headers=TICK_HEADERS))

    def _tick_held(self) -> None:
        self._ticks_unheld -= 1
        self.counters.ticks += 1

    async def _receipt_each_interval(self) -> None:
        while True:
            await asyncio.sleep(self.config.receipt_interval_ms / 1000)
            self._overdue = len(self._receipts)
            self._publish_receipts()

    def _publish_receipts(self) -> None:
        self._receipted.clear()
        waiting = len(self._receipts)
        for address, receipt, drill in self._receipts.take(min(self._overdue, self._link.room())):
            self._link.publish(f"v1/{address.carrier_scac}/{address.device_id}/receipt", _encode(receipt))
            self.counters.receipts += 1
            self.counters.receipts_drill += drill
        self._overdue -= waiting - len(self._receipts)  # a long one is split, and then more wait than before
        if self._overdue == 0:
            self._receipted.set()

    async def _report_each_interval(self) -> None:
        while True:
            await asyncio.sleep(self.config.report_interval_s)
            self._report()

    def _report(self) -> None:
        counters = self.counters
        counters.acknowledged, counters.late_acks = self._link.acks, self._link.late_acks
        counters.connects, counters.kafka_restarts = self._link.epoch, self._outbox.restarts
        report = counters.report() | {"unheld": len(self._custody), "receipts_waiting": len(self._receipts)}
        _log.info("%s", _encode(report).decode())

    async def _leave(self) -> None:
        """Take nothing more, have Kafka hold what was taken, acknowledge and receipt it, and say goodbye."""
        self._taking = False
        for frame in self._gatherer.flush():
            self._send(frame)
        try:
            async with asyncio.timeout(self.config.stop_within_s):
                await self._outbox.drained()
                self._overdue = len(self._receipts)
                self._publish_receipts()
                if self._overdue and self._link.connected:
                    await self._receipted.wait()
        except TimeoutError:
            _log.warning("Kafka did not take %d messages in time: the broker keeps them.", len(self._custody))
        await self._link.close()


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these until they have ended: before Python 3.12 a wait_for in a library may swallow a cancellation."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=0.5)
