"""The seal rule opens where nobody may open a seal, and stays silent where somebody may."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.seal_breach import CARD, SealBreach

ARMED = {"seal_state": "armed"}
OPEN = {"seal_state": "open"}


@pytest.mark.parametrize("state", ["open", "removed", "tampered"])
def test_a_seal_opened_on_the_road_is_a_breach_until_it_is_armed_again(hear, state: str) -> None:
    said = hear(SealBreach(), ARMED, {"seal_state": state}, {"seal_state": state}, {}, ARMED, ARMED)
    assert said == ["-", "trip", "trip", "-", "clear", "-"]


@pytest.mark.parametrize("state", ["open", "removed"])
def test_a_seal_opened_where_it_may_be_is_none(hear, state: str) -> None:
    there = {"seal_state": state, "seal_may_open": True}
    assert hear(SealBreach(), ARMED, there, there, {**ARMED, "seal_may_open": True}, ARMED) == ["-"] * 5


def test_a_seal_left_open_after_such_a_place_is_a_breach(hear) -> None:
    assert hear(SealBreach(), {**OPEN, "seal_may_open": True}, OPEN) == ["-", "trip"]


def test_a_seal_tampered_with_is_a_breach_anywhere_and_guarded_by_no_shipment_too(hear) -> None:
    assert hear(SealBreach(), {"seal_state": "tampered", "seal_may_open": True}) == ["trip"]
    assert hear(SealBreach(), {"seal_state": "tampered", "guarded": False}) == ["trip"]


def test_a_seal_that_guards_nothing_may_be_open(hear) -> None:
    assert hear(SealBreach(), {**OPEN, "guarded": False}, {"seal_state": "removed", "guarded": False}) == ["-", "-"]


def counter(minute: float, openings: float, **other: Any) -> dict[str, Any]:
    return {**ARMED, "seal_openings": openings, "time_ms": round(60_000 * minute), **other}


def test_a_counter_that_rises_between_two_readings_is_a_breach_that_lasts_though_the_seal_says_armed(hear) -> None:
    said = hear(SealBreach(), *(counter(minute, 3 if minute < 5 else 4) for minute in range(30)))
    assert said == ["-"] * 5 + ["trip"] + ["-"] * 14 + ["clear"] + ["-"] * 9


def test_a_counter_that_rises_again_begins_that_time_anew(hear) -> None:
    said = hear(SealBreach(), *(counter(minute, 3 + (minute >= 5) + (minute >= 15)) for minute in range(40)))
    assert (said.index("trip"), said.index("clear"), said.count("trip")) == (5, 30, 2)


def test_a_counter_that_rises_is_a_breach_though_the_seal_says_nothing_else(hear) -> None:
    rule = SealBreach()
    assert hear(rule, {"seal_openings": 3}, {}, {"seal_openings": 5}, {"seal_openings": 5}) == ["-", "-", "trip", "-"]
    assert hear(rule, {"time_ms": 900_000}, {"seal_openings": 5, "time_ms": 900_000}) == ["-", "clear"]


def test_where_the_seal_then_says_open_itself_it_is_over_when_the_seal_is_armed(hear) -> None:
    open_now = {**counter(2, 5), **OPEN}
    assert hear(SealBreach(), counter(0, 3), counter(1, 4), open_now, counter(3, 5)) == ["-", "trip", "trip", "clear"]


def test_a_late_word_of_the_opening_that_the_counter_told_of_shortens_nothing(hear) -> None:
    late = {**counter(1, 4, in_order=False), **OPEN}
    said = hear(SealBreach(), counter(0, 3), counter(2, 4), late, counter(3, 4), counter(17, 4))
    assert said == ["-", "trip", "trip", "-", "clear"]


def test_the_end_of_such_an_episode_says_what_is_true_of_it(batch) -> None:
    rule, sentences = SealBreach(), []
    for one in (counter(0, 3), counter(1, 4), counter(16, 4)):
        reading = batch(**one)
        rule.judge(reading)
        facts = rule.evidence(reading, 0)
        text = CARD.opened["en"] if "what_en" in facts else CARD.closed["en"] if "over_en" in facts else ""
        sentences.append(text.format(device_id="S-7", **facts))
    assert sentences[1:] == [
        "Seal on S-7 is armed, but its counter shows an opening where it may not be opened.",
        "Seal on S-7 shows no further opening for 15 min; the one counted is not explained.",
    ]


def test_where_the_counter_told_it_is_what_is_named_and_what_it_was_before(batch) -> None:
    rule = SealBreach()
    for one in (counter(0, 3), counter(1, 5)):
        rule.judge(batch(**one))
    evidence = rule.why(batch(**counter(1, 5)), 0).evidence()
    assert (evidence["feature"], evidence["seal_openings"], evidence["usual_seal_openings"]) == (
        "seal_openings",
        5.0,
        3.0,
    )


def test_an_ordinary_episode_after_a_counted_one_ends_as_ordinary_ones_do(hear, batch) -> None:
    rule = SealBreach()
    hear(rule, counter(0, 3), counter(1, 4), counter(20, 4))
    assert hear(rule, {**counter(21, 5), **OPEN}, counter(22, 5)) == ["trip", "clear"]
    assert rule.evidence(batch(**counter(22, 5)), 0)["over_en"] == "is armed again"


@pytest.mark.parametrize("place", [0, 1])
def test_a_counter_that_rises_into_or_out_of_a_place_where_seals_are_opened_is_none(hear, place: int) -> None:
    readings = [{**ARMED, "seal_openings": n, "seal_may_open": n == place} for n in (0, 1)]
    assert hear(SealBreach(), *readings) == ["-", "-"]


def test_the_first_counter_and_one_that_starts_again_say_nothing(hear) -> None:
    counts = [{**ARMED, "seal_openings": n} for n in (250, 0, 0)]
    assert hear(SealBreach(), *counts) == ["-", "-", "-"]


def test_readings_without_a_word_of_the_seal_change_nothing(hear) -> None:
    silent = {"temperature_c": 4.0}
    said = hear(SealBreach(), silent, {**ARMED, "seal_openings": 1}, silent, {**ARMED, "seal_openings": 2}, silent)
    assert said == ["-", "-", "-", "trip", "-"]


def test_an_opening_in_a_dead_zone_is_still_an_opening(hear) -> None:
    assert hear(SealBreach(), ARMED, {**OPEN, "in_order": False}, ARMED) == ["-", "trip", "clear"]


def test_a_late_armed_reading_does_not_close_what_a_newer_one_opened(hear) -> None:
    late = {**ARMED, "in_order": False}
    assert hear(SealBreach(), ARMED, OPEN, late, OPEN, ARMED) == ["-", "trip", "-", "trip", "clear"]


def test_a_late_counter_is_not_compared_with_newer_ones(hear) -> None:
    # The seal was opened legally (counter 1); its backlog from before (counter 0) arrives after that.
    legal = {**ARMED, "seal_openings": 1, "seal_may_open": True}
    backlog = {**ARMED, "seal_openings": 0, "in_order": False}
    assert hear(SealBreach(), legal, backlog, {**ARMED, "seal_openings": 1}) == ["-", "-", "-"]


def test_devices_of_one_round_do_not_touch_each_other(batch) -> None:
    rule = SealBreach()
    rule.columns.ensure(4)
    rule.judge(batch(4, seal_state="armed", seal_openings=[0, 0, 5, 0]))
    verdict = rule.judge(batch(4, seal_state=["open", "armed", "armed", None], seal_openings=[0, 1, 5, 9]))
    assert verdict.level.tolist() == [1, 1, 0, 1]
    assert verdict.score.tolist() == [1.0, 1.0, 0.0, 1.0]


def test_the_closing_keeps_the_words_of_the_opening(batch) -> None:
    rule = SealBreach()
    rule.columns.ensure(1)
    words = []
    for state in ("open", "armed"):
        reading = batch(seal_state=state)
        rule.judge(reading)
        words.append(rule.evidence(reading, 0))
        if state == "open":
            words[0] |= rule.why(reading, 0).evidence()
    assert words[0]["what_en"] == "open where it may not be opened"
    assert (words[0]["feature"], words[0]["usual_seal_state"], words[0]["falls_seal_state"]) == (
        "seal_state",
        "armed",
        1.0,
    )
    assert words[1]["seal_state"] == "armed"
    assert "what_en" not in words[1]


@pytest.mark.parametrize(
    ("told", "named", "usual"),
    [
        ({"seal_state": "open", "seal_openings": 4}, "seal", "armed, 3"),
        ({"seal_state": "open", "seal_openings": 3}, "seal_state", "armed"),
        ({"seal_state": "open"}, "seal_state", "armed"),
        ({"seal_state": "armed", "seal_openings": 4}, "seal_openings", 3.0),
        ({"seal_openings": 4}, "seal_openings", 3.0),
    ],
)
def test_what_is_named_is_what_the_score_does_not_stand_without(
    batch, told: dict[str, Any], named: str, usual: Any
) -> None:
    """The rule itself is asked again, with the usual in its place. Where the seal's word and its counter both tell, one
    alone in its usual state would lower nothing: so they are one feature.
    """

    def judged(reading: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        rule = SealBreach()
        rule.columns.ensure(1)
        rule.judge(batch(seal_state="armed", seal_openings=3))
        made = batch(**reading)
        score = float(rule.judge(made).score[0])
        return score, rule.why(made, 0).evidence() if score > 0.0 else {}

    score, evidence = judged(told)
    assert (score, evidence["features"], evidence["feature"]) == (1.0, named, named)
    assert (evidence[f"usual_{named}"], evidence[f"falls_{named}"]) == (usual, 1.0)
    instead = {"seal": {"seal_state": "armed", "seal_openings": 3}}.get(named, {named: usual})
    assert judged({**told, **instead})[0] == 0.0
    if named == "seal":
        assert evidence["seal"] == "open, 4"
        assert {judged({**told, name: value})[0] for name, value in instead.items()} == {1.0}


LOST = {"placed": False}


def told(batch, *readings: dict[str, Any]) -> list[tuple[float, str]]:
    """The score of each reading, and what is said where it is a breach."""
    rule, found = SealBreach(), []
    rule.columns.ensure(1)
    for reading in readings:
        made = batch(**reading)
        score = float(rule.judge(made).score[0])
        found.append((score, str(rule.evidence(made, 0)["what_en"]) if score else ""))
        assert not score or rule.why(made, 0).evidence()["features"]
    return found


@pytest.mark.parametrize("state", ["open", "removed"])
def test_a_seal_opened_nobody_knows_where_is_told_for_half_and_in_full_once_its_place_is_known(
    batch, state: str
) -> None:
    said = told(batch, ARMED, {"seal_state": state, **LOST}, {"seal_state": state})
    assert said == [(0.0, ""), (0.5, f"{state}; its place is not known"), (1.0, f"{state} where it may not be opened")]


def test_tampering_needs_no_place(batch) -> None:
    assert told(batch, {"seal_state": "tampered", **LOST}) == [(1.0, "tampered with")]


@pytest.mark.parametrize("at", [1, 2])
def test_a_counter_that_rises_to_or_from_a_place_that_is_not_known_does_not_claim_to_know_it(batch, at: int) -> None:
    readings = [counter(2 * n, 3 + (n >= 2), placed=n != at) for n in range(4)]
    words = "armed, but its counter shows an opening; its place is not known"
    assert (0.5, words) in told(batch, *readings)


def test_what_only_the_counter_tells_at_a_place_that_is_not_known_waits_two_minutes_for_it(batch) -> None:
    def heard(**last: Any) -> list[float]:
        lost = [counter(n / 2, 4, placed=False) for n in range(1, 5)]
        return [score for score, _ in told(batch, counter(0, 3), *lost, counter(2.5, 4, **last))]

    assert heard(placed=False) == [0.0] * 5 + [0.5]
    assert heard(seal_may_open=True) == [0.0] * 6
    assert heard() == [0.0] * 5 + [0.5]  # on the road now: where it was opened is not known


@pytest.mark.parametrize(("minutes", "score"), [(2.0, 0.0), (2.5, 0.5)])
def test_a_lawful_place_that_a_seal_comes_to_long_after_its_counter_rose_is_no_excuse(
    batch, minutes: float, score: float
) -> None:
    readings = counter(0, 3), counter(1, 4, placed=False), counter(1 + minutes, 4, seal_may_open=True)
    assert [found for found, _ in told(batch, *readings)] == [0.0, 0.0, score]


@pytest.mark.parametrize(("first", "ends"), [(LOST, "clear"), ({}, "-")])
def test_what_was_open_nobody_knew_where_is_over_once_it_is_seen_where_it_may_be_and_what_was_seen_elsewhere_is_not(
    hear, batch, first: dict[str, Any], ends: str
) -> None:
    rule, opened, lawful = SealBreach(), {"seal_state": "open"}, {"seal_state": "open", "seal_may_open": True}
    assert hear(rule, ARMED, {**opened, **first}, lawful, lawful) == ["-", "trip", ends, "-"]
    if ends == "clear":
        assert rule.evidence(batch(**lawful), 0)["over_en"] == "is seen where it may be opened"
        assert hear(rule, opened) == ["trip"], "it is open as it leaves"


def test_a_counter_that_rises_after_a_place_where_seals_are_opened_is_none_though_the_next_is_not_known(hear) -> None:
    there = {**ARMED, "seal_openings": 3, "seal_may_open": True}
    assert hear(SealBreach(), there, {**ARMED, **LOST, "seal_openings": 4}) == ["-", "-"]
