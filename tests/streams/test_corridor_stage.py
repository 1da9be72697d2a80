"""Stage 3: windows in any order, from any partition, after any death, give the same scores and the same alerts."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from contracts import topics
from contracts.alerts import Alert
from contracts.journeys import JourneyWindow, window_id
from contracts.models import ModelState
from contracts.readings import Tick
from detectors.unusual_journey import Thresholds
from streams.corridor_stage import CorridorConfig, CorridorStage
from streams.journey_models import JourneyModels, rejudge, state_sha256

SEEDS = range(10)
LENGTH_MS = 180_000
WINDOWS = 60
CRAWLS = range(40, 47)


def window(world, n: int, shipment: int, rng: random.Random, **more: Any) -> JourneyWindow:
    """The ``n``-th window of a shipment on the open road; the first shipment crawls for a while."""
    start_ms = world.t0_ms - world.t0_ms % LENGTH_MS + n * LENGTH_MS
    crawls = shipment == 1 and n in CRAWLS
    speed = (45.0 if crawls else 95.0) * rng.uniform(0.94, 1.06)
    name, exercise = f"S{shipment}", more.get("exercise", False)
    fields = {
        "window_id": window_id(name, exercise, start_ms, start_ms + LENGTH_MS), "shipment_id": name,
        "corridor": "I35", "direction": "northbound", "start_ms": start_ms, "end_ms": start_ms + LENGTH_MS,
        "readings": 8, "device_id": f"truck-{shipment}", "boot_id": 1, "seq": 8 * n, "lat_deg": 28.5 + n / 100,
        "lon_deg": -99.51, "speed_kmh": speed, "speed_spread_kmh": rng.uniform(0.5, 3.0), "stopped_share": 0.0,
        "progress_kmh": speed, "pace": 1.4, "off_route_m": rng.uniform(2.0, 8.0),
        "off_route_spread_m": rng.uniform(1.0, 4.0), "temperature_dev": 0.0, "ends_km": 80.0, "border_km": 80.0,
        **more,
    }  # fmt: skip
    return JourneyWindow(**fields)


@pytest.fixture(scope="module")
def windows(world) -> list[JourneyWindow]:
    rng = random.Random(99)
    return [window(world, n, shipment, rng) for n in range(WINDOWS) for shipment in range(1, 7)]


class Line:
    """A stage 3 that hears windows and the ticks of stage 2's partitions."""

    def __init__(self, world, book=None, **config: Any) -> None:
        self.world, self.book = world, book or world.fleet(8)
        self.config = CorridorConfig(world.partitions, world.audiences, **config)
        self.stage = CorridorStage(0, self.book, self.config)
        self.alerts: list[Alert] = []
        self.states: list[ModelState] = []
        self.saved: dict[str, bytes] = {}

    def hear(self, *heard: JourneyWindow) -> None:
        for one in heard:
            self.alerts += self.world.alerts(self.stage.process_frame(msgspec.json.encode(one)))

    def tick(self, time_ms: int, partition: int | None = None) -> None:
        for number in range(self.world.partitions) if partition is None else [partition]:
            out = self.stage.process_tick(Tick(f"shipment/{number}", time_ms))
            self.alerts += self.world.alerts(out)
            self.states += [msgspec.json.decode(o.value, type=ModelState) for o in out if o.topic == topics.MODELS]

    def save(self) -> None:
        self.world.checkpoint(self.stage, self.saved)

    def restore(self, rng: random.Random) -> None:
        self.stage = CorridorStage(0, self.book, self.config)
        for key in rng.sample(sorted(self.saved), len(self.saved)):
            self.stage.restore(key, self.saved[key])


def play(line: Line, windows: list[JourneyWindow], rng: random.Random | None = None) -> list[Alert]:
    """Each partition of stage 2 tells its windows and ticks, in its own order; with ``rng``, mixed, with deaths."""
    logs: list[list[JourneyWindow | int]] = [[] for _ in range(line.world.partitions)]
    ends = sorted({w.end_ms for w in windows})
    for end_ms in ends:
        for partition, log in enumerate(logs):
            own = [w for w in windows if w.end_ms == end_ms and int(w.shipment_id[1:]) % len(logs) == partition]
            log.extend([*(rng.sample(own, len(own)) if rng else own), end_ms])
    mixed: list[tuple[int, JourneyWindow | int]] = []
    while any(logs):
        fullest = max(range(len(logs)), key=lambda p: len(logs[p]))
        partition = rng.choice([p for p, log in enumerate(logs) if log]) if rng else fullest
        mixed.append((partition, logs[partition].pop(0)))
    at, covered = 0, -1
    while at < len(mixed):
        partition, record = mixed[at]
        if isinstance(record, int):
            line.tick(record, partition)
        else:
            line.hear(record)
        draw = rng.random() if rng else 1.0
        if draw < 0.05:
            line.save()
            covered = at
        elif draw < 0.08 and rng is not None:
            line.restore(rng)
            at = covered
        at += 1
    return line.alerts


def by_revision(alerts: list[Alert]) -> dict[tuple[str, int], bytes]:
    found: dict[tuple[str, int], bytes] = {}
    for alert in alerts:
        content = msgspec.json.encode(alert)
        assert found.setdefault((alert.alert_id, alert.revision), content) == content
    return found


@pytest.fixture(scope="module")
def undisturbed(world, windows) -> list[Alert]:
    return play(Line(world), windows)


def test_a_crawl_opens_one_episode_on_its_fourth_window_and_closes_on_the_fourth_after_it(world, windows, undisturbed):
    told = [a for a in undisturbed if a.state != "updated"]
    assert [(a.rule, a.state, a.shipment_id, a.device_id) for a in told] == [
        ("unusual_journey", "opened", "S1", "truck-1"), ("unusual_journey", "closed", "S1", "truck-1"),
    ]  # fmt: skip
    opened, closed = told
    base = windows[0].start_ms
    assert opened.opened_ms == base + (CRAWLS[0] + 4) * LENGTH_MS + 120_000
    assert closed.closed_ms == base + (CRAWLS[-1] + 5) * LENGTH_MS + 120_000
    assert opened.evidence["feature"] in ("speed_kmh", "progress_kmh")
    assert 40 < opened.evidence["speed_kmh"] < 50 < 90 < opened.evidence["usual_speed_kmh"] < 100
    assert (opened.corridor, opened.direction, opened.audiences) == ("I35", "northbound", ("us", "joint"))
    assert opened.evidence["model_version"] == f"unusual_journey@{opened.rule_version}"


@pytest.mark.parametrize("seed", SEEDS)
def test_partitions_orders_deaths_and_replays_change_no_alert(world, windows, undisturbed, seed: int):
    rng = random.Random(seed)
    assert by_revision(play(Line(world), windows, rng)) == by_revision(undisturbed)


def test_scores_after_a_replay_equal_an_undisturbed_runs(world, windows):
    once, again = Line(world), Line(world)
    play(once, windows)
    play(again, windows, random.Random(4))
    model, other = (line.stage.models["I35/northbound/road"] for line in (once, again))
    assert other.dump() == model.dump()
    assert {p: other.dump_place(p) for p in other.places} == {p: model.dump_place(p) for p in model.places}


def test_with_each_alert_the_state_that_judged_is_told_and_gives_the_same_score(world, windows):
    once, again = Line(world), Line(world)
    told = [a for a in play(once, windows) if a.state != "closed"]
    play(again, windows, random.Random(6))
    assert {state.key: state for state in again.states} == {state.key: state for state in once.states}
    states = {state.key: state for state in once.states}
    assert [f"{a.alert_id}/{a.revision}" for a in told] == list(states)
    limits = once.config.thresholds
    for alert in told:
        state = states[f"{alert.alert_id}/{alert.revision}"]
        assert state.window in windows
        assert state.model == "I35/northbound/road"
        assert state_sha256(state.state) == state.state_sha256 == alert.evidence["state_sha256"]
        found = rejudge(state.window, state.state, limits)
        assert round(found.score, 4) == alert.score
        assert ",".join(reason.feature for reason in found.named) == alert.evidence["features"]
        falls = {reason.feature: alert.evidence[f"falls_{reason.feature}"] for reason in found.named}
        assert all(fall > 0 for fall in falls.values())
        assert state_sha256({**state.state, "place": "elsewhere"}) != state.state_sha256  # the control


def test_a_corridors_drift_is_told_once_its_model_is_warm(world, windows):
    line = Line(world)
    play(line, windows[:24])
    assert line.stage.drift() == {}
    play(line, windows[24:])
    (drift,) = line.stage.drift().values()
    assert drift < 0.5
    slower = [
        msgspec.structs.replace(w, speed_kmh=0.8 * w.speed_kmh, progress_kmh=0.8 * w.progress_kmh,
                                start_ms=w.start_ms + WINDOWS * LENGTH_MS, end_ms=w.end_ms + WINDOWS * LENGTH_MS,
                                window_id=f"{n:032x}")
        for n, w in enumerate(windows[:60])
    ]  # fmt: skip
    play(line, slower)
    assert line.stage.drift()["I35/northbound/road"] > 1.0


def test_a_repeat_is_dropped_by_its_identity(world, windows):
    line = Line(world)
    line.hear(*windows[:12], *windows[:12])
    line.tick(windows[11].end_ms)
    line.hear(*windows[:12])
    line.tick(windows[11].end_ms + LENGTH_MS)
    counters = line.stage.counters()
    assert (counters["passed"], counters["repeats"], counters["judged"]) == (12, 24, 12)
    unprotected = Line(world, check_identity=False)
    unprotected.hear(*windows[:12])
    unprotected.tick(windows[11].end_ms)
    unprotected.hear(*windows[:12])
    unprotected.tick(windows[11].end_ms + LENGTH_MS)
    assert unprotected.stage.counters()["judged"] == 24  # the control


def test_nothing_is_judged_until_every_partition_has_spoken(world, windows):
    line = Line(world)
    line.hear(*windows[:12])
    line.tick(windows[11].end_ms, partition=0)
    assert line.stage.counters()["judged"] == 0
    line.tick(windows[11].end_ms, partition=1)
    assert line.stage.counters()["judged"] == 12


def test_a_corridor_that_is_still_learning_says_nothing(world, windows):
    crawling = [w for w in windows if w.end_ms <= windows[0].start_ms + 9 * LENGTH_MS]
    slow = [
        msgspec.structs.replace(w, speed_kmh=20.0, progress_kmh=20.0) if w.shipment_id == "S1" else w for w in crawling
    ]
    assert play(Line(world), slow) == []


def test_an_episode_ends_with_its_shipment(world, windows):
    ends_ms = windows[0].start_ms + 45 * LENGTH_MS
    book = world.fleet(8)
    book.apply(world.shipment(1, ends_ms=ends_ms))
    heard = [w for w in windows if w.shipment_id != "S1" or w.end_ms <= ends_ms]
    alerts = [a for a in play(Line(world, book), heard) if a.state != "updated"]
    assert [a.state for a in alerts] == ["opened", "closed"]
    assert alerts[-1].evidence["closed_ended"] is True


def test_a_drill_is_judged_and_teaches_nothing(world, windows):
    rng = random.Random(5)
    drills = [window(world, n, 1, rng, exercise=True) for n in CRAWLS]
    real = [w for w in windows if w.shipment_id != "S1"]
    line = Line(world)
    alerts = [a for a in play(line, real + drills) if a.state != "updated"]
    assert [(a.state, a.exercise) for a in alerts] == [("opened", True), ("closed", True)]
    assert "drill" in alerts[-1].messages["en"]
    assert line.stage.models["I35/northbound/road"].seen == len(real)


def test_windows_of_other_rules_break_a_row_and_teach_nothing(world, windows):
    told = [msgspec.structs.replace(w, told_share=0.5) if w.shipment_id == "S1" else w for w in windows]
    line = Line(world)
    assert play(line, told) == []
    assert line.stage.models["I35/northbound/road"].seen == len([w for w in windows if w.shipment_id != "S1"])


def test_what_is_no_window_is_a_dead_letter(world):
    stage = Line(world).stage
    (letter,) = world.letters(stage.process_frame(b'{"window_id":7}'))
    assert (letter.reason, letter.topic) == ("bad_json", "journey.windows.v1")
    assert stage.counters()["unreadable"] == 1


def test_state_is_a_record_a_place_and_nothing_of_windows_judged(world, windows):
    line = Line(world)
    play(line, windows)
    line.save()
    kinds = [key.split("/")[0] for key in line.saved]
    assert kinds.count("w") == kinds.count("e") == kinds.count("r") == 0
    assert kinds.count("h") == 1
    assert 1 < kinds.count("p") <= 4
    assert sum(map(len, line.saved.values())) < 6_000


def test_a_drill_on_a_real_corridor_moves_no_model_and_no_drift_and_a_real_crawl_does(world) -> None:
    rng = random.Random(7)
    usual = [window(world, n, shipment, rng) for n in range(30) for shipment in range(2, 7)]
    crawl = [window(world, 30 + n, shipment, rng, speed_kmh=30.0) for n in range(20) for shipment in range(2, 7)]
    drift = {}
    for name, more in (
        ("nothing", []),
        ("drill", [msgspec.structs.replace(w, exercise=True, window_id=f"drill-{w.window_id}") for w in crawl]),
        ("real", crawl),
    ):
        line = Line(world)
        play(line, [*usual, *more])
        drift[name] = line.stage.drift()
    assert drift["drill"] == drift["nothing"] != {}
    assert drift["real"] != drift["nothing"]


def test_a_corridor_that_only_a_drill_knows_has_no_drift(world) -> None:
    rng, line = random.Random(7), Line(world)
    play(line, [window(world, n, s, rng, exercise=True) for n in range(30) for s in range(2, 7)])
    assert line.stage.counters()["judged"] > 60
    assert line.stage.drift() == {}


def slow_for_ten_hours(world, trucks: int) -> float:
    """The score of a crawl in one place, by so many trucks in turn that each have another shipment every hour."""
    rng, models = random.Random(8), JourneyModels(Thresholds())
    for n in range(400):
        models.judge(window(world, n % 50, 2 + n % 8, rng, lat_deg=28.6))
    for n in range(50, 250):
        crawl = window(world, n, n // 20, rng, lat_deg=28.6, speed_kmh=45.0, progress_kmh=45.0)
        judged = models.judge(msgspec.structs.replace(crawl, device_id=f"slow-{n % trucks}"))
        assert judged is not None
    return judged.score


def test_what_counts_is_how_many_vehicles_are_slow_not_on_how_many_shipments(world) -> None:
    assert slow_for_ten_hours(world, trucks=1) > 0.5
    assert slow_for_ten_hours(world, trucks=4) > 0.5
    assert slow_for_ten_hours(world, trucks=8) < 0.5  # the control


def test_what_is_usual_of_longer_windows_is_another_models_and_comes_back_as_such(world, windows) -> None:
    """Six minutes' windows have other spreads than three minutes': neither teaches what is usual of the other."""
    models, again = JourneyModels(Thresholds()), JourneyModels(Thresholds())
    for short in windows:
        models.judge(short)
        models.judge(msgspec.structs.replace(short, end_ms=short.start_ms + 2 * LENGTH_MS))
    assert sorted(models.by_name) == ["I35/northbound/2 windows/road", "I35/northbound/road"]
    for key, value in models.changes():
        kind, _, rest = key.partition("/")
        assert value is not None
        again.restore(kind, rest, value)
    alone = JourneyModels(Thresholds())
    for short in windows:
        alone.judge(short)
    assert again.by_name["I35/northbound/road"].dump() == alone.by_name["I35/northbound/road"].dump()
    assert again.by_name.keys() == models.by_name.keys()
    for name, model in models.by_name.items():
        assert again.by_name[name].half_score_at == model.half_score_at
