"""What the line told is read from topics that others may write to: what is none of ours is passed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from contracts import topics
from contracts.alerts import Alert
from contracts.models import SensorState
from contracts.sensors import SensorValue
from deploy import told_alerts
from deploy.settings import load
from detectors import sensor_watch, unusual_journey
from streams.audiences import Audience
from streams.beside import Told

AT_MS = 1_790_000_000_000
FOREIGN = (b"not { json", b"\xff\xfe", b"[" * 100_000, b"7", b"{}", b'{"alert_id": 7}', None)
SETTINGS = replace(load({}), kafka="127.0.0.1:1", audiences=(Audience("joint"),))
VALUE = SensorValue(
    subject="box-1", sensor="temperature_c", device_id="box-1", low=-30.0, high=30.0, boot_id=1, seq=7, time_ms=AT_MS,
    value=16.0,
)  # fmt: skip


def alert(alert_id: str, rule: str) -> bytes:
    told = Alert(
        alert_id=alert_id, revision=1, rule=rule, rule_version=1, severity="warning", state="opened", opened_ms=AT_MS,
        closed_ms=None, shipment_id="S1", device_id="box-1", lat_deg=None, lon_deg=None, score=0.9, evidence={},
        messages={}, exercise=False, corridor="I35", direction="northbound",
    )  # fmt: skip
    return msgspec.json.encode(told)


def state(alert_id: str) -> bytes:
    judged = SensorState(
        alert_id=alert_id, revision=1, rule="sensor_anomaly", rule_version=1, state_sha256="", state=b"", value=VALUE
    )
    return msgspec.json.encode(judged)


def told(monkeypatch: pytest.MonkeyPatch, rule: str, kept: Mapping[str, tuple[bytes | None, ...]]) -> Told:
    async def records_of(_kafka: str, topic: str, *, since_ms: int) -> AsyncGenerator[Any, None]:
        for value in kept[topic]:
            yield SimpleNamespace(value=value, timestamp=since_ms)

    monkeypatch.setattr(told_alerts, "records_of", records_of)
    found = Told()
    asyncio.run(told_alerts.read(SETTINGS, rule, found, since_ms=AT_MS))
    return found


def test_records_that_are_none_of_ours_stop_no_comparison(monkeypatch: pytest.MonkeyPatch):
    rule = sensor_watch.CARD.name
    for foreign in ((), FOREIGN):  # without them: the control
        kept = {
            topics.MODELS: (*foreign, state("one"), *foreign, state("other")),
            topics.alerts("joint"): (*foreign, alert("one", rule), *foreign, alert("without state", rule)),
        }
        found = told(monkeypatch, rule, kept)
        assert [(e.alert_id, e.subject, e.group) for e in found.episodes.values()] == [
            ("one", "box-1:temperature_c", "temperature_c"),
        ]  # fmt: skip


def test_of_journeys_the_alert_itself_says_of_what_it_is(monkeypatch: pytest.MonkeyPatch):
    rule = unusual_journey.CARD.name
    kept = {topics.alerts("joint"): (*FOREIGN, alert("one", rule), alert("another rule's", "shock"))}
    assert [(e.alert_id, e.subject, e.group) for e in told(monkeypatch, rule, kept).episodes.values()] == [
        ("one", "S1", "I35/northbound"),
    ]  # fmt: skip
