"""The demo as its user runs it: through the command, in Spanish, with its account in a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from deploy.demo.texts import ENGLISH, SPANISH
from detectors import catalog


@pytest.mark.kafka
@pytest.mark.mqtt
def test_the_demo_ends_by_itself_and_accounts_for_everything(kafka_ready: None, mqtt_kind: str, tmp_path: Path) -> None:
    account = tmp_path / "demo.json"
    command = ["demo", "--for", "14s", "--seed", "7", "--language", "es", "--json", str(account)]
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *command], capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(account.read_bytes())
    assert result["published"] > 0
    assert result["history_points"] == result["enriched"] == result["accepted"] == result["published"]
    assert result["lost"] == 0
    assert set(result["duplicated"].values()) == {0}
    assert set(result["latency_ms"]) == {"p50", "p99"}
    assert result["services"] == {"kafka": "kafka", "mqtt": mqtt_kind, "history": "sqlite"}
    for english in SPANISH.steps:
        assert english not in ran.stdout + ran.stderr
    assert len(re.findall(r"^Kafka +127\.0\.0\.1:\d+$", ran.stdout, re.MULTILINE)) == 1
    assert "hasta la alerta, p50/p99" in ran.stdout
    assert "nada perdido" in ran.stdout + ran.stderr


def test_both_languages_say_everything_and_name_every_rule() -> None:
    for field in fields(ENGLISH):
        assert getattr(SPANISH, field.name), field.name
    assert set(ENGLISH.rules) == set(SPANISH.rules) == set(catalog.CARDS)
    assert set(ENGLISH.state) == set(SPANISH.state) == {"opened", "updated", "closed"}
