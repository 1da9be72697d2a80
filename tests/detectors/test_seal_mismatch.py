"""The seal on the container must be the one on its papers, but where it is lawfully changed."""

from __future__ import annotations

from detectors.seal_mismatch import SealMismatch

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
    assert rule.evidence(one, 0) == {"seal_number": "ESL9", "expected": "ESL1, ESL2"}
    assert rule.evidence(one, 1)["seal_number"] == "-"
