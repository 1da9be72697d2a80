"""A drill beside the real: on one line, at the same time, and neither is counted with the other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from contracts import topics
from contracts.alerts import Alert
from contracts.drills import says_drill
from contracts.reference import Device, Route, Shipment
from deploy.core_line import CoreLine
from deploy.line_run import AT_CLOCK_SPEED, LineRun
from deploy.settings import Settings
from deploy.topic_io import records_of
from simulators import Fleet, scenarios

START_MS = 1_790_000_000_000
PATIENCE_S = 240.0


def fleet(seed: int = 7, start_ms: int = START_MS, **more: Any) -> Fleet:
    return scenarios.load("demo").make(seed, start_ms, horizon_s=45, **more)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.2)


def statuses(run: LineRun) -> list[tuple[bytes, bytes]]:
    """Each status on the topic after the name of the device it is kept by, oldest first."""

    async def read() -> list[tuple[bytes, bytes]]:
        return [(record.key or b"", record.value) async for record in records_of(run.settings.kafka, topics.STATUS)]

    return asyncio.run(read())


def by_mark(statuses: list[tuple[bytes, bytes]]) -> dict[str, int]:
    """How many of them are a drill's, and how many are not."""
    return dict(Counter("true" if says_drill(value) else "false" for _, value in statuses))


def counted_by_gateway(run: LineRun) -> dict[str, int]:
    with urllib.request.urlopen(f"{run.stack.health['gateway']}/metrics", timeout=60) as answer:
        found = re.findall(r'puente_statuses_total{exercise="(\w+)"} (\d+)', answer.read().decode())
    return {exercise: int(count) for exercise, count in found}


def episodes(alerts: list[Alert]) -> set[tuple[str, str, str, int]]:
    """What was told, by rule, device and state."""
    return {(a.rule, a.device_id, a.state, a.revision) for a in alerts}


def test_a_drills_devices_shipments_and_routes_are_no_real_ones() -> None:
    real, drill = fleet().reference(), fleet(exercise=True).reference()
    for kind, name in ((Device, "device_id"), (Shipment, "shipment_id"), (Route, "route_id")):
        ours, theirs = ({getattr(r, name) for r in records if isinstance(r, kind)} for records in (real, drill))
        assert len(ours) == len(theirs) > 1
        assert not ours & theirs
    assert {d for (d,) in zip(r.device_id for _, _, r in fleet(exercise=True).run())} <= {
        r.device_id for r in drill if isinstance(r, Device)
    }
    # In the same corridors: a drill is for those who watch these.
    corridors = [{r.corridor_name for r in records if isinstance(r, Route)} for records in (real, drill)]
    assert corridors[0] == corridors[1]


def test_the_core_tells_of_a_drill_and_of_the_real_what_it_tells_of_each_alone() -> None:
    real, drill = fleet(), fleet(seed=8, exercise=True)
    told: dict[str, list[Alert]] = {}
    for name, fleets in (("real", [real]), ("drill", [drill]), ("both", [real, drill])):
        line = CoreLine([record for each in fleets for record in each.reference()], 2)
        line.run(sorted((sent for each in fleets for sent in each.run()), key=lambda sent: sent[0]))
        line.tick(real.ends_ms + 600_000)
        assert line.refused == 0
        told[name] = line.alerts
    assert len(told["real"]) > 3
    assert len(told["drill"]) > 3
    assert episodes([a for a in told["both"] if not a.exercise]) == episodes(told["real"])
    assert episodes([a for a in told["both"] if a.exercise]) == episodes(told["drill"])
    assert all(a.exercise for a in told["drill"])
    assert not any(a.exercise for a in told["real"])


@pytest.mark.kafka
@pytest.mark.mqtt
def test_a_drill_runs_beside_the_real_on_a_live_line_and_changes_none_of_its_counts(kafka_ready: None) -> None:
    with LineRun(Settings(rules=AT_CLOCK_SPEED)) as run:
        run.start_all()
        run.wait_ready(PATIENCE_S)
        real = fleet(start_ms=time.time_ns() // 1_000_000 + 2_000)
        # The command itself, as whoever holds the drill would type it, against the line that is up.
        command = [
            sys.executable,
            "-m",
            "deploy.cli",
            "simulate",
            "--exercise",
            "--seed",
            "8",
            "--for",
            "45s",
            "--json",
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PUENTE_")}
        with subprocess.Popen(
            command, env={**kept, "PUENTE_CONFIG": str(run.stack.config)}, stdout=subprocess.PIPE, text=True
        ) as drill:
            run.play(real)
            said, _ = drill.communicate(timeout=600)
        assert drill.returncode == 0
        drilled = json.loads(said)
        assert run.settle(PATIENCE_S)
        until(lambda: {json.loads(word)["status"] for word in dict(statuses(run)).values()} == {"offline"})
        until(lambda: counted_by_gateway(run) == by_mark(statuses(run)))  # it hears of Kafka's custody a moment later
        told = statuses(run)
        run.stop_line()
        account = run.account()
        assert run.settings.sqlite_path is not None
        with sqlite3.connect(run.settings.sqlite_path) as store:
            points = {
                table: dict(store.execute(f"SELECT exercise, count(*) FROM {table} GROUP BY exercise"))
                for table in ("readings", "events", "alerts")
            }
            devices = store.execute("SELECT DISTINCT exercise, device_id LIKE '%-DRILL-%' FROM readings").fetchall()
    counted = account.as_dict()
    published = counted["published"]
    assert published > 100
    assert (counted["accepted"], counted["enriched"], counted["history_points"]) == (published,) * 3
    assert (counted["lost"], set(counted["duplicated"].values()), counted["refused"]) == (0, {0}, {})
    assert counted["drill"]["accepted"] == drilled["held"] == drilled["published"] > 100

    # What is told of the real is what its faults are, whatever the drill does beside it; and the other way round.
    assert counted["alerts"] == dict(Counter(fault.rule for fault in real.truth))
    assert sum(counted["drill"]["alerts"].values()) == drilled["truth"] > 0
    for audience, alerts in account.line.alerts.items():
        assert alerts, audience
        for alert in alerts.values():
            assert alert.exercise == ("-DRILL-" in alert.device_id), (audience, alert.alert_id)
            assert alert.shipment_id is None or alert.exercise == alert.shipment_id.startswith("DRILL-")

    # Comings, goings and last wills too: each on the topic by its device's name, in the gateway's count by its mark.
    assert {(says_drill(value), b"-DRILL-" in key) for key, value in told} == {(True, True), (False, False)}

    assert points["readings"] == {0: published, 1: drilled["published"]}
    assert sorted(devices) == [(0, 0), (1, 1)]
    assert set(points["events"]) == set(points["alerts"]) == {0, 1}
