"""A real line says how it is: every metric that is declared is emitted, no other is, and what is missing is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.parser import text_string_to_metric_families

from contracts import topics
from contracts.health import LineSample, read_key
from contracts.metric_types import ROLES
from contracts.metrics import METRICS
from deploy.services.kafka import run_apart
from deploy.settings import load
from deploy.stack import LocalStack
from deploy.topic_io import records_of

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]

REFERENCE = Path(__file__).parents[3] / "docs" / "examples" / "reference.ndjson"
PATIENCE_S = 240.0
RECENT = "puente_latency_recent_seconds"  # what only a snapshot has
DRIFT = "puente_corridor_drift"


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Line:
    """A stack with a process of each role, and a device of two shipments' seals."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.children = [stack.start_role(role) for role in ROLES]
        settings = stack.settings
        assert stack.mqtt is not None
        self.device = paho.Client(CallbackAPIVersion.VERSION2)
        self.device.username_pw_set(settings.mqtt_device_username, settings.mqtt_device_password)
        self.device.connect(stack.mqtt.host, stack.mqtt.port)
        self.device.loop_start()

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, "\n".join(child.last_words(30) for child in self.children)
            time.sleep(0.2)

    def publish(self, topic: str, payload: bytes) -> None:
        self.device.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)

    def seal(self, device_id: str, seq: int, state: str, lat_deg: float, lon_deg: float, **more: Any) -> None:
        reading = {
            "device_id": device_id, "boot_id": 1, "seq": seq, "time_ms": time.time_ns() // 1_000_000,
            "lat_deg": lat_deg, "lon_deg": lon_deg, "seal_state": state, **more,
        }  # fmt: skip
        self.publish(f"v1/{device_id[:4]}/{device_id}/readings", json.dumps(reading).encode())

    def readyz(self, role: str) -> dict[str, Any]:
        try:
            return json.loads(get(f"{self.stack.health[role]}/readyz")[1])
        except OSError:
            return {"ready": False, "not_ready": ["everything"], "checks": []}

    def metrics(self, role: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Each sample's value, by its name and labels."""
        _, text = get(f"{self.stack.health[role]}/metrics")
        families = text_string_to_metric_families(text)
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def sum(self, role: str, name: str, **labels: str) -> float:
        """A metric summed over the labels that are not given."""
        found = self.metrics(role).items()
        return sum(value for (each, by), value in found if each == name and labels.items() <= dict(by).items())

    def snapshots(self) -> list[LineSample]:
        async def read() -> list[LineSample]:
            kafka = self.stack.settings.kafka
            return [msgspec.json.decode(r.value, type=LineSample) async for r in records_of(kafka, topics.HEALTH)]

        return run_apart(read())


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    """A webhook's far end, which takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def line(kafka_ready: None, mqtt_kind: str, receiver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    (folder / "secret").write_text("0123456789abcdef")
    (folder / "subscribers.toml").write_text(
        f'[webhooks.all]\nurl = "{receiver}"\naudience = "joint"\nsecret_file = "secret"\n'
    )
    records = [json.loads(text) for text in REFERENCE.read_text().splitlines()]
    endless = [
        {key: value for key, value in record.items() if key != "ends_ms" or record["kind"] == "notice"}
        for record in records
    ]
    (folder / "reference.ndjson").write_text("\n".join(map(json.dumps, endless)))
    with LocalStack(replace(load({}), subscribers=folder / "subscribers.toml", checkpoint_interval_s=1.0)) as stack:
        line = Line(stack)
        try:
            environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
            loaded = subprocess.run(
                [sys.executable, "-m", "deploy.cli", "reference", "load", str(folder / "reference.ndjson")],
                env={**environ, "PUENTE_CONFIG": str(stack.config)}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert loaded.returncode == 0, loaded.stderr
            line.until(lambda: all(line.readyz(role)["ready"] for role in ROLES))
            line.until(lambda: line.sum("worker", "puente_reference_records") >= len(records))
            yield line
        finally:
            line.device.disconnect()
            line.device.loop_stop()


def test_what_is_ready_says_so_with_every_part_named(line: Line) -> None:
    parts = {role: [check["name"] for check in line.readyz(role)["checks"]] for role in ROLES}
    assert parts == {
        "gateway": ["loop", "kafka", "mqtt", "progress"],
        "worker": ["loop", "kafka", "reference", "threads", "models", "partitions", "progress"],
        "sink": ["loop", "kafka", "history", "partitions", "progress"],
        "deliver": ["loop", "kafka", "partitions", "progress", "mqtt"],
    }
    assert {get(f"{url}/healthz") for url in line.stack.health.values()} == {(200, "the event loop turns\n")}
    assert {get(f"{url}/readyz")[0] for url in line.stack.health.values()} == {200}


def test_every_metric_emitted_is_declared_and_every_one_declared_is_emitted_and_drills_are_apart(line: Line) -> None:
    real, drill = (27.602, -99.781), (29.879, -97.92)  # on their routes, away from where a seal may be opened
    for seq, state in enumerate(("armed", "tampered", "armed")):
        line.seal("PTNE-S00001", seq, state, *real)
    for seq, state in enumerate(("armed", "tampered")):
        line.seal("CRDN-S00000", seq, state, *drill, exercise=True)
    line.publish("v1/PTNE/PTNE-S00001/readings", b"{broken")
    line.publish("v1/PTNE/PTNE-S00001/readings", b'{"exercise": true, broken')
    waypoint = {"_type": "waypoint", "desc": "World Trade Bridge", "lat": 27.5969, "lon": -99.5369, "tst": 1766325590}
    for will in (b'{"status": "lost"}', b'{"status": "lost", "exercise": true}'):
        line.publish("v1/PTNE/PTNE-S00001/status", will)
    line.publish("owntracks/jaime/pixel-7/waypoint", json.dumps(waypoint).encode())

    opened = {"rule": "seal_breach", "state": "opened"}
    for exercise in ("true", "false"):
        line.until(lambda e=exercise: line.sum("worker", "puente_alerts_total", **opened, exercise=e) == 1)
        line.until(lambda e=exercise: line.sum("deliver", "puente_webhook_tries_total", exercise=e) >= 1)
    line.until(lambda: line.sum("sink", "puente_readings_total") == 5)
    for exercise, accepted, refused in (("false", 3, 1), ("true", 2, 1)):
        assert line.sum("gateway", "puente_accepted_total", exercise=exercise) == accepted
        line.until(lambda e=exercise, n=refused: line.sum("gateway", "puente_refused_total", exercise=e) == n)
        assert line.sum("sink", "puente_readings_total", exercise=exercise) == accepted
        assert line.sum("sink", "puente_devices", exercise=exercise) == 1
        line.until(lambda e=exercise: line.sum("gateway", "puente_statuses_total", exercise=e) == 1)
        line.until(lambda e=exercise: line.sum("gateway", "puente_receipts_total", exercise=e) >= 1)
        line.until(lambda e=exercise: line.sum("deliver", "puente_webhook_waiting_records", exercise=e) == 0)
        line.until(lambda e=exercise: line.sum("sink", "puente_latency_seconds_count", to="history", exercise=e) >= 1)
    line.until(lambda: line.sum("worker", "puente_latency_seconds_count", to="alert", exercise="true") == 1)
    for exercise, episodes in (("true", 1), ("false", 0)):  # the real one is armed again
        line.until(
            lambda e=exercise, n=episodes: (
                line.sum("worker", "puente_episodes_open", rule="seal_breach", exercise=e) == n
            )
        )

    # Of a corridor that has taught its model: tests/deploy/test_windows_on_the_line.py has one.
    declared = {role: {m.name for m in METRICS if role in m.roles and m.name != DRIFT} for role in ROLES}
    histograms = {metric.name for metric in METRICS if metric.kind == "histogram"}

    def family(name: str) -> str:
        whole, _, part = name.rpartition("_")
        return whole if part in {"bucket", "count", "sum"} and whole in histograms else name

    def served(role: str) -> set[str]:
        return {family(name) for name, _ in line.metrics(role)}

    for role in ROLES:
        line.until(lambda role=role: served(role) >= declared[role] - {RECENT})  # some are known once Kafka was asked
        assert served(role) == declared[role] - {RECENT}, role

    def published() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {role: set() for role in ROLES}
        for sample in line.snapshots():
            found[sample.role] |= {family(read_key(key)[0]) for key in sample.metrics}
        return found

    line.until(lambda: published() == declared)


def test_the_stack_says_where_and_the_doctor_asks(line: Line) -> None:
    assert set(line.stack.facts()["health"]) == set(ROLES)
    line.until(lambda: all(line.readyz(role)["ready"] for role in ROLES))
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
    doctor = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "doctor", "--json"],
        env={**environ, "PUENTE_CONFIG": str(line.stack.config)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [(f["says"], f["found"]) for f in json.loads(doctor.stdout)["findings"] if f["name"] == "health"]
    assert found == [(f"{role} at {line.stack.health[role]}: ready", True) for role in ROLES]


def test_with_kafka_away_every_process_lives_and_is_not_ready_and_says_it_is_kafka_and_recovers(line: Line) -> None:
    kafka = line.stack.kafka
    assert kafka is not None
    before = line.sum("gateway", "puente_ticks_total")
    line.until(lambda: line.sum("gateway", "puente_ticks_total") > before)  # the control: with Kafka there, it moves
    assert all(line.readyz(role)["ready"] for role in ROLES)
    kafka.kill()
    try:
        for role in ROLES:
            line.until(lambda role=role: "kafka" in line.readyz(role)["not_ready"])
            [check] = [check for check in line.readyz(role)["checks"] if check["name"] == "kafka"]
            assert line.stack.settings.kafka in check["says"]
            assert get(f"{line.stack.health[role]}/healthz")[0] == 200
        line.until(lambda: "progress" in line.readyz("gateway")["not_ready"])
    finally:
        kafka.restart()
    line.until(lambda: all(line.readyz(role)["ready"] for role in ROLES))


def test_with_the_mqtt_broker_away_those_who_need_it_are_not_ready_and_name_it_and_recover(line: Line) -> None:
    mqtt = line.stack.mqtt
    assert mqtt is not None

    def connected() -> set[float]:
        return {v for (name, _), v in line.metrics("deliver").items() if name == "puente_notices_connected"}

    line.until(lambda: all(line.readyz(role)["ready"] for role in ("gateway", "deliver")))  # the control
    line.until(lambda: connected() == {1.0})
    mqtt.kill()
    try:
        for role in ("gateway", "deliver"):
            line.until(lambda role=role: "mqtt" in line.readyz(role)["not_ready"])
            [check] = [check for check in line.readyz(role)["checks"] if check["name"] == "mqtt"]
            assert f"{mqtt.host}:{mqtt.port}" in check["says"]
        line.until(lambda: connected() == {0.0})  # each audience's client notices for itself, one after another
        assert line.readyz("worker")["ready"]
    finally:
        mqtt.restart()
    line.until(lambda: all(line.readyz(role)["ready"] for role in ROLES))


def test_a_second_worker_shares_the_partitions_and_both_are_ready(line: Line) -> None:
    def ours(name: str) -> int:
        about = {check["name"]: check["says"] for check in line.readyz(name)["checks"]}.get("partitions", "")
        return int(about.split()[0]) if about[:1].isdecimal() else 0

    alone = ours("worker")
    line.children.append(line.stack.start_role("worker", name="worker-2"))
    line.until(lambda: ours("worker-2") > 0 and ours("worker") + ours("worker-2") == alone)
    line.until(lambda: all(line.readyz(name)["ready"] for name in ("worker", "worker-2")))

    def lagging() -> set[str]:
        return {dict(by)["stage"] for name, by in line.metrics("worker-2") if name == "puente_lag_records"}

    line.until(lambda: lagging() >= {"admit", "shipment"})  # known once Kafka was asked where its partitions end
