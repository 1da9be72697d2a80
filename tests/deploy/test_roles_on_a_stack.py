"""The line's processes as their operator meets them: what is missing is said, and what was done is told at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.ready import wait_ready
from deploy.settings import Settings, load
from deploy.stack import ROLES, LocalStack
from streams.sinks.open_history import open_history

NOWHERE = "127.0.0.1:1"
PATIENCE_S = 180.0


def puente(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, on these settings alone."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, env={**environ, **more}, capture_output=True, text=True, check=False, timeout=300)


def held(settings: Settings) -> int:
    """How many readings the history holds."""
    history = open_history(settings.history, read_only=True)
    try:
        return len(history.identities(0, 2**42))
    finally:
        history.close()


@pytest.mark.parametrize("role", ["gateway", "worker", "sink", "deliver"])
def test_a_process_without_its_kafka_ends_with_3_and_says_so(role: str):
    ended = puente(
        role, PUENTE_KAFKA=NOWHERE, PUENTE_MQTT=f"mqtt://{NOWHERE}", PUENTE_HISTORY="sqlite:////nowhere/h.db"
    )
    assert (ended.returncode, f"no Kafka answers at {NOWHERE}" in ended.stderr) == (3, True)
    assert "Traceback" not in ended.stderr


def test_alerts_are_not_written_to_a_file_that_cannot_be():
    ended = puente("alerts", "tail", "--json", "/nonexistent/x", PUENTE_KAFKA=NOWHERE)
    assert (ended.returncode, "--json /nonexistent/x" in ended.stderr) == (2, True)
    assert "Traceback" not in ended.stderr


@pytest.mark.kafka
@pytest.mark.mqtt
def test_each_process_says_what_is_missing_and_tells_at_its_end_what_it_did(
    kafka_ready: None, mqtt_kind: str, tmp_path: Path
):
    seed = 7
    print("seed", seed)
    with LocalStack(load({})) as stack:
        kafka, mqtt = stack.settings.kafka, f"mqtt://{NOWHERE}"
        for role, of_role, said in (
            ("gateway", {"PUENTE_MQTT": mqtt}, f"no MQTT broker answers at {mqtt}"),
            ("sink", {"PUENTE_HISTORY": f"influxdb://{NOWHERE}/b?org=o"}, f"no InfluxDB answers at http://{NOWHERE}"),
            ("sink", {"PUENTE_HISTORY": "sqlite:////nonexistent/h.db"}, "/nonexistent/h.db"),
        ):
            ended = puente(role, PUENTE_KAFKA=kafka, **of_role)
            assert (ended.returncode, said in ended.stderr, "Traceback" in ended.stderr) == (3, True, False)
        for (
            role
        ) in ROLES:  # another count than the topics': all of them say so, and the rest of the test is the control
            ended = puente(role, PUENTE_CONFIG=str(stack.config), PUENTE_PARTITIONS="7")
            assert (ended.returncode, "Traceback" in ended.stderr) == (2, False), ended.stderr
            there = stack.settings.partitions
            assert ended.stderr.startswith("settings: PUENTE_PARTITIONS: is 7, but "), ended.stderr
            assert f"has {there} partitions in Kafka" in ended.stderr
            assert f"set it to {there}" in ended.stderr
        for command, key in (
            (("gateway",), "PUENTE_MQTT"),
            (("deliver",), "PUENTE_MQTT"),
            (("simulate", "--for", "5s"), "PUENTE_MQTT_DEVICE"),
        ):
            ended = puente(*command, PUENTE_CONFIG=str(stack.config), **{f"{key}_PASSWORD": "wrong"})
            assert (ended.returncode, "Traceback" in ended.stderr) == (2, False), ended.stderr
            assert f"{key}_USERNAME and {key}_PASSWORD (or {key}_PASSWORD_FILE): the MQTT broker" in ended.stderr
        ended = puente("sink", PUENTE_KAFKA=kafka, PUENTE_HISTORY="influxdb")
        assert (ended.returncode, "PUENTE_HISTORY" in ended.stderr) == (2, True)

        children = [stack.start_role(role, ["--json", str(tmp_path / role)]) for role in ROLES]
        wait_ready(stack.settings, lambda: [child.check() for child in children] and None, 120.0)
        simulated = puente(
            "simulate", "--for", "4s", "--seed", str(seed), "--json", str(tmp_path / "fleet"),
            PUENTE_CONFIG=str(stack.config),
        )  # fmt: skip
        assert simulated.returncode == 0, simulated.stderr
        assert simulated.stdout.endswith(" 0 without a receipt\n"), "its last word, where nobody has a terminal"
        # Receipted is less than through: told to stop, a stage leaves what it has not taken to its next start.
        published = json.loads((tmp_path / "fleet").read_text())["published"]
        end = time.monotonic() + PATIENCE_S
        while held(stack.settings) < published:
            assert time.monotonic() < end, "".join(child.last_words() for child in children)
            time.sleep(0.2)
        for child in children:
            child.stop(deadline_s=PATIENCE_S)
            assert child.exit_code == 0, child.last_words()
    told = {child.name: json.loads((tmp_path / child.name).read_text()) for child in children}
    assert told["gateway"]["accepted"] > 0
    assert told["gateway"]["acknowledged"] > 0
    assert told["worker"]["telemetry.readings.v1"]["passed"] == told["gateway"]["accepted"]
    assert told["sink"]["shipment.readings.v1"]["passed"] == told["gateway"]["accepted"]
    assert told["deliver"].keys() == {"webhooks", "mqtt"}
