"""How old things are when they arrive where they were going: from event time, by the machine's clock, drills apart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

import msgspec

from contracts.histogram import LATENCY_S, Histogram


class _Update(msgspec.Struct):
    """What of an alert is needed here."""

    state: str
    opened_ms: int
    exercise: bool


_update: Final = msgspec.json.Decoder(_Update)


class Latencies:
    """One histogram for the real and one for drills, ``by_exercise``."""

    def __init__(self) -> None:
        self.by_exercise = {False: Histogram(LATENCY_S), True: Histogram(LATENCY_S)}

    def observe(self, event_ms: int, exercise: bool) -> None:
        """Something that happened then has arrived now."""
        self.by_exercise[exercise].observe(time.time() - event_ms / 1000.0)

    def told(self, alerts: Iterable[bytes], delivery: asyncio.Future[object]) -> None:
        """Called once ``delivery`` is over: of these alerts, those that opened an episode have been told."""
        if delivery.cancelled() or delivery.exception() is not None:
            return
        for value in alerts:
            update = _update.decode(value)
            if update.state == "opened":
                self.observe(update.opened_ms, update.exercise)
