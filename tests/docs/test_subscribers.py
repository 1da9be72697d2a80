"""The examples for subscribers do what their page says, on real servers: each is run as it is printed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.subscribe
import pytest
from aiokafka import AIOKafkaProducer

from contracts import topics
from contracts.alerts import Alert
from deploy import subscribers_file
from deploy.services.processes import free_port
from deploy.settings import load
from deploy.stack import LocalStack
from simulators.places import ways

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "subscribers"
SECRET = "0123456789abcdef0123456789abcdef"
PATIENCE_S = 240.0


def printed(program: str) -> str:
    """The command of the page that begins with this program."""
    found = re.search(rf"^    ({program} .*)$", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


class Running:
    """A program whose output is read while it runs."""

    def __init__(self, command: list[str] | str, cwd: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, shell=isinstance(command, str),
                start_new_session=True,
            )  # fmt: skip

    def until(self, *said: str) -> str:
        """Its output, once it has all of this in it."""
        end = time.monotonic() + PATIENCE_S
        while not all(each in (text := self._log.read_text()) for each in said):
            assert time.monotonic() < end, f"not said: {said}, but {self._log.read_text()}"
            time.sleep(0.05)
        return text

    def stop(self) -> None:
        """Ctrl-C, to it and to what its shell started."""
        os.killpg(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


async def tell(kafka: str, *alerts: Alert) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for one in alerts:
        await producer.send_and_wait(topics.alerts("us"), msgspec.json.encode(one), partition=0)
    await producer.stop()


def alert(state: str, revision: int, alert_id: str = "a" * 32, **more: Any) -> Alert:
    base: dict[str, Any] = {
        "alert_id": alert_id, "revision": revision, "rule": "seal_breach", "rule_version": 1, "severity": "critical",
        "state": state, "opened_ms": 1_790_000_000_000, "closed_ms": None, "shipment_id": None, "device_id": "SEAL-1",
        "lat_deg": None, "lon_deg": None, "score": 1.0, "evidence": {}, "messages": {"en": f"It {state}."},
        "exercise": False,
    }  # fmt: skip
    return Alert(**{**base, **more})


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(
    kafka_ready: None, mqtt_kind: str, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    """A line's servers and its deliverer, with the first webhook of the example file; one alert is open already."""
    folder = tmp_path_factory.mktemp("subscribers")
    (folder / "secret").write_text(SECRET)
    text = (EXAMPLES / "subscribers.toml").read_text().partition("[webhooks.cold-chain]")[0]
    (folder / "subscribers.toml").write_text(text.replace(":8080/", f":{port}/"))
    with LocalStack(replace(load({}), subscribers=folder / "subscribers.toml")) as stack:
        stack.start_role("deliver")
        until_served(stack)
        yield stack


@pytest.fixture(scope="module")
def subscribers(stack: LocalStack, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Every example, running: on an alert that opened before them, then a drill, and a closing."""
    assert stack.mqtt is not None
    cwd, kafka = stack.folder, stack.settings.kafka
    logs = tmp_path_factory.mktemp("logs")
    facts = stack.facts()
    asyncio.run(tell(kafka, alert("opened", 1)))
    login: Any = {"username": stack.mqtt.subscriber_username, "password": stack.mqtt.subscriber_password}
    paho.mqtt.subscribe.simple("alerts/#", 1, hostname=stack.mqtt.host, port=stack.mqtt.port, auth=login)
    python = [sys.executable, "-u"]
    commands: dict[str, list[str] | str] = {
        "kafka": [*python, str(EXAMPLES / "alerts_from_kafka.py"), kafka, "us"],
        "mqtt": [
            *python, str(EXAMPLES / "alerts_from_mqtt.py"), stack.mqtt.host, str(stack.mqtt.port),
            facts["mqtt_subscriber_username"], facts["mqtt_subscriber_password_file"], "alerts/us/critical/#",
        ],
        "webhook": [
            *python, str(EXAMPLES / "alerts_from_webhook.py"), str(port),
            str(stack.settings.subscribers.parent / "secret") if stack.settings.subscribers else "",
        ],
    }  # fmt: skip
    if shutil.which("kcat"):
        commands["kcat"] = printed("kcat").replace("127.0.0.1:PORT", kafka)
    if shutil.which("mosquitto_sub"):
        commands["mosquitto_sub"] = printed("mosquitto_sub").replace("PORT", str(stack.mqtt.port))
    running = {name: Running(command, cwd, logs / name) for name, command in commands.items()}
    try:
        running["kafka"].until("opened critical seal_breach It opened.")
        running["mqtt"].until("open already us critical seal_breach It opened.")
        for name in running.keys() & {"kcat", "mosquitto_sub"}:
            running[name].until('"state":"opened"')
        asyncio.run(
            tell(
                kafka,
                alert("opened", 1, "b" * 32, exercise=True, messages={"en": "DRILL: It opened."}),
                alert("closed", 2, closed_ms=1),
            )
        )
        yield running
    finally:
        for each in running.values():
            each.stop()


def until_served(stack: LocalStack) -> None:
    """Return once the deliverer has the webhook's place."""
    from deploy.deliveries import standings

    end = time.monotonic() + PATIENCE_S
    while not asyncio.run(standings(stack.settings.kafka, ("us",))):
        assert time.monotonic() < end
        time.sleep(0.2)


def test_the_kafka_example_prints_each_alert_and_marks_drills(subscribers: dict[str, Running]) -> None:
    subscribers["kafka"].until(
        "opened critical seal_breach DRILL: It opened.", "closed critical seal_breach It closed."
    )


def test_the_mqtt_example_prints_what_is_open_and_then_each_as_it_comes(subscribers: dict[str, Running]) -> None:
    said = subscribers["mqtt"].until("opened us critical seal_breach DRILL: It opened.", f"gone seal_breach {'a' * 32}")
    assert said.index("closed us critical seal_breach It closed.") < said.index("gone")


def test_the_webhook_example_takes_what_is_signed_and_nothing_else(subscribers: dict[str, Running], port: int) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    said = subscribers["webhook"].until(
        "opened critical seal_breach DRILL: It opened.", "closed critical seal_breach It closed."
    )
    forged = Request(f"http://127.0.0.1:{port}/", b"{}", {"Notification-Signature": "sha256=00", "Delivery-Id": "x"})
    with pytest.raises(HTTPError, match="401"):
        urlopen(forged, timeout=60)
    assert said.count("It closed.") == 1


def test_the_kcat_command_prints_the_records(
    subscribers: dict[str, Running], client_program: Callable[[str], str]
) -> None:
    assert client_program("kcat")
    subscribers["kcat"].until('"exercise":true', '"state":"closed"')


def test_the_mosquitto_sub_command_prints_topics_and_records(
    subscribers: dict[str, Running], client_program: Callable[[str], str]
) -> None:
    assert client_program("mosquitto_sub")
    subscribers["mosquitto_sub"].until(f"alerts/us/critical/seal_breach/{'b' * 32} ", '"state":"closed"')


def test_the_whole_example_file_is_right(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "subscribers.toml", tmp_path)
    (tmp_path / "secret").write_text(SECRET)
    webhooks = subscribers_file.load(tmp_path / "subscribers.toml", ("us", "mx", "joint"))
    assert [webhook.name for webhook in webhooks] == ["cbp-desk", "cold-chain"]
    assert all(webhook.filter.corridors <= {way.corridor for way in ways()} for webhook in webhooks)
