"""The reference: right records go round, wrong ones are refused with the field and what would be right."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts import reference
from contracts.reference import FieldError

SHIPMENT: dict[str, Any] = {
    "kind": "shipment",
    "effective_ms": 1_790_000_000_000,
    "shipment_id": "S1",
    "container": "CSQU3054383",
    "carrier_scac": "CRDN",
    "seal_numbers": ["ML123"],
    "device_ids": ["truck-1", "seal-1"],
    "route_id": "I35",
    "direction": "northbound",
    "origin": "MXNLD",
    "destination": "USLRD",
    "hs_code": "870323",
    "sector": "electric_vehicles",
    "min_temperature_c": 2.0,
    "max_temperature_c": 8.0,
    "pedimento": "262434756000123",
    "entry_number": "B76-0324527-8",
    "ends_ms": 1_790_000_900_000,
}
SQUARE = [[-99.6, 27.5], [-99.5, 27.5], [-99.5, 27.6], [-99.6, 27.5]]
ROUTE: dict[str, Any] = {
    "kind": "route",
    "effective_ms": 5,
    "route_id": "I35",
    "line": {"type": "LineString", "coordinates": [[-99.5, 27.5], [-98.5, 29.4]]},
    "half_width_m": 500.0,
    "approved_stops": [{"stop_id": "rest", "lat_deg": 28.0, "lon_deg": -99.0, "radius_m": 150.0}],
    "geofences": [{"geofence_id": "yard", "area": {"type": "Polygon", "coordinates": [SQUARE]}, "seal_may_open": True}],
    "expected_travel_s": 9_000.0,
}
DEVICE: dict[str, Any] = {
    "kind": "device",
    "effective_ms": 5,
    "device_id": "truck-1",
    "carrier_scac": "CRDN",
    "device_kind": "truck",
    "interval_s": 30.0,
    "sensors": ["gnss"],
}
SEAL: dict[str, Any] = {
    "kind": "seal",
    "effective_ms": 5,
    "seal_number": "ML123",
    "class": "H",
    "source": "CUSTOMS",
    "type": "BOLT",
    "placement": "DOOR",
}
NOTICE: dict[str, Any] = {
    "kind": "notice",
    "effective_ms": 5,
    "notice_id": "christmas",
    "bridge": "WORLD-TRADE",
    "reason": "holiday",
    "direction": "northbound",
    "ends_ms": 9,
}
RECORDS = {"shipment": SHIPMENT, "route": ROUTE, "device": DEVICE, "seal": SEAL, "notice": NOTICE}


def line(record: dict[str, Any], **changes: Any) -> bytes:
    return msgspec.json.encode({**record, **changes})


@pytest.mark.parametrize("kind", RECORDS)
def test_a_right_record_goes_round(kind: str) -> None:
    record = reference.parse(line(RECORDS[kind]))
    assert reference.parse(reference.encode(record)) == record
    assert reference.kind_of(record) == kind
    told = msgspec.json.decode(reference.encode(record))
    assert {name: told[name] for name in RECORDS[kind] if name not in ("approved_stops", "geofences")} == {
        name: value for name, value in RECORDS[kind].items() if name not in ("approved_stops", "geofences")
    }


def test_a_record_lives_under_its_kind_id_and_time() -> None:
    records = SHIPMENT, ROUTE, DEVICE, SEAL, NOTICE
    keys = [reference.key_of(reference.parse(line(record))) for record in records]
    assert keys == [
        "shipment/S1/1790000000000", "route/I35/5", "device/truck-1/5", "seal/ML123/5", "notice/christmas/5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("record", "changes", "field", "why"),
    [
        (SHIPMENT, {"container": "CSQU3054384"}, "container", "check digit is wrong: CSQU305438 ends in 3"),
        (SHIPMENT, {"container": 5}, "container", "must be text, not a whole number"),
        (SHIPMENT, {"entry_number": "B76-0324527-7"}, "entry_number", "B76-0324527 ends in 8"),
        (SHIPMENT, {"pedimento": "262434750000123"}, "pedimento", "9th digit must be 6"),
        (SHIPMENT, {"carrier_scac": "cr"}, "carrier_scac", "2 to 4 capital letters"),
        (SHIPMENT, {"origin": "Laredo"}, "origin", "UN/LOCODE"),
        (SHIPMENT, {"destination": "USLRD1"}, "destination", "UN/LOCODE"),
        (SHIPMENT, {"hs_code": "8703"}, "hs_code", "6 digits"),
        (SHIPMENT, {"seal_numbers": ["fine", "not fine"]}, "seal_numbers[1]", "1 to 15"),
        (SHIPMENT, {"device_ids": ["a", "b c"]}, "device_ids[1]", "1 to 64 of letters, digits"),
        (SHIPMENT, {"device_ids": []}, "device_ids", "a list of at least 1"),
        (SHIPMENT, {"direction": "east"}, "direction", "must be northbound or southbound, not east"),
        (SHIPMENT, {"min_temperature_c": 9}, "min_temperature_c", "9.0 is above max_temperature_c 8.0"),
        (SHIPMENT, {"min_temperature_c": "cold"}, "min_temperature_c", "must be a number or null, not text"),
        (SHIPMENT, {"ends_ms": 1_789_999_999_999}, "ends_ms", "before effective_ms"),
        (SHIPMENT, {"effective_ms": 2**60}, "effective_ms", "of at most 9007199254740991"),
        (SHIPMENT, {"effective_ms": -1}, "effective_ms", "a whole number of at least 0"),
        (SHIPMENT, {"kind": "parcel"}, "kind", "must be route, shipment, device, seal or notice, not parcel"),
        (ROUTE, {"half_width_m": 0}, "half_width_m", "a number above 0"),
        (ROUTE, {"line": {"type": "LineString", "coordinates": [[0, 0]]}}, "line.coordinates", "a list of at least 2"),
        (
            ROUTE,
            {"line": {"type": "LineString", "coordinates": [[27.5, -99.5], [0, 0]]}},
            "line",
            "longitude, latitude",
        ),
        (ROUTE, {"line": {"type": "Point", "coordinates": [0, 0]}}, "line.type", "must be LineString, not Point"),
        (DEVICE, {"interval_s": 0}, "interval_s", "a number above 0"),
        (DEVICE, {"device_kind": "drone"}, "device_kind", "must be truck, container, seal or phone, not drone"),
        (SEAL, {"clas": "H"}, "clas", "is no field of this record; did you mean class?"),
        (SEAL, {"class": "X"}, "class", "must be I, S or H, not X"),
        (NOTICE, {"ends_ms": 4}, "ends_ms", "is before effective_ms"),
        (NOTICE, {"ends_ms": None}, "ends_ms", "must be a whole number, not null"),
        (NOTICE, {"reason": "party"}, "reason", "must be holiday, closure, works or other, not party"),
        (NOTICE, {"brigde": "x"}, "brigde", "is no field of this record; did you mean bridge?"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(record, changes, field: str, why: str) -> None:
    with pytest.raises(FieldError) as refused:
        reference.parse(line(record, **changes))
    assert refused.value.field == field
    assert why in refused.value.why
    assert str(refused.value) == f"{field}: {refused.value.why}"


def test_an_open_ring_and_a_place_off_the_earth_are_named_by_their_place_in_the_record() -> None:
    for ring, why in [
        ([*SQUARE[:-1], [-99.6, 27.9]], "must end where it begins"),
        ([[0, 91]] * 4, "no place on Earth"),
    ]:
        fence = {"geofence_id": "g", "area": {"type": "Polygon", "coordinates": [ring]}}
        with pytest.raises(FieldError) as refused:
            reference.parse(line(ROUTE, geofences=[ROUTE["geofences"][0], fence]))
        assert refused.value.field == "geofences[1].area"
        assert why in refused.value.why


@pytest.mark.parametrize("name", ["effective_ms", "container", "device_ids", "route_id", "kind"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(FieldError) as refused:
        reference.parse(msgspec.json.encode({k: v for k, v in SHIPMENT.items() if k != name}))
    assert refused.value.field == name
    assert "missing" in refused.value.why


def test_a_missing_field_of_a_part_is_named_with_its_place() -> None:
    with pytest.raises(FieldError) as refused:
        reference.parse(line(ROUTE, approved_stops=[{"stop_id": "rest", "lat_deg": 28.0, "lon_deg": -99.0}]))
    assert refused.value.field == "approved_stops[0].radius_m"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"kind":"device","device_id":"\xff"}'])
def test_what_is_no_json_is_told_apart_from_a_wrong_field(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        reference.parse(data)


def test_bounds_and_ends_that_are_missing_are_no_fault() -> None:
    record = reference.parse(line(SHIPMENT, min_temperature_c=None, ends_ms=None, pedimento=None, entry_number=None))
    assert isinstance(record, reference.Shipment)
    assert record.max_temperature_c == 8.0
