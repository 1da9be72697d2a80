"""The deliverer: alerts from Kafka to MQTT and to webhooks, a desk for each audience.

Desks go by a consumer group: a second deliverer shares the audiences, and takes them all over when the first one dies.
Group offsets are for whoever watches the lag; the desks' checkpoints are the truth.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from contracts import topics
from contracts.deliveries import Undelivered
from contracts.metric_types import Sample
from streams.agents.alert_desk import AlertDesk, DeliveryCounts, DeskConfig
from streams.agents.started import started
from streams.sinks.webhooks import Poster

log = logging.getLogger(__name__)

_JSON: Final = msgspec.json.Encoder()
_POLL_MS: Final = 250
_COMMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class DeliverConfig:
    """``audiences`` by name; see ``DeskConfig`` for what a desk needs."""

    desk: DeskConfig
    audiences: tuple[str, ...]
    group: str = "puente-deliver"
    session_timeout_s: float = 10.0


class AlertDelivery:
    """Runs until told to stop."""

    def __init__(self, config: DeliverConfig) -> None:
        self.config = config
        self.counts = DeliveryCounts()
        self.desks: dict[TopicPartition, AlertDesk] = {}
        self.joined = False  # the group has said which audiences are ours
        self._ours: frozenset[TopicPartition] = frozenset()
        self._audience_of = {topics.alerts(name): name for name in config.audiences}
        self._not_before_s: dict[TopicPartition, float] = {}
        self._committed_s = 0.0
        session_ms = int(config.session_timeout_s * 1000)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=config.desk.bootstrap,
            group_id=config.group,
            client_id=config.desk.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(3_000, session_ms // 3),
        )
        self._producer = AIOKafkaProducer(
            bootstrap_servers=config.desk.bootstrap,
            client_id=f"{config.desk.client_id}-undelivered",
            acks="all",
            enable_idempotence=True,
        )
        self._poster = Poster()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set, then save and leave. Raises KafkaError where Kafka can't be reached at first."""
        consumer, producer = self._consumer, self._producer
        async with started(producer.start, producer.stop), started(consumer.start, consumer.stop), self._poster:
            consumer.subscribe(list(self._audience_of), listener=_Listener(self._let_go, self._have))
            try:
                while not stop.is_set():
                    await self._open_desks()
                    await self._poll()
                    await self._close_broken()
            finally:
                await self._let_go()

    def samples(self) -> Iterator[Sample]:
        """The deliverer's metrics, as they are declared in ``contracts.metrics``."""
        for (outcome, exercise), count in list(self.counts.tries.items()):
            yield Sample("puente_webhook_tries_total", count, {"outcome": outcome, "exercise": str(exercise).lower()})
        for exercise, count in list(self.counts.notices.items()):
            yield Sample("puente_notices_total", count, {"exercise": str(exercise).lower()})
        for desk in list(self.desks.values()):
            yield from desk.samples()

    def standing(self) -> dict[TopicPartition, bool]:
        """The alert topics that are ours, and whether their desks are open."""
        return {source: (desk := self.desks.get(source)) is not None and desk.open for source in list(self._ours)}

    def mute(self) -> list[str]:
        """The audiences of open desks that cannot post on MQTT now."""
        return sorted(desk.audience for desk in list(self.desks.values()) if desk.open and not desk.posts)

    @property
    def broker(self) -> str:
        """The MQTT broker's address, empty where there is none."""
        mqtt = self.config.desk.mqtt
        return f"{mqtt.host}:{mqtt.port}" if mqtt is not None else ""

    async def _open_desks(self) -> None:
        for source in self._consumer.assignment():
            if source in self.desks or time.monotonic() < self._not_before_s.get(source, 0.0):
                continue
            desk = AlertDesk(
                self.config.desk, source, self._audience_of[source.topic], self._poster, self._letter, self.counts
            )
            self.desks[source] = desk
            try:
                alerts = await desk.start()
                self._consumer.seek(source, alerts.end)
            except (KafkaError, OSError) as error:
                log.warning("The alerts of %s cannot be delivered yet (%r). Trying again.", desk.audience, error)
                await self._close(source, desk)

    async def _poll(self) -> None:
        fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
        for source, records in fetched.items():
            desk = self.desks.get(source)
            if desk is not None and desk.alerts is not None:
                desk.alerts.feed(records)
        if time.monotonic() - self._committed_s > _COMMIT_S:
            self._committed_s = time.monotonic()
            await self._commit()

    async def _commit(self) -> None:
        offsets = {source: desk.offset() for source, desk in self.desks.items()}
        try:
            if offsets:
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.info("Group offsets were not committed (%s); the checkpoints hold.", type(error).__name__)

    async def _close_broken(self) -> None:
        for source, desk in list(self.desks.items()):
            if desk.broken.done():
                log.warning("Deliveries to %s stop and begin again: %r", desk.audience, desk.broken.exception())
                await self._close(source, desk)

    async def _close(self, source: TopicPartition, desk: AlertDesk) -> None:
        """Give a desk up for as long as it takes to learn whether another deliverer has taken it over."""
        self._not_before_s[source] = time.monotonic() + self.config.session_timeout_s / 2
        if self.desks.get(source) is desk:
            del self.desks[source]
        await desk.stop()

    def _have(self, assigned: Collection[TopicPartition]) -> None:
        self.joined, self._ours = True, frozenset(assigned)
        log.info("The deliverer has %d audiences.", len(assigned))

    async def _let_go(self) -> None:
        self.joined, self._ours = False, frozenset()
        await self._commit()
        desks, self.desks = self.desks, {}
        await asyncio.gather(*(desk.stop() for desk in desks.values()))

    async def _letter(self, letter: Undelivered) -> None:
        await self._producer.send_and_wait(topics.UNDELIVERED, _JSON.encode(letter), letter.delivery_id.encode())


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """On revoke: save, and close the desks. aiokafka waits for it before it rejoins."""

    def __init__(
        self, let_go: Callable[[], Awaitable[None]], have: Callable[[Collection[TopicPartition]], None]
    ) -> None:
        self._let_go = let_go
        self._have = have

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002 - all go
        await self._let_go()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._have(assigned)
