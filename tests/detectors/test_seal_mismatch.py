"""The seal on the container must be the one on its papers, but where it is lawfully changed."""

from __future__ import annotations

from detectors.seal_mismatch import CARD, SealMismatch

RIGHT = {"seal_match": 1, "seal_number": "ESL1"}
WRONG = {"seal_match": -1, "seal_number": "ESL9"}


def test_another_number_opens_lasts_and_the_right_one_closes(hear) -> None:
    assert hear(SealMismatch(), RIGHT, WRONG, WRONG, {}, RIGHT, RIGHT) == ["-", "trip", "trip", "-", "clear", "-"]


def test_a_seal_changed_by_customs_says_nothing_there_and_is_told_of_if_nobody_told_us(hear) -> None:
    there = {"seal_may_open": True}
    assert hear(SealMismatch(), RIGHT, {**WRONG, **there}, {**WRONG, **there}, RIGHT) == ["-"] * 4
    assert hear(SealMismatch(), {**WRONG, **there}, WRONG) == ["-", "trip"]


def test_what_guards_nothing_may_bear_any_seal(hear) -> None:
    assert hear(SealMismatch(), {**WRONG, "guarded": False}, {"seal_match": 0, "seal_number": "ESL9"}) == ["-", "-"]


def test_a_late_mismatch_opens_and_a_late_match_closes_nothing(hear) -> None:
    late = {"in_order": False}
    assert hear(SealMismatch(), {**WRONG, **late}, {**RIGHT, **late}, RIGHT) == ["trip", "-", "clear"]


def test_evidence_names_the_number_and_those_expected(batch) -> None:
    rule = SealMismatch()
    rule.columns.ensure(2)
    one = batch(2, seal_match=-1, seal_number=[" ESL9 ", ""])
    one.seal_expected[0] = one.seal_expected[1] = ["ESL1", "ESL2"]
    rule.judge(one)
    said = rule.evidence(one, 0)
    assert (said["seal_number"], said["expected"]) == ("ESL9", "ESL1, ESL2")
    assert (said["where_en"], said["where_es"]) == ("", "")
    assert rule.evidence(one, 1)["seal_number"] == "-"


def test_at_a_place_that_is_not_known_it_is_told_for_half_and_says_so(batch) -> None:
    rule = SealMismatch()
    rule.columns.ensure(1)
    one = batch(seal_match=-1, seal_number="ESL9", placed=False)
    one.seal_expected[0] = ["ESL1"]
    assert rule.judge(one).score.tolist() == [0.5]
    facts = rule.evidence(one, 0) | rule.why(one, 0).evidence()
    assert (facts["feature"], facts["falls_seal_number"]) == ("seal_number", 0.5)
    said = {language: text.format(device_id="S-7", **facts) for language, text in CARD.opened.items()}
    assert said == {
        "en": "S-7 reports seal ESL9; the shipment has ESL1; its place is not known.",
        "es": "S-7 informa el sello ESL9; el embarque lleva ESL1; no se sabe dónde está.",
    }
