"""The demo as its user runs it: through the command, in Spanish, with its account in a file."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deploy.audit import LineAudit
from deploy.demo import exit_code
from deploy.demo.texts import ENGLISH, SPANISH, TEXTS
from deploy.demo.view import summary
from deploy.line_run import Account, Death
from detectors import catalog


@pytest.mark.kafka
@pytest.mark.mqtt
def test_the_demo_ends_by_itself_and_accounts_for_everything(kafka_ready: None, mqtt_kind: str, tmp_path: Path) -> None:
    account = tmp_path / "demo.json"
    command = ["demo", "--for", "20s", "--seed", "1", "--language", "es", "--json", str(account)]
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *command], capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(account.read_bytes())
    assert result["published"] > 0
    assert result["history_points"] == result["enriched"] == result["accepted"] == result["published"]
    assert result["lost"] == 0
    assert result["ended"] == []
    assert result["missing"] == {}
    assert result["alerts"].get("seal_breach"), "this seed opens a seal in its eighth second"
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


def an_account(**wrong: Any) -> dict[str, Any]:
    """A demo's account in which nothing is wrong but this."""
    line = LineAudit()
    return Account(set(), set(), {}, line, {}).as_dict() | {"ended": []} | wrong


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({}, 0), ({"lost": 1}, 1), ({"duplicated": {"a": 0, "b": 2}}, 1), ({"refused": {"bad_json": 1}}, 1)],
)
def test_it_exits_with_1_where_anything_was_lost_doubled_or_refused(wrong: dict[str, Any], code: int) -> None:
    assert exit_code(an_account(**wrong)) == code


@pytest.mark.parametrize(("language", "said"), [("en", "1 LOST"), ("es", "1 PERDIDAS")])
def test_what_is_missing_is_named_and_so_is_the_process_that_died(language: str, said: str) -> None:
    published = {("trk", 1, seq) for seq in (2, 3, 4, 6)}
    told = Account(published, {("trk", 1, 6)}, {}, LineAudit(), {}, journaled={("trk", 1, 3), ("trk", 1, 4)}).as_dict()
    told["ended"] = [Death("gateway", -9, 0).as_dict(), Death("sink", 70, 0).as_dict()]
    assert exit_code(told) == 1
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(summary(told, TEXTS[language]))
    for each in (said, "trk 1/2-4", "gateway", " 9 ", "sink", " 70 ", "00:00:00Z", "(2 "):
        assert each in out.getvalue()
