"""The command on a real stack, through its own process: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import psutil
import pytest
from aiokafka import AIOKafkaProducer

from contracts import topics
from contracts.alerts import Alert
from contracts.deadletters import dead_letter
from deploy.settings import Settings, load

ROOT = Path(__file__).parents[2]
ROUTE = {
    "kind": "route",
    "effective_ms": 1_700_000_000_000,
    "route_id": "I35",
    "line": {"type": "LineString", "coordinates": [[-99.5, 27.5], [-98.5, 29.4]]},
    "half_width_m": 500,
    "expected_travel_s": 9000,
}
SHIPMENT = {
    "kind": "shipment",
    "effective_ms": 1_700_000_000_000,
    "shipment_id": "S1",
    "container": "MSCU6639870",
    "carrier_scac": "CRDN",
    "device_ids": ["truck-1"],
    "route_id": "I35",
    "direction": "northbound",
    "origin": "MXNLD",
    "destination": "USLRD",
}


def environ(**more: str) -> dict[str, str]:
    """Ours, without what the caller's shell says of Puente but for the cache."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_") or k == "PUENTE_CACHE"}
    return {**kept, "NO_COLOR": "1", **more}


def puente(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, env=environ(**more), capture_output=True, text=True, check=False, cwd=ROOT)


def started(folder: Path, *arguments: str, **more: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A running ``puente up`` and what it says of itself."""
    where = folder / "where.json"
    command = [sys.executable, "-m", "deploy.cli", "up", "--services-only", "--json", str(where), *arguments]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ(**more), stdout=log, stderr=log, cwd=ROOT)
    while not where.exists():
        assert process.poll() is None, (folder / "up.log").read_text()
        time.sleep(0.05)
    return process, json.loads(where.read_text())


def all_gone(processes: list[psutil.Process]) -> bool:
    """True once every one has ended; waits for a while."""
    _, alive = psutil.wait_procs(processes, timeout=180)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


class TestUsage:
    def test_help_lists_every_command_and_each_has_an_example(self):
        listed = puente("--help")
        assert listed.returncode == 0
        for name in ("demo", "up", "gateway", "worker", "sink", "simulate", "doctor", "bench"):
            assert name in listed.stdout
            assert "Example" in puente(name, "--help").stdout
        for name in ("deadletters", "deliveries", "topics", "contracts", "reference", "compose", "grafana", "alerts"):
            commands = puente(name, "--help").stdout.partition("Commands:")[2]
            assert commands.strip()
            assert "..." not in commands, "a summary that is cut"

    def test_wrong_usage_is_2_with_a_guess(self):
        wrong = puente("doctr")
        assert (wrong.returncode, "doctor" in wrong.stderr) == (2, True)
        assert puente("demo", "--for", "soon").returncode == 2
        assert puente("reference", "load", "/nowhere").returncode == 2
        unnamed = puente("alerts", "explain", "", PUENTE_KAFKA="127.0.0.1:1")  # refused before Kafka is asked
        assert (unnamed.returncode, "give an alert's id" in unnamed.stderr) == (2, True)

    def test_wrong_settings_are_2_and_named(self):
        wrong = puente("doctor", PUENTE_PARTITION="4")
        assert (wrong.returncode, "did you mean PUENTE_PARTITIONS?" in wrong.stderr) == (2, True)
        unset = puente("gateway")
        assert (unset.returncode, "PUENTE_KAFKA" in unset.stderr, "puente up" in unset.stderr) == (2, True, True)
        grafana = puente("grafana", "sync")  # which `puente up` starts none of, and so must not be said to
        assert (grafana.returncode, "PUENTE_GRAFANA" in grafana.stderr) == (2, True)
        assert "puente up" not in grafana.stderr
        assert "Traceback" not in wrong.stderr + unset.stderr

    def test_the_settings_can_be_looked_up_while_they_are_wrong(self):
        assert "PUENTE_PARTITIONS" in puente("doctor", "--settings", PUENTE_PARTITION="4").stdout

    @pytest.mark.parametrize("command", [("gateway",), ("worker",), ("sink",), ("deadletters", "list")])
    def test_whatever_starts_with_a_setting_of_the_tests_says_so(self, command: tuple[str, ...]):
        warned = puente(*command, PUENTE_IDENTITY_CHECK="false", PUENTE_FAULT="after_kafka_ack:3")
        said = [line.split(" is ")[0] for line in warned.stderr.splitlines() if line.startswith("WARNING: ")]
        assert said == ["WARNING: PUENTE_FAULT", "WARNING: PUENTE_IDENTITY_CHECK"]
        assert "WARNING" not in puente(*command, PUENTE_IDENTITY_CHECK="true").stderr

    def test_a_missing_service_is_3_and_says_which(self):
        missing = puente("alerts", "tail", "--no-follow", PUENTE_KAFKA="127.0.0.1:1")
        assert (missing.returncode, "no Kafka answers at 127.0.0.1:1" in missing.stderr) == (3, True)
        doctor = puente("doctor", "--json", PUENTE_MQTT="mqtt://127.0.0.1:1")
        assert doctor.returncode == 3
        [wrong] = [f for f in json.loads(doctor.stdout)["findings"] if f["needed"] and not f["found"]]
        assert wrong["name"] == "mqtt"

    def test_the_doctor_reads_the_subscribers_before_a_start_does(self, tmp_path: Path):
        (tmp_path / "secret").write_text("0123456789abcdef")
        file = tmp_path / "subscribers.toml"
        right = '[webhooks.desk]\nurl = "https://example.org/"\naudience = "us"\nsecret_file = "secret"\n'
        for text, exit_code, says in ((right, 0, "1 webhook (desk)"), (right + "rule = 3\n", 2, "did you mean rules?")):
            file.write_text(text)
            doctor = puente("doctor", PUENTE_SUBSCRIBERS=str(file))
            assert (doctor.returncode, says in doctor.stdout + doctor.stderr) == (exit_code, True)


@pytest.fixture(scope="module")
def stack(kafka_ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A stack started by the command; ends by SIGTERM and leaves no process."""
    process, facts = started(tmp_path_factory.mktemp("up"))
    try:
        yield facts
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(180)
    assert process.returncode == 143
    assert len(children) >= 2
    assert all_gone(children)
    assert not Path(facts["config"]).exists()


@pytest.fixture
def settings(stack: dict[str, Any]) -> Settings:
    return load({}, Path(stack["config"]))


def send(settings: Settings, topic: str, *values: bytes) -> None:
    """Put records into a topic, in order, into partition 0."""

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
        await producer.start()
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
        await producer.stop()

    asyncio.run(produce())


def interrupted(kafka: str, *arguments: str) -> tuple[int, bytes]:
    """Exit code and standard error of a command that hears Ctrl-C once it holds a connection to Kafka."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ(PUENTE_KAFKA=kafka), stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        try:
            while not psutil.Process(process.pid).net_connections():
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=180)
        finally:
            process.kill()  # else we would wait for one that did not hear it
    return process.returncode, said.strip()


@pytest.mark.parametrize(
    "arguments", [["alerts", "tail"], ["topics", "create"], ["reference", "load", "FILE"]], ids=" ".join
)
def test_ctrl_c_while_kafka_has_yet_to_answer_is_130_and_no_word_of_the_librarys(arguments: list[str]) -> None:
    file = str(ROOT / "docs" / "examples" / "reference.ndjson")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        kafka = f"127.0.0.1:{mute.getsockname()[1]}"
        assert interrupted(kafka, *[file if each == "FILE" else each for each in arguments]) == (130, b"")


@pytest.mark.kafka
@pytest.mark.mqtt
class TestOnAStack:
    def test_up_says_where_everything_is(self, stack: dict[str, Any], settings: Settings):
        assert set(stack) >= {"kafka", "mqtt", "history", "console", "grafana"}
        assert (stack["kafka"], stack["mqtt"]) == (settings.kafka, settings.mqtt)
        assert set(stack["history"]) == {"kind", "url", "token_file"}
        assert Path(stack["config"]).stat().st_mode & 0o077 == 0
        assert puente("doctor", PUENTE_CONFIG=stack["config"]).returncode == 0

    def test_a_reference_file_is_loaded_whole_or_not_at_all(self, stack: dict[str, Any], tmp_path: Path):
        file = tmp_path / "fleet.ndjson"
        wrong = {**SHIPMENT, "container": "MSCU6639871"}
        file.write_text("\n".join(json.dumps(record) for record in (ROUTE, wrong)))
        refused = puente("reference", "load", str(file), "--json", PUENTE_CONFIG=stack["config"])
        assert refused.returncode == 1
        assert [(note["line"], note["field"]) for note in json.loads(refused.stdout)["refused"]] == [(2, "container")]
        file.write_text(json.dumps(SHIPMENT))
        # Its route was right in the refused file: had that half been loaded, this would pass.
        assert "route_id" in puente("reference", "load", str(file), PUENTE_CONFIG=stack["config"]).stderr
        file.write_text("\n".join(json.dumps(record) for record in (SHIPMENT, ROUTE)))
        for _ in range(2):
            loaded = puente("reference", "load", str(file), "--json", PUENTE_CONFIG=stack["config"])
            assert loaded.returncode == 0
            assert json.loads(loaded.stdout)["loaded"] == {"route": 1, "shipment": 1}
        file.write_text(json.dumps({**SHIPMENT, "shipment_id": "S2"}))
        assert puente("reference", "load", str(file), PUENTE_CONFIG=stack["config"]).returncode == 0

    def test_alerts_are_shown_once_each_in_the_language_asked_for(self, stack: dict[str, Any], settings: Settings):
        opened = Alert(
            alert_id="a" * 32, revision=1, rule="seal_breach", rule_version=1, severity="critical", state="opened",
            opened_ms=1_700_000_000_000, closed_ms=None, shipment_id="S1", device_id="seal-1", lat_deg=None,
            lon_deg=None, score=1.0, evidence={}, exercise=True,
            messages={"en": "DRILL: the seal was opened", "es": "SIMULACRO: se abrió el sello"},
        )  # fmt: skip
        grown = msgspec.structs.replace(opened, revision=2, state="updated", updated_ms=1_700_000_030_000)
        closed = msgspec.structs.replace(opened, revision=3, state="closed", closed_ms=1_700_000_060_000)
        records = [msgspec.json.encode(alert) for alert in (opened, grown, closed, opened)]
        send(settings, topics.alerts("us"), *records)
        as_json = puente("alerts", "tail", "--audience", "us", "--no-follow", "--json", PUENTE_CONFIG=stack["config"])
        assert as_json.stdout.encode().splitlines() == records[:3]
        spanish = puente(
            "alerts", "tail", "--audience", "us", "--no-follow", "--language", "es", PUENTE_CONFIG=stack["config"]
        )
        said = [
            (line.endswith(" SIMULACRO: se abrió el sello"), line.count("SIMULACRO"), line.split()[1:4])
            for line in spanish.stdout.splitlines()
        ]
        assert said == [
            (True, 1, ["22:13:20Z", "abierta", "crítica"]),
            (True, 1, ["22:13:50Z", "cambió", "crítica"]),
            (True, 1, ["22:14:20Z", "cerrada", "crítica"]),
        ]
        assert puente("alerts", "tail", "--audience", "ca", PUENTE_CONFIG=stack["config"]).returncode == 2

    def test_dead_letters_are_counted_and_sent_again_but_not_in_part(self, stack: dict[str, Any], settings: Settings):
        topic = "v1/CRDN/truck-1/readings"
        letters = [
            dead_letter("bad_time", "time_ms is in seconds", topic, 1, b'{"n":1}'),
            dead_letter("bad_time", "time_ms is in seconds", topic, 2, b'{"n":1,"exercise":true}'),
            dead_letter("too_large", "a payload over 1,048,576 bytes", topic, 3, b"x" * 70_000),
            dead_letter("history_refused", "the store refused it", topics.SHIPMENT_READINGS, 4, b"{}"),
        ]
        send(settings, topics.REFUSED, *map(msgspec.json.encode, letters))
        listed = puente("deadletters", "list", "--json", PUENTE_CONFIG=stack["config"])
        told = json.loads(listed.stdout)
        assert told["reasons"] == {"bad_time": 1, "too_large": 1, "history_refused": 1}
        assert (told["drill"]["reasons"], len(told["letters"])) == ({"bad_time": 1}, 3)
        assert [letter["time_ms"] for letter in told["drill"]["letters"]] == [2]
        spanish = puente("deadletters", "list", "--language", "es", PUENTE_CONFIG=stack["config"]).stdout
        assert "       1  bad_time: el reloj del aparato está mal" in spanish
        assert "       1  [SIMULACRO] bad_time: el reloj del aparato está mal" in spanish
        assert "[SIMULACRO] v1/CRDN/truck-1/readings: time_ms is in seconds" in spanish
        assert spanish.count("[SIMULACRO]") == 2
        nobody = puente("deliveries", "list", "--language", "es", PUENTE_CONFIG=stack["config"]).stdout
        assert nobody.startswith("nunca se sirvió un webhook: nombre su archivo en PUENTE_SUBSCRIBERS")

        came: list[tuple[str, bytes]] = []
        subscribed, arrived = threading.Event(), threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.username_pw_set(settings.mqtt_username, settings.mqtt_password)
        client.on_connect = lambda *_: client.subscribe("v1/#", 1)
        client.on_subscribe = lambda *_: subscribed.set()

        def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
            came.append((message.topic, message.payload))
            if len(came) == 2:
                arrived.set()

        client.on_message = on_message
        host, _, port = settings.mqtt.removeprefix("mqtt://").partition(":")
        client.connect(host, int(port))
        client.loop_start()
        try:
            assert subscribed.wait(120)
            replayed = puente("deadletters", "replay", "--json", PUENTE_CONFIG=stack["config"])
            assert arrived.wait(120)
        finally:
            client.disconnect()
            client.loop_stop()
        result = json.loads(replayed.stdout)
        assert (replayed.returncode, result["sent"]) == (1, 2)
        assert came == [(topic, b'{"n":1}'), (topic, b'{"n":1,"exercise":true}')]
        whys = {skipped["sha256"]: skipped["why"] for skipped in result["skipped"]}
        assert "65536 of its 70000" in whys[hashlib.sha256(b"x" * 70_000).hexdigest()]
        only = puente("deadletters", "replay", "--reason", "bad_time", PUENTE_CONFIG=stack["config"])
        assert only.returncode == 0
        assert "not connected" not in replayed.stderr + only.stderr  # the library's word on its own goodbye

    def test_ctrl_c_is_130_without_a_traceback(self, stack: dict[str, Any]):
        assert interrupted(stack["kafka"], "alerts", "tail", "--json") == (130, b"")


@pytest.mark.kafka
@pytest.mark.mqtt
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_kill_9_of_up_leaves_no_process_and_ctrl_c_neither(kafka_ready: None, tmp_path: Path):
    for number in (signal.SIGKILL, signal.SIGINT):
        folder = tmp_path / number.name
        folder.mkdir()
        process, _ = started(folder)
        children = psutil.Process(process.pid).children(recursive=True)
        assert {child.name() for child in children} & {"java"}
        process.send_signal(number)
        process.wait(180)
        assert process.returncode == (-9 if number == signal.SIGKILL else 130)
        assert all_gone(children)
        assert "Traceback" not in (folder / "up.log").read_text()


@pytest.mark.kafka
@pytest.mark.mqtt
def test_servers_that_are_killed_are_started_again_where_they_were(kafka_ready: None, tmp_path: Path):
    process, facts = started(tmp_path, PUENTE_GRAFANA="https://grafana.example")
    try:
        assert facts["grafana"] == "https://grafana.example"
        assert facts["console"] is None
        servers = psutil.Process(process.pid).children()
        for server in servers:
            server.kill()
        assert all_gone(servers)
        end = time.monotonic() + 300
        while (said := (tmp_path / "up.log").read_text()).count("runs again") < len(servers):
            assert process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.2)
        assert puente("doctor", PUENTE_CONFIG=facts["config"]).returncode == 0
        assert "was killed by signal 9" in said
        assert "Starting Kafka again." in said
    finally:
        process.terminate()
        process.wait(180)
    assert process.returncode == 143


@pytest.mark.kafka
@pytest.mark.mqtt
def test_a_data_folder_keeps_what_was_written_and_admits_one_stack(kafka_ready: None, tmp_path: Path):
    data = tmp_path / "data"
    file = tmp_path / "route.ndjson"
    file.write_text(json.dumps(ROUTE))
    shipment = tmp_path / "shipment.ndjson"
    shipment.write_text(json.dumps(SHIPMENT))
    for step, (file_now, code) in enumerate(((file, 0), (shipment, 0))):
        folder = tmp_path / str(step)
        folder.mkdir()
        process, facts = started(folder, PUENTE_DATA_DIR=str(data))
        try:
            assert puente("reference", "load", str(file_now), PUENTE_CONFIG=facts["config"]).returncode == code
            second = puente("up", PUENTE_DATA_DIR=str(data))
            assert (second.returncode, "another stack runs" in second.stderr) == (3, True)
        finally:
            process.terminate()
            process.wait(180)
