"""Separation: what is apart beyond all doubt is told, and nothing that intervals, noise or silence could explain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import separation
from detectors.geometry import EARTH_RADIUS_M, plane_m
from detectors.separation import CARD, Points, Run, Thresholds, follow, gaps, neighbours, verdicts

T = Thresholds()
DEG_M = math.radians(1.0) * EARTH_RADIUS_M  # metres to a degree of latitude


def points(*rows: tuple[str, float, float], speed_kmh: float = 90.0, accuracy_m: float = 5.0, ship: int = 0) -> Points:
    """Rows of (``truck``, ``box``, ``seal`` or ``phone``; seconds; metres north), in order."""
    kinds = np.array([kind for kind, _, _ in rows])
    n = len(rows)
    return Points(
        ship=np.full(n, ship),
        time_ms=np.array([round(1_000 * at) for _, at, _ in rows], np.int64),
        lat_deg=28.0 + np.array([north for _, _, north in rows]) / DEG_M,
        lon_deg=np.full(n, -99.5),
        accuracy_m=np.full(n, accuracy_m),
        speed_kmh=np.full(n, speed_kmh),
        vehicle=kinds == "truck",
        cargo=np.isin(kinds, ("box", "seal")),
        box=kinds == "box",
    )


def said(of: Points, thresholds: Thresholds = T) -> list[int]:
    return verdicts(gaps(of, thresholds), thresholds).tolist()


def test_a_container_between_two_positions_of_its_truck_is_with_it_whatever_their_intervals():
    found = gaps(points(("truck", 0, 0), ("box", 10, 250), ("box", 25, 625), ("truck", 30, 750)), T)
    assert (found.at.tolist(), found.cargo.tolist(), found.vehicle.tolist()) == ([1, 2], [1, 2], [3, 3])
    assert found.distance_m == pytest.approx([0.0, 0.0], abs=0.1)


def test_a_container_left_behind_is_apart():
    assert said(points(("truck", 0, 0), ("box", 25, 0), ("truck", 30, 750))) == [1]


def test_what_accuracy_or_a_way_between_two_positions_could_explain_is_doubt():
    returned = points(("truck", 0, 0), ("seal", 20, 500), ("truck", 60, 400))  # it may have gone on, and come back
    assert said(returned) == [0]
    assert said(points(("truck", 0, 0), ("seal", 20, 1_050), ("truck", 60, 400))) == [1]  # not so far, at 105 km/h
    assert said(points(("truck", 0, 0), ("seal", 0, 600), ("truck", 0, 0), accuracy_m=5.0)) == [1]
    assert said(points(("truck", 0, 0), ("seal", 0, 470), ("truck", 0, 0), accuracy_m=180.0)) == [0]


def test_a_truck_of_which_nothing_was_heard_for_minutes_may_have_stood_and_then_driven():
    # At customs, then in the queue 800 m on; its seal knows that it stood for another minute.
    gone = [("truck", 0, 0), ("seal", 60, 0), ("truck", 210, 800)]
    assert said(points(*gone, speed_kmh=12.0)) == [0]
    assert said(points(*gone, speed_kmh=12.0), Thresholds(gain_kmh=0.0)) == [1]  # the control
    # Of one that speaks each half minute, what it tells holds: it was under way all the time.
    assert said(points(("truck", 0, 0), ("seal", 25, 0), ("truck", 30, 750))) == [1]


def test_a_truck_that_stands_whenever_it_speaks_and_is_further_on_each_time_drove_as_it_never_told():
    """Stop-and-go, heard each two minutes: 1.7 km on, where with all that it may have gained it comes 1.5."""
    drove = points(("truck", 0, 0), ("seal", 60, 0), ("truck", 118, 1_700), speed_kmh=0.0)
    assert said(drove) == [0]
    # It has to have come further: where it stands at both ends of two minutes, its box is not 1.7 km on.
    assert said(points(("truck", 0, 0), ("seal", 60, 1_700), ("truck", 118, 0), speed_kmh=0.0)) == [1]
    # Nor is it so of one that speaks each half minute: what it tells holds for as long.
    assert said(points(("truck", 0, 0), ("seal", 15, 0), ("truck", 30, 800), speed_kmh=0.0)) == [1]


def test_a_vehicle_is_held_to_its_box_too():
    stood = points(("box", 0, 0), ("truck", 10, 400), ("box", 30, 0), speed_kmh=0.0)
    found = gaps(stood, T)
    assert (found.at.tolist(), found.cargo.tolist(), found.vehicle.tolist()) == ([1], [2], [1])
    assert said(stood) == [1]
    assert said(points(("seal", 0, 0), ("truck", 10, 400), ("seal", 30, 0), speed_kmh=0.0)) == []


def journey(seed: int, off_s: float, parts_s: float = math.inf) -> Points:
    """Ten minutes of a truck, its box and its seal, one of whose clocks is off by up to so much, as is usual on a road:
    it drives off, brakes and stands. From ``parts_s`` on box and seal stand where they are.
    """
    rng = np.random.default_rng(seed)
    seconds = np.arange(-100.0, 700.0)
    wanted_m_s = np.repeat(rng.choice([0.0, 8.0, 25.0, 27.0], 20), 40)
    if parts_s < math.inf:
        wanted_m_s = np.full(len(seconds), rng.uniform(8.0, 27.0))
    m_s = np.zeros(len(seconds))
    for n in range(1, len(seconds)):
        m_s[n] = m_s[n - 1] + np.clip(wanted_m_s[n] - m_s[n - 1], -0.9, 0.35)  # brakes, gains: m/s a second
    way_m = np.cumsum(m_s)
    offs_s = np.zeros(3)
    offs_s[rng.integers(3)] = off_s
    rows = []
    for kind, clock_s in zip(("truck", "box", "seal"), offs_s, strict=True):
        interval_s = rng.uniform(10.0, 30.0)
        for at_s in np.arange(rng.uniform(0.0, interval_s), 600.0, interval_s):
            stays = kind != "truck" and at_s >= parts_s
            north_m = np.interp(min(at_s, parts_s) if stays else at_s, seconds, way_m) + rng.normal(0.0, 4.0)
            speed_m_s = 0.0 if stays else np.interp(at_s, seconds, m_s)
            rows.append((at_s + clock_s, kind, north_m, speed_m_s * 3.6))
    rows.sort()
    made = points(*((kind, at_s, north_m) for at_s, kind, north_m, _ in rows))
    made.speed_kmh = np.array([speed_kmh for *_, speed_kmh in rows])
    return made


@pytest.mark.parametrize("off_s", [-T.clock_s, -T.clock_s / 2, T.clock_s / 2, T.clock_s])
def test_a_clock_that_is_off_by_as_much_as_clocks_may_be_parts_nobody(off_s: float):
    without = Thresholds(clock_s=0.0)
    untold = told = 0
    for seed in range(100):
        drive = journey(seed, off_s)
        untold += said(drive).count(1)
        told += said(drive, without).count(1)
    assert untold == 0
    assert told > 100 or abs(off_s) < T.clock_s  # the control


@pytest.mark.parametrize("off_s", [-T.clock_s, 0.0, T.clock_s])
def test_who_is_left_behind_is_apart_for_good_once_the_truck_is_further_than_a_clock_could_be_off(off_s: float):
    for seed in range(100):
        drive = journey(seed, off_s, parts_s=300.0)
        found = gaps(drive, T)
        apart = verdicts(found, T) == 1
        at_s = drive.time_ms[found.at] / 1_000.0
        assert not apart[at_s < 300.0 - T.clock_s].any()
        assert apart[at_s > 300.0 + 2 * T.clock_s + 20.0].all(), seed  # 20 s are 160 m at the slowest


def test_where_it_stands_no_clock_explains_anything():
    stood = points(("truck", 0, 0), ("box", 15, 150), ("truck", 30, 0), speed_kmh=0.0)
    assert said(stood) == [1]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_measured_is_the_way_to_the_nearest_place_that_the_vehicle_can_have_been_at(seed: int):
    rng = np.random.default_rng(seed)
    (a, b), radii, point = rng.uniform(-900, 900, (2, 2)), rng.uniform(10, 900, 2), rng.uniform(-2_000, 2_000, 2)
    radii += max(math.dist(a, b) - radii.sum(), 0.0)  # they meet
    of = [np.array([x]) for x in (math.dist(point, a), math.dist(point, b), math.dist(a, b), *radii)]
    measured = separation._from_lens_m(*of)[0]
    # By brute force: the nearest of many points that lie in both circles, a little widened.
    angle, share = rng.uniform(0.0, 2 * math.pi, 400_000), np.sqrt(rng.uniform(0.0, 1.0, 400_000))
    inside = a + np.c_[np.cos(angle), np.sin(angle)] * (share * (radii[0] + 10.0))[:, None]
    inside = inside[np.hypot(*(inside - b).T) <= radii[1] + 10.0]
    assert len(inside)
    assert measured == pytest.approx(np.hypot(*(inside - point).T).min(), abs=60.0)


def test_where_no_speed_is_told_a_vehicle_may_have_gone_fast():
    told = points(("truck", 0, 0), ("box", 10, 300), ("truck", 20, 0), speed_kmh=0.0)
    untold = points(("truck", 0, 0), ("box", 10, 300), ("truck", 20, 0), speed_kmh=math.nan)
    assert (said(told), said(untold)) == ([1], [0])


@pytest.mark.parametrize(
    "rows",
    [
        [("truck", 0, 0), ("box", 10, 5_000)],
        [("box", 10, 5_000), ("truck", 20, 0)],
        [("box", 10, 5_000)],
        [("truck", 0, 0), ("box", 10, 50_000), ("truck", 301, 0)],
        [("truck", 0, 0), ("phone", 10, 5_000), ("truck", 20, 0)],
        [],
    ],
)
def test_without_the_vehicle_before_and_after_nothing_is_said(rows):
    assert said(points(*rows)) == []


def test_another_shipments_truck_is_no_neighbour():
    ship = np.array([0, 0, 1, 1])
    before, after = neighbours(ship, np.array([True, False, False, True]))
    assert (before.tolist(), after.tolist()) == ([0, 0, -1, 3], [0, -1, 3, 3])


def test_a_vehicle_stands_still_at_one_instant():
    assert gaps(points(("truck", 5, 0), ("box", 5, 100)), T).distance_m.tolist() == []
    found = gaps(points(("truck", 5, 0), ("box", 5, 100), ("truck", 5, 0)), T)
    assert found.distance_m == pytest.approx([100.0], rel=1e-3)


def test_distances_are_those_of_the_globe():
    here, there = np.array([28.0]), np.array([28.4])
    assert plane_m(here, np.array([-99.5]), there, np.array([-99.5]))[0] == pytest.approx(0.4 * DEG_M)
    across = plane_m(here, np.array([179.9]), here, np.array([-179.9]))[0]
    assert across == pytest.approx(0.2 * DEG_M * math.cos(math.radians(28.0)), rel=1e-6)


def take(
    run: Run, other: Run, verdict: int, time_ms: int, thresholds: Thresholds = T, rests_on: str = ""
) -> str | None:
    """A verdict that rests on unsure positions of these names."""
    return follow(run, other, verdict, time_ms, frozenset(map(ord, rests_on)), thresholds)


def test_an_episode_opens_on_the_second_verdict_and_closes_on_the_second_other():
    run = Run()
    told = [take(run, Run(), v, 10_000 * n) for n, v in enumerate([1, -1, 1, 0, 1, 1, -1, 1, -1, 0, -1, -1])]
    assert told == [None, None, None, None, "trip", "trip", None, "trip", None, None, "clear", None]


def test_a_container_and_a_seal_apart_are_two_witnesses_and_one_that_is_together_takes_nothing_back():
    box, seal = Run(), Run()
    assert take(box, seal, 1, 0) is None
    assert take(seal, box, 1, 4_000) is None
    assert take(seal, box, 1, 9_000) == "trip"
    box, seal = Run(), Run()
    heard = [(box, seal, 1), (seal, box, -1), (seal, box, 1), (box, seal, -1), (seal, box, 1)]
    told = [take(of, other, verdict, 5_000 * n) for n, (of, other, verdict) in enumerate(heard)]
    assert told == [None, None, "trip", None, "trip"]


def test_two_bad_positions_within_seconds_are_not_enough():
    run = Run()
    assert [take(run, Run(), 1, ms) for ms in (0, 1_000, 4_999, 5_000)] == [None, None, None, "trip"]


def test_verdicts_that_all_rest_on_one_unsure_position_open_nothing_and_the_first_that_does_not_opens():
    run = Run()
    rest_on = ["abc", "acd", "ade", "def"]
    assert [take(run, Run(), 1, 10_000 * n, T, names) for n, names in enumerate(rest_on)] == [None, None, None, "trip"]
    sure = Run()
    assert [take(sure, Run(), 1, 10_000 * n, T, names) for n, names in enumerate(["abc", ""])] == [None, "trip"]
    at_once = Run()
    assert take(at_once, Run(), 1, 0, Thresholds(confirm_positions=1, confirm_s=0.0)) == "trip"  # as it was asked for


def test_two_witnesses_that_rest_on_one_unsure_position_open_nothing():
    box, seal = Run(), Run()
    assert [take(box, seal, 1, 0, T, "abc"), take(seal, box, 1, 9_000, T, "ade")] == [None, None]
    box, seal = Run(), Run()
    assert [take(box, seal, 1, 0, T, "abc"), take(seal, box, 1, 9_000, T, "def")] == [None, "trip"]


def test_the_distance_is_named_and_together_there_would_be_no_alert():
    evidence = separation.why(600.0, T).evidence()
    assert (evidence["feature"], evidence["distance_m"], evidence["usual_distance_m"]) == ("distance_m", 600.0, 0.0)
    assert evidence["falls_distance_m"] == pytest.approx(separation.score(600.0, T)) == 0.8


def test_its_sentences_say_who_is_how_far_from_whom():
    evidence = {"distance_m": 812.3, "vehicle_id": "T-7", "doubt_m": 20.0}
    for texts in (CARD.opened, CARD.closed):
        for text in texts.values():
            said = text.format(device_id="C-7", **evidence)
            assert all(word in said for word in ("C-7", "T-7", "812 m"))


def test_the_states_hash_hangs_on_what_is_apart_and_not_on_how_long_all_was_well_before():
    apart, well = Run(2, 5_000, True), Run(-3, 1_000)
    told = separation.state_sha256(apart, well, T)
    assert len(told) == 64
    assert told == separation.state_sha256(apart, Run(-900, 77), T)
    others = [(Run(3, 6_000, True), well), (Run(1, 5_000, True), well), (Run(2, 5_000), well), (apart, Run(1, 5_000))]
    others.append((Run(2, 5_000, True, frozenset({7})), well))
    assert told not in {separation.state_sha256(run, other, T) for run, other in others}
