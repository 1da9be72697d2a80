"""Messages: frames come back as they went, identities stay what they were, dead letters hold what they say."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import deadletters, frames, topics
from contracts.alerts import alert_id
from contracts.events import event_id
from contracts.readings import Finding, Reading, ShipmentReading, Tick, identity, offset_ns

names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
counts = st.integers(0, 2**53 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
plain = {
    "device_id": names,
    "boot_id": counts,
    "seq": counts,
    "time_ms": st.integers(0, 2**53),
    "lat_deg": st.none() | st.floats(-90, 90),
    "lon_deg": st.none() | st.floats(-180, 180),
    "temperature_c": st.none() | st.floats(-273.15, 1000),
    "door": st.none() | st.sampled_from(["open", "closed"]),
    "seal_number": st.none() | st.text(st.characters(codec="utf-8"), max_size=64),
    "seal_state": st.none() | st.sampled_from(["armed", "open", "removed", "tampered"]),
    "seal_openings": st.none() | counts,
    "rfid": st.none() | st.lists(texts, max_size=3),
    "region": st.none() | st.text(st.characters(codec="utf-8"), max_size=128),
    "region_event": st.none() | st.sampled_from(["entered", "left"]),
    "exercise": st.booleans(),
}
findings = st.builds(
    Finding,
    rule=names,
    level=st.sampled_from(["trip", "clear"]),
    score=st.floats(0, 1),
    evidence=st.dictionaries(names, st.floats(-1e6, 1e6) | texts | st.none(), max_size=3),
)
joined = st.builds(
    ShipmentReading,
    **plain,
    shipment_id=st.none() | names,
    inside=st.lists(names, max_size=2).map(tuple),
    marks=st.lists(st.sampled_from(["gap", "late"]), max_size=2).map(tuple),
    findings=st.lists(findings, max_size=2).map(tuple),
)


@given(st.lists(st.builds(Reading, **plain), max_size=5))
def test_readings_come_out_of_a_frame_as_they_went_in(readings: list[Reading]) -> None:
    value = frames.encode_lines(readings)
    assert value.count(b"\n") == len(readings)  # whatever a text holds, a reading is one line
    assert frames.decode_readings(frames.lines_of(value)) == readings


@given(st.lists(joined, max_size=5))
def test_joined_readings_come_out_of_a_frame_as_they_went_in(readings: list[ShipmentReading]) -> None:
    assert frames.decode_shipment_readings(frames.lines_of(frames.encode_lines(readings))) == readings


@given(st.builds(Reading, **plain))
def test_a_plain_reading_is_a_joined_one_of_which_nothing_is_known(reading: Reading) -> None:
    (same,) = frames.decode_shipment_readings(frames.lines_of(frames.encode_lines([reading])))
    assert msgspec.structs.asdict(same) == msgspec.structs.asdict(
        ShipmentReading(**msgspec.structs.asdict(reading))
    )  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"device_id":"a"}'],
        [b'{"device_id":"a","boot_id":0,"seq":0,"time_ms":1},{"device_id":"a","boot_id":0,"seq":1,"time_ms":1}'],
        [b'{"device_id":"a","boot_id":0,"seq":0,"time_ms":1,"door":"\xff"}'],
        [b'{"device_id":"a","boot_id":0,"seq":0,"time_ms":1,"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}"],
        [b"{", b"}"],
    ],
    ids=["a field is missing", "two readings in a line", "no UTF-8", "too deep", "one reading over two lines"],
)
def test_what_is_no_reading_a_line_is_unreadable(lines: list[bytes]) -> None:
    for decode in (frames.decode_readings, frames.decode_shipment_readings):
        with pytest.raises(frames.UNREADABLE):
            decode(lines)


def test_blank_lines_are_no_readings() -> None:
    assert frames.lines_of(b"\n{}\n\n{}\n") == [b"{}", b"{}"]
    assert frames.lines_of(b"") == []


def test_a_tick_comes_back_and_is_told_from_a_frame_by_its_header() -> None:
    tick = Tick("gateway-1", 1_790_000_000_000)
    assert frames.decode_tick(frames.encode_tick(tick)) == tick
    assert frames.kind_of(frames.TICK_HEADERS) == "tick"
    assert frames.kind_of(dict(frames.TICK_HEADERS)) == "tick"
    assert frames.kind_of(frames.FRAME_HEADERS) == "frame"
    assert frames.kind_of(None) == frames.kind_of([("other", b"tick")]) == "frame"


def test_the_ids_of_alerts_and_events_never_change() -> None:
    # What has been told under these ids is in others' hands: a new release must make the same ones.
    assert alert_id("seal_breach", 1, "seal-7", ("seal-7", 3, 41)) == "0655afa8878879950653abfcf826a2f6"
    assert event_id("DOOR_OPENED", "open", ("truck-1", 0, 0)) == "37a0a3364d817c79c4a95611b8836d9f"


@given(names, names, counts, counts, counts, counts)
def test_another_rule_version_subject_or_reading_is_another_alert(
    a: str, b: str, m: int, n: int, x: int, y: int
) -> None:
    about = {("r", 1, a, (a, m, n)), ("r", 2, a, (a, m, n)), ("r", 1, b, (a, m, n)), ("r", 1, a, (a, x, y))}
    about |= {("s", 1, a, (a, m, n)), ("r", 1, a, (b, m, n))}
    assert len({alert_id(*one) for one in about}) == len(about)


@given(counts, counts, st.integers(1, 999_999))
def test_two_readings_of_one_boot_never_share_a_nanosecond(boot: int, seq: int, apart: int) -> None:
    assert 0 <= offset_ns(boot, seq) < 1_000_000
    assert offset_ns(boot, seq) != offset_ns(boot, seq + apart)


@given(counts, st.integers(0, 7_918), st.integers(0, 7_918))
def test_the_first_readings_of_neighbouring_boots_never_share_a_nanosecond(boot: int, seq: int, other: int) -> None:
    assert offset_ns(boot, seq) != offset_ns(boot + 1, other)


def test_an_identity_is_device_boot_and_seq() -> None:
    assert identity(Reading(device_id="d", boot_id=1, seq=2, time_ms=3)) == ("d", 1, 2)


@pytest.mark.parametrize("length", [0, 10, deadletters.BYTES_MAX, deadletters.BYTES_MAX + 1])
def test_a_dead_letter_holds_64_kib_and_says_the_length_and_hash_of_all(length: int) -> None:
    data = bytes(i % 251 for i in range(length))
    letter = deadletters.dead_letter("bad_json", "why", topics.READINGS, 5, data)
    assert letter.bytes_held() == data[:65_536]
    assert letter.length == length
    assert letter.sha256 == hashlib.sha256(data).hexdigest()


def test_the_table_holds_every_topic_once_and_one_a_stage_and_audience() -> None:
    table = topics.table(("us", "mx", "joint"))
    names = [topic.name for topic in table]
    assert len(set(names)) == len(names)
    assert {topics.alerts(a) for a in ("us", "mx", "joint")} <= set(names)
    compacted = {topic.name for topic in table if topic.compacted}
    others = {topics.REFERENCE, topics.STATUS, topics.UNDELIVERED, topics.MODELS}
    assert compacted == others | set(map(topics.checkpoints, topics.STAGES))
