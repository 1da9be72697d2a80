"""One process's health: its beat, its three addresses, and a snapshot of its metrics to Kafka every ten seconds.

``/healthz`` is 200 while the event loop turns. A loop that is blocked does not silence it: it is served from a thread
of its own, and answers 503 with for how long. ``/readyz`` is 200 while every part of being ready holds, else 503; its
body names each part and says what is not so. ``/metrics`` is Prometheus' text.

A role needs one call::

    with Health(settings, "deliver", Kafka bootstrap, vitals) as health:
        asyncio.run(...)  # and in there:  async with health.beating(): ...

The snapshot is also the check of Kafka: whether Kafka takes records of this process is known by its taking them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import re
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec
import orjson
import psutil
from aiokafka import AIOKafkaProducer

from contracts import topics
from contracts.health import LineSample
from contracts.metric_types import Sample
from deploy.health.exposition import CONTENT_TYPE, Snapshots, prometheus_text
from deploy.health.server import Answer, HealthServer, address
from deploy.health.vitals import Check, Vitals
from deploy.settings import PREFIX, SettingsError

log = logging.getLogger(__name__)

_BEAT_S: Final = 1.0
_STUCK_S: Final = 10.0  # a loop that has not turned for so long is dead to its devices, and nearly so to Kafka
_START_S: Final = 60.0  # from the start until the loop must turn
_SAMPLE_S: Final = 10.0
_AGAIN_S: Final = 2.0
_ANSWER_MS: Final = 5_000
_encode: Final = msgspec.json.Encoder().encode


class HealthSettings(Protocol):
    """The settings that are read here."""

    @property
    def health_host(self) -> str: ...
    @property
    def health_port(self) -> int: ...
    @property
    def kafka(self) -> str: ...


class Health:
    """See the module. A context manager: it listens inside."""

    def __init__(self, settings: HealthSettings, role: str, vitals: Vitals, *, stuck_s: float = _STUCK_S) -> None:
        self.role = role
        self.process = f"{role}-{re.sub('[^A-Za-z0-9._-]', '-', platform.node())[:40]}-{os.getpid()}"
        self.url = ""
        self._settings = settings
        self._vitals = vitals
        self._stuck_s = stuck_s
        self._start_s = time.monotonic()
        self._beat_s = self._start_s + _START_S - stuck_s
        self._delay_s = 0.0
        self._own = psutil.Process()
        self._server: HealthServer | None = None
        self._snapshots = Snapshots()
        self._sent, self._failed = 0, 0
        self._sent_s: float | None = None
        self._kafka_fault: str | None = "has not answered yet"

    def __enter__(self) -> Self:
        """Listen. Raises SettingsError where that address is not to be had."""
        host, port = self._settings.health_host, self._settings.health_port
        routes = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}
        try:
            self._server = HealthServer(host, port, routes)
        except OSError as error:
            key = f"{PREFIX}HEALTH_{'PORT' if port else 'HOST'}"
            raise SettingsError(key, f"nothing can listen on {host}:{port}: {error.strerror or error}") from None
        self.url = address(host, self._server.port)
        log.info("Health and metrics at %s/healthz, /readyz and /metrics.", self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """While inside, the loop's beat is taken, and snapshots go to Kafka."""
        tasks = [
            asyncio.create_task(self._beat(), name="health beat"),
            asyncio.create_task(self._publish(), name="health snapshots"),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self) -> None:
        due_s = self._beat_s = time.monotonic()
        while True:
            try:
                self._vitals.observe(self._beat_s)
            except Exception:
                log.exception("Health: what must move could not be looked at.")
            due_s = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._beat_s = time.monotonic()
            self._delay_s = max(0.0, self._beat_s - due_s)

    # What is asked from the server's thread

    def checks(self) -> list[Check]:
        """Every part of being ready, the loop and Kafka first."""
        now_s = time.monotonic()
        return [self._loop_check(now_s), self._kafka_check(now_s), *self._vitals.checks(now_s)]

    def _loop_check(self, now_s: float) -> Check:
        still_s = now_s - self._beat_s
        if still_s > self._stuck_s:
            return Check("loop", False, f"the event loop has not turned for {still_s:.0f} s: something blocks it")
        return Check("loop", True, "the event loop turns")

    def _kafka_check(self, now_s: float) -> Check:
        where = f"Kafka at {self._settings.kafka}"
        if self._kafka_fault is None:
            return Check("kafka", True, f"{where} takes what this process sends")
        since = "" if self._sent_s is None else f", for {now_s - self._sent_s:.0f} s"
        return Check("kafka", False, f"{where} {self._kafka_fault}{since}")

    def _healthz(self) -> Answer:
        check = self._loop_check(time.monotonic())
        return Answer(200 if check.ok else 503, "text/plain; charset=utf-8", f"{check.says}\n".encode())

    def _readyz(self) -> Answer:
        checks = self.checks()
        ready = all(check.ok for check in checks)
        body = {
            "ready": ready,
            "role": self.role,
            "process": self.process,
            "not_ready": [check.name for check in checks if not check.ok],
            "checks": [check._asdict() for check in checks],
        }
        text = orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return Answer(200 if ready else 503, "application/json", text)

    def _metrics(self) -> Answer:
        return Answer(200, CONTENT_TYPE, prometheus_text(self.samples()))

    def samples(self) -> Iterator[Sample]:
        """All metrics of this process."""
        for check in self.checks():
            yield Sample("puente_ready", check.ok, {"check": check.name})
        cpu = self._own.cpu_times()
        yield Sample("puente_loop_delay_seconds", max(self._delay_s, time.monotonic() - self._beat_s - _BEAT_S, 0.0))
        yield Sample("puente_memory_bytes", self._own.memory_info().rss)
        yield Sample("puente_cpu_seconds_total", cpu.user + cpu.system)
        yield Sample("puente_start_time_seconds", self._own.create_time())
        yield Sample("puente_samples_total", self._sent)
        yield Sample("puente_samples_failed_total", self._failed)
        yield from self._vitals.samples()

    # To Kafka

    async def _publish(self) -> None:
        """A snapshot every ten seconds, for as long as the process runs, whatever Kafka does."""
        producer: AIOKafkaProducer | None = None
        try:
            while True:
                try:
                    if producer is None:
                        producer = await self._new_producer()
                    await self._send(producer)
                    self._sent += 1
                    self._kafka_fault, self._sent_s = None, time.monotonic()
                    wait_s = _SAMPLE_S
                except Exception as error:
                    if self._kafka_fault is None:
                        log.warning("Health: Kafka takes no snapshot (%s). Trying on.", type(error).__name__)
                    self._failed += 1
                    self._kafka_fault = f"takes nothing from this process ({type(error).__name__})"
                    await _let_go(producer)
                    producer, wait_s = None, _AGAIN_S
                await asyncio.sleep(wait_s)
        finally:
            await _let_go(producer)

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka,
            client_id=f"{self.process}-health",
            acks="all",
            compression_type="gzip",
            request_timeout_ms=_ANSWER_MS,
        )
        try:
            async with asyncio.timeout(_ANSWER_MS / 1000):
                await producer.start()
        except BaseException:
            await _let_go(producer)
            raise
        return producer

    async def _send(self, producer: AIOKafkaProducer) -> None:
        metrics = self._snapshots.take(self.samples())
        sample = LineSample(process=self.process, role=self.role, time_ms=time.time_ns() // 1_000_000, metrics=metrics)
        async with asyncio.timeout(_ANSWER_MS / 1000 + 1.0):
            await producer.send_and_wait(topics.HEALTH, _encode(sample), self.process.encode(), 0)


async def _let_go(producer: AIOKafkaProducer | None) -> None:
    if producer is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1.0):
                await producer.stop()
