"""A rule's first trip on a shipment is an onset; those after it last, until the rule clears or the shipment changes."""

from __future__ import annotations

from contracts.readings import Finding, ShipmentReading
from streams.onsets import Onsets

RULES = ("shock", "battery_low")


def hear(*said: str) -> str:
    """Of words like ``S1:trip``, ``S1:trip:late``, ``S1:clear`` what each trip is: an onset ``o``, what lasts ``-``."""
    onsets = Onsets(RULES)
    onsets.columns.ensure(1)
    found = ""
    for seq, word in enumerate(said):
        shipment_id, level, *late = word.split(":")
        finding = Finding("shock", level)  # type: ignore[arg-type]
        reading = ShipmentReading(
            device_id="d", boot_id=1, seq=seq, time_ms=seq, shipment_id=shipment_id or None, findings=(finding,)
        )
        onsets.hear(0, reading, not late)
        found += "" if level == "clear" else "-" if finding.lasts else "o"
    return found


def test_what_trips_on_is_no_onset() -> None:
    assert hear("S1:trip", "S1:trip", "S1:trip") == "o--"


def test_after_a_clear_it_begins_again() -> None:
    assert hear("S1:trip", "S1:trip", "S1:clear", "S1:trip", "S1:trip") == "o-o-"


def test_each_shipment_has_an_onset_of_its_own_though_the_rule_never_cleared() -> None:
    assert hear("S1:trip", "S1:trip", "S2:trip", "S2:trip", ":trip", ":trip") == "o-o-o-"


def test_late_readings_have_one_of_their_own_and_take_none_from_those_in_order() -> None:
    assert hear("S2:trip", "S1:trip:late", "S2:trip", "S1:trip:late", "S2:trip", "S1:trip:late") == "oo----"
    assert hear("S1:trip", "S1:trip:late", "S1:trip", "S1:trip:late") == "oo--"


def test_a_clear_ends_what_late_readings_told_too() -> None:
    assert hear("S1:trip:late", "S2:clear", "S1:trip:late", "S1:trip:late") == "oo-"


def test_each_rule_and_each_device_has_its_own() -> None:
    onsets = Onsets(RULES)
    onsets.columns.ensure(2)
    for row, rule in ((0, "shock"), (0, "battery_low"), (1, "shock")):
        finding = Finding(rule, "trip")
        onsets.hear(
            row,
            ShipmentReading(device_id="d", boot_id=1, seq=0, time_ms=0, shipment_id="S1", findings=(finding,)),
            True,
        )
        assert not finding.lasts
