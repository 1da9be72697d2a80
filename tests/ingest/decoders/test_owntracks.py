"""What of a phone's message goes on, field by field, and whom its topic names."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.readings import Reading
from ingest import decoders
from ingest.admission import Admission, admit
from ingest.decoders.owntracks import address_from

SAMPLES = Path(__file__).parents[2] / "samples" / "owntracks"
NOW_MS = 1_767_225_600_000


def judged(name: str) -> Admission:
    topic = (SAMPLES / name / "topic.txt").read_text().strip()
    return admit(topic, (SAMPLES / name / "payload.bin").read_bytes(), NOW_MS)


def reading(name: str) -> Reading:
    (line,), refused, _ = judged(name)
    assert not refused
    return msgspec.json.decode(line.data, type=Reading)


def test_a_location_keeps_position_accuracy_speed_course_and_charge() -> None:
    assert reading("location_android") == Reading(
        device_id="jaime--pixel-7", boot_id=0, seq=1_767_225_590, time_ms=1_767_225_590_000,
        lat_deg=27.597291, lon_deg=-99.537119, accuracy_m=12.0, speed_kmh=41.0, heading_deg=341.0, battery_pct=84.0,
    )  # fmt: skip


def test_what_a_phone_says_it_does_not_know_is_absent_and_not_below_zero() -> None:
    found = reading("location_ios_without_speed")
    assert (found.speed_kmh, found.heading_deg, found.battery_pct) == (None, None, 61.0)
    nowhere = reading("location_whose_position_is_none")
    assert (nowhere.lat_deg, nowhere.lon_deg, nowhere.accuracy_m, nowhere.battery_pct) == (None, None, None, 84.0)


def test_a_transition_says_which_region_was_entered_or_left_and_a_beacons_has_no_position() -> None:
    entered, left = reading("transition_enter"), reading("transition_of_a_beacon")
    assert (entered.boot_id, entered.lat_deg, entered.accuracy_m) == (1, 27.5969, 18.2)
    assert (entered.region_event, entered.region) == ("entered", "World Trade Bridge")
    assert (left.boot_id, left.lat_deg) == (2, None)
    assert (left.region_event, left.region) == ("left", "Muelle 4")


def test_the_last_will_is_the_devices_status() -> None:
    (will,) = judged("last_will").aside
    assert json.loads(will.status or b"") == {
        "device_id": "jaime--pixel-7", "state": "offline", "connected_ms": 1_767_221_990_000,
    }  # fmt: skip


def test_what_else_the_app_sends_is_counted_by_its_type_and_goes_nowhere() -> None:
    for name in ("waypoint", "card_with_a_large_face", "configuration_dump"):
        assert [aside.status for aside in judged(name).aside] == [None]


def test_an_encrypted_message_is_refused_and_says_what_to_change_in_the_app() -> None:
    (refusal,) = judged("encrypted").refused
    assert "encryption key" in refusal.sentence


@given(st.text(max_size=12), st.text(max_size=12))
def test_two_phones_never_share_a_name(user: str, device: str) -> None:
    joined = address_from(user, device).device_id
    payload = b'{"_type":"location","lat":27.5,"lon":-99.5,"tst":1767225590}'
    for at in range(len(joined) + 1):
        # Every other way to read the same name as a user and a device is refused, if this one is taken.
        for gap in (2,):
            other = joined[:at], joined[at + gap :]
            if joined[at : at + gap] == "--" and other != (user, device) and "/" not in joined and "+" not in joined:
                both = [admit("/".join(("owntracks", *names)), payload, NOW_MS) for names in ((user, device), other)]
                assert not all(found.accepted for found in both)


@given(st.binary(max_size=400) | st.text().map(lambda t: json.dumps({"_type": t}).encode()))
def test_no_bytes_raise_and_none_vanish(payload: bytes) -> None:
    found = admit("owntracks/jaime/pixel-7", payload, NOW_MS)
    assert len(found.accepted) + len(found.refused) + len(found.aside) == 1


@pytest.mark.parametrize("topic", ["owntracks/jaime/pixel-7", "owntracks/jaime/pixel-7/event", "owntracks/a/b/c/d"])
def test_topics_below_the_phones_own_are_its_too(topic: str) -> None:
    found = decoders.find(topic)
    assert found is not None
    assert (found[0].name, found[1].carrier_scac) == ("owntracks", None)


def test_a_shorter_topic_is_nobodys() -> None:
    assert decoders.find("owntracks/jaime") is None
    assert decoders.find("owntracks") is None
