"""A carrier speaks for its own devices; who took a device over, and from whom, both do for a week."""

from __future__ import annotations

import msgspec
import pytest

from contracts import reference
from ingest.admission import admit
from ingest.carriers import HANDOVER_MS, Carriers

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def device(scac: str, effective_ms: int = 0, device_id: str = "TRK-1") -> reference.Record:
    return reference.parse(
        msgspec.json.encode(
            {
                "kind": "device", "effective_ms": effective_ms, "device_id": device_id, "carrier_scac": scac,
                "device_kind": "truck", "interval_s": 30.0,
            }
        )
    )  # fmt: skip


def known(*records: reference.Record) -> Carriers:
    carriers = Carriers()
    for record in records:
        carriers.apply(record)
    return carriers


def test_only_its_own_carrier_speaks_for_a_device_and_anybody_for_one_that_nobody_declared() -> None:
    carriers = known(device("CRDN"), device("BRVO", device_id="TRK-2"))
    assert carriers.allows("TRK-1", "CRDN", NOW_MS)
    assert not carriers.allows("TRK-1", "BRVO", NOW_MS)
    assert carriers.allows("TRK-3", "BRVO", NOW_MS)
    assert carriers.version == 2


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("after_days", "old", "new"), [(-30, True, False), (-6, True, True), (6, True, True), (8, False, True)]
)
def test_a_device_that_changes_hands_is_both_carriers_for_a_week_before_and_after(
    newest_first: bool, after_days: int, old: bool, new: bool
) -> None:
    versions = [device("CRDN", NOW_MS - 400 * DAY_MS), device("BRVO", NOW_MS)]
    carriers = known(*(reversed(versions) if newest_first else versions))
    at_ms = NOW_MS + after_days * DAY_MS
    assert (carriers.allows("TRK-1", "CRDN", at_ms), carriers.allows("TRK-1", "BRVO", at_ms)) == (old, new)
    assert not carriers.allows("TRK-1", "PTNE", at_ms)


def test_a_correction_of_the_same_time_replaces_what_was_wrong() -> None:
    carriers = known(device("CRDN", 5), device("BRVO", 5))
    assert not carriers.allows("TRK-1", "CRDN", NOW_MS)
    assert carriers.allows("TRK-1", "BRVO", NOW_MS)
    carriers = known(device("CRDN", 5), device("PTNE", 9), device("BRVO", 9))
    assert not carriers.allows("TRK-1", "PTNE", HANDOVER_MS)


def test_a_new_version_of_the_same_carrier_changes_nothing() -> None:
    carriers = known(device("CRDN", 5), device("CRDN", 9), device("BRVO", NOW_MS))
    assert carriers.allows("TRK-1", "CRDN", NOW_MS)
    assert not carriers.allows("TRK-1", "CRDN", NOW_MS + 8 * DAY_MS)


def test_a_message_under_anothers_code_is_refused_whole_and_says_so() -> None:
    line = b'{"device_id":"TRK-1","boot_id":1,"seq":0,"time_ms":%d}' % NOW_MS
    carriers = known(device("CRDN"))
    accepted, refused, _ = admit("v1/BRVO/TRK-1/readings", line + b"\n" + line, NOW_MS, carriers)
    assert accepted == []
    assert [(r.reason, r.data) for r in refused] == [("carrier_mismatch", line + b"\n" + line)]
    assert "carrier is BRVO" in refused[0].sentence
    assert "CRDN" not in refused[0].sentence  # whose it is, is no business of who asks
    assert len(admit("v1/CRDN/TRK-1/readings", line, NOW_MS, carriers).accepted) == 1
    assert len(admit("v1/BRVO/TRK-1/readings", line, NOW_MS).accepted) == 1  # the control: nobody knows whose it is
