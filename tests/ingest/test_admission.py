"""Laws of admission: whatever comes, every line is accepted or refused exactly once, and nothing is raised."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.deadletters import REASONS
from contracts.readings import PAYLOAD_BYTES_MAX, Reading
from ingest.admission import Admission, admit
from ingest.decoders.native import LINES_MAX

TOPIC = "v1/CRDN/TRK-1/readings"
NOW_MS = 1_767_225_600_000
FIELDS = [*Reading.__struct_fields__, "unknown", "device id"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
near_readings = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6).map(
    lambda odd: {"device_id": "TRK-1", "boot_id": 1, "seq": 0, "time_ms": NOW_MS, **odd}
)


def reading(seq: int, **more: object) -> bytes:
    whole = {"device_id": "TRK-1", "boot_id": 1, "seq": seq, "time_ms": NOW_MS, **more}
    return json.dumps(whole, separators=(",", ":")).encode()


def check(admission: Admission) -> None:
    for line in admission.accepted:
        assert b"\n" not in line.data
        found = msgspec.json.decode(line.data, type=Reading)
        assert (found.device_id, found.boot_id, found.seq) == line[:3]
        assert found.device_id == "TRK-1"
        line.data.decode()
    for refusal in admission.refused:
        assert refusal.reason in REASONS
        assert refusal.sentence
        assert (refusal.boot_id is None) == (refusal.seq is None)


@given(st.binary(max_size=2_000))
@example(b"[" * 100_000)
@example(b"[\n" * 8_000)
@example(b'{"a":' * 3_000)
@example(b'"' * 999)
@example(b"\\" * 999)
def test_no_bytes_raise_and_none_vanish(payload: bytes) -> None:
    admission = admit(TOPIC, payload, NOW_MS)
    check(admission)
    assert admission.accepted or admission.refused


@given(near_readings, st.data())
def test_a_reading_gone_wrong_anywhere_is_judged_and_never_raises(
    found: dict[str, object], data: st.DataObject
) -> None:
    whole = json.dumps(found).encode("utf-8", "surrogatepass")
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 6))
    mutated = whole[:at] + data.draw(st.binary(max_size=4)).replace(b"\n", b" ") + whole[at + cut :]
    for payload in (whole, mutated):
        admission = admit(TOPIC, payload, NOW_MS)
        check(admission)
        assert len(admission.accepted) + len(admission.refused) == 1


@given(
    st.lists(st.sampled_from(["good", "bad_json", "out_of_range", "wrong_type", "not_utf8", "too_large"]), min_size=1)
)
def test_each_line_of_a_backlog_is_accepted_or_refused_once_whatever_its_neighbours(kinds: list[str]) -> None:
    kinds = ["good", *kinds]
    makes = {
        "good": lambda seq: reading(seq),
        "bad_json": lambda seq: b'{"seq":%d,' % seq,
        "out_of_range": lambda seq: reading(seq, lat_deg=91.0),
        "wrong_type": lambda seq: reading(seq, lat_deg="27"),
        "not_utf8": lambda seq: b'{"seq":%d,"note":"\xff"}' % seq,
        "too_large": lambda seq: reading(seq, note="x" * 17_000),
    }
    lines = [makes[kind](seq) for seq, kind in enumerate(kinds)]

    accepted, refused, _ = admit(TOPIC, b"\n".join(lines), NOW_MS)

    assert [(line.seq, line.data) for line in accepted] == [
        (seq, lines[seq]) for seq, kind in enumerate(kinds) if kind == "good"
    ]
    assert [r.data for r in refused] == [lines[seq] for seq, kind in enumerate(kinds) if kind != "good"]
    assert Counter(r.reason for r in refused) == Counter(kind for kind in kinds if kind != "good")


@given(st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=30), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_a_sound_backlog_goes_on_whole_and_in_its_order(seqs: list[int], newline: bytes) -> None:
    lines = [reading(seq) for seq in seqs]
    accepted, refused, _ = admit(TOPIC, newline.join(lines) + newline, NOW_MS)
    assert [line.data for line in accepted] == lines
    assert not refused


@given(near_readings)
def test_printing_an_object_over_lines_changes_no_verdict(found: dict[str, object]) -> None:
    flat = admit(TOPIC, json.dumps(found).encode(), NOW_MS)
    printed = admit(TOPIC, json.dumps(found, indent=1).encode(), NOW_MS)
    assert [line[:3] for line in flat.accepted] == [line[:3] for line in printed.accepted]
    assert [r.reason for r in flat.refused] == [r.reason for r in printed.refused]


def test_lines_that_only_make_json_together_are_not_taken_for_readings() -> None:
    # Joined by commas these three lines would be two objects and then one more: never judge a batch as one text.
    lines = [b'{"a":[{}', b"{}]}", reading(0) + b"," + reading(1)]
    accepted, refused, _ = admit(TOPIC, b"\n".join(lines), NOW_MS)
    assert not accepted
    assert [r.reason for r in refused][-1] == "bad_json"


def test_a_payload_over_a_mebibyte_is_refused_whole_and_unread() -> None:
    line = reading(0, note="x" * 4_000)
    payload = b"\n".join([line] * (PAYLOAD_BYTES_MAX // len(line) + 1))
    accepted, (refusal,), _ = admit(TOPIC, payload, NOW_MS)
    assert not accepted
    assert (refusal.reason, refusal.data) == ("too_large", payload)


def test_a_payload_of_a_mebibyte_is_read() -> None:
    lines = [reading(seq, note="x" * 4_000) for seq in range(240)]
    payload = b"\n".join(lines)
    assert len(payload) <= PAYLOAD_BYTES_MAX
    assert len(admit(TOPIC, payload + b" " * (PAYLOAD_BYTES_MAX - len(payload)), NOW_MS).accepted) == 240


def test_a_message_of_half_a_million_scraps_makes_few_dead_letters() -> None:
    assert len(admit(TOPIC, b"x\n" * 500_000, NOW_MS).refused) == 1
    assert len(admit(TOPIC, b"{}\n" * 340_000, NOW_MS).refused) == LINES_MAX + 1


@pytest.mark.parametrize(
    ("topic", "wrong"),
    [
        ("v1/CRDN/" + "a" * 60_000 + "/readings", "The topic's device is 'aaa"),
        ("v1/CRDN/TRK 1/readings", "The topic's device is 'TRK 1', and must be 1 to 64 of"),
        ("v1/CRDN//readings", "The topic's device is '', and must be"),
        ("v1/" + "\U0001f69a" * 60_000 + "/TRK-1/readings", "The topic's carrier is '\\U0001f69a"),
        ("v1/crdn/TRK-1/readings", "The topic's carrier is 'crdn', and must be a SCAC: 2 to 4 capital letters"),
    ],
    ids=["long device", "blank in device", "no device", "long carrier", "small letters"],
)
def test_a_topic_that_names_nobody_has_its_payload_refused_whole_and_is_told_which_part_is_wrong(
    topic: str, wrong: str
) -> None:
    payload = b"{}\n" * 6_000
    accepted, (refusal,), _ = admit(topic, payload, NOW_MS)
    assert not accepted
    assert (refusal.reason, refusal.data) == ("bad_name", payload)
    assert refusal.sentence.startswith(wrong)
    assert len(refusal.sentence) < 300


def test_size_is_judged_before_the_topics_names() -> None:
    (refusal,) = admit("v1/CRDN/TRK 1/readings", b" " * (PAYLOAD_BYTES_MAX + 1), NOW_MS).refused
    assert refusal.reason == "too_large"


# Each fault is one change of a sound reading, in the order in which reasons are given.
FAULTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("not_utf8", lambda line: line.replace(b'"NOTE"', b'"\xff"')),
    ("bad_json", lambda line: line.replace(b'"END"', b"NaN")),
    ("too_deep", lambda line: line.replace(b'"DEEP"', b"[" * 40 + b"]" * 40)),
    ("wrong_type", lambda line: line.replace(b'"speed_kmh":80', b'"speed_kmh":true')),
    ("out_of_range", lambda line: line.replace(b'"lat_deg":27', b'"lat_deg":91')),
    ("bad_time", lambda line: line.replace(str(NOW_MS).encode(), str(NOW_MS + 999_999).encode())),
    ("bad_name", lambda line: line.replace(b"TRK-1", b"TRK 1")),
    ("topic_mismatch", lambda line: line.replace(b"TRK", b"VAN")),
]


@given(st.sets(st.integers(0, len(FAULTS) - 1), min_size=1))
def test_of_several_faults_the_first_in_the_order_of_reasons_is_given(which: set[int]) -> None:
    line = reading(0, speed_kmh=80, lat_deg=27, note="NOTE", deep="DEEP", end="END")
    for number in sorted(which):
        changed = FAULTS[number][1](line)
        assert changed != line
        line = changed
    (refusal,) = admit(TOPIC, line, NOW_MS).refused
    assert refusal.reason == FAULTS[min(which)][0]


def test_sentences_say_what_was_sent_and_what_would_be_right() -> None:
    def sentence(payload: bytes) -> str:
        (refusal,) = admit(TOPIC, payload, NOW_MS).refused
        return refusal.sentence

    assert sentence(reading(0, speed_kmh=True)) == (
        "speed_kmh must be a number or null, and is a truth value (true or false)."
    )
    assert sentence(b"\xef\xbb\xbf" + reading(0)) == ("It begins with a byte order mark; send plain UTF-8 without one.")
    assert sentence(reading(0, time_ms=-(10**300))) == (
        "time_ms is far before 2020. Send milliseconds since 1970, in UTC."
    )
    assert sentence(b"") == "Nothing was sent. Send one whole JSON object, or one a line."


def test_another_devices_identity_is_never_named_in_a_refusal() -> None:
    # Else the receipt would tell this topic's device that a reading of its own was refused.
    for payload in (reading(7).replace(b"TRK-1", b"TRK-2"), reading(7, lat_deg=91.0).replace(b"TRK-1", b"TRK-2")):
        (refusal,) = admit(TOPIC, payload, NOW_MS).refused
        assert (refusal.boot_id, refusal.seq) == (None, None)


def test_a_topic_without_a_decoder_is_refused_by_name() -> None:
    (refusal,) = admit("v2/CRDN/TRK-1/readings", reading(0), NOW_MS).refused
    assert refusal.reason == "unknown_topic"


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        (b"hello", "at character 1, a value is missing"),
        (b'{"a":1,}', "at character 8, "),
        (b'{"a" 1}', "at character 6, the colon"),
        (b'{"a":1 "b":2}', "at character 8, a comma"),
        (b'{"a":1}{"b":2}', "at character 8, something follows"),
        (b'{"a":"x', "at character 6, a text begins"),
        (b'{"a":', "at its end, a value is missing"),
        (b'{"a":"\x01"}', "at character 7, a text holds a control character"),
        (b'{"a":"\\x"}', "at character 7, a text holds a backslash"),
    ],
)
def test_what_is_no_json_is_said_in_plain_words_with_the_place_counted_from_one(payload: bytes, place: str) -> None:
    (refusal,) = admit("v1/CRDN/TRK-1/readings", payload, 1_790_000_000_000).refused
    assert refusal.sentence.startswith(f"This is not JSON: {place}")
    assert not any(word in refusal.sentence for word in ("Expecting", "delimiter", "Unterminated", "Invalid"))
