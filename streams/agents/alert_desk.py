"""The deliveries of one audience: its board and its webhooks, and the checkpoints of how far each of them is.

Whoever opens the checkpoints fences who had them before, so of two deliverers one tells and the other stands by. The
places are saved every second: after a kill, at most the deliveries of that second go out again, under the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from contracts.deliveries import Undelivered
from contracts.metric_types import Sample
from streams.agents.alert_log import AlertLog
from streams.agents.board_keeper import BoardKeeper
from streams.agents.checkpoints import CheckpointStore
from streams.agents.webhook_deliveries import WebhookDeliveries
from streams.alert_board import AlertBoard, Publication
from streams.delivery import Webhook
from streams.delivery_retry import Outcome, Place
from streams.sinks.mqtt_notices import MqttAddress, MqttNotices
from streams.sinks.webhooks import Poster
from streams.stage import StateChange, pack, unpack

log = logging.getLogger(__name__)

STAGE: Final = "deliver"
PLACE: Final = "w/"  # and a subscriber's name: its place, in the checkpoints
_SAVE_S: Final = 1.0
_LAST_SAVE_S: Final = 5.0  # a Kafka that is away is not waited for: what was not saved is told again


@dataclasses.dataclass(frozen=True, slots=True)
class DeskConfig:
    """``mqtt`` None posts nothing on a broker. ``webhooks`` are all there are; a desk serves its audience's."""

    bootstrap: str
    client_id: str = "puente-deliver"
    mqtt: MqttAddress | None = None
    webhooks: tuple[Webhook, ...] = ()


@dataclasses.dataclass(slots=True)
class DeliveryCounts:
    """Since the process began: webhooks' tries by outcome, and messages to MQTT, a drill's (True) and others."""

    tries: Counter[tuple[Outcome, bool]] = dataclasses.field(default_factory=Counter)
    notices: Counter[bool] = dataclasses.field(default_factory=Counter)


class AlertDesk:
    """See the module. ``broken`` is done, with the error, once the desk can't go on and is to be closed."""

    def __init__(
        self,
        config: DeskConfig,
        source: TopicPartition,
        audience: str,
        poster: Poster,
        give_up: Callable[[Undelivered], Awaitable[None]],
        counts: DeliveryCounts,
    ) -> None:
        self.audience = audience
        self.alerts: AlertLog | None = None
        self.deliveries: list[WebhookDeliveries] = []
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._config = config
        self._source = source
        self._poster = poster
        self._give_up = give_up
        self._counts = counts
        self._store = CheckpointStore(config.bootstrap, STAGE, source, config.client_id)
        self._board = AlertBoard(audience) if config.mqtt is not None else None
        self._mqtt: MqttNotices | None = None
        self._unsaved: dict[str, bytes | None] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> AlertLog:
        """Restore, save where each begins, and begin, unless ``stop`` came meanwhile. Raises KafkaError."""
        await self._store.open()
        places: dict[str, Place] = {}

        def restore(key: str, value: bytes) -> None:
            if key.startswith(PLACE):
                places[key.removeprefix(PLACE)] = Place(*unpack(value))
            elif self._board is not None:
                self._board.restore(key, value)

        covered, end = await self._store.restore(restore)
        alerts = self.alerts = AlertLog(self._config.bootstrap, self._source, end, self._config.client_id)
        if self._stopping:  # the group took the audience away while we read
            return alerts
        if self._board is not None:
            self._board.begin(0, end)
            self._note(self._board.changes())
        for webhook in self._config.webhooks:
            if webhook.audience == self.audience:
                self._serve(webhook, places.pop(webhook.name, Place(end)), alerts)
        for name in places:
            log.warning("Nobody is called %s in the subscribers' file any more; its place is kept.", name)
        log.info(
            "Alerts of %s: %d webhooks, from offset %d of %d on.", self.audience, len(self.deliveries), covered, end
        )
        await self._save()  # who is new begins here, also if we die at once
        if self._board is not None and self._config.mqtt is not None:
            client_id = f"{self._config.client_id}-{self.audience}"
            self._mqtt = MqttNotices(dataclasses.replace(self._config.mqtt, client_id=client_id))
            self._start(BoardKeeper(self._board, alerts, self._mqtt, self._note, self._published).run())
        for each in self.deliveries:
            self._start(each.run())
        self._start(self._save_always())
        return alerts

    def _serve(self, webhook: Webhook, place: Place, alerts: AlertLog) -> None:
        def count(outcome: Outcome, exercise: bool) -> None:
            self._counts.tries[outcome, exercise] += 1

        deliveries = WebhookDeliveries(webhook, place, alerts, self._poster, self._give_up, count)
        deliveries.dirty = True
        self.deliveries.append(deliveries)

    def _published(self, publications: Sequence[Publication]) -> None:
        for each in publications:
            self._counts.notices[each.exercise] += 1

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._stopping:
            work.close()
            return
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.broken.done():
            self.broken.set_exception(error)
            self.broken.exception()  # looked at by whoever has the desk; no complaint if it is being closed

    @property
    def open(self) -> bool:
        """Whether it delivers."""
        return bool(self._tasks) and not self.broken.done()

    @property
    def posts(self) -> bool:
        """Whether it can post on MQTT now; also where it was never asked to."""
        return self._board is None or (self._mqtt is not None and self._mqtt.connected)

    def offset(self) -> int:
        """The first record that somebody still waits for."""
        waiting = [each.place.offset for each in self.deliveries]
        if self._board is not None and self._board.offset is not None:
            waiting.append(self._board.offset)
        return min(waiting, default=self.alerts.end if self.alerts is not None else 0)

    def samples(self) -> Iterator[Sample]:
        """How much each webhook still has before it, and how old the first alert is that waits for it."""
        now_ms = time.time() * 1000
        for each in list(self.deliveries):
            name = each.webhook.name
            waiting = self.alerts.split(each.place.offset) if self.alerts is not None else (0, 0, 0)
            for kind, count in zip(("false", "true", "unread"), waiting, strict=True):
                yield Sample("puente_webhook_waiting_records", count, {"subscriber": name, "exercise": kind})
            for drill in (False, True):
                oldest_ms = each.oldest_ms(drill)
                waits_s = 0.0 if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000)
                labels = {"subscriber": name, "exercise": str(drill).lower()}
                yield Sample("puente_webhook_oldest_seconds", waits_s, labels)
        if self._board is not None:
            yield Sample("puente_notices_connected", self.posts, {"audience": self.audience})
            for count, exercise in zip(self._board.open_alerts(), ("false", "true"), strict=True):
                yield Sample("puente_notices_open", count, {"audience": self.audience, "exercise": exercise})

    async def stop(self) -> None:
        """End everything, with a last save. Safe to call twice."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._tasks:
            self._tasks.clear()
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_LAST_SAVE_S):
                    await self._save()
        await self._store.close()
        if self.alerts is not None:
            await self.alerts.close()

    async def _save_always(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_S)
            if self._unsaved or any(each.dirty for each in self.deliveries):
                await self._save()

    def _note(self, changes: Iterable[StateChange]) -> None:
        self._unsaved.update(changes)

    async def _save(self) -> None:
        """Raises KafkaError; the desk is then given up, and begins again from what was saved.

        What a broken save held is kept for the next: one that held only what came later would make a hole.
        """
        for each in self.deliveries:
            if each.dirty:
                each.dirty = False
                self._unsaved[PLACE + each.webhook.name] = pack(dataclasses.astuple(each.place))
        if self.alerts is not None:
            self.alerts.forget(min((each.place.offset for each in self.deliveries), default=self.alerts.end))
        saving, self._unsaved = self._unsaved, {}
        try:
            await self._store.save(self.offset() - 1, list(saving.items()))
        except BaseException as error:
            self._unsaved = {**saving, **self._unsaved}
            if isinstance(error, ProducerFenced):
                log.warning("Another deliverer has taken over the alerts of %s.", self.audience)
            raise
