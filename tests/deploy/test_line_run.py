"""The whole line, run briefly on real servers: what devices published is what the history holds, on every store."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from contracts import topics
from deploy.audit import LineAudit
from deploy.line_run import Account, LineRun, percentile
from deploy.settings import load
from simulators import scenarios

pytestmark = [pytest.mark.kafka, pytest.mark.mqtt]
SEED = 7
RUN_S = 12


def play(history: str) -> Account:
    """A short demo on this history, from start to account."""
    with LineRun(replace(load({}), history=history)) as run:
        run.start_all()
        run.wait_ready(120.0)
        start_ms = time.time_ns() // 1_000_000 + 1_000
        run.play(scenarios.load("demo").make(SEED, start_ms, horizon_s=RUN_S), drain_s=30.0)
        while run.playing:
            time.sleep(0.2)
        run.settle()
        run.stop_line()
        return run.account()


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


def test_a_line_on_sqlite_holds_everything_once(kafka_ready: None, mqtt_kind: str) -> None:
    assert_whole(play(""))


@pytest.mark.influx
def test_a_line_on_influxdb_holds_everything_once(kafka_ready: None, mqtt_kind: str, influx_ready: object) -> None:
    assert_whole(play("influxdb"))


def test_an_account_says_what_was_lost_and_what_passed_twice() -> None:
    line = LineAudit()
    for seq in range(4):
        line.readings.see(("trk", 1, seq))
    line.readings.see(("trk", 1, 0))
    line.passed = {("admit", topics.READINGS): 5, ("history", topics.SHIPMENT_READINGS): 0}
    published = {("trk", 1, seq) for seq in range(4)}
    account = Account(published, published - {("trk", 1, 3)}, {}, 0, line, {"alerts": 2})
    assert account.lost == 1
    assert account.duplicated == {
        topics.READINGS: 1,
        topics.SHIPMENT_READINGS: 0,
        topics.SHIPMENT_EVENTS: 0,
        topics.alerts("joint"): 2,
    }
    assert line.raw_repeats()[topics.READINGS] == 1


def test_a_refused_reading_is_not_lost() -> None:
    published = {("trk", 1, 0), ("trk", 1, 1)}
    assert Account(published, {("trk", 1, 0)}, {"out_of_range": 1}, 1, LineAudit(), {}).lost == 0


@pytest.mark.parametrize(("percent", "right"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0)])
def test_percentiles_are_by_nearest_rank(percent: float, right: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == right


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 50) is None
