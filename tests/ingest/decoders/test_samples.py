"""Every folder of tests/samples named after a decoder is its test: real payloads and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from contracts.frames import decode_readings, lines_of
from contracts.readings import Reading
from ingest import decoders
from ingest.admission import admit

SAMPLES = Path(__file__).parents[2] / "samples"
CASES = sorted(
    folder for decoder in decoders.all_decoders() for folder in (SAMPLES / decoder.name).iterdir() if folder.is_dir()
)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_payload_becomes_what_its_folder_expects(folder: Path) -> None:
    topic = (folder / "topic.txt").read_text().rstrip("\n")
    payload = next(p for p in folder.iterdir() if p.stem == "payload").read_bytes()
    expected = json.loads((folder / "expected.json").read_text())

    accepted, refused, aside = admit(topic, payload, expected["now_ms"])

    assert [{"device_id": a.device_id, "boot_id": a.boot_id, "seq": a.seq} for a in accepted] == expected["accepted"]
    assert [{"reason": r.reason, "boot_id": r.boot_id, "seq": r.seq} for r in refused] == expected["refused"]
    assert [a.kind for a in aside] == expected.get("aside", [])
    # What goes on can be read by the stages: a line is one line, and the frame it is in decodes as a whole.
    frame = b"".join(line.data + b"\n" for line in accepted)
    assert [(r.device_id, r.boot_id, r.seq) for r in decode_readings(lines_of(frame))] == [a[:3] for a in accepted]
    for refusal in refused:
        assert refusal.sentence.endswith((".", "}."))
        assert len(refusal.sentence) < 300


def test_every_decoder_has_payloads() -> None:
    for decoder in decoders.all_decoders():
        assert any((SAMPLES / decoder.name).iterdir()), f"no payloads for {decoder.name}"


def test_every_reason_that_admission_gives_has_a_payload() -> None:
    shown = {r["reason"] for folder in CASES for r in json.loads((folder / "expected.json").read_text())["refused"]}
    assert shown >= {
        "too_large",
        "not_utf8",
        "bad_json",
        "too_deep",
        "wrong_type",
        "out_of_range",
        "bad_time",
        "bad_name",
        "topic_mismatch",
    }


@pytest.mark.parametrize("name", ["one_reading", "accepted_duplicate_seq_last_wins", "accepted_unknown_fields"])
def test_a_line_goes_on_byte_for_byte(name: str) -> None:
    payload = (SAMPLES / "native" / name / "payload.bin").read_bytes()
    accepted, _, _ = admit("v1/CRDN/TRK-00017/readings", payload, 1_767_225_600_000)
    assert [line.data for line in accepted] == [payload]


def test_a_printed_object_goes_on_as_one_line_with_the_same_content() -> None:
    payload = (SAMPLES / "native" / "pretty_printed" / "payload.bin").read_bytes()
    (line,), _, _ = admit("v1/CRDN/TRK-00017/readings", payload, 1_767_225_600_000)
    assert b"\n" not in line.data
    assert msgspec.json.decode(line.data, type=Reading) == msgspec.json.decode(payload, type=Reading)


def test_a_topic_names_its_decoder_carrier_and_device() -> None:
    found = decoders.find("v1/CRDN/TRK-00017/readings")
    assert found is not None
    decoder, address = found
    assert (decoder.name, address) == ("native", decoders.Address("CRDN", "TRK-00017"))
    assert decoders.find("v1/CRDN/TRK-00017/readings/more") is None
    assert decoders.find("v1/CRDN/readings") is None


def test_a_long_topic_is_read_and_not_remembered() -> None:
    before = decoders._find_again.cache_info().currsize
    for number in range(10):
        found = decoders.find(f"v1/CRDN/{'a' * 60_000}{number}/readings")
        assert found is not None
        assert found[1].device_id.endswith(f"a{number}")
    assert decoders._find_again.cache_info().currsize == before
