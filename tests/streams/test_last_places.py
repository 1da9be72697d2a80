"""The last place of a device without a fix holds until something says that it has moved, and is then not known."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.readings import Finding
from streams import last_places
from streams.admit_stage import AdmitStage
from streams.stage import unpack

YARD: Final = {"lat_deg": 27.50, "lon_deg": -99.51}  # where a seal may be opened
ROAD: Final = {"lat_deg": 28.00, "lon_deg": -99.51}
ZERO: Final = {"lat_deg": 0.0, "lon_deg": 0.0}
OPEN: Final = {"seal_state": "open"}
ARMED: Final = {"seal_state": "armed"}
STANDING: Final = [{**ARMED, **ROAD, "lat_deg": 28.0 + metres / 111_195, "speed_kmh": 0.0} for metres in (0, 4, -3)]
NOT_HERE, SOMEWHERE = "open where it may not be opened", "open; its place is not known"


def said(world, *readings: dict[str, Any]) -> list[str]:
    """What is told of each reading of a seal, a minute apart: words, or the level, or nothing."""
    stage = world.admit(world.fleet())
    return [
        words(finding)
        for seq, fields in enumerate(readings)
        for finding in found(world, stage, [line(world, seq, fields)])
    ]


def line(world, seq: int, fields: dict[str, Any]) -> bytes:
    return world.line("seal-1", seq, **{"after_s": 60 * seq, **fields})


def found(world, stage: AdmitStage, lines: list[bytes], rule: str = "seal_breach") -> list[Finding | None]:
    out = stage.process_frame(world.frame(*lines)) + stage.flush()
    readings = sorted(world.readings(out), key=lambda r: r.seq)
    return [next((f for f in r.findings if f.rule == rule), None) for r in readings]


def words(finding: Finding | None) -> str:
    said = "" if finding is None else str(finding.evidence.get("what_en", finding.level))
    return said.partition(", last seen")[0]


@pytest.mark.parametrize("nowhere", [{}, ZERO])
def test_a_seal_opened_under_a_roof_in_the_yard_is_in_the_yard(world, nowhere: dict[str, float]) -> None:
    assert said(world, {**ARMED, **YARD}, {**ARMED, **nowhere}, {**OPEN, **nowhere}, {**ARMED, **nowhere}) == [""] * 4


def test_without_a_place_that_holds_the_same_would_be_told(world, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(last_places, "HOLDS_MS", 0)
    assert said(world, {**ARMED, **YARD}, {**OPEN, **ZERO}) == ["", SOMEWHERE]


def test_on_the_road_it_is_told_as_opened_where_it_may_not_be(world) -> None:
    assert said(world, {**ARMED, **ROAD}, {**OPEN, **ZERO}) == ["", NOT_HERE]


def test_a_seal_that_never_had_a_fix_is_told_without_a_place_and_its_first_fix_says_more(world) -> None:
    assert said(world, ARMED, {**OPEN, **ZERO}, {**OPEN, **ROAD}) == ["", SOMEWHERE, NOT_HERE]


@pytest.mark.parametrize(("minutes", "told"), [(120, ""), (121, SOMEWHERE)])
def test_the_last_place_holds_for_two_hours(world, minutes: int, told: str) -> None:
    assert said(world, {**ARMED, **YARD}, {**OPEN, **ZERO, "after_s": 60 * minutes}) == ["", told]


@pytest.mark.parametrize(
    "moves",
    [
        [{**ARMED, **YARD}, {**ARMED, **ZERO, "speed_kmh": 80.0}],
        [{**ARMED, **YARD}, {**ARMED, **ZERO, "speed_kmh": 80.0}, {**ARMED, **ZERO, "speed_kmh": 0.0}],
    ],
)
def test_who_has_driven_without_a_fix_is_not_where_it_was_last_seen(world, moves: list[dict[str, Any]]) -> None:
    assert said(world, *moves, {**OPEN, **ZERO})[-1] == SOMEWHERE


@pytest.mark.parametrize("kmh", [20.0, 35.0, 80.0])
def test_who_rolls_into_the_lot_is_in_it_however_fast_it_came(world, kmh: float) -> None:
    assert said(world, {**ARMED, **YARD, "speed_kmh": kmh}, {**OPEN, **ZERO, "speed_kmh": 8.0}) == ["", ""]


@pytest.mark.parametrize(
    ("away_km", "gap_s", "told"),
    [
        (0.5, 30, ""),  # it can have rolled in by then
        (1.5, 30, NOT_HERE),
        (1.5, 60, ""),
        (8.5, 300, ""),
        (1.5, 360, SOMEWHERE),  # silent for so long, it can have driven by
        (8.5, 360, SOMEWHERE),
        (30.0, 360, NOT_HERE),
    ],
)
def test_who_can_have_come_to_the_lot_by_its_first_reading_without_a_fix_is_taken_to_be_in_it(
    world, away_km: float, gap_s: int, told: str
) -> None:
    beside = {**YARD, "lat_deg": 27.52 + away_km / 111.195}
    assert said(world, {**ARMED, **beside}, {**OPEN, **ZERO, "after_s": gap_s}) == ["", told]


def test_who_was_too_far_from_the_lot_then_may_have_come_to_it_since_and_has_no_place(world) -> None:
    beside, blind = {**ARMED, **YARD, "lat_deg": 27.52 + 1.5 / 111.195}, {**ARMED, **ZERO, "after_s": 30}
    assert said(world, beside, blind, {**OPEN, **ZERO, "after_s": 40})[-1] == NOT_HERE
    assert said(world, beside, blind, {**OPEN, **ZERO, "after_s": 600})[-1] == SOMEWHERE
    assert said(world, beside, {**blind, "after_s": 60}, {**OPEN, **ZERO, "after_s": 600})[-1] == "", "it was near then"


def test_one_false_fix_in_a_yard_excuses_no_opening_on_the_road(world) -> None:
    yard = {**YARD, "speed_kmh": 0.0}
    assert said(world, *STANDING, {**ARMED, **yard}, {**OPEN, **ZERO})[-1] == NOT_HERE
    assert said(world, *STANDING, {**OPEN, **yard}, {**OPEN, **ZERO})[-2:] == [NOT_HERE, NOT_HERE]
    # The control: a fix there that the device can have come to.
    assert said(world, *STANDING, {**ARMED, **yard, "after_s": 3_600}, {**OPEN, **ZERO, "after_s": 3_660})[-1] == ""


def test_where_somebody_is_told_that_its_positions_are_false_an_opening_goes_by_the_place_that_it_claims(world) -> None:
    yard = {**YARD, "speed_kmh": 0.0}
    told = said(world, *STANDING, *[{**ARMED, **yard}] * 3, {**OPEN, **yard}, {**OPEN, **ZERO})
    assert told[-2:] == ["", NOT_HERE], "of what it then opens without a fix, its last believed place says"


def test_without_a_fix_it_is_said_where_and_when_it_was_last_seen(world) -> None:
    stage = world.admit(world.fleet())
    found(world, stage, [line(world, 0, {**ARMED, **ROAD})])
    (told,) = found(world, stage, [line(world, 12, {**OPEN, **ZERO})])
    assert told is not None
    assert (told.evidence["seen_min"], told.evidence["seen_lat_deg"], told.evidence["seen_lon_deg"]) == (
        12,
        28.0,
        -99.51,
    )
    assert told.evidence["what_en"] == f"{NOT_HERE}, last seen 12 min before"
    assert told.evidence["what_es"] == "abierto donde no puede abrirse, visto por última vez 12 min antes"
    (told,) = found(world, stage, [line(world, 13, {**OPEN, **ROAD})])
    assert told is not None
    assert told.evidence["what_en"] == NOT_HERE
    assert told.evidence["seen_min"] is None, "an open alert is not to keep what was said before"


def test_what_was_opened_in_a_dead_zone_is_not_where_the_device_has_come_to_since(world) -> None:
    late = {**OPEN, **ZERO, "after_s": 3_000}
    assert said(world, {**ARMED, **ROAD}, {**ARMED, **YARD, "after_s": 3_600}, late) == ["", "", SOMEWHERE]


def test_a_late_reading_of_a_time_under_the_roof_is_under_the_roof(world) -> None:
    late = {**OPEN, **ZERO, "after_s": 90}
    assert said(world, {**ARMED, **YARD}, {**ARMED, **ZERO}, {**ARMED, **ZERO}, late) == [""] * 4


def test_what_comes_late_goes_by_the_places_that_came_late_with_it(world) -> None:
    """A backlog, after live readings: a seal open in its yard, of which one reading has no fix."""
    live = [{**OPEN, **YARD}, {**OPEN, **YARD, "after_s": 600}]
    before, blind = {**OPEN, **YARD, "after_s": 120}, {**OPEN, **ZERO, "after_s": 150}
    assert said(world, *live, before, blind) == [""] * 4
    # The controls: without a place of its own time it has none, nor by one of later, or of a road.
    assert said(world, *live, blind) == ["", "", SOMEWHERE]
    assert said(world, *live, {**before, "after_s": 180}, blind) == ["", "", "", SOMEWHERE]
    assert said(world, *live, {**ARMED, **ROAD, "after_s": 120}, blind) == ["", "", "", SOMEWHERE], "nor of a false one"


def test_a_place_that_came_late_is_none_once_the_device_has_long_told_of_others(world) -> None:
    """A fix out of order; an hour on the road; then a dead zone, of which something newer comes before the opening."""
    yard = [{**ARMED, **YARD}, {**ARMED, **YARD, "after_s": 120}, {**ARMED, **YARD, "after_s": 60}]
    road = [{**ARMED, **YARD, "lat_deg": 27.5 + 0.015 * n, "after_s": 120 + 90 * n} for n in range(1, 56)]
    newest, late = {**ARMED, **YARD, "lat_deg": 28.4, "after_s": 5_400}, {**OPEN, **ZERO, "after_s": 5_100}
    assert said(world, *yard, *road, newest, late)[-1] == SOMEWHERE
    assert said(world, yard[0], yard[2], *road, newest, late)[-1] == SOMEWHERE


def test_a_false_fix_in_a_yard_that_comes_late_excuses_no_opening_on_the_road(world) -> None:
    road, false = {**ARMED, **ROAD}, {**ARMED, **YARD, "after_s": 30}
    told = said(world, road, {**ARMED, **ZERO}, false, {**OPEN, **ZERO, "after_s": 90})
    assert told == ["", "", "", NOT_HERE]


def test_what_is_jammed_claims_no_place_that_an_opening_could_go_by(world) -> None:
    """The readings on which jamming is told have no fix: their place is what it is without that alert."""

    def opened(away_km: float) -> str:
        beside = {**ARMED, **YARD, "lat_deg": 27.52 + away_km / 111.195, "speed_kmh": 60.0}
        near = [{**beside, "lat_deg": beside["lat_deg"] + 0.009 * (59 - n)} for n in range(60)]
        dark = [{**ARMED, **ZERO, "vibration_g": 0.2}] * 6
        stage, lines = world.admit(world.fleet()), [*near, *dark, {**OPEN, **ZERO, "vibration_g": 0.2}]
        findings = [
            found(world, stage, [line(world, n, fields)], "position_spoofing") for n, fields in enumerate(lines)
        ]
        assert findings[-1][0] is not None, "it is told as jammed"
        return said(world, *lines)[-1]

    assert opened(0.5) == ""
    assert opened(6.0) == SOMEWHERE


def test_a_backlog_that_drives_without_a_fix_keeps_its_own_road(world) -> None:
    newest, road = {**ARMED, **ROAD, "after_s": 7_200}, {**ARMED, **ROAD, "after_s": 3_600}
    drives, late = {**ARMED, **ZERO, "speed_kmh": 80.0, "after_s": 3_660}, {**OPEN, **ZERO, "after_s": 3_720}
    assert said(world, newest, road, drives, late)[-1] == said(world, newest, road, late)[-1] == NOT_HERE


def test_a_false_fix_that_comes_late_excuses_no_opening(world) -> None:
    road, yard = {**ARMED, **ROAD}, {**OPEN, **YARD, "after_s": 360}
    assert said(world, *[road] * 10, yard)[-1] == SOMEWHERE
    assert said(world, *[{**ARMED, **YARD}] * 10, yard)[-1] == "", "there it may have been"


@pytest.mark.parametrize(("driven_s", "told"), [(1_620, ""), (1_200, SOMEWHERE)])
def test_what_a_fast_lorry_opened_in_the_yard_and_tells_late_is_no_breach(world, driven_s: int, told: str) -> None:
    """The road is 55.6 km from the yard: 124 km/h, or 167."""
    newest, late = {**ARMED, **ROAD, "after_s": 3_600}, {**OPEN, **YARD, "after_s": 3_600 - driven_s}
    assert said(world, newest, late)[-1] == told


def test_a_backlog_that_drives_makes_no_place_of_hours_ago_new(world) -> None:
    early = {**ARMED, **ROAD, "after_s": 600}
    newest = [{**ARMED, **ROAD, "after_s": 7_200 + 60 * n} for n in range(30)]
    drives, late = {**ARMED, **ZERO, "speed_kmh": 80.0, "after_s": 7_100}, {**OPEN, **ZERO, "after_s": 7_160}
    stage = world.admit(world.fleet())
    for seq, fields in enumerate([newest[0], early, *newest[1:], drives]):
        found(world, stage, [line(world, seq, fields)])
    (told,) = found(world, stage, [line(world, 40, late)])
    assert told is not None
    assert (told.evidence["what_en"], told.evidence["seen_min"]) == (SOMEWHERE, None)


def test_a_time_without_a_place_that_an_older_release_kept_is_no_place(world) -> None:
    """Of whoever drove on it forgot the place and kept the time."""
    stage = world.admit(world.fleet())
    found(world, stage, [line(world, 0, {**ARMED, **ROAD})])
    packed = stage.screen.packed
    kept = np.frombuffer(packed.dump([0])[0], np.dtype([tuple(field) for field in unpack(packed.layout)])).copy()
    kept["place.lat_deg"] = kept["place.lon_deg"] = np.nan
    packed.load(0, packed.layout_id, kept.tobytes())
    (told,) = found(world, stage, [line(world, 1, {**OPEN, **ZERO})])
    assert words(told) == SOMEWHERE


def test_where_a_device_was_seen_later_is_not_where_it_was_last_seen(world) -> None:
    stage = world.admit(world.fleet())
    found(world, stage, [line(world, 0, {**ARMED, **ROAD, "after_s": 3_600})])
    (told,) = found(world, stage, [line(world, 1, {**OPEN, **ZERO, "after_s": 600})])
    assert told is not None
    assert (told.evidence["what_en"], told.evidence["seen_min"]) == (SOMEWHERE, None)


def test_a_late_fix_is_the_last_place_where_nothing_newer_has_told_of_one(world) -> None:
    driving, lot = {**ARMED, **ROAD, "speed_kmh": 60.0}, {**ARMED, **YARD, "after_s": 3_600}
    after, last = {**ARMED, **ZERO, "after_s": 3_660}, {**OPEN, **ZERO, "after_s": 3_690}
    assert said(world, driving, after, lot, last) == [""] * 4
    assert said(world, driving, {**after, "speed_kmh": 60.0}, lot, last)[3] == SOMEWHERE


def test_a_place_is_what_the_new_shipment_lets_be_done_there(world) -> None:
    """The seal was switched on in the yard before its shipment began; then came the roof."""
    t0 = world.t0_ms
    book = world.book(world.route(), world.shipment(1, effective_ms=t0 + 30_000), world.device("seal-1"))
    stage = world.admit(book)
    told = [found(world, stage, [line(world, n, f)])[0] for n, f in enumerate([{**ARMED, **YARD}, {**OPEN, **ZERO}])]
    assert told == [None, None]


def test_another_seal_is_put_on_under_the_roof_and_another_one_on_the_road_is_told(world) -> None:
    def mismatches(place: dict[str, float]) -> list[Finding | None]:
        book = world.book(world.route(), world.shipment(1, seal_numbers=["ESL1"]), world.device("seal-1"))
        stage, other = world.admit(book), {"seal_number": "ESL9", **ZERO}
        lines = [line(world, n, fields) for n, fields in enumerate([{"seal_number": "ESL1", **place}, other])]
        return found(world, stage, lines, "seal_mismatch")

    assert mismatches(YARD) == [None, None]
    (_, told) = mismatches(ROAD)
    assert told is not None
    assert (told.score, told.evidence["where_en"]) == (1.0, "; device last seen 1 min before")
    (_, told) = mismatches({})
    assert told is not None
    assert (told.score, told.evidence["where_en"]) == (0.5, "; its place is not known")


@pytest.mark.parametrize(("place", "told"), [(YARD, False), (ROAD, True), ({}, True)])
def test_doors_open_under_the_roof_let_the_warm_air_in(world, place: dict[str, float], told: bool) -> None:
    stage = world.admit(world.fleet())
    warm = {"door": "open", "temperature_c": 15.0, **ZERO}
    readings = [{"door": "closed", "temperature_c": 5.0, **place}, *[warm] * 6]
    lines = [line(world, n, fields) for n, fields in enumerate(readings)]
    assert any(found(world, stage, lines, "temperature_excursion")) == told


# -- in whatever frames they come, and whenever a process dies ------------------------------------------------------

reading = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["seal-1", "seal-2"]),
        "place": st.sampled_from([YARD, ROAD, {}, {}, ZERO]),
        "speed_kmh": st.sampled_from([0.0, 0.0, 20.0, 80.0, None]),
        "state": st.sampled_from(["armed", "open", "open"]),
        "step_s": st.sampled_from([30, 30, 60, -90, 7_000]),
    }
)
runs = st.lists(reading, min_size=1, max_size=14)


def lines_of(world, run: list[dict[str, Any]]) -> list[bytes]:
    times_s = list(accumulate((r["step_s"] for r in run), initial=10_000))[1:]
    return [
        world.line(r["device"], seq, after_s=s, seal_state=r["state"], **r["place"], **told_speed(r["speed_kmh"]))
        for seq, (r, s) in enumerate(zip(run, times_s, strict=True))
    ]


def told_speed(kmh: float | None) -> dict[str, float]:
    return {} if kmh is None else {"speed_kmh": kmh}


def one_by_one(world, lines: list[bytes]) -> list[Finding | None]:
    stage = world.admit(world.fleet())
    return [found(world, stage, [each])[0] for each in lines]


@given(run=runs, cuts=st.sets(st.integers(1, 13)))
def test_how_readings_are_cut_into_frames_changes_nothing(world, run: list[dict[str, Any]], cuts: set[int]) -> None:
    lines, stage, heard = lines_of(world, run), world.admit(world.fleet()), []
    bounds = [0, *sorted(cut for cut in cuts if cut < len(lines)), len(lines)]
    for begin, end in pairwise(bounds):
        heard += found(world, stage, lines[begin:end])
    assert heard == one_by_one(world, lines)


@given(run=runs, deaths=st.sets(st.integers(0, 13)))
def test_whenever_a_process_dies_the_next_one_knows_the_last_place(
    world, run: list[dict[str, Any]], deaths: set[int]
) -> None:
    lines, stage, heard, saved = lines_of(world, run), world.admit(world.fleet()), [], dict[str, bytes]()
    for n, each in enumerate(lines):
        heard += found(world, stage, [each])
        if n in deaths:
            world.checkpoint(stage, saved)
            stage = world.admit(world.fleet())
            for key, value in saved.items():
                stage.restore(key, value)
    assert heard == one_by_one(world, lines)
