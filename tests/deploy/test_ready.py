"""Where to publish is said once the line listens: what is published then is receipted."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from deploy.ready import NotReadyError, wait_ready
from deploy.services.errors import ServiceFailedError
from deploy.settings import load
from deploy.stack import LocalStack

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]
TOPIC = "v1/CRDN/TRK-1"


def test_what_is_published_once_up_has_said_where_is_receipted(kafka_ready: None, mqtt_kind: str, tmp_path: Path):
    where = tmp_path / "where.json"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_") or k == "PUENTE_CACHE"}
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", "--json", str(where)], env=environ, stdout=log, stderr=log
        )
    try:
        while not where.exists():
            assert up.poll() is None, (tmp_path / "up.log").read_text()
            time.sleep(0.05)
        said = (tmp_path / "up.log").read_text()
        facts = json.loads(where.read_text())
        receipt = published_and_receipted(facts)
    finally:
        up.terminate()
        up.wait(180)
    assert "waiting for the gateway and the stages" in said
    assert receipt["held"] == [{"boot_id": 1, "first_seq": 0, "last_seq": 0}]


def published_and_receipted(facts: dict[str, str]) -> dict[str, object]:
    """Publish one reading, once, as a device does, and return its receipt."""
    receipts: list[bytes] = []
    subscribed, came = threading.Event(), threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set(facts["mqtt_username"], Path(facts["mqtt_password_file"]).read_text())
    client.on_connect = lambda *_: client.subscribe(f"{TOPIC}/receipt", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: (receipts.append(message.payload), came.set())
    host, _, port = facts["mqtt"].removeprefix("mqtt://").partition(":")
    client.connect(host, int(port))
    client.loop_start()
    try:
        assert subscribed.wait(120)
        reading = {"device_id": "TRK-1", "boot_id": 1, "seq": 0, "time_ms": time.time_ns() // 1_000_000}
        client.publish(f"{TOPIC}/readings", json.dumps(reading), 1)
        assert came.wait(120)
    finally:
        client.disconnect()
        client.loop_stop()
    receipt: dict[str, object] = json.loads(receipts[0])
    return receipt


def test_a_line_without_processes_is_not_ready_and_one_that_stopped_says_so(
    kafka_ready: None, caplog: pytest.LogCaptureFixture
):
    with LocalStack(load({})) as stack:
        with pytest.raises(NotReadyError, match=r"did not run through within 1 s"):
            wait_ready(stack.settings, timeout_s=1.0)

        def stopped() -> None:
            raise ServiceFailedError("the gateway stopped")

        with pytest.raises(ServiceFailedError, match="the gateway stopped"):
            wait_ready(stack.settings, stopped)
    gc.collect()
    assert "never retrieved" not in caplog.text
