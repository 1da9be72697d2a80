"""Each way in which a topic may fail its readers is told; what is new breaks nobody."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from contracts import asyncapi, topics
from contracts.asyncapi import document
from contracts.catalogue import MESSAGES, MQTT
from contracts.channel_compatibility import channel_breaks

TODAY = document("1.0.0")
ALERTS = "kafka.alerts_audience_v1"
RECEIPT = "mqtt.v1_carrier_scac_device_id_receipt"
READINGS = "kafka.telemetry_readings_v1"
PHONE = "mqtt.alerts_audience_severity_rule_alert_id"


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    later = deepcopy(TODAY)
    change(later)
    return later


def becomes_taken(doc: dict[str, Any]) -> None:
    doc["operations"][f"{RECEIPT}.receive"] = doc["operations"].pop(f"{RECEIPT}.send")


def is_gone(doc: dict[str, Any]) -> None:
    del doc["channels"][RECEIPT], doc["operations"][f"{RECEIPT}.send"]


def of_a_new_version(doc: dict[str, Any]) -> None:
    doc["components"]["messages"]["alert"]["payload"]["schema"]["$ref"] = "schemas/alert.v2.json"


def on(channel: str, **config: Any) -> Callable[[dict[str, Any]], Any]:
    """The topic's configuration changed so, with _ for each dot."""
    wanted = {name.replace("_", "."): value for name, value in config.items()}
    return lambda d: d["channels"][channel]["bindings"]["kafka"]["topicConfiguration"].update(wanted)


def mqtt(channel: str, **binding: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda d: d["operations"][f"{channel}.send"]["bindings"]["mqtt"].update(binding)


def partitions(channel: str, count: int) -> Callable[[dict[str, Any]], Any]:
    return lambda d: d["channels"][channel]["bindings"]["kafka"].update(partitions=count)


def compact_alone(doc: dict[str, Any]) -> None:
    doc["channels"][ALERTS]["bindings"]["kafka"]["topicConfiguration"] = {"cleanup.policy": ["compact"]}


CASES: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("a topic that is gone", is_gone, "v1/{carrier_scac}/{device_id}/receipt: the topic was published and is gone"),
    ("a direction that turned", becomes_taken, "receipt: the line does no longer send there"),
    ("a message that went", lambda d: d["channels"][ALERTS]["messages"].clear(), ": carried alert and does no longer"),
    ("a new version on the old topic", of_a_new_version, ": carried alert.v1.json and carries alert.v2.json"),
    (
        "another form", lambda d: d["components"]["messages"]["reading"].update(contentType="text/csv"),
        "reading: was application/x-ndjson and is text/csv",
    ),
    (
        "a header that went", lambda d: d["components"]["messages"]["alert"]["headers"]["properties"].pop("ce_id"),
        ": its header ce_id was removed",
    ),
    (
        "a header of another value",
        lambda d: d["components"]["messages"]["tick"]["headers"]["properties"]["type"].update(const="tock"),
        "tick: its header type was tick and is tock",
    ),
    (
        "an address with another sign", lambda d: d["channels"][READINGS].update(address="telemetry-readings-v1"),
        "telemetry.readings.v1: the topic was published and is telemetry-readings-v1 now",
    ),
    (
        "two levels made one",
        lambda d: d["channels"][PHONE].update(address="alerts/{audience}/{severity}/{rule}-{alert_id}"),
        "{rule}/{alert_id}: the topic was published and is alerts/{audience}/{severity}/{rule}-{alert_id} now",
    ),
    (
        "a parameter that went", lambda d: d["channels"][PHONE]["parameters"].pop("rule"),
        "{rule}/{alert_id}: its parameters were",
    ),
    (
        "a parameter bound to some values",
        lambda d: d["channels"][PHONE]["parameters"]["severity"].update(enum=["info"]), ": its parameters were",
    ),
    (
        "another key", lambda d: d["channels"][READINGS].update({"x-puente-key": "shipment"}),
        "telemetry.readings.v1: was keyed by device and is by shipment",
    ),
    ("more partitions", partitions(ALERTS, 4), "alerts.{audience}.v1: its partitions were 1 and are 4"),
    (
        "partitions of its own", partitions(READINGS, 4),
        "telemetry.readings.v1: its partitions were as many as the line has and are 4",
    ),
    ("alerts that only the last stays of", compact_alone, ": its cleanup.policy was delete and is compact"),
    (
        "a last word that goes after a while", on("kafka.telemetry_status_v1", cleanup_policy=["compact", "delete"]),
        "telemetry.status.v1: its cleanup.policy was compact and is compact,delete",
    ),
    ("a shorter time", on(READINGS, retention_ms=1), ": its retention.ms was 604800000 and is 1"),
    ("a lower QoS", mqtt(RECEIPT, qos=0), "receipt: was at QoS 1 and is at 0"),
    ("open alerts that nobody finds later", mqtt(PHONE, retain=False), "was retained and is no longer"),
    (
        "a message told, now taken",
        lambda d: d["components"]["messages"]["alert"].update({"x-puente-role": "taken"}),
        "alert: was told by the line and is taken",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_fails_a_reader_of_the_topics_is_told(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    found = channel_breaks(TODAY, changed(change))
    assert found
    assert all(said in sentence for sentence in found), found


def test_keeping_records_longer_or_all_of_them_breaks_nobody() -> None:
    assert channel_breaks(TODAY, changed(on(READINGS, retention_ms=30 * 86_400_000))) == []
    assert channel_breaks(TODAY, changed(on(READINGS, retention_ms=-1))) == []
    assert channel_breaks(changed(on(READINGS, retention_ms=-1)), TODAY), "the control: no longer for ever"
    assert channel_breaks(TODAY, changed(on("kafka.models_v1", cleanup_policy=["delete"]))) == []
    assert channel_breaks(changed(compact_alone), TODAY), "the control: from compact to delete, the last word goes"


def test_words_about_a_parameter_or_a_topic_may_change() -> None:
    def reworded(doc: dict[str, Any]) -> None:
        doc["channels"][PHONE]["parameters"]["rule"]["description"] = "in other words"
        doc["channels"][READINGS]["description"] = "in other words"

    assert channel_breaks(TODAY, changed(reworded)) == []


def test_a_document_that_did_not_tell_role_and_key_yet_is_not_broken_by_them() -> None:
    def untold(doc: dict[str, Any]) -> None:
        for message in doc["components"]["messages"].values():
            del message["x-puente-role"]
        for channel in doc["channels"].values():
            channel.pop("x-puente-key", None)

    assert channel_breaks(changed(untold), TODAY) == []


def test_the_document_tells_each_messages_role_and_each_kafka_topics_key() -> None:
    roles = {name: message["x-puente-role"] for name, message in TODAY["components"]["messages"].items()}
    assert roles == {m.name: m.role for m in MESSAGES} | {
        "owntracks_message": "taken", "alert_off": "told", "alert_delivery": "told",
    }  # fmt: skip
    keys = {c["address"]: c["x-puente-key"] for name, c in TODAY["channels"].items() if name.startswith("kafka.")}
    assert (keys[topics.READINGS], keys[topics.SHIPMENT_READINGS]) == ("device", "shipment")


def test_two_topics_that_differ_in_signs_alone_do_not_hide_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    alerts = MQTT[-1]
    dashed = replace(alerts, address="alerts/{audience}/{severity}/{rule}-{alert_id}")
    monkeypatch.setattr(asyncapi, "MQTT", (*MQTT, dashed))
    with pytest.raises(ValueError, match="differ in signs alone"):
        document("1.0.0")
    monkeypatch.setattr(asyncapi, "MQTT", (*MQTT[:-1], dashed))
    (sentence,) = channel_breaks(TODAY, document("1.0.0"))
    assert sentence == f"{alerts.address}: the topic was published and is {dashed.address} now"


def test_a_document_that_says_nothing_promises_nothing() -> None:
    assert channel_breaks({}, TODAY) == []


def test_the_same_document_and_a_further_topic_or_message_break_nobody() -> None:
    def more(doc: dict[str, Any]) -> None:
        doc["channels"]["kafka.more_v1"] = deepcopy(doc["channels"][ALERTS]) | {"address": "more.v1"}
        doc["channels"][ALERTS]["messages"]["tick"] = {"$ref": "#/components/messages/tick"}
        doc["components"]["messages"]["alert"]["headers"]["properties"]["ce_more"] = {"type": "string"}
        doc["info"]["version"] = "2.0.0"

    assert channel_breaks(TODAY, TODAY) == []
    assert channel_breaks(TODAY, changed(more)) == []
