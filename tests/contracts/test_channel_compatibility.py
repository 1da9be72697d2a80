"""Each way in which a topic may fail its readers is told; what is new breaks nobody."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from contracts.asyncapi import document
from contracts.channel_compatibility import channel_breaks

TODAY = document("1.0.0")
ALERTS = "kafka.alerts_audience_v1"
RECEIPT = "mqtt.v1_carrier_scac_device_id_receipt"


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
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_fails_a_reader_of_the_topics_is_told(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    found = channel_breaks(TODAY, changed(change))
    assert found
    assert all(said in sentence for sentence in found), found


def test_the_same_document_and_a_further_topic_or_message_break_nobody() -> None:
    def more(doc: dict[str, Any]) -> None:
        doc["channels"]["kafka.more_v1"] = deepcopy(doc["channels"][ALERTS]) | {"address": "more.v1"}
        doc["channels"][ALERTS]["messages"]["tick"] = {"$ref": "#/components/messages/tick"}
        doc["components"]["messages"]["alert"]["headers"]["properties"]["ce_more"] = {"type": "string"}
        doc["info"]["version"] = "2.0.0"

    assert channel_breaks(TODAY, TODAY) == []
    assert channel_breaks(TODAY, changed(more)) == []
