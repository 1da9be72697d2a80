"""Which alert tells of which fault: once each, within the bound, repeats and what is explained apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from deploy.scorecard.matching import GRACE_MS, Matched, Opening, match
from simulators.faults import Exempt, Fault

BOUND_MS = 120_000
DEVICE, SHIPMENT = "CRDN-T00001", "SHP-1"


def fault(
    name: str = "f", rule: str = "shock", start_ms: int = 1_000_000, end_ms: int = 1_600_000, **more: Any
) -> Fault:
    fields: dict[str, Any] = {
        "fault_id": name, "episode_id": name, "rule": rule, "variant": "blow", "device_id": DEVICE,
        "shipment_id": SHIPMENT, "start_ms": start_ms, "end_ms": end_ms, "size": 1.0, "units": "g", "subject": DEVICE,
    }  # fmt: skip
    return Fault(**fields | more)


def opening(opened_ms: int, rule: str = "shock", **more: Any) -> Opening:
    fields: dict[str, Any] = {"device_id": DEVICE, "shipment_id": SHIPMENT, "opened_ms": opened_ms, "rule": rule}
    return Opening(**fields | more)


def counts(matched: Matched) -> tuple[int, int, int, int, int]:
    return tuple(len(of) for of in (matched.hits, matched.missed, matched.repeats, matched.explained, matched.false))  # type: ignore[return-value]


def test_an_alert_of_the_same_rule_and_subject_within_the_bound_is_a_hit_and_its_delay_runs_from_the_start() -> None:
    matched = match([fault()], [opening(1_090_000)], BOUND_MS)
    assert counts(matched) == (1, 0, 0, 0, 0)
    assert matched.hits[0].delay_s == 90.0


def test_the_bound_is_the_faults_start_and_its_end_lateness_and_a_minute_both_included() -> None:
    last_ms = 1_600_000 + BOUND_MS + GRACE_MS
    for opened_ms, hit in ((1_000_000, 1), (999_999, 0), (last_ms, 1), (last_ms + 1, 0)):
        assert counts(match([fault()], [opening(opened_ms)], BOUND_MS)) == (hit, 1 - hit, 0, 0, 1 - hit), opened_ms


def test_another_rule_or_another_subject_is_false_and_the_fault_is_missed() -> None:
    for other in (opening(1_100_000, rule="battery_low"), opening(1_100_000, device_id="CRDN-C00001")):
        assert counts(match([fault()], [other], BOUND_MS)) == (0, 1, 0, 0, 1)


def test_a_fault_is_found_once_and_further_alerts_of_it_are_repeats() -> None:
    later = fault("later", start_ms=5_000_000, end_ms=6_000_000)
    matched = match([fault(), later], [opening(1_100_000), opening(1_200_000)], BOUND_MS)
    assert counts(matched) == (1, 1, 1, 0, 0)
    assert [(e.fault.fault_id, e.opening.opened_ms) for e in matched.repeats] == [("f", 1_200_000)]


def test_one_alert_finds_one_fault_the_one_that_ends_first() -> None:
    first, second = fault("a"), fault("b", start_ms=1_500_000, end_ms=2_000_000)
    matched = match([second, first], [opening(1_550_000)], BOUND_MS)
    assert [hit.fault.fault_id for hit in matched.hits] == ["a"]
    assert [missed.fault_id for missed in matched.missed] == ["b"]
    assert counts(match([second, first], [opening(1_550_000), opening(1_560_000)], BOUND_MS)) == (2, 0, 0, 0, 0)


def test_a_shipments_rules_are_matched_by_shipment_whichever_device_tells() -> None:
    apart = fault(rule="separation", subject=SHIPMENT)
    told = opening(1_100_000, rule="separation", device_id="CRDN-C00001")
    assert counts(match([apart], [told], BOUND_MS)) == (1, 0, 0, 0, 0)


def test_what_a_fault_shows_as_by_its_nature_is_explained_but_only_then_and_there() -> None:
    spoofed = fault(rule="position_spoofing", also=("route_deviation",))
    off = opening(1_100_000, rule="route_deviation", device_id="CRDN-C00001")
    elsewhere = opening(1_100_000, rule="route_deviation", device_id="CRDN-C00002", shipment_id="SHP-2")
    matched = match([spoofed], [off, elsewhere, opening(900_000, rule="route_deviation")], BOUND_MS)
    assert counts(matched) == (0, 1, 0, 1, 2)
    assert [(e.fault, e.opening) for e in matched.explained] == [(spoofed, off)]


def test_of_several_faults_that_explain_it_an_alert_is_excused_by_its_devices_the_one_that_ends_first() -> None:
    here, later = (fault(n, rule="position_spoofing", also=("shock",), end_ms=e) for n, e in (("h", 3), ("l", 4)))
    beside = fault("b", rule="position_spoofing", also=("shock",), end_ms=2, device_id="CRDN-C00001")
    faults = [msgspec.structs.replace(of, start_ms=1) for of in (later, here, beside)]
    for at, name in ((1, "h"), (BOUND_MS + GRACE_MS + 4, "l")):
        (excused,) = match(faults, [opening(at)], BOUND_MS).explained
        assert excused.fault.fault_id == name
    (excused,) = match([faults[2]], [opening(1)], BOUND_MS).explained
    assert excused.fault.fault_id == "b"


def test_other_rules_may_tell_of_a_fault_before_it_is_one_to_its_own() -> None:
    drift = fault(rule="route_deviation", also=("unusual_journey",), begins_ms=500_000)
    early = opening(600_000, rule="unusual_journey")
    assert counts(match([drift], [early], BOUND_MS)) == (0, 1, 0, 1, 0)
    assert counts(match([drift], [opening(600_000, rule="route_deviation")], BOUND_MS)) == (0, 1, 0, 0, 1)
    assert counts(match([drift], [opening(400_000, rule="unusual_journey")], BOUND_MS)) == (0, 1, 0, 0, 1)


def test_what_is_too_small_for_its_rule_is_no_fault_and_an_alert_of_it_is_false() -> None:
    near = fault(exempt="below", also=("sensor_anomaly",))
    assert counts(match([near], [], BOUND_MS)) == (0, 0, 0, 0, 0)
    assert counts(match([near], [opening(1_100_000)], BOUND_MS)) == (0, 0, 0, 0, 1)
    assert counts(match([near], [opening(1_100_000, rule="sensor_anomaly")], BOUND_MS)) == (0, 0, 0, 0, 1)


@pytest.mark.parametrize("why", ["slight", "unwatched", "unheard"])
def test_what_its_rule_could_not_have_told_is_not_missed_and_explains_what_is_told_of_it(why: Exempt) -> None:
    sick = fault(exempt=why, also=("battery_low",))
    assert counts(match([sick], [], BOUND_MS)) == (0, 0, 0, 0, 0)
    assert counts(match([sick], [opening(1_100_000)], BOUND_MS)) == (0, 0, 0, 1, 0)
    assert counts(match([sick], [opening(1_100_000, rule="battery_low")], BOUND_MS)) == (0, 0, 0, 1, 0)
    assert counts(match([sick], [opening(2_100_000)], BOUND_MS)) == (0, 0, 0, 0, 1)


def test_drills_are_matched_with_drills_only() -> None:
    assert counts(match([fault(exercise=True)], [opening(1_100_000)], BOUND_MS)) == (0, 1, 0, 0, 1)
    assert counts(match([fault(exercise=True)], [opening(1_100_000, exercise=True)], BOUND_MS)) == (1, 0, 0, 0, 0)
