"""A worker that stumbles and lives: its checkpoints fail in one partition after another, and the line goes on.

What this proves: after such failures every partition reads again from its checkpoint, nothing is lost or doubled, and
no alert changes. It does not prove that a seek holds: with Faust's own it passes too, for a runner that sees a gap
seeks again, and ticks keep coming. That is `tests/streams/agents/test_seek.py`.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest

from deploy.line_run import AT_CLOCK_SPEED, LineRun
from deploy.settings import load
from simulators import scenarios

SEED = 7
RUN_S = 45

pytestmark = [pytest.mark.kill, pytest.mark.kafka, pytest.mark.mqtt]


def test_failing_checkpoints_stop_no_partition_and_change_no_alert(kafka_ready: None, mqtt_kind: str) -> None:
    with LineRun(replace(load({}), rules=AT_CLOCK_SPEED)) as run:
        run.start("gateway")
        run.start("worker", fault="worker_checkpoints_fail:30")
        run.start("sink")
        run.wait_ready(240.0)
        fleet = scenarios.load("demo").make(SEED, time.time_ns() // 1_000_000 + 1_000, horizon_s=RUN_S)
        run.play(fleet, drain_s=180.0)
        while run.playing:
            time.sleep(0.2)
        assert run.settle(180.0)
        log = run.children["worker"].log.read_text()
        alive = run.children["worker"].exit_code is None
        run.stop_line()
        account = run.account()
    print("seeks:", log.count("seeking back"))
    assert alive
    assert log.count("a checkpoint fails, as the test asks") >= 30
    assert account.history == account.published
    assert account.duplicated == dict.fromkeys(account.duplicated, 0)
    assert account.alerts_by_rule() == dict(Counter(fault.rule for fault in fleet.truth))
    assert {alert.state for alert in account.line.alerts["joint"].values()} == {"closed"}
