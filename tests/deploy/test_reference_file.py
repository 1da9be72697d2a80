"""A reference file is judged as a whole: all of it is loaded, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.reference import Route, Shipment, encode, parse
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
        (DEVICE | {"kind": "nope"}, "kind", "must be route, shipment, device or seal, not nope"),
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
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_who_wrote_it(record: Any, field: str, why: str):
    [refusal] = judge(lines(ROUTE, record)).refusals
    assert (refusal.line, refusal.field) == (2, field)
    assert why in refusal.why
    assert "`" not in refusal.why


def test_a_direction_within_one_country_is_a_warning_and_the_beginning_of_time_is_none():
    judged = judge(lines(ROUTE | {"effective_ms": 0}, DEVICE, SHIPMENT | {"origin": "USSAT"}))
    assert judged.refusals == []
    assert [(note.line, note.field) for note in judged.warnings] == [(3, "direction")]


def test_a_shipments_route_must_be_in_the_file_or_loaded():
    [refusal] = judge(lines(DEVICE, SHIPMENT)).refusals
    assert (refusal.line, refusal.field) == (2, "route_id")
    assert judge(lines(DEVICE, SHIPMENT), {"route/I35/1": b"{}"}).refusals == []


def test_unknown_devices_are_a_warning():
    judged = judge(lines(ROUTE, SHIPMENT))
    assert judged.refusals == []
    assert [(note.line, note.field) for note in judged.warnings] == [(2, "device_ids")]


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
    long = ROUTE | {"line": {"type": "LineString", "coordinates": [[-99.123456789012345, 27.123456789012345]] * 20_000}}
    stops = [{"stop_id": f"s{i}" + "x" * 50, "lat_deg": 27.5, "lon_deg": -99.5, "radius_m": 50} for i in range(4000)]
    [refusal] = judge(lines(long | {"approved_stops": stops})).refusals
    assert "1000000 bytes" in refusal.why


def test_routes_are_loaded_before_the_shipments_on_them():
    ordered = in_loading_order(judge(lines(SHIPMENT, DEVICE, ROUTE)).records.values())
    assert isinstance(ordered[0], Route)
    assert isinstance(ordered[-1], Shipment)
