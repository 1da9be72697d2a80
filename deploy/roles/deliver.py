"""The deliverer's process, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

from deploy.health.deliver import DeliverVitals
from deploy.health.process import Health
from deploy.mqtt_tls import mqtt_address, mqtt_tls, refused
from deploy.roles import logs
from deploy.settings import Settings
from deploy.subscribers_file import load
from streams.agents.alert_delivery import AlertDelivery, DeliverConfig
from streams.agents.alert_desk import DeskConfig
from streams.sinks.mqtt_notices import MqttAddress, MqttDownError, MqttNotices, MqttRefusedError


def run(settings: Settings) -> dict[str, object]:
    """Serve until told to stop; return what was counted.

    Raises SettingsError where the subscribers' file is wrong, or the broker refuses our name and password at the start.
    """
    config = config_of(settings)
    logs.configure(settings.log_level)
    return asyncio.run(_serve(settings, config))


def config_of(settings: Settings) -> DeliverConfig:
    """What the deliverer needs of the settings. Raises SettingsError."""
    mqtt = None
    if settings.mqtt:
        host, port = mqtt_address(settings.mqtt)
        name, password = settings.mqtt_username, settings.mqtt_password
        mqtt = MqttAddress(host, port, "puente-deliver", name, password, mqtt_tls(settings))
    webhooks = load(settings.subscribers, settings.audience_names) if settings.subscribers is not None else ()
    return DeliverConfig(
        desk=DeskConfig(bootstrap=settings.kafka, mqtt=mqtt, webhooks=webhooks),
        audiences=settings.audience_names,
        session_timeout_s=settings.session_timeout_s,
    )


async def _knock(settings: Settings, mqtt: MqttAddress | None) -> None:
    """One connection before the desks': they try again for ever, which no wrong password is worth.

    A broker that is away meanwhile is no reason to stop. Its client id is none of a desk's, so nobody who delivers is
    disturbed. Raises SettingsError.
    """
    if mqtt is None:
        return
    visit = MqttNotices(mqtt)
    try:
        await visit.connect()
    except MqttRefusedError as error:
        raise refused(settings, error) from None
    except MqttDownError as error:
        logging.getLogger(__name__).warning("MQTT: %s. The deliverer starts all the same.", error)
    finally:
        await visit.close()


async def _serve(settings: Settings, config: DeliverConfig) -> dict[str, object]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Names are looked up on threads: with Python's few, some receivers' slow name servers would hold up all others.
    loop.set_default_executor(ThreadPoolExecutor(len(config.desk.webhooks) + 8, "puente-names"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await _knock(settings, config.desk.mqtt)
    delivery = AlertDelivery(config)
    with Health(settings, "deliver", DeliverVitals(delivery)) as health:
        async with health.beating():
            await delivery.run(stop)
    tries: dict[str, int] = {}
    for (outcome, _), count in delivery.counts.tries.items():
        tries[outcome] = tries.get(outcome, 0) + count
    return {"webhooks": tries, "mqtt": delivery.counts.notices.total()}
