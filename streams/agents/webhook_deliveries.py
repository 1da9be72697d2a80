"""One subscriber's webhook: its alerts one after the other, each until it is delivered or given up.

A task of its own for each subscriber, which waits for nothing but its own receiver: a slow or dead one delays no other.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from contracts.deliveries import Undeliverable, Undelivered
from streams.agents.alert_log import AlertLog, Page, Told
from streams.delivery import Webhook, delivery_id, http_headers, signed
from streams.delivery_retry import RETRY_AFTER_MAX_S, Outcome, Place, expired, reason, settle
from streams.sinks.webhooks import Poster

log = logging.getLogger(__name__)

_AFTER_A_FAULT_S: Final = 5.0


class WebhookDeliveries:
    """See the module. ``place`` moves behind a record only once it is delivered, given up, or not for this one.

    ``on_outcome`` is told of each try's outcome and whether it was a drill's; ``give_up`` returns once Kafka has the
    dead letter.
    """

    def __init__(
        self,
        webhook: Webhook,
        place: Place,
        alerts: AlertLog,
        poster: Poster,
        give_up: Callable[[Undelivered], Awaitable[None]],
        on_outcome: Callable[[Outcome, bool], None],
    ) -> None:
        self.webhook = webhook
        self.place = place
        self.dirty = False
        self._page: Page | None = None  # under way
        self._alerts = alerts
        self._poster = poster
        self._give_up = give_up
        self._on_outcome = on_outcome

    async def run(self) -> None:
        """Until cancelled. A fault of ours is logged and costs this subscriber a pause, nobody else anything."""
        while True:
            try:
                await self._serve()
            except Exception:
                log.exception("Deliveries to %s: a fault. Going on with the same alert.", self.webhook.name)
                await asyncio.sleep(_AFTER_A_FAULT_S)

    def oldest_ms(self, drill: bool) -> int | None:
        """When the first real alert, or a drill's first, was told that waits for this receiver; None without one.

        Deliveries are in order: real alerts wait behind a drill's that is not taken. See ``AlertLog.first_ms`` for what
        is known of a receiver far behind.
        """
        page, first = self._page, self.place.offset
        if page is None or self.webhook.filter.exercise is (not drill):
            return None

        def wanted(told: Told) -> bool:
            return told.alert is not None and told.drill is drill and self.webhook.filter.wants(told.alert)

        for told in page.records:
            if told.offset >= first and wanted(told):
                return told.told_ms
        return self._alerts.first_ms(page, wanted, drill)

    async def _serve(self) -> None:
        while True:
            page = self._page = await self._alerts.read(self.place.offset)
            for told in page.records:
                if told.alert is not None and self.webhook.filter.wants(told.alert):
                    await self._deliver(told)
                self.place.past(told.offset)
                self.dirty = True
            self.place.offset = max(self.place.offset, page.then)
            self._page = None

    async def _deliver(self, told: Told) -> None:
        assert told.alert is not None
        webhook, place = self.webhook, self.place
        an_id = delivery_id(webhook.name, told.alert)
        headers = http_headers(told.headers)
        while True:
            # A clock set back must not make a pause of minutes one of years.
            await asyncio.sleep(min(max(0.0, (place.retry_ms - _now_ms()) / 1000), RETRY_AFTER_MAX_S))
            if expired(webhook, place, told.told_ms, _now_ms()):
                outcome: Outcome = "expired"
            else:
                answer = await self._poster.post(webhook, signed(webhook, headers, an_id, told.record), told.record)
                outcome = settle(webhook, place, answer, _now_ms(), random.random(), told.alert.exercise)
            self.dirty = True
            self._on_outcome(outcome, told.alert.exercise)
            if outcome == "delivered":
                return
            why = reason(outcome)
            if why is not None:
                await self._letter(told, an_id, headers, why)
                return
            log.warning("%s did not take alert %s (%s); try %d.", webhook.name, an_id, place.says, place.tries + 1)

    async def _letter(self, told: Told, an_id: str, headers: dict[str, str], why: Undeliverable) -> None:
        assert told.alert is not None
        alert, place = told.alert, self.place
        log.error("%s: alert %s is given up (%s): %s", self.webhook.name, alert.alert_id, why, place.says)
        letter = Undelivered(
            delivery_id=an_id,
            subscriber=self.webhook.name,
            audience=self.webhook.audience,
            alert_id=alert.alert_id,
            revision=alert.revision,
            rule=alert.rule,
            exercise=alert.exercise,
            reason=why,
            answer=place.says,
            tries=place.tries,
            told_ms=told.told_ms,
            time_ms=_now_ms(),
            headers=headers,
            body=told.record.decode(),
        )
        await self._give_up(letter)
        place.count(alert.exercise, delivered=False)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
