"""``simulate``: a run in a folder that loads as it is, and a run on real servers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics
from contracts.drills import says_drill
from contracts.readings import Reading, identity
from deploy.cli import cli
from deploy.reference_file import judge
from deploy.roles import simulate
from deploy.services.kafka import LocalKafka
from deploy.services.topics import create_topics
from deploy.settings import Settings, SettingsError
from deploy.topic_io import compacted
from simulators import Fault

START_MS = 1_790_000_000_000


def test_a_folder_gets_reference_readings_and_truth_that_belong_together(tmp_path: Path) -> None:
    told = simulate.run(Settings(), scenario="kill", output=tmp_path / "run", start_ms=START_MS)
    folder = tmp_path / "run"
    judged = judge((folder / "reference.ndjson").read_bytes().splitlines())
    assert not judged.refusals
    assert not judged.warnings
    readings = [msgspec.json.decode(line, type=Reading) for line in (folder / "readings.ndjson").open("rb")]
    truth = [msgspec.json.decode(line, type=Fault) for line in (folder / "truth.ndjson").open("rb")]
    assert (told["readings"], told["reference"], told["truth"]) == (len(readings), len(judged.records), len(truth))
    assert len({identity(reading) for reading in readings}) == 20_000
    assert {fault.device_id for fault in truth} <= {reading.device_id for reading in readings}


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate.run(Settings(), seed=3, for_s=60, output=tmp_path / name, start_ms=START_MS)
    for file in ("reference.ndjson", "readings.ndjson", "truth.ndjson"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_run_faster_than_the_clock_ends_about_now_and_not_in_the_future(tmp_path: Path) -> None:
    told = simulate.run(Settings(), for_s=3600, output=tmp_path)
    last = (tmp_path / "readings.ndjson").read_bytes().splitlines()[-1]
    assert 3_500_000 < msgspec.json.decode(last, type=Reading).time_ms - told["start_ms"] < 3_600_000


def test_a_broker_with_tls_is_not_spoken_to_with_a_wrong_authority(tmp_path: Path) -> None:
    settings = Settings(mqtt="mqtts://broker.example:8883", mqtt_ca=tmp_path / "absent.pem")
    with pytest.raises(SettingsError, match="PUENTE_MQTT_CA: must name a PEM file"):
        simulate.run(settings, load_reference=False, for_s=1)


@pytest.mark.parametrize(("left", "code"), [(0, 0), (3, 1)])
def test_readings_without_a_receipt_at_the_end_are_said_and_exit_1(
    left: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulate, "run", lambda *_, **__: {"measured": 1_180, "unreceipted": left})
    monkeypatch.setenv("PUENTE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("PUENTE_MQTT", "mqtt://127.0.0.1:1")
    assert cli.main(["simulate"], standalone_mode=False) == code
    assert ("3 of 1,180 readings have no receipt" in capsys.readouterr().err) == bool(left)


@pytest.mark.kafka
@pytest.mark.mqtt
def test_a_fleets_reference_is_in_kafka_and_its_readings_on_the_broker(
    kafka_factory: Callable[[], LocalKafka], mqtt: Any
) -> None:
    own = kafka_factory()
    create_topics(own.bootstrap, 1, ("joint",))
    settings = replace(
        Settings(),
        kafka=own.bootstrap,
        mqtt=mqtt.url,
        mqtt_device_username=mqtt.device_username,
        mqtt_device_password=mqtt.device_password,
    )
    told = simulate.run(settings, for_s=3, shipments=2, drain_s=6.0)
    loaded = asyncio.run(compacted(own.bootstrap, topics.REFERENCE))
    assert told["reference"] == len(loaded) > 10
    assert told["published"] == told["unreceipted"] > 10, "no gateway is there to receipt"


@pytest.mark.mqtt
@pytest.mark.parametrize("exercise", [True, False])
def test_a_drills_devices_say_so_when_they_come_and_in_the_last_will_of_a_run_that_was_killed(
    mqtt_factory: Callable[[], Any], exercise: bool
) -> None:
    mqtt = mqtt_factory()  # its own: the last wills of a run that was killed come for a while
    told: list[bytes] = []
    subscribed, came, lost = threading.Event(), threading.Event(), threading.Event()
    heard = Client(CallbackAPIVersion.VERSION2)
    heard.username_pw_set(mqtt.username, mqtt.password)

    def on_message(_client: Client, _data: Any, message: Any) -> None:
        told.append(message.payload)
        {"online": came, "lost": lost}.get(json.loads(message.payload)["status"], threading.Event()).set()

    heard.on_message = on_message
    heard.on_subscribe = lambda *_: subscribed.set()
    heard.connect(mqtt.host, mqtt.port)
    heard.loop_start()
    try:
        heard.subscribe("v1/+/+/status", 1)
        assert subscribed.wait(120)
        # A process of its own: a last will is told where nobody says goodbye.
        run = (
            "import sys; from deploy.roles import simulate; from deploy.settings import Settings;"
            "a = sys.argv; simulate.run(Settings(mqtt=a[1], mqtt_device_username=a[2], mqtt_device_password=a[3]),"
            "for_s=600, shipments=2, exercise=a[4] == 'True', load_reference=False)"
        )
        login = (mqtt.url, mqtt.device_username, mqtt.device_password)
        with subprocess.Popen([sys.executable, "-c", run, *login, str(exercise)]) as simulated:
            assert came.wait(180)
            simulated.kill()
        assert lost.wait(180)
    finally:
        heard.disconnect()
        heard.loop_stop()
    assert {says_drill(payload) for payload in told} == {exercise}
