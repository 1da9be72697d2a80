"""A fleet is a function of its arguments, speaks in order, and does nothing that a rule would find wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from contracts import reference
from contracts.readings import Reading
from contracts.reference import Device, Seal, Shipment
from simulators import Fleet, fleet, scenarios

START_MS = 1_790_000_000_000
HOUR_S = 3600.0


def encoded(run: Any) -> list[bytes]:
    return [b"%d %s " % (send_ms, scac.encode()) + msgspec.json.encode(reading) for send_ms, scac, reading in run]


@pytest.fixture(scope="module")
def day() -> Fleet:
    return scenarios.load("quiet").make(11, START_MS)


@pytest.fixture(scope="module")
def day_sent(day: Fleet) -> list[tuple[int, str, Reading]]:
    return list(day.run())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (
        scenarios.load("day").make(seed, START_MS, shipments=6, horizon_s=HOUR_S) for seed in (3, 3, 4)
    )
    assert encoded(first.run()) == encoded(again.run()) == encoded(first.run())
    assert first.truth == again.truth
    assert first.reference() == again.reference()
    assert encoded(first.run()) != encoded(other.run())


def test_how_much_is_made_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Fleet(5, START_MS, 4, horizon_s=4 * HOUR_S, outage_chance=1.0, reboot_chance=1.0)
    whole = encoded(simulated.run())
    monkeypatch.setattr(fleet, "WINDOW_SAMPLES", 7)
    assert encoded(simulated.run()) == whole


def test_a_run_until_a_time_is_the_beginning_of_the_whole_run() -> None:
    simulated = Fleet(5, START_MS, 3, horizon_s=HOUR_S)
    until_ms = START_MS + 1_000_000
    whole = list(simulated.run())
    assert encoded(simulated.run(until_ms)) == encoded(sent for sent in whole if sent[0] < until_ms)


def test_readings_come_in_order_of_sending_and_each_device_by_seq(day_sent: list[tuple[int, str, Reading]]) -> None:
    last_ms = 0
    last: dict[str, tuple[int, int]] = {}
    for send_ms, _, reading in day_sent:
        assert send_ms >= last_ms
        last_ms = send_ms
        boot_id, seq = last.get(reading.device_id, (-1, -1))
        expected = {(boot_id, seq + 1), (reading.boot_id, 0)} if reading.boot_id > boot_id else {(boot_id, seq + 1)}
        assert (reading.boot_id, reading.seq) in expected
        last[reading.device_id] = (reading.boot_id, reading.seq)


def test_each_reading_is_sent_after_it_is_measured_and_the_wire_takes_it(
    day_sent: list[tuple[int, str, Reading]],
) -> None:
    decoder = msgspec.json.Decoder(Reading)
    for send_ms, _, reading in day_sent[::50]:
        assert reading.time_ms < send_ms
        assert decoder.decode(msgspec.json.encode(reading)) == reading


def test_a_fault_free_day_breaks_no_rule(
    day: Fleet, day_sent: list[tuple[int, str, Reading]], judge: Callable[..., Any]
) -> None:
    assert day.truth == []
    assert judge(day.reference(), day_sent) == []


def test_a_fault_free_day_is_no_dull_day(day: Fleet, day_sent: list[tuple[int, str, Reading]]) -> None:
    """What could be mistaken for a fault does happen: else the silence of rules on it would prove nothing."""
    by_device: dict[str, list[tuple[int, Reading]]] = defaultdict(list)
    for send_ms, _, reading in day_sent:
        by_device[reading.device_id].append((send_ms, reading))
    readings = [reading for _, _, reading in day_sent]
    assert sum(r.seal_state == "open" for r in readings) > 100
    assert sum(r.door == "open" for r in readings) > 100
    assert sum((r.lat_deg, r.lon_deg) == (0.0, 0.0) for r in readings) > 10
    assert sum((r.accuracy_m or 0.0) > 49.0 for r in readings) > 100
    assert sum(len({r.boot_id for _, r in of}) > 1 for of in by_device.values()) > 5
    assert sum(send_ms - r.time_ms > 30_000 for send_ms, r in (pair for of in by_device.values() for pair in of)) > 500
    assert max(b[0] - a[0] for of in by_device.values() for a, b in pairwise(of) if of[0][1].heading_deg) < 8 * 30_000
    assert any(s.min_temperature_c is not None for s in day.reference() if isinstance(s, Shipment))
    assert any(s.min_temperature_c is None for s in day.reference() if isinstance(s, Shipment))


def test_every_reference_record_is_one_that_would_be_loaded(day: Fleet) -> None:
    records = day.reference()
    assert {reference.kind_of(record) for record in records} == {"route", "shipment", "device", "seal", "notice"}
    for record in records:
        assert reference.parse(reference.encode(record)) == record
    assert len({reference.key_of(record) for record in records}) == len(records)


def test_the_reference_knows_every_device_route_and_seal_that_a_shipment_names(day: Fleet) -> None:
    records = day.reference()
    routes = {reference.id_of(r) for r in records if reference.kind_of(r) == "route"}
    devices = {r.device_id: r for r in records if isinstance(r, Device)}
    seals = {r.seal_number for r in records if isinstance(r, Seal)}
    for shipment in (r for r in records if isinstance(r, Shipment)):
        assert shipment.route_id in routes
        assert set(shipment.seal_numbers) <= seals
        assert {devices[d].carrier_scac for d in shipment.device_ids} == {shipment.carrier_scac}
        assert {devices[d].device_kind for d in shipment.device_ids} == {"truck", "container", "seal"}
    assert len({device.carrier_scac for device in devices.values()}) == 3


def test_container_and_seal_speak_only_around_their_shipments(
    day: Fleet, day_sent: list[tuple[int, str, Reading]]
) -> None:
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for shipment in (r for r in day.reference() if isinstance(r, Shipment)):
        for device_id in shipment.device_ids:
            spans[device_id].append((shipment.effective_ms - 120_000, shipment.ends_ms or day.ends_ms))
    kinds = {r.device_id: r.device_kind for r in day.reference() if isinstance(r, Device)}
    outside = [r for _, _, r in day_sent if not any(a <= r.time_ms <= b for a, b in spans[r.device_id])]
    assert outside, "trucks go on speaking between two shipments"
    assert {kinds[r.device_id] for r in outside} == {"truck"}


def test_a_limit_is_kept_exactly_and_ends_every_shipment_there() -> None:
    limited = Fleet(5, START_MS, 3, horizon_s=HOUR_S, limit=500)
    sent = list(limited.run())
    assert len(sent) == 500
    assert limited.ends_ms == sent[-1][0] + 1
    assert all(
        s.ends_ms is not None and s.ends_ms <= limited.ends_ms for s in limited.reference() if isinstance(s, Shipment)
    )


def test_a_limit_beyond_the_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="longer horizon"):
        Fleet(5, START_MS, 1, horizon_s=60.0, limit=500)


def test_a_drill_marks_every_reading() -> None:
    assert all(r.exercise for _, _, r in Fleet(5, START_MS, 2, horizon_s=300, exercise=True).run())


def test_trucks_that_are_not_under_way_begin_at_their_yard() -> None:
    waiting = Fleet(5, START_MS, 6, horizon_s=8 * HOUR_S, under_way=False)
    first = {reading.device_id: reading for _, _, reading in reversed(list(waiting.run(START_MS + 60_000)))}
    for rig in waiting.rigs:
        assert rig.trips[0].start_ms >= START_MS
        at_yard = first[rig.devices[0].device_id]
        way = rig.trips[0].way
        lat, lon = way.at(way.km[:1] + way.marks[0].middle_km)
        assert at_yard.lat_deg == pytest.approx(float(lat[0]), abs=0.001)
        assert at_yard.lon_deg == pytest.approx(float(lon[0]), abs=0.001)
