"""What is published under docs/contracts: not stale, compatible, true of real messages, and valid AsyncAPI."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from contracts import topics
from contracts.alerts import Alert
from contracts.catalogue import ALERT, KAFKA, MESSAGES, MQTT, READING
from contracts.deadletters import dead_letter
from contracts.deliveries import Undelivered
from contracts.health import LineSample
from contracts.readings import Tick
from contracts.reference import encode
from deploy import contract_files
from deploy.cli.contracts import contracts
from deploy.core_line import CoreLine
from deploy.services.cache import cache_dir, locked
from ingest import decoders, status
from ingest.admission import admit
from ingest.receipts import Receipts
from simulators import scenarios
from streams.alert_board import AlertBoard
from streams.delivery import Webhook, delivery_id, http_headers, signed

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "contracts"
SAMPLES = ROOT / "tests" / "samples"
START_MS = 1_790_000_000_000

# AsyncAPI's own JSON Schemas, as npm has them.
SPECS = "@asyncapi/specs@6.11.1"
SPECS_SHA256 = "01af8744dc33c0c7eb2e908f6a955319ee58b70ecadc9387d1aeb16c0cd28928"


def test_what_is_published_is_as_the_code_says_and_breaks_nothing() -> None:
    verdict = contract_files.check(PUBLISHED)
    assert verdict.breaks == {}, "raise the message's version in contracts/catalogue.py"
    assert (verdict.missing, verdict.stale) == ([], []), "run: puente contracts write"


def test_every_topic_of_the_line_carries_a_message_of_the_catalogue() -> None:
    known = set(KAFKA) | {topics.checkpoints(stage) for stage in topics.STAGES}
    assert {topic.name for topic in topics.table(("{audience}",))} <= known


def test_every_topic_the_gateway_listens_to_is_described() -> None:
    for pattern in [decoder.pattern for decoder in decoders.all_decoders()] + [status.PATTERN]:
        assert any(decoders.levels_in(pattern, place.address) for place in MQTT if place.role == "taken"), pattern


# -- a change ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PUBLISHED, tmp_path / "contracts")
    contract_files.write(tmp_path / "contracts")  # whatever of the code is not written yet
    return tmp_path / "contracts"


def edit(folder: Path, change: Any) -> Path:
    file = folder / "schemas" / ALERT.file
    schema = json.loads(file.read_text())
    change(schema["$defs"]["Alert"])
    file.write_text(json.dumps(schema, indent=2) + "\n")
    return file


def test_a_field_that_the_code_has_lost_since_is_not_written_over(folder: Path) -> None:
    file = edit(folder, lambda alert: alert["properties"].update(colour={"type": "string"}))
    before = file.read_text()
    outcome = CliRunner().invoke(contracts, ["write", str(folder)], standalone_mode=False)
    assert outcome.return_value == 1
    assert "colour: was removed" in outcome.output
    assert "raise the message's version" in outcome.output
    assert file.read_text() == before
    assert CliRunner().invoke(contracts, ["check", str(folder)], standalone_mode=False).return_value == 1


def test_a_field_that_the_code_has_gained_since_is_stale_and_written(folder: Path) -> None:
    def younger(alert: Any) -> None:
        del alert["properties"]["sector"]

    file = edit(folder, younger)
    assert contract_files.check(folder).stale == [f"schemas/{file.name}"]
    outcome = CliRunner().invoke(contracts, ["write", str(folder), "--json"], standalone_mode=False)
    assert json.loads(outcome.output) == {"written": [f"schemas/{file.name}"], "breaks": {}}
    assert contract_files.check(folder).sound


def test_an_address_that_the_code_spells_otherwise_now_is_not_written_over(folder: Path) -> None:
    file = folder / "asyncapi.json"
    document = json.loads(file.read_text())
    document["channels"]["kafka.telemetry_readings_v1"]["address"] = "telemetry-readings-v1"
    file.write_text(json.dumps(document, indent=2) + "\n")
    before = file.read_text()
    outcome = CliRunner().invoke(contracts, ["write", str(folder)], standalone_mode=False)
    assert outcome.return_value == 1
    assert "telemetry-readings-v1: the topic was published and is telemetry.readings.v1 now" in outcome.output
    assert file.read_text() == before


def test_a_document_that_words_something_otherwise_is_stale_and_written(folder: Path) -> None:
    file = folder / "asyncapi.json"
    document = json.loads(file.read_text())
    document["channels"]["kafka.telemetry_readings_v1"]["summary"] = "in other words"
    file.write_text(json.dumps(document, indent=2) + "\n")
    assert contract_files.write(folder).written == ["asyncapi.json"]
    assert contract_files.check(folder).sound


def test_a_message_that_the_catalogue_has_lost_is_a_break(folder: Path) -> None:
    fewer = tuple(message for message in MESSAGES if message.name != ALERT.name)
    assert contract_files.check(folder, fewer).breaks == {
        f"schemas/{ALERT.file}": ["the message was published, and the catalogue has it no more"]
    }


def test_the_file_of_an_older_version_may_stay(folder: Path) -> None:
    file = folder / "schemas" / ALERT.file
    older = file.with_name(ALERT.file.replace(f".v{ALERT.version}.", ".v0."))
    shutil.copy(file, older)
    assert contract_files.check(folder).sound


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert set(contract_files.write(tmp_path).written) == set(contract_files.made())
    assert contract_files.check(tmp_path).sound


# -- true of real messages ---------------------------------------------------------------------------------------


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    (message,) = [m for m in MESSAGES if m.name == name]
    schema = contract_files.schema_of(message)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def hold(name: str, *values: bytes) -> int:
    """Every value is what its schema says; how many there were."""
    for value in values:
        validator(name).validate(json.loads(value))
    return len(values)


@pytest.fixture(scope="module")
def told() -> dict[str, list[bytes]]:
    """What a simulated half hour sends and is told, as it lies in the topics, by message."""
    fleet = scenarios.load("demo").make(7, START_MS, horizon_s=600)
    readings = [reading for _, _, reading in fleet.run()]
    line = CoreLine(fleet.reference(), 2)
    joined: list[bytes] = []
    windows: list[bytes] = []
    route = line._route

    def keep(records: Any) -> None:
        records = list(records)
        for record in records:
            if record.topic == topics.SHIPMENT_READINGS and ("type", b"frame") in record.headers:
                joined.extend(record.value.splitlines())
            elif record.topic == topics.JOURNEY_WINDOWS and ("type", b"tick") not in record.headers:
                windows.append(record.value)
        route(records)

    line._route = keep  # type: ignore[method-assign]
    line.run(fleet.run())
    line.tick(fleet.ends_ms + 600_000)
    encode_json = msgspec.json.encode
    return {
        "reading": [encode_json(r) for r in readings],
        "shipment_reading": joined,
        "journey_window": windows,
        "alert": [encode_json(a) for a in line.alerts],
        "event": [encode_json(e) for e in line.events],
        "reference_record": [encode(record) for record in fleet.reference()],
    }


@pytest.mark.parametrize(
    "name", ["reading", "shipment_reading", "journey_window", "alert", "event", "reference_record"]
)
def test_what_a_fleet_sends_and_is_told_is_as_published(told: dict[str, list[bytes]], name: str) -> None:
    assert hold(name, *told[name]) > 3


def test_the_examples_and_what_the_decoders_take_are_as_published() -> None:
    assert hold("reference_record", *(ROOT / "docs/examples/reference.ndjson").read_bytes().splitlines())
    taken = 0
    for decoder in decoders.all_decoders():
        for case in (SAMPLES / decoder.name).iterdir():
            topic = (case / "topic.txt").read_text().rstrip("\n")
            now_ms = json.loads((case / "expected.json").read_text())["now_ms"]
            taken += hold("reading", *(a.data for a in admit(topic, (case / "payload.bin").read_bytes(), now_ms)[0]))
    assert taken > 40


@pytest.mark.parametrize("name", ["latitude_91", "longitude", "negative_seq", "door_ajar", "below_absolute_zero"])
def test_what_is_refused_for_a_value_is_refused_by_the_schema_too(name: str) -> None:
    payload = (SAMPLES / "native" / f"refused_out_of_range_{name}" / "payload.bin").read_bytes()
    assert not validator("reading").is_valid(json.loads(payload))


def test_the_other_messages_are_as_published() -> None:
    receipts = Receipts()
    address = decoders.Address("CRDN", "TRK-1")
    for seq in (0, 1, 5):
        receipts.held(address, 1, seq)
    receipts.refused(address, admit("v1/CRDN/TRK-1/readings", b"{}", START_MS).refused[0])
    json_of = msgspec.json.encode
    assert hold("receipt", *(json_of(receipt) for _, receipt, _ in receipts.take(9)))
    assert hold("dead_letter", json_of(dead_letter("bad_json", "No.", "v1/CRDN/TRK-1/readings", START_MS, b"\xff")))
    assert hold("tick", json_of(Tick("gateway/0", START_MS)))
    judged = status.judge(b'{"state":"offline","device_id":"TRK-1"}', address)
    assert isinstance(judged, bytes)
    assert hold("status", judged)
    sample = LineSample(process="worker-1", role="worker", time_ms=START_MS, metrics={"puente_lag_records": 0.0})
    assert hold("line_sample", json_of(sample))
    undelivered = Undelivered(
        delivery_id="d", subscriber="s", audience="us", alert_id="a", revision=1, rule="shock", exercise=False,
        reason="refused", answer="400", tries=1, told_ms=START_MS, time_ms=START_MS, headers={}, body="{}",
    )  # fmt: skip
    assert hold("undelivered", json_of(undelivered))


# -- AsyncAPI ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def asyncapi_schema(not_had: Callable[[str, str], NoReturn]) -> dict[str, Any]:
    """AsyncAPI 3.0's JSON Schema, fetched once and kept in the cache."""
    kept = cache_dir() / f"asyncapi-specs-{SPECS.rpartition('@')[2]}.tgz"
    with locked(cache_dir() / ".asyncapi.lock"):
        if not kept.exists():
            npm = shutil.which("npm") or not_had("schemas", "AsyncAPI's own: npm is not installed")
            command = [npm, "pack", SPECS, "--silent", "--pack-destination", str(kept.parent)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                not_had("schemas", f"AsyncAPI's own: npm could not fetch it: {done.stderr.strip()[-200:]}")
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == SPECS_SHA256
    with tarfile.open(kept) as archive:
        file = archive.extractfile("package/schemas/3.0.0-without-$id.json")
        assert file is not None
        return json.load(file)  # type: ignore[no-any-return]


def faults(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft7Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def published_document() -> dict[str, Any]:
    return json.loads((PUBLISHED / "asyncapi.json").read_text())  # type: ignore[no-any-return]


def test_the_document_is_valid_by_asyncapis_own_schema(asyncapi_schema: dict[str, Any]) -> None:
    assert faults(published_document(), asyncapi_schema) == []


def test_the_control_a_document_that_is_wrong_is_found_by_that_schema(asyncapi_schema: dict[str, Any]) -> None:
    document = published_document()
    next(iter(document["operations"].values()))["action"] = "shout"
    assert faults(document, asyncapi_schema)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = published_document()
    found = 0

    def follow(value: Any) -> None:
        nonlocal found
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            follow(each)
        target = value.get("$ref") if isinstance(value, dict) else None
        if isinstance(target, str) and target.startswith("#/"):
            at: Any = document
            for part in target[2:].split("/"):
                at = at[part]
            found += 1
        elif isinstance(target, str):
            assert (PUBLISHED / target).is_file(), target
            found += 1

    follow(document)
    assert found > 50


def test_every_parameter_of_an_address_is_described_and_no_other() -> None:
    for channel in published_document()["channels"].values():
        named = {part.partition("}")[0] for part in channel["address"].split("{")[1:]}
        assert set(channel.get("parameters", {})) == named


def test_who_sends_and_who_receives_is_told_from_the_lines_side() -> None:
    operations = published_document()["operations"]
    assert operations["mqtt.v1_carrier_scac_device_id_readings.receive"]["action"] == "receive"
    assert operations["mqtt.v1_carrier_scac_device_id_receipt.send"]["action"] == "send"
    assert READING.role == "taken"


def test_mqtt_operations_say_how_they_are_published_as_the_board_of_alerts_does() -> None:
    operations = published_document()["operations"]
    said = {name: o["bindings"]["mqtt"] for name, o in operations.items() if name.startswith("mqtt.")}
    assert {binding["qos"] for binding in said.values()} == {1}
    assert "retain" not in said["mqtt.owntracks_user_device_waypoint.receive"], "as the app's settings say"
    board, alert = AlertBoard("us"), "mqtt.alerts_audience_severity_rule_alert_id"
    board.begin(0, 0)
    opened = msgspec.convert({**ALERT_FIELDS, "revision": 1, "state": "opened"}, Alert)
    board.read(0, opened, b"opened")
    (first,) = board.due()
    closed, off = board.read(1, msgspec.structs.replace(opened, revision=2, state="closed", closed_ms=2), b"closed")
    retained = [said[f"{alert}.{how}"]["retain"] for how in ("send", "send_closed", "send_off")]
    assert [each.retain for each in (first, closed, off)] == retained == [True, False, True]
    payload = published_document()["components"]["messages"]["alert_off"]["payload"]
    assert jsonschema.Draft202012Validator(payload).is_valid(off.payload.decode())


def test_a_webhooks_headers_are_those_that_it_is_sent() -> None:
    headers = published_document()["components"]["messages"]["alert_delivery"]["headers"]
    webhook = Webhook(name="desk", audience="us", url="https://desk.example/alerts", secret="s" * 32)
    events = http_headers([(name, b"x") for name in ("ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time")])
    alert = msgspec.convert({**ALERT_FIELDS, "revision": 1, "state": "opened"}, Alert)
    sent = signed(webhook, events, delivery_id("desk", alert), b"{}")
    assert set(sent) == set(headers["properties"])
    jsonschema.Draft202012Validator(headers).validate(sent)


ALERT_FIELDS: dict[str, Any] = {
    "alert_id": "a" * 32, "rule": "shock", "rule_version": 1, "severity": "info", "opened_ms": 1, "closed_ms": None,
    "shipment_id": None, "device_id": "d", "lat_deg": None, "lon_deg": None, "score": 0.5, "evidence": {},
    "messages": {}, "exercise": False, "audiences": ["us"],
}  # fmt: skip
