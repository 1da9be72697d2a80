"""Watching a line live, from its topics alone: readings as they are joined, alerts as they are told.

A drill's readings and shipments are left out of what is counted here; its alerts come with those of all, marked.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import Final

import msgspec

from contracts import frames, topics
from contracts.alerts import Alert
from deploy.topic_io import records_of

_RATE_WINDOW_S: Final = 5.0
_ON_THE_WAY_S: Final = 60.0  # a shipment that has not been heard of for so long is no longer shown as on the way
_ALERTS_MAX: Final = 20_000
_ALERT: Final = msgspec.json.Decoder(Alert)


class Way(msgspec.Struct):
    """Of a joined reading, where its shipment is."""

    time_ms: int
    shipment_id: str | None = None
    route_id: str | None = None
    direction: str | None = None
    device_kind: str | None = None
    along_km: float | None = None
    remaining_km: float | None = None
    speed_kmh: float | None = None
    exercise: bool = False


_WAYS: Final = msgspec.json.Decoder(list[Way])


class Watch:
    """A thread that follows two topics. Everything it offers may be asked from any thread."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._lock = threading.Lock()
        self._rates: deque[tuple[float, int]] = deque()
        self._alerts: dict[str, tuple[Alert, int]] = {}  # newest state, and when its opening was read
        self._told: deque[Alert] = deque(maxlen=500)
        self._ways: dict[str, tuple[float, Way]] = {}  # by shipment: when last heard (monotonic s), its truck's place
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._started = threading.Event()
        self.readings = 0
        self.error: str | None = None

    def start(self) -> None:
        """Begin at the topics' ends of now."""
        self._thread.start()
        self._started.wait(10.0)

    def stop(self) -> None:
        """Stop following."""
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(5.0)

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._follow())
        self._loop.close()

    async def _follow(self) -> None:
        try:
            await asyncio.gather(self._follow_readings(), self._follow_alerts())
        except OSError as error:
            self.error = str(error)

    async def _follow_readings(self) -> None:
        async for record in records_of(self._bootstrap, topics.SHIPMENT_READINGS, last=0, follow=True):
            self._started.set()
            if frames.kind_of(record.headers) == "frame":
                lines = b",".join(frames.lines_of(record.value))
                ways = [way for way in _WAYS.decode(b"[" + lines + b"]") if not way.exercise]
                now_s = time.monotonic()
                with self._lock:
                    self.readings += len(ways)
                    self._rates.append((now_s, len(ways)))
                    for way in ways:
                        if way.shipment_id is not None and way.remaining_km is not None and way.device_kind == "truck":
                            self._ways[way.shipment_id] = (now_s, way)

    async def _follow_alerts(self) -> None:
        async for record in records_of(self._bootstrap, topics.alerts("joint"), last=0, follow=True):
            now_ms = time.time_ns() // 1_000_000
            alert = _ALERT.decode(record.value)
            with self._lock:
                known = self._alerts.get(alert.alert_id)
                if known is not None and known[0].revision >= alert.revision:
                    continue
                self._alerts[alert.alert_id] = (alert, known[1] if known else now_ms)
                self._told.append(alert)
                if len(self._alerts) > _ALERTS_MAX:
                    del self._alerts[next(iter(self._alerts))]

    def rate(self) -> float:
        """Readings a second over the last five seconds."""
        now_s = time.monotonic()
        with self._lock:
            while self._rates and self._rates[0][0] < now_s - _RATE_WINDOW_S:
                self._rates.popleft()
            return sum(count for _, count in self._rates) / _RATE_WINDOW_S

    def on_the_way(self) -> list[Way]:
        """The newest place of each shipment heard of in the last minute, by shipment."""
        since_s = time.monotonic() - _ON_THE_WAY_S
        with self._lock:
            self._ways = {name: (at, way) for name, (at, way) in self._ways.items() if at >= since_s}
            return [way for _, (_, way) in sorted(self._ways.items())]

    def told(self, last: int) -> list[Alert]:
        """The last updates, oldest first."""
        with self._lock:
            return list(self._told)[-last:]

    def open_alerts(self, *, drills: bool = True) -> list[Alert]:
        """Episodes open now, oldest first, those of drills too unless said."""
        with self._lock:
            alerts = [alert for alert, _ in self._alerts.values() if alert.state != "closed"]
        return [alert for alert in alerts if drills or not alert.exercise]

    def opened(self) -> list[tuple[Alert, int]]:
        """Every episode seen but a drill's, with the wall clock (UTC ms) at which its first record was read."""
        with self._lock:
            return [seen for seen in self._alerts.values() if not seen[0].exercise]
