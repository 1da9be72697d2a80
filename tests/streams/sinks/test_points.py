"""Points: keys that keep records apart and repeats together, and line protocol as InfluxDB's own client writes it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from contracts.alerts import Alert
from contracts.events import Event
from contracts.health import LineSample
from contracts.readings import Finding, ShipmentReading
from streams.sinks import points

T0 = 1_790_000_000_000

# What a point holds, said again here and not taken from the code under test.
TAGS = {
    "readings": [
        *("device_id", "carrier_scac", "route_id", "corridor", "direction", "sector", "device_kind", "exercise")
    ],
    "events": ["device_id", "type", "bridge", "carrier_scac", "corridor", "direction", "sector", "exercise"],
    "crossings": ["device_id", "bridge", "lane", "carrier_scac", "corridor", "direction", "sector", "exercise"],
    "alerts": [
        *("device_id", "rule", "severity", "state", "audiences", "carrier_scac", "corridor", "direction", "sector"),
        "exercise",
    ],
}
# Of an event's fields, those that its measurement leaves out.
LEFT_OUT = {
    "events": {"lane", "wait_s", "crossing_s"},
    "crossings": {"type", "what"},
    "alerts": {"joined"},  # said by a point of its own
}
# What a record's other fields say, as a number that panels add up.
ADDED = {"events": {"enters"}, "alerts": {"opens"}}
FLOATS = {
    *("lat_deg", "lon_deg", "speed_kmh", "heading_deg", "accuracy_m", "temperature_c", "humidity_pct", "shock_g"),
    *("light_lux", "battery_pct", "vibration_g", "along_km", "off_route_m", "remaining_km", "score"),
    *("wait_s", "crossing_s"),
}
JSONS = {"rfid", "inside", "marks", "findings", "evidence", "messages"}

texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.from_regex(r"[A-Za-z0-9._-]{1,16}", fullmatch=True)
numbers = st.none() | st.floats() | st.integers(-1000, 1000)
counts = st.integers(0, 2**53 - 1)
times_ms = st.integers(-(2**43), 2**43 - 1)

readings = st.builds(
    ShipmentReading,
    device_id=names,
    boot_id=counts,
    seq=counts,
    time_ms=times_ms,
    **dict.fromkeys(sorted(FLOATS - {"score", "wait_s", "crossing_s"}), numbers),
    **dict.fromkeys(["carrier_scac", "route_id", "direction", "device_kind", "shipment_id"], st.none() | texts),
    **dict.fromkeys(["corridor", "sector"], st.none() | texts),
    **dict.fromkeys(["door", "region", "region_event", "seal_number", "seal_state"], st.none() | texts),
    seal_openings=st.none() | counts,
    ref_version=counts,
    rfid=st.none() | st.lists(texts, max_size=2),
    inside=st.lists(texts, max_size=2).map(tuple),
    marks=st.lists(texts, max_size=2).map(tuple),
    findings=st.lists(st.builds(Finding, rule=names, level=st.just("trip"), score=st.floats(0, 1)), max_size=2).map(
        tuple
    ),
    exercise=st.booleans(),
)
events = st.builds(
    Event,
    event_id=texts,
    type=st.sampled_from(["DOOR_OPENED", "SEAL_CHANGED", "BORDER_CROSSED"]),
    time_ms=times_ms,
    device_id=names,
    shipment_id=st.none() | texts,
    what=texts,
    exercise=st.booleans(),
    **dict.fromkeys(["lat_deg", "lon_deg", "wait_s", "crossing_s"], numbers),
    **dict.fromkeys(["corridor", "direction", "carrier_scac", "sector", "bridge", "lane"], st.none() | texts),
)
alerts = st.builds(
    Alert,
    alert_id=texts,
    revision=st.integers(1, 1000),
    rule=texts,
    rule_version=counts,
    severity=st.sampled_from(["info", "critical"]),
    state=st.sampled_from(["opened", "closed"]),
    opened_ms=times_ms,
    closed_ms=st.none() | times_ms,
    shipment_id=st.none() | texts,
    device_id=names,
    lat_deg=numbers,
    lon_deg=numbers,
    score=st.floats(),
    evidence=st.dictionaries(texts, st.none() | st.floats() | texts | st.booleans(), max_size=3),
    messages=st.dictionaries(st.sampled_from(["en", "es"]), texts),
    exercise=st.booleans(),
    audiences=st.lists(names, max_size=3).map(tuple),
    **dict.fromkeys(["corridor", "direction", "carrier_scac", "sector"], st.none() | texts),
)


def by_the_client(record: Any) -> str:
    """The line that InfluxDB's own client writes for this record."""
    measurement = points.layout_of(record).measurement
    point = Point(measurement)
    for name in (*record.__struct_fields__, *ADDED.get(measurement, ())):
        value = getattr(record, name)
        if name in LEFT_OUT.get(measurement, ()):
            continue
        if name == "messages":
            for language, text in value.items():
                point.field(f"messages_{language}", text)
        if name in TAGS[measurement]:
            text = ",".join(value) if name == "audiences" else value
            point.tag(name, str(value).lower() if name == "exercise" else text)
        elif name in FLOATS:
            point.field(name, None if value is None else float(value))
        elif name in JSONS:
            point.field(name, msgspec.json.encode(value).decode() if value else None)
        elif name != "time_ms":
            point.field(name, value)
    return str(point.time(points.time_ns(record)).to_line_protocol())


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A line's head, its fields as written by name, its time. Escapes and quotes are minded, nothing is unescaped."""
    parts, current, quoted, escaped = [], "", False, False
    for c in line:
        if c == " " and not quoted and not escaped and len(parts) < 2:
            parts.append(current)
            current = ""
            continue
        quoted ^= c == '"' and not escaped and len(parts) == 1
        escaped = c == "\\" and not escaped
        current += c
    head, body = parts
    fields, name, current, quoted, escaped = {}, "", "", False, False
    for c in body + ",":
        if c == "," and not quoted:
            fields[name], current = current, ""
        elif c == "=" and not quoted:
            name, current = current, ""
        else:
            quoted ^= c == '"' and not escaped
            escaped = c == "\\" and not escaped
            current += c
    return head, fields, current


def worth(field: str) -> str | float:
    """A field's value: floats by value (``5`` is ``5.0``, ``1e+16`` is ``1e16``), the rest as written."""
    return field if field[0] == '"' or field[-1] == "i" else float(field)


@given(readings | events | alerts)
def test_a_line_is_the_point_that_influxdbs_own_client_writes(record: Any) -> None:
    ours, theirs = points.line(record).decode(), by_the_client(record)
    head, fields, tail = read(ours)
    their_head, their_fields, their_tail = read(theirs)
    assert head == their_head
    assert {name: worth(value) for name, value in fields.items()} == {
        name: worth(value) for name, value in their_fields.items()
    }
    assert tail == their_tail
    assert ours.rpartition(" ")[2] == theirs.rpartition(" ")[2] == str(points.time_ns(record))


@given(readings)
def test_a_point_lies_in_the_millisecond_of_its_reading(reading: ShipmentReading) -> None:
    assert points.time_ns(reading) // 1_000_000 == reading.time_ms


@given(st.lists(st.integers(1, 1_000_000), unique=True), names)
def test_revisions_of_one_alert_have_times_of_their_own(revisions: list[int], alert_id: str) -> None:
    times = {points.time_ns(an_alert(alert_id=alert_id, revision=revision)) for revision in revisions}
    assert len(times) == len(revisions)
    assert {at // 1_000_000 for at in times} <= {T0}


def test_revisions_stand_in_their_order() -> None:
    times = [points.time_ns(an_alert(revision=revision)) for revision in range(1, 5000)]
    assert times == sorted(times)


def test_a_reading_once_in_a_drill_and_once_in_earnest_is_two_series() -> None:
    drill, real = (points.line(a_reading(exercise=exercise)).split(b" ")[0] for exercise in (True, False))
    assert b",exercise=true" in drill
    assert b",exercise=false" in real


def test_no_tag_grows_with_the_shipments() -> None:
    layouts = (points.READING_LAYOUT, points.EVENT_LAYOUT, points.CROSSING_LAYOUT, points.ALERT_LAYOUT)
    assert {layout.measurement: sorted(layout.tags) for layout in layouts} == {
        name: sorted(tags) for name, tags in TAGS.items()
    }


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        (ShipmentReading, points.READING_LAYOUT),
        (Event, points.EVENT_LAYOUT),
        (Event, points.CROSSING_LAYOUT),
        (Alert, points.ALERT_LAYOUT),
        (LineSample, points.SAMPLE_LAYOUT),
    ],
)
def test_every_field_of_the_contract_has_its_place(kind: type[msgspec.Struct], layout: points.Layout) -> None:
    placed = [*layout.tags, *layout.floats, *layout.ints, *layout.texts, *layout.jsons]
    left_out = LEFT_OUT.get(layout.measurement, set()) | {"time_ms"}
    added = ADDED.get(layout.measurement, set())
    assert sorted(placed) == sorted((set(kind.__struct_fields__) - left_out) | added)


def test_an_alert_of_several_audiences_is_one_point_that_each_of_them_is_found_in() -> None:
    line = points.line(an_alert(audiences=("us", "joint"), messages={"en": "Look.", "es": "Mire.", "no key": "x"}))
    assert rb",audiences=us\,joint," in line
    assert b',messages_en="Look.",messages_es="Mire."' in line
    assert b"messages_no" not in line


def test_an_alert_that_another_joins_is_taken_back_from_those_who_had_it_and_opened_for_all() -> None:
    alert = an_alert(revision=2, state="updated", audiences=("us", "joint", "mx"), joined=("mx",), shipment_id="S")
    before, off, opened, on = points.lines(alert)
    assert before.startswith(rb"alerts,audiences=us\,joint,")
    assert b",state=widened " in before
    assert before.endswith(b',opens=-1i,shipment_id="S" %d' % (points.time_ns(alert) - 1))
    assert b"revision" not in before, "held() would take it for the record"
    assert opened == points.line(alert).replace(b"opens=0i", b"opens=1i")
    assert b"opens=1i" in opened
    assert rb"audiences=us\,joint\,mx," in opened
    assert off.split(b" ")[1] == b"open=0i"
    assert rb"audiences=us\,joint," in off
    assert rb"audiences=us\,joint\,mx," in on
    assert points.lines(alert) == [before, off, opened, on], "a replay writes the same points"
    alone, _ = points.lines(an_alert(revision=2, state="updated", audiences=("mx",), joined=("mx",)))
    assert b"opens=1i" in alone, "nobody had it: nothing is taken back"


def test_an_episodes_newest_word_is_one_point_that_its_closing_overwrites() -> None:
    more: dict[str, Any] = {"audiences": ("us",), "messages": {"en": "Look."}, "updated_ms": T0 + 5}
    told = [
        points.lines(an_alert(revision=n, state=state, **more))
        for n, state in enumerate(("opened", "updated", "closed"), 1)
    ]
    heads = {now.split(b" ")[0] for _, now in told}
    times = {now.rpartition(b" ")[2] for _, now in told}
    assert heads == {b"open_alerts,audiences=us,exercise=false,rule=r,severity=info"}
    assert len(times) == 1
    assert [b"open=1i" in now for _, now in told] == [True, True, False]
    assert b',updated_ms=%di,alert_id="' % (T0 + 5) in told[1][1]
    assert told[2][1].split(b" ")[1] == b"open=0i", "what it was stays to be read"
    assert [points.line(an_alert(revision=1, **more))] == [line for line, _ in told[:1]]


def test_a_sample_is_a_point_a_metric_with_its_labels_as_tags() -> None:
    metrics = {
        "lag_seconds": 1.5,
        'refused_total{reason="bad_json",topic="a b"}': 3.0,
        'odd_total{text="quote \\" comma, brace }"}': 1e-9,
        "unknown": math.nan,
    }
    lines = points.lines(LineSample(process="worker-1", role="worker", time_ms=T0, metrics=metrics))
    at = b" " + str(T0 * 1_000_000).encode()
    assert lines == [
        b"line_health,metric=lag_seconds,process=worker-1,role=worker value=1.5" + at,
        rb"line_health,metric=refused_total,process=worker-1,reason=bad_json,role=worker,topic=a\ b value=3.0" + at,
        rb'line_health,metric=odd_total,process=worker-1,role=worker,text=quote\ "\ comma\,\ brace\ } value=1e-9' + at,
    ]


def test_a_sample_of_no_name_is_refused() -> None:
    with pytest.raises(points.PointError, match="process must be"):
        points.lines(LineSample(process="a b", role="r", time_ms=T0, metrics={}))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"time_ms": 10**16}, "outside the years 1677 to 2262"),
        ({"time_ms": -(10**16)}, "outside the years 1677 to 2262"),
        ({"device_id": ""}, "device_id must be"),
        ({"device_id": "a,b"}, "device_id must be"),
        ({"device_id": "a\n"}, "device_id must be"),
        ({"shipment_id": "\ud83d"}, "surrogate"),
        ({"carrier_scac": "\ud83d"}, "surrogate"),
        ({"marks": ("\ud83d",)}, "surrogate"),
    ],
)
def test_what_cannot_be_a_point_is_refused_with_a_reason(change: dict[str, Any], why: str) -> None:
    with pytest.raises(points.PointError, match=why):
        points.line(a_reading(**change))


def test_numbers_that_are_not_finite_are_left_out() -> None:
    odd = a_reading(along_km=math.nan, off_route_m=math.inf, remaining_km=-math.inf, speed_kmh=1)
    assert points.line(odd).split(b" ")[1] == b"boot_id=1i,ref_version=0i,seq=2i,speed_kmh=1"


def a_reading(**more: Any) -> ShipmentReading:
    return ShipmentReading(**({"device_id": "d", "boot_id": 1, "seq": 2, "time_ms": T0} | more))


def an_alert(**more: Any) -> Alert:
    told: dict[str, Any] = {
        "alert_id": "a" * 32, "revision": 1, "rule": "r", "rule_version": 1, "severity": "info", "state": "opened",
        "opened_ms": T0, "closed_ms": None, "shipment_id": None, "device_id": "d", "lat_deg": None, "lon_deg": None,
        "score": 0.0, "evidence": {}, "messages": {}, "exercise": False,
    }  # fmt: skip
    return Alert(**(told | more))
