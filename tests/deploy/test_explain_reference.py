"""``puente alerts explain`` on a real line whose reference is corrected afterwards: judged by what was known then."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contracts import frames, topics
from contracts.alerts import Alert
from contracts.readings import Tick
from deploy.cli.explained import lines_of
from deploy.explain import explain
from deploy.kept import KafkaLog
from deploy.settings import load
from deploy.stack import LocalStack
from deploy.topic_io import records_of

T0_MS = 1_790_000_000_000
WRONG = "MX0000001"  # the seal that the container reports, which the papers had not

pytestmark = pytest.mark.kafka


def route() -> dict[str, Any]:
    line = {"type": "LineString", "coordinates": [[-99.51, 27.5], [-99.51, 29.0]]}
    return {"kind": "route", "effective_ms": 0, "route_id": "I35", "line": line, "half_width_m": 500.0,
            "expected_travel_s": 9_000.0}  # fmt: skip


def shipment(effective_ms: int, *seals: str) -> dict[str, Any]:
    return {
        "kind": "shipment", "effective_ms": effective_ms, "shipment_id": "S1", "container": "CSQU3054383",
        "carrier_scac": "CRDN", "device_ids": ["seal-1"], "route_id": "I35", "direction": "northbound",
        "origin": "MXNLD", "destination": "USLRD", "seal_numbers": list(seals),
    }  # fmt: skip


def device() -> dict[str, Any]:
    return {"kind": "device", "effective_ms": 0, "device_id": "seal-1", "carrier_scac": "CRDN", "device_kind": "seal",
            "interval_s": 1.0}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line with a worker, and the folder of files that are loaded into it."""

    stack: LocalStack
    folder: Path

    def puente(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments],
            env={**environ, "PUENTE_CONFIG": str(self.stack.config)},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def load(self, *records: dict[str, Any]) -> None:
        file = self.folder / "reference.ndjson"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        ran = self.puente("reference", "load", str(file))
        assert ran.returncode == 0, ran.stderr

    def alert(self) -> Alert | None:
        return next((a for a in asyncio.run(told(self.stack.settings.kafka)) if a.rule == "seal_mismatch"), None)


async def told(kafka: str) -> list[Alert]:
    return [msgspec.json.decode(record.value, type=Alert) async for record in records_of(kafka, topics.alerts("joint"))]


async def write(kafka: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for seq in range(count):
            time_ms = T0_MS + 1_000 * seq
            reading = {"device_id": "seal-1", "boot_id": 1, "seq": seq, "time_ms": time_ms, "seal_number": WRONG}
            tick = frames.encode_tick(Tick("gateway", time_ms + 1_000))
            await producer.send(topics.READINGS, msgspec.json.encode(reading), headers=frames.FRAME_HEADERS)
            await producer.send(topics.READINGS, tick, headers=frames.TICK_HEADERS)
        await producer.flush()


@pytest.fixture(scope="module")
def line(kafka_ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A container with another seal than its papers', of which an alert was told; then its papers were corrected."""
    with LocalStack(replace(load({}), partitions=1, checkpoint_interval_s=1.0)) as stack:
        line = Line(stack, tmp_path_factory.mktemp("files"))
        line.load(route(), device(), shipment(0, "US1234567"))
        worker = stack.start_role("worker")
        asyncio.run(write(stack.settings.kafka, 7))
        deadline_s = time.monotonic() + 300.0
        while line.alert() is None and time.monotonic() < deadline_s:
            worker.check()
            time.sleep(0.5)
        worker.stop(deadline_s=120.0)
        line.load(shipment(0, WRONG))  # in the first one's place, which a compaction will take away
        line.load(shipment(T0_MS - 60_000, WRONG))
        yield line


def test_an_alert_comes_out_again_though_the_shipment_was_corrected_since(line: Line) -> None:
    alert = line.alert()
    assert alert is not None
    assert alert.evidence["expected"] == "US1234567"
    ran = line.puente("alerts", "explain", alert.alert_id)
    assert (ran.returncode, "REPRODUCED" in ran.stdout, "NOT" in ran.stdout) == (0, True, False), (
        ran.stdout + ran.stderr
    )


class Compacted(KafkaLog):
    """The same line when Kafka has let go of every record of the reference that another has taken the place of."""

    async def records(
        self, topic: str, *, only: int | None = None, since_ms: int | None = None
    ) -> AsyncGenerator[Any, None]:
        found = [record async for record in super().records(topic, only=only, since_ms=since_ms)]
        newest = {record.key: record.offset for record in found}
        for record in found:
            if topic != topics.REFERENCE or newest[record.key] == record.offset:
                yield record


def test_where_what_was_known_then_is_kept_no_longer_that_is_said(line: Line) -> None:
    alert = line.alert()
    assert alert is not None
    settings = line.stack.settings
    found = asyncio.run(explain(settings, alert.alert_id, log=Compacted(settings.kafka)))
    assert (found.outcome, found.score) == ("reference_changed", None)
    assert found.heard > 0
    for language, says in (("en", "reference has been changed since"), ("es", "la referencia ha cambiado")):
        assert says in "\n".join(lines_of(found, language))
