"""A history to look at: half a minute of the real line, or hours of its core on a simulated border, in InfluxDB."""

from __future__ import annotations

import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from influxdb_client import InfluxDBClient

from contracts import frames, topics
from contracts.health import LineSample
from contracts.history import Batch
from contracts.metric_types import ROLES
from contracts.metrics import METRICS
from contracts.readings import ShipmentReading
from deploy.core_line import CoreLine
from deploy.line_run import LineRun
from deploy.settings import load
from simulators import scenarios
from streams.sinks.influx import InfluxHistory
from streams.stage import Outgoing

SEED = 11
HOURS = 5
BATCH = 5_000


@dataclass(frozen=True)
class Bucket:
    """An InfluxDB's bucket, asked in InfluxQL by HTTP as Grafana's data source asks it."""

    url: str
    org: str
    name: str
    token: str

    @classmethod
    def made(cls, server: Any, name: str) -> Bucket:
        with InfluxDBClient(server.url, server.token, org=server.org) as client:
            client.buckets_api().create_bucket(bucket_name=name, org=server.org)
        return cls(server.url, server.org, name, server.token)

    def ask(self, influxql: str) -> list[dict[str, Any]]:
        """The series of the answer. Fails where InfluxDB says that anything is wrong with the question."""
        form = urllib.parse.urlencode({"db": self.name, "q": influxql, "epoch": "ms"}).encode()
        asked = urllib.request.Request(f"{self.url}/query", data=form)
        asked.add_header("Authorization", f"Token {self.token}")
        with urllib.request.urlopen(asked) as answer:
            (result,) = orjson.loads(answer.read())["results"]
        assert "error" not in result, f"{result['error']}: {influxql}"
        assert not result.get("messages"), f"{result['messages']}: {influxql}"
        found: list[dict[str, Any]] = result.get("series", [])
        return found

    def history(self) -> InfluxHistory:
        return InfluxHistory(self.url, self.org, self.name, self.token)


class _Kept(CoreLine):
    """The core, whose joined readings are kept too."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.readings: list[ShipmentReading] = []

    def _route(self, records: Iterable[Outgoing]) -> None:
        records = list(records)
        for record in records:
            if record.topic == topics.SHIPMENT_READINGS and frames.kind_of(record.headers) == "frame":
                self.readings += frames.decode_shipment_readings(frames.lines_of(record.value))
        super()._route(records)


def real_line(bucket: Bucket, seconds: int) -> None:
    """The demo's fleet on the line's own processes: gateway, worker, sink, on Kafka and MQTT, into this bucket."""
    host = bucket.url.removeprefix("http://")
    history = f"influxdb://{host}/{bucket.name}?org={bucket.org}"
    with LineRun(replace(load({}), history=history, influx_token=bucket.token)) as run:
        run.start_all()
        run.wait_ready(240.0)
        start_ms = time.time_ns() // 1_000_000 + 1_000
        run.play(scenarios.load("demo").make(SEED, start_ms, horizon_s=seconds), drain_s=180.0)
        while run.playing:
            time.sleep(0.2)
        assert run.settle(180.0)
        run.stop_line()


def simulated_hours(
    bucket: Bucket, now_ms: int, *, hours: int = HOURS, shipments: int = 30, exercise: bool = False
) -> None:
    """The last hours of a day of freight, judged by the line's core."""
    fleet = scenarios.load("day").make(
        SEED, now_ms - hours * 3_600_000, horizon_s=hours * 3600.0, shipments=shipments, exercise=exercise
    )
    line = _Kept(fleet.reference(), tick_ms=2_000)
    line.run(fleet.run())
    history = bucket.history()
    for start in range(0, len(line.readings), BATCH):
        assert history.write(Batch(readings=line.readings[start : start + BATCH])) == []
    assert history.write(Batch(events=line.events, alerts=line.alerts)) == []
    history.close()


def line_samples(bucket: Bucket, now_ms: int) -> None:
    """Ten minutes of every metric that the line declares, counters rising, as its processes publish them."""
    labels = {
        "stage": "admit", "topic": "telemetry.readings.v1", "partition": "0", "reason": "bad_json", "rule": "shock",
        "state": "opened", "to": "alert", "quantile": "0.99", "check": "loop", "exercise": "false",
    }  # fmt: skip
    samples = []
    for n in range(60):
        for role in ROLES:
            metrics = {}
            for metric in METRICS:
                if role in metric.roles and metric.kind != "histogram":
                    inside = ",".join(f'{name}="{labels.get(name, "x")}"' for name in metric.labels)
                    metrics[f"{metric.name}{{{inside}}}" if inside else metric.name] = 1.0 + n
            at_ms = now_ms - (60 - n) * 10_000
            samples.append(LineSample(process=f"{role}-1", role=role, time_ms=at_ms, metrics=metrics))
    history = bucket.history()
    assert history.write(Batch(samples=samples)) == []
    history.close()
