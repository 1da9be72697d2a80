"""Stage 2: episodes open, grow and close once each, told to those they concern; silence is judged on ticks."""

from __future__ import annotations

import string

import msgspec
import pytest

from contracts import topics
from contracts.alerts import alert_id
from contracts.readings import Finding, ShipmentReading
from detectors import catalog, route_deviation
from streams.episodes import DRILL_OVER, ENDED, Concern, Episodes, Sighting

NORTH, SOUTH, BRIDGE = (28.5, -99.51), (26.0, -100.0), (27.5, -99.505)


class Line:
    """A stage 2, the readings it hears, and what it tells."""

    def __init__(self, world, book=None, shipment: str = "S1", **config) -> None:
        self.world, self.shipment = world, shipment
        partition = world.partition_of_shipment(shipment)
        self.book = book or world.fleet()
        self.stage = world.shipments(self.book, partition, **config)
        self.at = 0.0
        self.seq: dict[str, int] = {}

    def hear(self, device_id: str = "truck-1", *findings: Finding, at=NORTH, after_s: float | None = None, **more):
        seq = self.seq[device_id] = self.seq.get(device_id, -1) + 1
        fields = {
            "device_id": device_id, "boot_id": 1, "seq": seq,
            "time_ms": self.world.t0_ms + round(1_000 * (self.at if after_s is None else after_s)),
            "shipment_id": self.shipment, "lat_deg": at[0], "lon_deg": at[1], "findings": findings, **more,
        }  # fmt: skip
        return self.stage.process_frame(self.world.frame(msgspec.json.encode(ShipmentReading(**fields))))

    def tick(self, seconds: int = 1, lane: int | None = None, device_id: str = "truck-1"):
        out = []
        for _ in range(seconds):
            self.at += 1
            lanes = range(self.world.partitions) if lane is None else [lane]
            for number in lanes:
                out += self.stage.process_tick(self.world.tick(self.at, f"gateway/{number}"))
        return [record for record in out if record.topic != topics.JOURNEY_WINDOWS]  # stage 3's own ticks

    def restart(self) -> None:
        saved: dict[str, bytes] = {}
        self.world.checkpoint(self.stage, saved)
        partition, config = self.stage.partition, self.stage.config
        self.stage = type(self.stage)(partition, self.book, config)
        for key in sorted(saved, reverse=True):
            self.stage.restore(key, saved[key])


def off(score: float = 0.5, level: str = "trip", lasts: bool = False) -> Finding:
    return Finding("route_deviation", level, score, {"off_route_m": 900.0, "half_width_m": 500.0}, lasts)


def told(world, out, audience: str = "joint") -> list[tuple[str, str, int]]:
    return [(a.rule, a.state, a.revision) for a in world.alerts(out, audience)]


def test_an_episode_opens_once_grows_when_worse_and_closes_once(world) -> None:
    line = Line(world)
    out = []
    for n, score in enumerate((0.5, 0.6, 0.69, 0.7, 0.85, 0.9, 0.4)):
        out += line.hear("truck-1", off(score), after_s=n)
    out += line.hear("truck-1", off(0.0, "clear"), after_s=9)
    out += line.hear("truck-1", off(0.0, "clear"), after_s=10)
    alerts = world.alerts(out)
    assert [(a.state, a.revision, a.score) for a in alerts] == [
        ("opened", 1, 0.5), ("updated", 2, 0.7), ("updated", 3, 0.9), ("closed", 4, 0.9),
    ]  # fmt: skip
    assert len({a.alert_id for a in alerts}) == 1
    assert len({a.opened_ms for a in alerts}) == 1
    assert [a.closed_ms is None for a in alerts] == [True, True, True, False]
    assert [a.updated_ms - world.t0_ms for a in alerts] == [0, 3_000, 5_000, 9_000]
    assert (alerts[0].opened_ms, alerts[-1].closed_ms) == (alerts[0].updated_ms, alerts[-1].updated_ms)


def test_an_alert_names_what_opened_it_and_says_it_in_both_languages(world) -> None:
    (alert,) = world.alerts(Line(world).hear("truck-1", off()))
    assert alert.alert_id == alert_id("route_deviation", 2, "truck-1", ("truck-1", 1, 0))
    assert (alert.shipment_id, alert.device_id, alert.severity) == ("S1", "truck-1", "warning")
    assert (alert.lat_deg, alert.lon_deg) == NORTH
    assert alert.evidence == {"off_route_m": 900.0, "half_width_m": 500.0, "opening_boot_id": 1, "opening_seq": 0}
    assert alert.messages == {
        "en": "truck-1 is 900 m off its route; the corridor allows 500 m.",
        "es": "truck-1 está a 900 m de su ruta; el corredor permite 500 m.",
    }


def test_what_closes_an_episode_stands_beside_what_opened_it(world) -> None:
    line = Line(world)
    line.hear("truck-1", off())
    back = Finding("route_deviation", "clear", 0.0, {"off_route_m": 20.0, "half_width_m": 500.0})
    (alert,) = world.alerts(line.hear("truck-1", back))
    assert (alert.evidence["off_route_m"], alert.evidence["closed_off_route_m"]) == (900.0, 20.0)
    assert alert.messages["en"] == "truck-1 is back in its corridor, 20 m from the route's line."


def test_rules_and_devices_have_episodes_of_their_own(world) -> None:
    line = Line(world)
    seal = Finding("seal_breach", "trip", 1.0, {"what_en": "open", "what_es": "abierto"})
    out = line.hear("truck-1", off(), seal) + line.hear("box-1", off())
    assert len({a.alert_id for a in world.alerts(out)}) == 3
    out = line.hear("truck-1", off(level="clear"))
    assert told(world, out) == [("route_deviation", "closed", 2)]
    assert sorted(line.stage.episodes.open) == [
        ("route_deviation", "box-1", False), ("seal_breach", "truck-1", False),
    ]  # fmt: skip


def test_what_a_newer_release_finds_is_left_to_it_and_a_hold_says_nothing(world) -> None:
    line = Line(world)
    assert line.hear("truck-1", Finding("not_yet_known", "trip", 1.0, {})) == []
    line.hear("truck-1", off())
    assert line.hear("truck-1", off(level="hold")) == []
    assert len(line.stage.episodes.open) == 1


def test_a_repeat_is_told_once(world) -> None:
    line = Line(world)
    frame = world.frame(
        msgspec.json.encode(
            ShipmentReading(device_id="truck-1", boot_id=1, seq=0, time_ms=world.t0_ms, findings=(off(),))
        )
    )
    assert len(world.alerts(line.stage.process_frame(frame + frame))) == 1
    assert line.stage.process_frame(frame) == []
    assert line.stage.counters()["repeats"] == 2


def test_a_bad_line_costs_only_itself(world) -> None:
    line = Line(world)
    line.tick(3)
    good = [msgspec.json.encode(ShipmentReading(device_id="d", boot_id=1, seq=i, time_ms=5)) for i in range(2)]
    out = line.stage.process_frame(world.frame(good[0], b'{"device_id":"d","marks":7}', b"[" * 9_000, good[1]))
    assert line.stage.counters()["passed"] == 2
    letters = world.letters(out)
    assert [letter.reason for letter in letters] == ["bad_json"] * 2
    assert letters[0].time_ms == world.t0_ms + 3_000


# -- audiences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "audiences"), [(NORTH, ["us"]), (SOUTH, ["us", "mx"]), (BRIDGE, ["us", "mx"])])
def test_a_northbound_shipments_alerts_go_to_the_us_and_to_mexico_while_it_is_there(world, at, audiences) -> None:
    out = Line(world).hear("truck-1", off(), at=at)
    assert [a for a in ("us", "mx") if world.alerts(out, a)] == audiences
    (alert,) = world.alerts(out, "us")
    assert set(alert.audiences) == {*audiences, "joint"}
    assert (alert.corridor, alert.direction, alert.carrier_scac, alert.sector) == ("I35", "northbound", "CRDN", None)
    assert len(world.alerts(out, "joint")) == 1
    assert all(r.key == world.alerts(out)[0].alert_id.encode() for r in out)


def test_an_alert_without_a_shipment_goes_to_all(world) -> None:
    line = Line(world)
    tampered = Finding("seal_breach", "trip", 1.0, {"what_en": "tampered with", "what_es": "violado"})
    out = line.hear("stranger", tampered, shipment_id=None)
    assert [len(world.alerts(out, a)) for a in ("us", "mx", "joint")] == [1, 1, 1]
    assert world.alerts(out)[0].shipment_id is None


def test_who_saw_it_open_sees_it_close(world) -> None:
    line = Line(world)
    opened = line.hear("truck-1", off(0.3), at=SOUTH)
    worse = line.hear("truck-1", off(0.6), at=NORTH)
    line.restart()
    closed = line.hear("truck-1", off(level="clear"), at=NORTH)
    for out, state in [(opened, "opened"), (worse, "updated"), (closed, "closed")]:
        assert [told(world, out, a)[0][1] for a in ("us", "mx", "joint")] == [state] * 3


def test_a_record_says_who_joins_by_it_and_no_later_one_does(world) -> None:
    line = Line(world)
    told_so = []
    for score, at in [(0.3, NORTH), (0.6, SOUTH), (0.9, SOUTH)]:
        (alert,) = world.alerts(line.hear("truck-1", off(score), at=at), "us")
        told_so.append((alert.state, alert.joined))
        line.restart()
    (closed,) = world.alerts(line.hear("truck-1", off(level="clear"), at=SOUTH), "mx")
    assert [*told_so, (closed.state, closed.joined)] == [
        ("opened", ()), ("updated", ("mx",)), ("updated", ()), ("closed", ()),
    ]  # fmt: skip


def test_who_joins_when_it_grows_worse_sees_it_close_too(world) -> None:
    line = Line(world)
    assert told(world, line.hear("truck-1", off(0.3), at=NORTH), "mx") == []
    assert told(world, line.hear("truck-1", off(0.6), at=SOUTH), "mx") == [("route_deviation", "updated", 2)]
    assert told(world, line.hear("truck-1", off(level="clear"), at=NORTH), "mx") == [("route_deviation", "closed", 3)]


# -- silence ---------------------------------------------------------------------------------------------------


def test_a_silence_opens_on_ticks_and_closes_when_the_device_speaks(world) -> None:
    line = Line(world)
    line.tick()
    line.hear("truck-1", after_s=line.at)
    assert line.tick(10) == []
    (opened,) = world.alerts(line.tick())
    assert (opened.rule, opened.state, opened.shipment_id, opened.device_id) == (
        "signal_lost",
        "opened",
        "S1",
        "truck-1",
    )
    facts = {"silent_s": 11.0, "interval_s": 1.0, "opening_boot_id": 1, "opening_seq": 0}
    why = {"feature": "silent_s", "features": "silent_s", "usual_silent_s": 1.0, "falls_silent_s": 1.0}
    assert opened.evidence == {**facts, **why, "state_sha256": opened.evidence["state_sha256"]}
    assert len(opened.evidence["state_sha256"]) == 64
    assert (opened.lat_deg, opened.lon_deg) == NORTH  # where it was last seen
    assert line.tick(30) == []
    line.restart()
    (closed,) = world.alerts(line.hear("truck-1"))
    assert (closed.alert_id, closed.state, closed.revision) == (opened.alert_id, "closed", 2)
    assert closed.closed_ms >= closed.opened_ms
    assert closed.evidence["closed_silent_s"] == 41.0


def test_a_silence_that_a_backlog_ends_closes_when_it_came_not_when_it_was_measured(world) -> None:
    line = Line(world)
    line.tick()
    line.hear("truck-1")
    (opened,) = world.alerts(line.tick(20))
    (closed,) = world.alerts(line.hear("truck-1", after_s=3))
    assert closed.closed_ms == world.t0_ms + 21_000 > opened.opened_ms


def test_an_outage_of_ours_silences_nobody(world) -> None:
    line = Line(world)
    line.tick()
    line.hear("truck-1")
    line.hear("box-1")
    line.at += 3_600
    assert line.tick() == []
    line.hear("truck-1")
    line.hear("box-1")
    assert line.tick(10) == []


def test_devices_that_guard_nothing_or_are_not_declared_may_be_silent(world) -> None:
    book = world.book(world.route(), world.shipment(1), world.device("box-1"), world.device("phone-9"))
    line = Line(world, book)
    line.tick()
    for name in ("truck-1", "phone-9", "stranger"):  # undeclared; of no shipment; neither
        line.hear(name)
    assert line.tick(300) == []


def test_a_device_that_passes_to_a_shipment_of_another_partition_is_not_silent_in_its_old_one(world) -> None:
    book = world.fleet(1)
    other = next(n for n in range(2, 50) if world.partition_of_shipment(f"S{n}") != world.partition_of_shipment("S1"))
    line = Line(world, book)
    line.tick()
    line.hear("truck-1")
    book.apply(world.shipment(other, effective_ms=world.t0_ms + 5_000, device_ids=["truck-1"]))
    assert line.tick(300) == []


def test_a_silence_that_goes_on_under_the_next_shipment_is_another_alert(world) -> None:
    same = next(n for n in range(2, 50) if world.partition_of_shipment(f"S{n}") == world.partition_of_shipment("S1"))
    book = world.book(world.route(), world.device("truck-1"), world.shipment(1, ends_ms=world.t0_ms + 50_000))
    book.apply(world.shipment(same, effective_ms=world.t0_ms + 90_000, device_ids=["truck-1"]))
    line = Line(world, book)
    line.tick()
    line.hear("truck-1")
    alerts = world.alerts(line.tick(200))
    assert [(a.state, a.shipment_id, a.revision) for a in alerts] == [
        ("opened", "S1", 1), ("closed", "S1", 2), ("opened", f"S{same}", 1),
    ]  # fmt: skip
    assert alerts[0].alert_id == alerts[1].alert_id != alerts[2].alert_id
    (closed,) = world.alerts(line.hear("truck-1", shipment_id=f"S{same}"))
    assert closed.alert_id == alerts[2].alert_id


# -- what ends without its rule ------------------------------------------------------------------------------------


def test_episodes_of_a_shipment_that_has_ended_are_closed_with_it(world) -> None:
    book = world.book(world.route(), world.device("truck-1"), world.shipment(1, ends_ms=world.t0_ms + 5_000))
    line = Line(world, book)
    line.tick()
    line.hear("truck-1", off(), at=SOUTH)
    assert line.tick(3) == []
    out = line.tick(2)
    for audience in ("us", "mx", "joint"):
        (closed,) = world.alerts(out, audience)
        assert (closed.state, closed.revision, closed.evidence["closed_ended"]) == ("closed", 2, True)
        assert closed.messages["en"].startswith("truck-1 guards this shipment no longer")
    assert line.tick(100) == []


def test_episodes_of_a_device_taken_off_its_shipment_are_closed(world) -> None:
    line = Line(world)
    line.tick()
    line.hear("truck-1", off())
    line.book.apply(world.shipment(1, effective_ms=world.t0_ms + 3_000, device_ids=["box-1"]))
    assert told(world, line.tick()) == []
    assert told(world, line.tick(2)) == [("route_deviation", "closed", 2)]


def test_an_episode_ahead_of_the_ticks_waits_for_its_shipment_to_begin(world) -> None:
    begins = world.t0_ms + 20_000
    book = world.book(world.route(), world.device("truck-1"), world.shipment(1, effective_ms=begins))
    line = Line(world, book)
    line.tick()
    line.hear("truck-1", off(), after_s=21)
    assert line.tick(25, lane=world.lane_of("truck-1")) == []


@pytest.fixture
def over(world) -> Line:
    """A line whose shipment ended at 5 s, a minute ago; another has the truck by now."""
    book = world.book(
        world.route(), world.device("truck-1"), world.shipment(1, ends_ms=world.t0_ms + 5_000),
        world.shipment(3, effective_ms=world.t0_ms + 6_000, device_ids=["truck-1"]),
    )  # fmt: skip
    line = Line(world, book)
    line.tick(60)
    return line


def drained(line: Line, *findings: Finding, **more) -> list:
    """One finding a second, measured while the shipment was under way."""
    out = []
    for n, finding in enumerate(findings):
        out += line.hear("truck-1", finding, after_s=1 + n / 10, **more) + line.tick()
    return out


def test_what_a_backlog_tells_of_an_ended_shipment_is_told_once_however_slowly_it_comes(world, over) -> None:
    out = drained(over, off(), *[off(0.9, lasts=True)] * 9, off(level="clear"))
    opened, closed = world.alerts(out)
    assert (opened.state, opened.opened_ms, opened.shipment_id) == ("opened", world.t0_ms + 1_000, "S1")
    assert (closed.state, closed.alert_id, closed.evidence["closed_ended"]) == ("closed", opened.alert_id, True)
    assert closed.messages["en"].startswith("truck-1 guards this shipment no longer")


def test_were_each_of_its_trips_an_onset_it_would_flood(world, over) -> None:
    """The control: a stage 1 that does not say what lasts."""
    assert len(world.alerts(drained(over, *[off()] * 10))) == 20


def test_a_backlog_that_comes_at_once_is_closed_by_its_rule_and_grows_before_that(world, over) -> None:
    out = over.hear("truck-1", off(), after_s=1)
    out += over.hear("truck-1", off(0.9, lasts=True), after_s=2) + over.hear("truck-1", off(level="clear"), after_s=3)
    assert [state for _, state, _ in told(world, out)] == ["opened", "updated", "closed"]
    assert "closed_ended" not in world.alerts(out)[-1].evidence


def test_each_fault_of_a_backlog_is_told(world, over) -> None:
    once = (off(), off(lasts=True), off(level="clear"))
    assert [a.state for a in world.alerts(drained(over, *once, *once))] == ["opened", "closed"] * 2


def test_what_the_live_line_told_of_a_shipment_its_last_readings_do_not_tell_again(world) -> None:
    line = Line(
        world, world.book(world.route(), world.device("truck-1"), world.shipment(1, ends_ms=world.t0_ms + 5_000))
    )
    line.tick(4)
    out = line.hear("truck-1", off()) + line.tick(2)
    out += line.hear("truck-1", off(lasts=True), after_s=4.5) + line.tick()
    assert [a.state for a in world.alerts(out)] == ["opened", "closed"]


def test_what_lasts_into_a_shipment_under_way_is_told_of_it(world, over) -> None:
    out = over.hear("truck-1", off(lasts=True), shipment_id="S3")
    assert [(a.state, a.shipment_id) for a in world.alerts(out)] == [("opened", "S3")]


def test_a_restart_amid_a_backlog_tells_nothing_again(world, over) -> None:
    findings, out = [off(), *[off(lasts=True)] * 5], []
    for finding in findings:
        out += over.hear("truck-1", finding, after_s=1)
        over.restart()
        out += over.tick()
        over.restart()
    assert [a.state for a in world.alerts(out)] == ["opened", "closed"]


def test_a_drills_backlog_and_the_reals_are_told_once_each(world, over) -> None:
    out = []
    for n, finding in enumerate([off(), *[off(lasts=True)] * 3]):
        for exercise in (True, False):
            out += over.hear("truck-1", msgspec.structs.replace(finding), after_s=1 + n / 10, exercise=exercise)
        out += over.tick()
    assert sorted((a.exercise, a.state) for a in world.alerts(out)) == [
        (False, "closed"), (False, "opened"), (True, "closed"), (True, "opened"),
    ]  # fmt: skip


# -- drills ----------------------------------------------------------------------------------------------------------


def test_a_drill_neither_hides_nor_closes_the_real(world) -> None:
    line = Line(world)
    drill = line.hear("truck-1", off(), exercise=True)
    real = line.hear("truck-1", off(0.5), exercise=False, after_s=-5)  # an older word, so the drill goes on
    assert [a.exercise for a in world.alerts(drill + real)] == [True, False]
    assert len({a.alert_id for a in world.alerts(drill + real)}) == 2
    line.restart()
    (closed,) = world.alerts(line.hear("truck-1", off(level="clear"), exercise=True))
    assert (closed.exercise, closed.alert_id) == (True, world.alerts(drill)[0].alert_id)
    assert list(line.stage.episodes.open) == [("route_deviation", "truck-1", False)]


def test_a_drill_is_over_when_its_device_speaks_for_real(world) -> None:
    line = Line(world)
    line.hear("truck-1", off(), exercise=True)
    line.restart()
    (closed,) = world.alerts(line.hear("truck-1"))
    assert (closed.exercise, closed.state) == (True, "closed")
    assert closed.messages == {
        "en": "DRILL: The drill on truck-1 is over.",
        "es": "SIMULACRO: El simulacro con truck-1 terminó.",
    }
    assert line.hear("truck-1") == []


def test_a_drilled_silence_is_a_drill_and_a_real_word_ends_it(world) -> None:
    line = Line(world)
    line.tick()
    line.hear("truck-1", exercise=True)
    (opened,) = world.alerts(line.tick(15))
    alerts = world.alerts(line.hear("truck-1"))
    assert [(a.alert_id, a.exercise, a.state) for a in alerts] == [(opened.alert_id, True, "closed")]


# -- episodes by themselves -----------------------------------------------------------------------------------------


def test_every_sentence_of_ours_is_in_both_languages_and_needs_only_the_device(world) -> None:
    for texts in (ENDED, DRILL_OVER):
        assert set(texts) == {"en", "es"}
        for text in texts.values():
            assert {f for _, f, _, _ in string.Formatter().parse(text) if f} == {"device_id"}
    for card in catalog.CARDS.values():
        assert set(card.opened) == set(card.closed) == {"en", "es"}


def test_a_drills_readings_and_alerts_are_counted_apart_too(world) -> None:
    line = Line(world)
    line.hear("truck-1", off(), exercise=True)
    line.hear("truck-1", exercise=True)
    line.hear("truck-1", off())
    line.seq["truck-1"] = -1
    line.hear("truck-1", exercise=True)  # a repeat
    line.stage.process_frame(b'{"exercise":true,"device_id":7}\n{"device_id":7}')
    counted = line.stage.counters()
    assert {name: (counted[name], counted[f"{name}_drill"]) for name in ("passed", "repeats", "unreadable")} == {
        "passed": (3, 2), "repeats": (1, 1), "unreadable": (2, 1),
    }  # fmt: skip
    opened, closed = ("route_deviation", "opened"), ("route_deviation", "closed")
    assert line.stage.told == {(*opened, True): 1, (*closed, True): 1, (*opened, False): 1}


def sighting(seq: int = 0, time_ms: int = 100, exercise: bool = False) -> Sighting:
    return Sighting("d", 1, seq, time_ms, "S1", 1.0, 2.0, exercise)


def test_no_episode_closes_before_it_opened() -> None:
    episodes, evidence = Episodes(), {"off_route_m": 1.0, "half_width_m": 1.0}
    episodes.trip(route_deviation.CARD, "d", sighting(), 0.5, evidence, Concern(("joint",)))
    closed = episodes.clear(route_deviation.CARD, "d", sighting(1, time_ms=50), evidence)
    assert (closed.alert.opened_ms, closed.alert.closed_ms, closed.alert.updated_ms) == (100, 100, 100)


def test_a_place_that_is_not_known_any_more_stays_the_last_known() -> None:
    episodes, evidence = Episodes(), {"off_route_m": 1.0, "half_width_m": 1.0}
    episodes.trip(route_deviation.CARD, "d", sighting(), 0.5, evidence, Concern(("joint",)))
    blind = Sighting("d", 1, 1, 200, "S1", None, None, False)
    assert episodes.trip(route_deviation.CARD, "d", blind, 0.9, evidence, Concern(())).alert.lat_deg == 1.0


def test_a_checkpoint_names_open_episodes_and_forgets_closed_ones() -> None:
    episodes, evidence = Episodes(), {"off_route_m": 1.0, "half_width_m": 1.0}
    for exercise in (False, True):
        episodes.trip(route_deviation.CARD, "d", sighting(exercise=exercise), 0.5, evidence, Concern(("joint",)))
    changes = dict(episodes.changes())
    assert set(changes) == {"route_deviation/d", "route_deviation/d/drill"}
    restored = Episodes()
    for key, value in changes.items():
        restored.restore(key, value)
    assert restored.open == episodes.open
    assert dict(episodes.changes()) == {}
    restored.clear(route_deviation.CARD, "d", sighting(exercise=True), evidence)
    assert dict(restored.changes()) == {"route_deviation/d/drill": None}
    assert restored.clear(route_deviation.CARD, "d", sighting(exercise=True), evidence) is None


def test_an_episode_is_told_in_the_languages_of_the_settings() -> None:
    episodes = Episodes(languages=("es",))
    told_once = episodes.trip(
        route_deviation.CARD, "d", sighting(), 0.5, {"off_route_m": 1.0, "half_width_m": 1.0}, Concern(("mx",))
    )
    assert list(told_once.alert.messages) == ["es"]


def test_an_episode_that_an_earlier_release_opened_has_a_time_from_its_next_update_on() -> None:
    facts = {"off_route_m": 900.0, "half_width_m": 500.0}
    before = Episodes()
    before.trip(route_deviation.CARD, "d", sighting(), 0.5, facts, Concern(("mx",)))
    before.open["route_deviation", "d", False].alert.updated_ms = None
    after = Episodes()
    for key, value in before.changes():
        after.restore(key, value or b"")
    updated = after.trip(route_deviation.CARD, "d", sighting(time_ms=700), 0.9, facts, Concern(("mx",)))
    assert (updated.alert.opened_ms, updated.alert.updated_ms) == (100, 700)


def test_every_sentence_of_a_drill_begins_with_a_word_that_nobody_misses_and_no_real_one_does() -> None:
    facts = {"off_route_m": 900.0, "half_width_m": 500.0}
    for exercise, marks in ((True, {"en": "DRILL: d ", "es": "SIMULACRO: d "}), (False, {})):
        episodes, here = Episodes(), sighting(exercise=exercise)
        told = [
            episodes.trip(route_deviation.CARD, "d", here, 0.5, facts, Concern(("mx",))),
            episodes.trip(route_deviation.CARD, "d", here, 0.9, facts, Concern(("mx",))),
            episodes.clear(route_deviation.CARD, "d", here, facts),
        ]
        assert [each.alert.state for each in told] == ["opened", "updated", "closed"]
        for each in told:
            for language, said in each.alert.messages.items():
                assert said.startswith(marks.get(language, "d "))
                assert said.count("DRILL") + said.count("SIMULACRO") == exercise


def test_a_lane_that_catches_up_hours_behind_the_others_still_holds_the_windows_clock(world) -> None:
    """After an outage one partition's backlog may be read hours of event time before another's."""
    stage, hours = world.shipments(world.fleet()), 3_600
    bound_ms = stage.config.windows.lateness_bound_ms
    stage.process_tick(world.tick(0, "gateway/1"))
    stage.process_tick(world.tick(0, "gateway/0"))
    stage.process_tick(world.tick(5 * hours, "gateway/0"))
    assert stage.windows.closed_ms <= world.t0_ms - bound_ms
    stage.process_tick(world.tick(4 * hours, "gateway/1"))
    slice_ms = stage.config.windows.slice_ms
    assert 0 <= world.t0_ms + 4 * hours * 1_000 - bound_ms - stage.windows.closed_ms < slice_ms
    stage.process_tick(world.tick(48 * hours, "gateway/0"))  # who is a day behind is gone
    assert stage.windows.closed_ms > world.t0_ms + 40 * hours * 1_000
