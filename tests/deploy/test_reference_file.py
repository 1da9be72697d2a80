"""A reference file is judged as a whole: all of it is loaded, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.reference import Route, Shipment, encode, key_of, parse
from deploy.reference_file import in_loading_order, judge

ROUTE: dict[str, Any] = {
    "kind": "route",
    "effective_ms": 1_700_000_000_000,
    "route_id": "I35",
    "line": {"type": "LineString", "coordinates": [[-99.5, 27.5], [-98.5, 29.4]]},
    "half_width_m": 500,
    "expected_travel_s": 9000,
}
DEVICE: dict[str, Any] = {
    "kind": "device",
    "effective_ms": 1_700_000_000_000,
    "device_id": "truck-1",
    "carrier_scac": "CRDN",
    "device_kind": "truck",
    "interval_s": 10,
}
NOTICE: dict[str, Any] = {
    "kind": "notice",
    "effective_ms": 1_700_000_000_000,
    "notice_id": "christmas",
    "bridge": "WTB",
    "reason": "holiday",
    "ends_ms": 1_700_086_400_000,
}
SHIPMENT: dict[str, Any] = {
    "kind": "shipment",
    "effective_ms": 1_700_000_000_000,
    "shipment_id": "S1",
    "container": "MSCU6639870",
    "carrier_scac": "CRDN",
    "device_ids": ["truck-1"],
    "route_id": "I35",
    "direction": "northbound",
    "origin": "MXNLD",
    "destination": "USLRD",
}


def lines(*records: dict[str, Any]) -> list[bytes]:
    return [json.dumps(record).encode() for record in records]


def fence(*rings: list[list[float]]) -> dict[str, Any]:
    return {"geofence_id": "yard", "area": {"type": "Polygon", "coordinates": list(rings)}}


SQUARE: list[list[float]] = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
BOW_TIE: list[list[float]] = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
T0_MS = 1_700_000_000_000
SECOND: dict[str, Any] = SHIPMENT | {"shipment_id": "S2", "container": "CSQU3054383"}


def noted(*records: dict[str, Any], known: tuple[dict[str, Any], ...] = ()) -> list[str]:
    """The warnings of a file that has no refusals, beside what is loaded."""
    loaded = {key_of(parse(line)): encode(parse(line)) for line in lines(*known)}
    judged = judge(lines(*records), loaded)
    assert judged.refusals == []
    return list(map(str, judged.warnings))


def test_a_right_file_is_taken_whole():
    judged = judge([*lines(SHIPMENT, ROUTE), b"\n", *lines(DEVICE)])
    assert (len(judged.records), judged.refusals, judged.warnings, judged.lines) == (3, [], [], 3)


def test_each_wrong_line_is_named_with_field_and_reason():
    judged = judge(
        [
            *lines(ROUTE, SHIPMENT | {"container": "MSCU6639871"}),
            b'{"kind":"device"',
            *lines(DEVICE | {"interval_s": 0}, DEVICE | {"kind": "drone"}, SHIPMENT | {"direction": "up"}),
            b"\xff\xfe",
            b"[]",
        ]
    )
    assert [(note.line, note.field) for note in judged.refusals] == [
        (2, "container"),
        (3, "line"),
        (4, "interval_s"),
        (5, "kind"),
        (6, "direction"),
        (7, "line"),
        (8, "line"),
    ]
    assert "ends in 0" in judged.refusals[0].why


@pytest.mark.parametrize(
    ("record", "field", "why"),
    [
        (DEVICE | {"intervall_s": 5}, "intervall_s", "is no field of this record; did you mean interval_s?"),
        (SHIPMENT | {"colour": "red"}, "colour", "is no field of this record"),
        (
            ROUTE | {"approved_stops": [{"stop_id": "s", "lat": 1, "lat_deg": 1, "lon_deg": 1, "radius_m": 9}]},
            "approved_stops[0].lat",
            "did you mean lat_deg?",
        ),
        (DEVICE | {"device_id": "a b"}, "device_id", "must be 1 to 64 of letters, digits, '.', '_' or '-'"),
        (DEVICE | {"kind": "nope"}, "kind", "must be route, shipment, device, seal or notice, not nope"),
        (SHIPMENT | {"direction": "up"}, "direction", "must be northbound or southbound, not up"),
        (ROUTE | {"line": {"type": "Point", "coordinates": []}}, "line.type", "must be LineString, not Point"),
        (DEVICE | {"interval_s": "10"}, "interval_s", "must be a number, not text"),
        (DEVICE | {"interval_s": 0}, "interval_s", "must be a number above 0"),
        (DEVICE | {"interval_s": 1e6}, "interval_s", "must be a number of at most 86400"),
        (SHIPMENT | {"device_ids": []}, "device_ids", "must be a list of at least 1"),
        (SHIPMENT | {"min_temperature_c": "4"}, "min_temperature_c", "must be a number or null, not text"),
        ([], "line", "a record must be a JSON object"),
        (DEVICE | {"effective_ms": 1_700_000_000}, "effective_ms", "looks like seconds"),
        (SHIPMENT | {"ends_ms": 1_800_000_000_000, "effective_ms": 1}, "effective_ms", "looks like seconds"),
        (SHIPMENT | {"origin": "USLRD", "destination": "MXNLD"}, "direction", "from USLRD to MXNLD"),
        (SHIPMENT | {"direction": "southbound"}, "direction", "from MXNLD to USLRD"),
        (SHIPMENT | {"origin": "XXXXX"}, "origin", "XXXXX begins with no country of ISO 3166: XX"),
        (SHIPMENT | {"destination": "UKLON"}, "destination", "such as USLRD"),
        (SHIPMENT | {"origin": "mxnld"}, "origin", "must be a UN/LOCODE: 5 characters"),
        (ROUTE | {"line": {"type": "LineString", "coordinates": [[1, 1], [1, 1]]}}, "line.coordinates", "no length"),
        (ROUTE | {"expected_travel_s": 3_628_801}, "expected_travel_s", "six weeks (3628800) at most, not 3.6288e+06"),
        (ROUTE | {"geofences": [fence(BOW_TIE)]}, "geofences[0].area", "neither themselves nor each other"),
        (ROUTE | {"geofences": [fence(SQUARE), fence([[0, 0]] * 4)]}, "geofences[1].area", "that bounds an area"),
        (ROUTE | {"geofences": [fence(SQUARE, [[5, 5], [6, 5], [6, 6], [5, 5]])]}, "geofences[0].area", "hole"),
        (SHIPMENT | {"trailer": ""}, "trailer", "is empty: name it, or leave the field out"),
        (SHIPMENT | {"truck": " "}, "truck", "is empty"),
        (SHIPMENT | {"driver_card": ""}, "driver_card", "is empty"),
        (SHIPMENT | {"trader": "\t"}, "trader", "is empty"),
        (SHIPMENT | {"trader": "a\x00b"}, "trader", "without control characters"),
        (SHIPMENT | {"device_ids": ["truck-1", "box-1", "truck-1"]}, "device_ids[2]", "names truck-1 a second time"),
        (NOTICE | {"ends_ms": 1_700_000_000_000 + 31 * 86_400_000 + 1}, "ends_ms", "within 31 days of effective_ms"),
        (NOTICE | {"ends_ms": 1_700_086_400}, "ends_ms", "is before effective_ms"),
        (DEVICE | {"sensors": ["temprature"]}, "sensors[0]", "did you mean temperature?"),
        (DEVICE | {"sensors": ["seal", "zzz"]}, "sensors[1]", "'zzz' is no sensor that is known; there are position, "),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_who_wrote_it(record: Any, field: str, why: str):
    [refusal] = judge(lines(ROUTE, record)).refusals
    assert (refusal.line, refusal.field) == (2, field)
    assert why in refusal.why
    assert "`" not in refusal.why


@pytest.mark.parametrize(
    ("kind", "interval_s", "warned"),
    [("phone", 120, False), ("phone", 121, True), ("truck", 900, True), ("seal", 900, False)],
)
def test_a_vehicle_that_reports_too_seldom_for_its_journeys_to_be_judged_is_warned_of(
    kind: str, interval_s: int, warned: bool
) -> None:
    judged = judge(lines(DEVICE | {"device_kind": kind, "interval_s": interval_s}))
    assert (judged.refusals, len(judged.records)) == ([], 1)
    said = [str(note) for note in judged.warnings]
    assert said == (
        [f"line 1: interval_s: each {interval_s} s is too seldom for unusual_journey; it needs 120 s or less"] * warned
    )


def test_a_direction_within_one_country_is_a_warning_and_the_beginning_of_time_is_none():
    judged = judge(lines(ROUTE | {"effective_ms": 0}, DEVICE, SHIPMENT | {"origin": "USSAT"}))
    assert judged.refusals == []
    assert [(note.line, note.field) for note in judged.warnings] == [(3, "direction")]


def test_a_shipments_route_must_be_in_the_file_or_loaded():
    [refusal] = judge(lines(DEVICE, SHIPMENT)).refusals
    assert (refusal.line, refusal.field) == (2, "route_id")
    assert judge(lines(DEVICE, SHIPMENT), {"route/I35/1": b"{}"}).refusals == []


def test_a_notice_of_a_bridge_that_no_route_crosses_is_warned_of_with_those_that_there_are():
    crossing = ROUTE | {"geofences": [fence(SQUARE) | {"bridge": name} for name in ("WTB", "COL")]}
    assert noted(crossing, NOTICE) == noted(NOTICE, known=(crossing,)) == []
    assert noted(crossing, NOTICE | {"bridge": "WBT"}) == [
        "line 2: bridge: WBT is no bridge of a route's geofences, so this is a notice of nothing; there are COL, WTB"
    ]
    assert noted(ROUTE, NOTICE)[0].endswith("there are none")


def test_unknown_devices_are_a_warning():
    judged = judge(lines(ROUTE, SHIPMENT))
    assert judged.refusals == []
    assert [(note.line, note.field) for note in judged.warnings] == [(2, "device_ids")]


def test_every_fault_of_a_line_is_named_and_a_right_line_beside_it_is_not_loaded_alone():
    judged = judge(lines(ROUTE, DEVICE, SHIPMENT | {"origin": "XXXXX", "truck": ""}))
    assert [(note.line, note.field) for note in judged.refusals] == [(3, "origin"), (3, "truck")]


def test_a_number_beyond_all_numbers_is_refused_in_words():
    [refusal] = judge([lines(ROUTE)[0].replace(b"9000", b"1e999")]).refusals
    assert (refusal.field, refusal.why) == ("expected_travel_s", "must be a finite number: this one is larger than any")


def test_a_container_is_stored_in_one_spelling():
    records = judge(lines(ROUTE, DEVICE, SHIPMENT | {"container": "mscu 663987 0"})).records
    assert b'"container":"MSCU6639870"' in encode(records["shipment/S1/1700000000000"])
    assert judge(lines(ROUTE, DEVICE, SHIPMENT, SHIPMENT | {"container": "mscu6639870"})).refusals == []


def test_seals_that_nobody_issued_are_a_warning():
    seal = {
        "kind": "seal", "effective_ms": T0_MS, "seal_number": "ML1", "class": "H", "source": "CUSTOMS",
        "type": "BOLT", "placement": "DOOR",
    }  # fmt: skip
    sealed = SHIPMENT | {"seal_numbers": ["ML1", "ML2"]}
    assert noted(ROUTE, DEVICE, seal, sealed) == ["line 4: seal_numbers: not known as seals: ML2"]
    assert noted(sealed, known=(ROUTE, DEVICE, seal, seal | {"seal_number": "ML2"})) == []


def test_devices_of_another_carrier_are_a_warning():
    told = "carrier_scac: CRDN, but another carrier's are truck-1 (PTNE)"
    assert noted(ROUTE, DEVICE | {"carrier_scac": "PTNE"}, SHIPMENT) == [f"line 3: {told}"]
    assert noted(SHIPMENT, known=(ROUTE, DEVICE | {"carrier_scac": "PTNE"})) == [f"line 1: {told}"]
    since = DEVICE | {"carrier_scac": "PTNE", "effective_ms": T0_MS - 5}
    assert noted(ROUTE, since, DEVICE, SHIPMENT) == [], "it is this carrier's from the shipment's beginning on"
    assert noted(ROUTE, DEVICE, SHIPMENT, DEVICE | {"carrier_scac": "PTNE", "effective_ms": T0_MS + 5}) == []


def test_a_device_or_a_container_of_two_shipments_at_once_is_a_warning():
    later = {"effective_ms": T0_MS + 10}
    at_once = "claims at the same time"
    assert noted(ROUTE, DEVICE, SHIPMENT, SECOND | later) == [f"line 4: device_ids: shipment S1 {at_once}: truck-1"]
    same_box = SECOND | later | {"container": "MSCU6639870", "device_ids": ["box-1"]}
    box = DEVICE | {"device_id": "box-1"}
    assert noted(ROUTE, DEVICE, box, SHIPMENT, same_box) == [f"line 5: container: shipment S1 {at_once}: MSCU6639870"]
    loaded = (ROUTE, DEVICE, SHIPMENT)
    assert noted(SECOND | later, known=loaded) == [f"line 1: device_ids: shipment S1 {at_once}: truck-1"]
    # What is loaded begins later, and it is the file's line that is told of it.
    before = SECOND | {"effective_ms": T0_MS - 10}
    assert noted(before, known=loaded) == [f"line 1: device_ids: shipment S1 {at_once}: truck-1"]


def test_shipments_that_follow_one_another_claim_nothing_twice():
    ended, later = SHIPMENT | {"ends_ms": T0_MS + 10}, {"effective_ms": T0_MS + 10}
    assert noted(ROUTE, DEVICE, ended, SECOND | later) == []
    assert noted(SECOND | later, known=(ROUTE, DEVICE, ended)) == []
    assert noted(ROUTE, DEVICE, SHIPMENT, SHIPMENT | later) == [], "versions of one shipment follow one another"
    let_go = SHIPMENT | {"effective_ms": T0_MS + 5, "device_ids": ["box-1"]}
    assert noted(ROUTE, DEVICE, DEVICE | {"device_id": "box-1"}, SHIPMENT, let_go, SECOND | later) == []
    # A record of the file stands for the one loaded under its key, which claims nothing any more.
    told = noted(ended, SECOND | later, known=(ROUTE, DEVICE, SHIPMENT))
    assert told == ["line 1: effective_ms: replaces what is loaded as shipment/S1/1700000000000"]


def test_what_two_loaded_shipments_claim_is_not_told_of_a_file_that_has_neither():
    other = {"shipment_id": "S3", "container": "TGHU1234567", "device_ids": ["box-1"]}
    known = (ROUTE, DEVICE, DEVICE | {"device_id": "box-1"}, SHIPMENT, SECOND)
    assert noted(SHIPMENT | other, known=known) == []


def test_loaded_records_that_cannot_be_read_hide_no_warning():
    [told] = judge(lines(ROUTE, DEVICE, SHIPMENT, SECOND), {"shipment/S9/1": b"{}", "device/x/1": b"\xff"}).warnings
    assert told.line == 4


def test_two_lines_may_not_disagree_but_may_repeat():
    assert judge(lines(DEVICE, DEVICE)).refusals == []
    [refusal] = judge(lines(DEVICE, DEVICE | {"interval_s": 20})).refusals
    assert (refusal.line, refusal.field) == (2, "effective_ms")
    assert judge(lines(DEVICE, DEVICE | {"interval_s": 20, "effective_ms": 1_700_000_000_001})).refusals == []


def test_replacing_what_is_loaded_is_a_warning_and_loading_it_again_is_none():
    key = "device/truck-1/1700000000000"
    same, other = encode(parse(lines(DEVICE)[0])), encode(parse(lines(DEVICE | {"interval_s": 20})[0]))
    assert judge(lines(DEVICE), {key: same}).warnings == []
    assert [note.line for note in judge(lines(DEVICE), {key: other}).warnings] == [1]


def test_a_line_kafka_would_not_take_is_refused():
    long = ROUTE | {
        "line": {"type": "LineString", "coordinates": [[-99.123456789012345, 27.12345678901234], [0, 0]] * 10_000}
    }
    stops = [{"stop_id": f"s{i}" + "x" * 50, "lat_deg": 27.5, "lon_deg": -99.5, "radius_m": 50} for i in range(4000)]
    [refusal] = judge(lines(long | {"approved_stops": stops})).refusals
    assert "1000000 bytes" in refusal.why


def test_routes_are_loaded_before_the_shipments_on_them():
    ordered = in_loading_order(judge(lines(SHIPMENT, DEVICE, ROUTE)).records.values())
    assert isinstance(ordered[0], Route)
    assert isinstance(ordered[-1], Shipment)
