"""Unusual journeys: what is usual is learnt place by place, and what is not is told by what makes it so."""

from __future__ import annotations

import doctest
import math
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import checks

from contracts.journeys import FEATURES, JourneyWindow
from detectors import explanation, journey_norm, unusual_journey
from detectors.journey_norm import PLACE, JourneyNorm
from detectors.unusual_journey import CARD, FLOORS, NAMES, ONE_SIDED, Thresholds, judged, words


def norm(**more: Any) -> JourneyNorm:
    return JourneyNorm(FLOORS, ONE_SIDED, **more)


def usual(rng: random.Random, place: str = "112,-397", **more: float) -> dict[str, Any]:
    """A truck at 96 km/h on the open road, or what the place makes of it."""
    speed = {"slow": 58.0}.get(place, 96.0) * rng.uniform(0.92, 1.08)
    return {
        "speed_kmh": speed, "speed_spread_kmh": rng.uniform(0.5, 4.0), "stopped_share": 0.0, "progress_kmh": speed,
        "off_route_m": rng.uniform(2.0, 8.0), "off_route_spread_m": rng.uniform(1.0, 5.0),
        "temperature_dev": rng.uniform(-0.2, 0.1), PLACE: place, **more,
    }  # fmt: skip


MINUTE_MS, HOUR_MS = 60_000, 3_600_000
CRAWL = {"speed_kmh": 45.0, "progress_kmh": 45.0}


def taught(model: JourneyNorm, windows: int = 120, seed: int = 7, places: tuple[str, ...] = ("a", "b", "slow")) -> None:
    """By a dozen vehicles, a window a minute."""
    rng = random.Random(seed)
    for n in range(windows):
        model.learn_one(usual(rng, places[n % len(places)]), f"truck-{n // len(places) % 12}", n * MINUTE_MS)


def window(**more: Any) -> JourneyWindow:
    return JourneyWindow(
        **{
            "window_id": "0" * 32, "shipment_id": "S1", "corridor": "I35", "direction": "northbound", "start_ms": 0,
            "end_ms": 240_000, "readings": 8, "device_id": "T1", "boot_id": 1, "seq": 8, "lat_deg": 28.1,
            "lon_deg": -99.3, "pace": 1.3, "ends_km": 60.0, "border_km": 60.0,
            **dict.fromkeys(FEATURES, 0.0), **more,
        }
    )  # fmt: skip


UNUSUAL = [
    {"speed_kmh": 45.0, "progress_kmh": 45.0},
    {"speed_kmh": 130.0, "progress_kmh": 130.0},
    {"off_route_m": 300.0},
    {"speed_kmh": 50.0, "speed_spread_kmh": 45.0, "stopped_share": 0.4, "progress_kmh": 50.0},
    {"progress_kmh": 40.0},
]


@pytest.mark.parametrize("strange", UNUSUAL)
def test_what_others_do_not_do_scores_high_and_what_they_do_low(strange: dict[str, float]):
    model, rng = norm(), random.Random(1)
    taught(model)
    assert max(model.score_one(usual(rng, place)) for place in ("a", "b", "slow") for _ in range(50)) < 0.4
    assert model.score_one(usual(rng, "a", **strange)) > 0.5


def test_what_is_usual_depends_on_the_place():
    model, rng = norm(), random.Random(2)
    taught(model)
    slow = usual(rng, "slow")
    assert model.score_one(slow) < 0.4
    assert model.score_one({**slow, PLACE: "a"}) > 0.5


def test_a_place_never_seen_is_judged_by_its_corridor():
    model, rng = norm(), random.Random(3)
    taught(model, places=("a", "b", "c"))
    assert model.score_one(usual(rng, "new")) < 0.4
    assert model.score_one(usual(rng, "new", speed_kmh=45.0, progress_kmh=45.0)) > 0.5


@pytest.mark.parametrize("name", ONE_SIDED)
def test_less_than_usual_of_some_things_is_nothing_unusual(name: str):
    model, rng = norm(), random.Random(4)
    for _ in range(60):
        model.learn_one(usual(rng, **{name: 60.0}))
    deviations = model.deviations(usual(rng, **{name: 0.0}))
    assert deviations[name] == 0.0


def test_a_fault_does_not_become_the_norm():
    model, rng = norm(), random.Random(5)
    taught(model)
    crawl = [usual(rng, "a", speed_kmh=40.0, progress_kmh=40.0) for _ in range(20)]
    for x in crawl:
        model.learn_one(x)
    assert model.score_one(crawl[-1]) > 0.5
    credulous = norm(lasting_most=1, lasting_of=1, lasting_ms=0)
    taught(credulous)
    for x in crawl:
        credulous.learn_one(x)
    assert credulous.score_one(crawl[-1]) < 0.5  # the control


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1e300, -1e300, 1e6])
@pytest.mark.parametrize("at", [0, 1, 5, 40, 119])
def test_one_bad_value_poisons_nothing(name: str, wild: float, at: int):
    """Wherever it comes, also as the first value of all: what is unusual stays so, what is usual stays usual."""
    clean, hurt, rng, new = norm(), norm(), random.Random(14), random.Random(15)
    for n in range(120):
        x = usual(rng, ("a", "b", "slow")[n % 3])
        clean.learn_one(x, f"truck-{n // 3 % 12}")
        hurt.learn_one({**x, name: wild} if n == at else x, f"truck-{n // 3 % 12}")
    for place in ("a", "b", "slow"):
        for _ in range(20):
            x = usual(new, place)
            assert hurt.score_one(x) < 0.45
            assert abs(hurt.score_one(x) - clean.score_one(x)) < 0.12
        for strange in UNUSUAL if place != "slow" else UNUSUAL[2:3]:
            assert hurt.score_one(usual(new, place, **strange)) > 0.5


def test_without_its_bounds_one_bad_value_would_blind_it():
    """The control."""
    credulous, rng = norm(learn_max=math.inf, first=1, unusual=1.0), random.Random(14)
    taught(credulous)
    credulous.learn_one(usual(rng, "a", off_route_m=1e6))
    assert credulous.score_one(usual(rng, "a", off_route_m=300.0)) < 0.1


def crawled(model: JourneyNorm, windows: int, trucks: int, others: int, places: tuple[str, ...]) -> None:
    """These trucks alone crawl past these places in turn; beside each window, so many of others' are usual."""
    rng, begins_ms = random.Random(16), 10 * HOUR_MS
    for n in range(windows):
        at_ms = begins_ms + n * 3 * MINUTE_MS
        model.learn_one(usual(rng, places[n % len(places)], **CRAWL), f"slow-{n // len(places) % trucks}", at_ms)
        for other in range(others):
            model.learn_one(usual(rng, ("a", "b")[n % 2]), f"truck-{(n + other) % 12}", at_ms)


@pytest.mark.parametrize("places", [("a", "b", "new"), ("new",), ("a",)], ids=" ".join)
@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("trucks", [1, 4])
@pytest.mark.parametrize("windows", [5, 100, 1_000])
@pytest.mark.parametrize("before", [100, 400])
def test_an_anomalous_stretch_does_not_teach_that_it_is_normal(
    before: int, windows: int, trucks: int, others: int, places: tuple[str, ...]
):
    """A truck, or a carrier's few, crawl for up to two days past places known and new, others pass or nobody else."""
    model, rng = norm(), random.Random(17)
    taught(model, before, places=("a", "b", "c"))
    crawled(model, windows, trucks, others, places)
    for place in ("a", "b", "new"):
        assert model.score_one(usual(rng, place, **CRAWL)) > 0.5
        assert model.score_one(usual(rng, place)) < 0.45


@pytest.mark.parametrize("places", [("a", "b", "new"), ("new",), ("a",)], ids=" ".join)
def test_did_one_truck_suffice_its_stretch_would_teach_that_it_is_normal(places: tuple[str, ...]):
    """The control."""
    credulous, rng = norm(lasting_most=1, lasting_of=1, lasting_ms=0), random.Random(17)
    taught(credulous, 400, places=("a", "b", "c"))
    crawled(credulous, 400, 1, 0, places)
    assert all(credulous.score_one(usual(rng, place, **CRAWL)) < 0.5 for place in places)


def hours_until_usual(model: JourneyNorm, slow: int, place: str = "a") -> float:
    """Of a dozen trucks, of which one passes every five minutes, so many crawl from now on: how long is that told."""
    rng = random.Random(18)
    taught(model, 400, places=("a", "b", "c"))
    for n in range(24 * 12):
        x = usual(rng, place, **(CRAWL if n % 12 < slow else {}))
        if n % 12 < slow and model.score_one(x) < 0.5:
            return n / 12
        model.learn_one(x, f"truck-{n % 12}", 10 * HOUR_MS + n * 5 * MINUTE_MS)
    return math.inf


def test_roadworks_that_slow_all_for_a_day_become_the_norm_after_eight_hours_and_before_twelve():
    assert 8.0 < hours_until_usual(norm(), slow=12) < 12.0
    assert hours_until_usual(norm(lasting_ms=0), slow=12) < 4.0  # the control


def test_what_most_of_the_vehicles_do_becomes_the_norm_and_what_half_do_does_not():
    assert 8.0 < hours_until_usual(norm(), slow=8) < 16.0
    assert hours_until_usual(norm(), slow=6) == hours_until_usual(norm(), slow=4) == math.inf


def test_a_new_place_where_all_are_slow_is_one_after_few_vehicles():
    """There is nothing there to which it is strange; what is known from elsewhere is not known of this place."""
    assert hours_until_usual(norm(), slow=12, place="new") < 1.0


def test_a_change_is_lasting_through_a_restart():
    model, rng = norm(), random.Random(19)
    taught(model, 400, places=("a", "b", "c"))
    for n in range(6 * 12):
        model.learn_one(usual(rng, "a", **CRAWL), f"truck-{n % 12}", 10 * HOUR_MS + n * 5 * MINUTE_MS)
    dumped, held = model.dump(), {place: model.dump_place(place) for place in model.places}
    again = norm()
    again.load(dumped)
    for place, kept in held.items():
        again.load_place(place, kept)
    for n in range(6 * 12, 12 * 12):
        x = usual(rng, "a", **CRAWL)
        assert again.score_one(x) == model.score_one(x)
        for each in (model, again):
            each.learn_one(x, f"truck-{n % 12}", 10 * HOUR_MS + n * 5 * MINUTE_MS)
    assert again.score_one(x) < 0.5


def test_drift_tells_how_far_the_last_windows_are_from_what_was_usual():
    model, rng = norm(), random.Random(17)
    taught(model, 600)
    assert max(map(abs, model.drift().values())) < 0.4
    for _ in range(60):
        model.learn_one(usual(rng, "a", speed_kmh=86.0 * rng.uniform(0.92, 1.08)))
    drift = model.drift()
    assert drift["speed_kmh"] < -0.7
    assert abs(drift["off_route_m"]) < 0.5
    model.learn_one(usual(rng, "a", off_route_m=1e6))
    assert abs(model.drift()["off_route_m"]) < 0.6  # one window moves it little


def test_a_lasting_change_does_become_the_norm():
    model, rng = norm(memory=40.0), random.Random(6)
    taught(model)
    for n in range(1_200):
        x = usual(rng, "a", speed_kmh=70.0 * rng.uniform(0.95, 1.05), progress_kmh=70.0)
        model.learn_one(x, f"truck-{n % 12}", 10 * HOUR_MS + n * MINUTE_MS)
    assert model.score_one(usual(rng, "a", speed_kmh=70.0, progress_kmh=70.0)) < 0.4


def test_the_reasons_are_what_makes_it_unusual():
    model, rng = norm(), random.Random(8)
    taught(model)
    reasons = unusual_journey.why(model, usual(rng, "a", off_route_m=400.0), 0.5).reasons()
    assert reasons[0][0] == "off_route_m"
    assert reasons[0][1] == 400.0
    assert reasons[0][2] < 10.0
    assert reasons[0][3] > 10 * abs(reasons[1][3])


@given(st.dictionaries(st.sampled_from([*FEATURES, "x"]), st.floats() | st.none() | st.booleans() | st.text()))
def test_what_is_no_number_says_and_teaches_nothing(x: dict[str, Any]):
    model = norm()
    taught(model, 30)
    score = model.score_one(x)
    assert 0.0 <= score < 1.0
    model.learn_one(x)
    assert model.score_one(x) >= 0.0
    assert all(math.isfinite(var.mean.get()) for var in model.everywhere.values())


@given(st.lists(st.sampled_from(["a", "b", "slow", "d"]), max_size=60), st.integers(0, 60))
def test_scores_after_a_restart_equal_an_undisturbed_runs(places: list[str], at: int):
    rng, model, other = random.Random(9), norm(), norm()
    for n, place in enumerate(places):
        x = usual(rng, place)
        assert other.score_one(x) == model.score_one(x)
        model.learn_one(x, f"truck-{n % 7}", n * HOUR_MS)
        other.learn_one(x, f"truck-{n % 7}", n * HOUR_MS)
        if n == at:
            dumped, held = other.dump(), {name: other.dump_place(name) for name in other.places}
            other = norm()
            other.load(dumped)
            for name in sorted(held):
                other.load_place(name, held[name])


def test_it_remembers_so_many_places_and_no_more():
    model, rng = norm(places_max=3), random.Random(10)
    for place in ("a", "b", "c", "a", "d"):
        model.learn_one(usual(rng, place))
    assert list(model.places) == ["c", "a", "d"]
    assert set(model.changes) == set(model.places)
    assert model.let_go() == ["b"]
    assert model.let_go() == []


@pytest.mark.parametrize(
    "more", [{"readings": 2}, {"placed_share": 0.1}, {"told_share": 0.1}, {"stopped_share": 1.0, "speed_kmh": 0.0}]
)
def test_windows_that_say_little_or_are_another_rules_are_not_judged(more: dict[str, Any]):
    assert judged(window(), Thresholds())
    assert not judged(window(**more), Thresholds())


@pytest.mark.parametrize(
    ("border_km", "notice", "is_judged"), [(3.0, "christmas", False), (3.0, None, True), (20.0, "christmas", True)]
)
def test_near_a_bridge_under_a_notice_no_window_is_judged(border_km: float, notice: str | None, is_judged: bool):
    assert judged(window(border_km=border_km, notice=notice), Thresholds()) is is_judged


def test_towns_and_the_border_have_models_of_their_own():
    zones = [unusual_journey.zone_of(window(**more)) for more in ({}, {"ends_km": 3.0}, {"border_km": 3.0})]
    assert zones == ["road", "town", "border"]
    assert unusual_journey.place_of(window(lat_deg=28.13, lon_deg=-99.3)) == "112,-398"


def test_where_traffic_is_mixed_more_is_needed():
    rng = random.Random(12)
    crawl = usual(rng, "a", speed_kmh=62.0, progress_kmh=62.0)
    scores = {}
    for zone in ("road", "town", "border"):
        model = unusual_journey.fresh(zone, Thresholds())
        taught(model)
        scores[zone] = model.score_one(crawl)
    assert scores["road"] > 0.5 > scores["town"] == scores["border"]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_named_lowers_the_score_and_what_is_not_lowers_it_less(seed: int):
    """Of any window that would be told: whatever in it is drawn to be unusual, in a place well known or new."""
    model, rng = norm(), random.Random(seed)
    taught(model, seed=seed)
    limit, told = Thresholds().open_score, 0
    for _ in range(200):
        place = rng.choice(["a", "b", "slow", "new"])
        drawn = {name: usual(rng, place)[name] + rng.uniform(-9, 9) * FLOORS[name] for name in rng.sample(FEATURES, 3)}
        x = usual(rng, place, **drawn)
        score = model.score_one(x)
        if score < limit:
            continue
        told += 1
        why = unusual_journey.why(model, x, limit)
        reasons = why.reasons()
        named = why.named(reasons)
        falls = {name: score - model.score_one({**x, name: model.expect(x)[name][0]}) for name in FEATURES}
        assert named
        assert {reason.feature: reason.falls for reason in reasons} == falls
        assert all(falls[reason.feature] > 0 for reason in named)
        least = min(falls[reason.feature] for reason in named)
        others = [falls[name] for name in FEATURES if name not in {reason.feature for reason in named}]
        assert all(fall <= least for fall in others)
        # Together they are why it is told; nothing left out alone is, and each named alone is or could not be left out.
        as_usual = {**x, **{reason.feature: reason.usual for reason in named}}
        assert model.score_one(as_usual) < limit
        alone = {name for name in FEATURES if model.score_one({**x, name: model.expect(x)[name][0]}) < limit}
        assert alone <= {reason.feature for reason in named}
        if not alone:
            assert model.score_one({**as_usual, named[-1].feature: x[named[-1].feature]}) >= limit
        else:
            assert alone == {reason.feature for reason in named}
    assert told > 20


@given(
    st.lists(st.sampled_from(["a", "b", "slow", "d"]), min_size=1, max_size=40), st.sampled_from(["a", "d", "never"])
)
def test_the_grounds_of_a_score_give_it_again_also_as_json(places: list[str], place: str):
    model, rng = norm(), random.Random(13)
    for where in places:
        model.learn_one(usual(rng, where))
    x = usual(rng, place, speed_kmh=50.0)
    grounds = msgspec.json.decode(msgspec.json.encode(model.grounds(place)))
    again = JourneyNorm.on(grounds)
    assert again.score_one(x) == model.score_one(x)
    assert unusual_journey.why(again, x, 0.5).reasons() == unusual_journey.why(model, x, 0.5).reasons()
    assert again.grounds(place) == grounds == model.grounds(place)


def test_its_sentences_name_at_most_two_reasons_in_each_language():
    model, rng = norm(), random.Random(11)
    taught(model)
    x = usual(rng, "a", **UNUSUAL[0])
    why = unusual_journey.why(model, x, Thresholds().open_score)
    reasons = why.reasons()
    evidence = words(reasons, why.named(reasons))
    english = CARD.opened["en"].format(device_id="T1", **evidence)
    spanish = CARD.opened["es"].format(device_id="T1", **evidence)
    assert english.startswith("T1 does not travel as others do here: ")
    assert "speed 45 km/h, usually 9" in english
    assert "velocidad 45 km/h, lo usual 9" in spanish
    assert english.count("usually") == spanish.count("lo usual") == 2
    assert evidence["feature"] in ("speed_kmh", "progress_kmh")
    assert set(NAMES) == set(FEATURES)
    for text in CARD.closed.values():
        assert text.format(device_id="T1")


def test_its_example_runs():
    assert doctest.testmod(journey_norm).attempted > 0
    assert doctest.testmod(journey_norm).failed == 0


# -- River's own checks -----------------------------------------------------------------------------------------


def days() -> list[tuple[dict[str, float], bool]]:
    rng = random.Random(7)
    found = []
    for n in range(400):
        crawl = 100 <= n < 110 or 300 <= n < 310
        x = usual(rng, "a", **({"speed_kmh": 40.0, "progress_kmh": 40.0} if crawl else {}))
        del x[PLACE]
        found.append((x, crawl))
    return found


def river_checks() -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        # River's own data set for detectors is a download; the checks are the same on ours.
        patch.setattr(checks, "_yield_datasets", lambda _model, scale=1: iter([days() * scale]))
        model = JourneyNorm()
        # Its check of the ranking needs scikit-learn: the test after these asks the same without.
        skips = {*model._unit_test_skips(), "check_roc_auc"}
        return [c for c in checks.yield_checks(model) if c.__name__ not in skips]


@pytest.mark.parametrize("check", river_checks(), ids=lambda check: check.__name__)
def test_it_is_a_river_estimator(check: Any):
    random.seed(5)
    check(JourneyNorm().clone())


def test_what_is_unusual_outranks_the_rest():
    model = norm()
    scores: dict[bool, list[float]] = {True: [], False: []}
    for x, crawl in days():
        scores[crawl].append(model.score_one(x))
        model.learn_one(x)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[True] for b in scores[False]]
    assert sum(pairs) / len(pairs) > 0.99  # the area under the ROC curve


def test_a_share_is_said_in_per_cent():
    said = words([], [explanation.Reason("stopped_share", 0.43, 0.02, 0.3)])
    assert said["what_en"] == "time standing 43 %, usually 2 %"
    assert said["what_es"] == "tiempo detenido 43 %, lo usual 2 %"
