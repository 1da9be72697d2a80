"""``puente scorecard``: what it writes, what it refuses, and that Ctrl-C ends it with everything it started."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from deploy.cli.scorecard import scorecard


def test_the_variants_are_shown_to_whom_asks_for_them() -> None:
    asked = ["--seed", "2", "--hours", "0.1", "--shipments", "1"]
    plain, detailed = (
        CliRunner().invoke(scorecard, [*asked, *more], standalone_mode=False) for more in ([], ["--variants"])
    )
    assert detailed.output.startswith(plain.output.split(", 0 refused")[0])
    assert "by the ways in which they come" in detailed.output
    assert "by the ways in which they come" not in plain.output


def test_it_prints_a_table_and_writes_what_it_rests_on(tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    asked = ["--seed", "2", "--hours", "0.5", "--shipments", "4", "--json", str(out)]
    done = CliRunner().invoke(scorecard, asked, standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    assert "seal_breach" in done.output
    assert "1 simulated day (seeds 2)" in done.output
    written = json.loads(out.read_text())
    assert written["seeds"] == [2]
    assert written["readings"] > 500
    assert {"rule", "precision", "recall_95", "delay_p95_s", "false_per_shipment_day"} <= set(written["rules"][0])


def test_devices_report_as_often_as_is_asked_and_else_as_the_scenario_says() -> None:
    asked = ["--seed", "2", "--hours", "0.5", "--shipments", "4", "--json", "-"]
    usual, seldom = (
        json.loads(CliRunner().invoke(scorecard, [*asked, *more], standalone_mode=False).stdout)
        for more in ([], ["--interval", "120"])
    )
    assert (usual["interval_s"], seldom["interval_s"]) == (30.0, 120.0)
    assert 3 * seldom["readings"] < usual["readings"] < 5 * seldom["readings"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--seed", "1", "--seeds", "2-3"], "not both"),
        (["--seeds", "9-2"], "101-110"),
        (["--seeds", "x"], "101-110"),
        (["--hours", "0"], "--hours"),
        (["--interval", "0"], "--interval"),
    ],
)
def test_what_cannot_be_played_is_refused_with_what_would_be_right(asked: list[str], says: str) -> None:
    done = CliRunner().invoke(scorecard, asked)
    assert done.exit_code == 2
    assert says in done.output


def works(child: psutil.Process) -> bool:
    """Whether it plays a day already: before, while Python still brings in its modules, an interrupt can be lost."""
    try:
        return child.cpu_times().user > 2.0
    except psutil.Error:
        return False


def test_ctrl_c_ends_it_and_every_process_it_started_without_a_traceback() -> None:
    command = [sys.executable, "-m", "deploy.cli", "scorecard", "--seeds", "2-5", "--jobs", "2", "--hours", "24"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        children: list[psutil.Process] = []
        deadline_s = time.monotonic() + 300.0
        while sum(map(works, children)) < 2 and time.monotonic() < deadline_s:
            time.sleep(0.1)
            children = psutil.Process(running.pid).children(recursive=True)
        assert sum(map(works, children)) >= 2
        running.send_signal(signal.SIGINT)
        for child in children:  # a terminal tells them all
            if child.is_running():
                child.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=300)
        assert running.returncode == 130
        assert "Traceback" not in said
        assert psutil.wait_procs(children, timeout=120)[1] == []
    finally:
        running.kill()
