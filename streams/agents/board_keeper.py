"""Keeps one audience's board of retained MQTT messages: what the pure ``streams.alert_board`` decides, published.

After a start it reads to the end of the log before it posts any opening, so nothing is posted that is over. On every
connection the broker is asked what it retains, and that is put right: a broker that lost its memory gets it back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from streams.agents.alert_log import AlertLog, Page
from streams.alert_board import AlertBoard, Publication, filter_of
from streams.sinks.mqtt_notices import MqttDownError, MqttNotices
from streams.stage import StateChange

log = logging.getLogger(__name__)

_BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class BoardKeeper:
    """See the module. ``take_changes`` gets the board's changed state whenever it is at rest.

    ``may_connect`` returns once it is sure that nobody has taken our place; it raises where somebody has.
    """

    def __init__(
        self,
        board: AlertBoard,
        alerts: AlertLog,
        mqtt: MqttNotices,
        take_changes: Callable[[list[StateChange]], None],
        on_published: Callable[[Sequence[Publication]], None],
    ) -> None:
        self.board = board
        self._alerts = alerts
        self._mqtt = mqtt
        self._take_changes = take_changes
        self._on_published = on_published
        self._caught_up = False

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._catch_up()
            while True:
                page = await self._next_page()
                await self._take(page)
        finally:
            await self._mqtt.close()

    async def _catch_up(self) -> None:
        assert self.board.offset is not None, "begin the board before its keeper"
        end = self._alerts.end
        while self.board.offset < end:
            page = await self._alerts.read(self.board.offset)
            await self._publish(self._closings(page))
            self._covered(page)
        self._caught_up = True
        await self._connect()  # compares, and so posts everything that is due
        self.board.posted()
        self._take_changes(list(self.board.changes()))

    async def _next_page(self) -> Page:
        """What comes next; meanwhile a lost connection is made anew, for it may be a broker without a memory."""
        assert self.board.offset is not None
        reading = asyncio.ensure_future(self._alerts.read(self.board.offset))
        try:
            while not reading.done():
                if not self._mqtt.connected:
                    await self._connect()
                lost = asyncio.ensure_future(self._mqtt.lost())
                await asyncio.wait((reading, lost), return_when=asyncio.FIRST_COMPLETED)
                lost.cancel()
            return reading.result()
        finally:
            reading.cancel()

    async def _take(self, page: Page) -> None:
        closings = self._closings(page)
        await self._publish([*closings, *self.board.due()])
        self.board.posted()
        self._covered(page)

    def _closings(self, page: Page) -> list[Publication]:
        out: list[Publication] = []
        for told in page.records:
            if told.alert is not None:
                try:
                    out += self.board.read(told.offset, told.alert, told.record)
                except ValueError as error:
                    log.error("The record at offset %d is posted nowhere: %s", told.offset, error)
        return out

    def _covered(self, page: Page) -> None:
        self.board.offset = page.then
        self._take_changes(list(self.board.changes()))

    async def _publish(self, publications: Sequence[Publication]) -> None:
        while publications:
            if not self._mqtt.connected:
                await self._connect()
            try:
                await self._mqtt.publish(publications)
            except MqttDownError as error:
                log.warning("MQTT: %s. Connecting anew.", error)
                await self._mqtt.close()
            else:
                self._on_published(publications)
                return

    async def _connect(self) -> None:
        """Until connected, and the broker holds what it should, once that is known."""
        failures = 0
        while True:
            try:
                await self._mqtt.connect()
                if self._caught_up:
                    retained = await self._mqtt.retained(filter_of(self.board.audience))
                    wrong = self.board.compare(retained)
                    await self._mqtt.publish(wrong)
                    self._on_published(wrong)
                    log.info("MQTT: %d alerts of %s are open; %d messages put right.",
                             sum(self.board.open_alerts()), self.board.audience, len(wrong))  # fmt: skip
            except MqttDownError as error:
                log.warning("MQTT: %s. Trying again.", error)
                await self._mqtt.close()
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1
            else:
                return
