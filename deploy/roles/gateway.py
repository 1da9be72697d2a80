"""The gateway's process: settings in, a running gateway, a clean end on SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from contracts.broker_access import CredentialsRefusedError
from deploy.health.gateway import GatewayVitals
from deploy.health.process import Health
from deploy.mqtt_tls import TlsSettings, mqtt_address, mqtt_tls, refused
from deploy.roles import garbage, logs
from deploy.settings import SettingsError
from ingest.carriers import Carriers
from ingest.gateway import Gateway
from ingest.gateway_config import GatewayConfig
from ingest.kafka_outbox import WrongPartitionsError
from streams.agents.reference_reader import ReferenceReader

log = logging.getLogger(__name__)


class GatewaySettings(TlsSettings, Protocol):
    """The settings the gateway reads."""

    @property
    def kafka(self) -> str: ...
    @property
    def mqtt_username(self) -> str | None: ...
    @property
    def mqtt_password(self) -> str | None: ...
    @property
    def partitions(self) -> int: ...
    @property
    def log_level(self) -> str: ...
    @property
    def gateway_id(self) -> str: ...
    @property
    def frame_linger_ms(self) -> float: ...
    @property
    def health_host(self) -> str: ...
    @property
    def health_port(self) -> int: ...


def config_from(settings: GatewaySettings) -> GatewayConfig:
    """The gateway's own configuration. Raises ValueError where the MQTT address or a name cannot be."""
    host, port = mqtt_address(settings.mqtt)
    return GatewayConfig(
        kafka=settings.kafka,
        mqtt_host=host,
        mqtt_port=port,
        mqtt_username=settings.mqtt_username,
        mqtt_password=settings.mqtt_password,
        mqtt_tls=mqtt_tls(settings),
        gateway_id=settings.gateway_id,
        partitions=settings.partitions,
        frame_linger_ms=settings.frame_linger_ms,
    )


def fault_hook(fault: str | None) -> Callable[[int], None] | None:
    """For the kill tests alone: ``after_kafka_ack:N`` kills this process, as kill -9 does, when Kafka holds the N-th
    frame and before anything of it is acknowledged to the broker. None or "" is no fault. Raises ValueError.
    """
    if not fault:
        return None
    name, _, count = fault.partition(":")
    if name != "after_kafka_ack" or not count.isdecimal() or int(count) < 1:
        raise ValueError(f"fault must be after_kafka_ack:N with N from 1, and is {fault!r}")
    nth = int(count)

    def before_ack(frames: int) -> None:
        if frames >= nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return before_ack


def run(settings: GatewaySettings) -> dict[str, Any]:
    """Serve until SIGTERM or SIGINT, then leave in order; return what was counted.

    Raises ValueError, or SettingsError where Kafka's topics have other partitions, the broker does not know our name
    and password at the start, or the health's port is taken.
    ``settings.fault``, where there is one, is a fault of ``fault_hook``.
    """
    logs.configure(settings.log_level)
    config = config_from(settings)
    before_ack = fault_hook(getattr(settings, "fault", None))
    carriers = Carriers()
    known = _Known(settings.kafka, settings.gateway_id, carriers)
    gateway = Gateway(config, before_ack=before_ack, carriers=carriers, prepare=known.start)
    garbage.collect_rarely()
    with Health(settings, "gateway", GatewayVitals(gateway)) as health:
        try:
            return asyncio.run(_serve(gateway, known, health))
        except WrongPartitionsError as error:
            raise SettingsError("PUENTE_PARTITIONS", str(error)) from None
        except CredentialsRefusedError as error:
            raise refused(settings, error) from None


class _Known:
    """Whose each device is, read from the reference before the first message is taken, and followed from then on."""

    def __init__(self, kafka: str, gateway_id: str, carriers: Carriers) -> None:
        self._kafka, self._gateway_id, self._carriers = kafka, gateway_id, carriers
        self._reader: ReferenceReader | None = None

    async def start(self) -> None:
        """Read it to its end, however long Kafka takes to answer."""
        while True:
            reader = self._reader = ReferenceReader(self._kafka, self._carriers, self._gateway_id)
            try:
                return await reader.start()
            except KafkaError as error:
                log.warning("The reference can't be read yet (%s): no message is taken before it is.", error)
                await reader.stop()
                await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """No more."""
        if self._reader is not None:
            await self._reader.stop()


async def _serve(gateway: Gateway, known: _Known, health: Health) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with health.beating():
        try:
            await gateway.run(stop)
        finally:
            await known.stop()
    return gateway.counters.report()
