"""The whole line, run briefly on real servers: what devices published is what the history holds.

That on InfluxDB; on SQLite the kill test's undisturbed line holds ten times as much to the same.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contracts import topics
from contracts.deadletters import Reason, dead_letter
from contracts.readings import ReadingId
from deploy.audit import LineAudit, refused_ids
from deploy.line_run import Account, LineRun, percentile
from deploy.services.processes import Child
from deploy.settings import load
from deploy.topic_io import ends_of
from simulators import scenarios

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]
SEED = 7
RUN_S = 12


def play() -> Account:
    """A short demo, from start to account; before its end its workers hang for a while."""
    steps: list[str] = []
    with LineRun(replace(load({}), history="influxdb"), on_step=steps.append) as run:
        run.start_all()
        run.wait_ready(240.0)
        start_ms = time.time_ns() // 1_000_000 + 1_000
        run.play(scenarios.load("demo").make(SEED, start_ms, horizon_s=RUN_S), drain_s=180.0, resend_after_ms=60_000)
        while run.playing:
            time.sleep(0.2)
        assert run.settle(180.0)
        assert not any("not at rest" in step for step in steps)
        with hanging([child.pid for name, child in run.children.items() if name.startswith("worker")]):
            wait_for_a_tick(run.settings.kafka)
            assert not run.settle(1.0), "a gateway's tick has come in, and no stage takes it"
        assert sum("not at rest" in step for step in steps) == 1
        assert run.settle(180.0)
        run.stop_line()
        return run.account()


def wait_for_a_tick(bootstrap: str) -> None:
    """Return once one more has come in than are there now: the gateway sends one each second."""

    def came_in() -> int:
        return sum(asyncio.run(ends_of(bootstrap, topics.READINGS)).values())

    before, deadline_s = came_in(), time.monotonic() + 60.0
    while came_in() == before:
        assert time.monotonic() < deadline_s, "no tick within a minute"
        time.sleep(0.2)


@contextmanager
def hanging(pids: list[int]) -> Iterator[None]:
    """These processes neither answer nor hang up."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def assert_whole(account: Account) -> None:
    """Everything once, at every far end."""
    assert len(account.published) > RUN_S
    assert set(account.line.readings.distinct) == account.published
    assert set(account.line.joined.distinct) == account.published
    assert account.history == account.published
    assert account.lost == 0
    assert account.duplicated == dict.fromkeys(account.duplicated, 0)
    assert account.line.raw_repeats() == dict.fromkeys(account.line.raw_repeats(), 0)
    assert account.line.passed["admit", topics.READINGS] == len(account.published)
    assert account.line.passed["shipment", topics.SHIPMENT_READINGS] == len(account.published)
    assert account.line.passed["history", topics.SHIPMENT_READINGS] == len(account.published)


@pytest.mark.influx
def test_a_line_on_influxdb_holds_everything_once(kafka_ready: None, mqtt_kind: str, influx_ready: object) -> None:
    assert_whole(play())


def test_an_account_says_what_was_lost_and_what_passed_twice() -> None:
    line = LineAudit()
    for seq in range(4):
        line.readings.see(("trk", 1, seq))
    line.readings.see(("trk", 1, 0))
    line.passed = {("admit", topics.READINGS): 5, ("history", topics.SHIPMENT_READINGS): 0}
    published = {("trk", 1, seq) for seq in range(4)}
    account = Account(published, published - {("trk", 1, 3)}, {}, line, {"alerts": 2})
    assert account.lost == 1
    assert account.duplicated == {
        topics.READINGS: 1,
        topics.SHIPMENT_READINGS: 0,
        topics.SHIPMENT_EVENTS: 0,
        topics.alerts("joint"): 2,
    }
    assert line.raw_repeats()[topics.READINGS] == 1


def test_a_refused_reading_is_not_lost_and_no_other_is_excused_by_it() -> None:
    published = {("trk", 1, 0), ("trk", 1, 1)}
    line = LineAudit(refused_ids={("trk", 1, 1)})
    assert Account(published, {("trk", 1, 0)}, {"out_of_range": 1}, line, {}).lost == 0
    assert Account(published, {("trk", 1, 1)}, {"out_of_range": 1}, line, {}).lost == 1
    assert Account(published, set(), {"out_of_range": 1}, line, {}).lost == 1


TOPIC = "v1/CRDN/trk/readings"
LINE = b'{"device_id":"trk","boot_id":1,"seq":7,"lat_deg":91}'


@pytest.mark.parametrize(
    ("reason", "topic", "data", "ids"),
    [
        ("out_of_range", TOPIC, LINE, {("trk", 1, 7)}),
        ("bad_json", TOPIC, LINE.replace(b"91", b"NaN"), {("trk", 1, 7)}),
        ("topic_mismatch", TOPIC, LINE.replace(b"trk", b"other"), {("trk", 1, 7)}),
        ("bad_json", topics.READINGS, LINE + b"\n" + LINE.replace(b"7", b"8") + b"\n", {("trk", 1, 7), ("trk", 1, 8)}),
        ("history_refused", topics.SHIPMENT_READINGS, LINE, {("trk", 1, 7)}),
        ("identity_conflict", topics.READINGS, LINE, set()),
        ("wrong_type", TOPIC, LINE.replace(b"7", b"true"), set()),
        ("bad_json", TOPIC, LINE[:-1], set()),
        ("bad_json", TOPIC, b"[]", set()),
        ("too_large", TOPIC, b"[" * 70_000, set()),
        ("not_utf8", TOPIC, b"\xff\xfe", set()),
    ],
)
def test_a_dead_letters_bytes_say_which_reading_was_refused(
    reason: Reason, topic: str, data: bytes, ids: set[ReadingId]
) -> None:
    assert refused_ids(dead_letter(reason, "", topic, 0, data)) == ids


@pytest.mark.parametrize(("percent", "right"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0)])
def test_percentiles_are_by_nearest_rank(percent: float, right: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == right


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 50) is None


def test_a_process_that_dies_is_named_once_and_one_that_runs_is_not(tmp_path: Path) -> None:
    run = LineRun(load({}))
    for name in ("gateway", "sink"):
        run.children[name] = Child(name, ["sleep", "60"], log=tmp_path / name)
    try:
        assert run.look() == []
        run.children["gateway"].kill()
        assert [(death.name, death.code) for death in run.look()] == [("gateway", -9)]
        assert run.look() == []
        assert len(run.deaths) == 1
    finally:
        run.children["sink"].kill()
