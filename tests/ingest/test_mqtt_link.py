"""The link and a broker that does not know it: at the first start that ends it, later it waits to be known again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from contracts.broker_access import CredentialsRefusedError
from deploy.services.mqtt import LocalMqtt
from ingest.mqtt_client import LinkConfig
from ingest.mqtt_link import MqttLink

pytestmark = pytest.mark.mqtt


def link_to(broker: LocalMqtt, password: str) -> MqttLink:
    config = LinkConfig(broker.host, broker.port, "link", broker.username, password)
    return MqttLink(config, ["v1/+/+/readings"], lambda *_: None, lambda: None, lambda: None)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120.0):
        while not true():  # noqa: ASYNC110 - a log and a broker set no event
            await asyncio.sleep(0.05)


async def test_a_broker_that_never_knew_us_ends_the_link(mosquitto: object, mqtt_factory: Callable[..., LocalMqtt]):
    broker = mqtt_factory("mosquitto")
    with pytest.raises(CredentialsRefusedError, match=r"[Nn]ot authorized|[Bb]ad user"):
        async with asyncio.timeout(120.0):
            await link_to(broker, "wrong").run()


async def test_a_broker_that_knew_us_once_is_asked_again_until_it_does(
    mosquitto: object, mqtt_factory: Callable[..., LocalMqtt], caplog: pytest.LogCaptureFixture
):
    broker = mqtt_factory("mosquitto")
    right = broker.password
    link = link_to(broker, right)
    running = asyncio.create_task(link.run())
    try:
        await until(lambda: link.connected)
        for password in ("changed", right):
            broker.password = password
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.restart)
            if password != right:
                await until(lambda: "refused us" in caplog.text)
        await until(lambda: link.connected)
        assert not running.done()
    finally:
        await link.close()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
