"""What is named: all that alone would have kept it from being told, else so many that together would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.explanation import ANY, Why, named, reasons

PARTS = st.dictionaries(st.sampled_from("abcdef"), st.floats(-0.2, 0.6), min_size=1)


def total(x: Mapping[str, float]) -> float:
    return max(0.0, sum(x.values()))


def names(x: dict[str, float], below: float) -> list[str]:
    usual = dict.fromkeys(x, 0.0)
    return [reason.feature for reason in named(total, x, reasons(total, x, usual), below)]


def test_each_that_alone_would_have_kept_it_is_named_the_greatest_part_first() -> None:
    assert names({"a": 0.3, "b": 0.4, "c": 0.1}, 0.7) == ["b", "a"]
    assert names({"a": 0.3, "b": 0.4, "c": 0.2}, 0.7) == ["b", "a"]
    assert names({"a": 0.3, "b": 0.4, "c": 0.05}, 0.4) == ["b"]


def test_where_none_would_alone_so_many_are_greatest_first_that_together_would() -> None:
    assert names({"a": 0.3, "b": 0.4, "c": 0.35}, 0.5) == ["b", "c"]
    assert names({"a": 0.3, "b": 0.4, "c": 0.35}, 0.1) == ["b", "c", "a"]


def test_what_would_not_have_opened_and_what_lowers_nothing_name_nothing() -> None:
    assert names({"a": 0.3, "b": 0.4}, 0.8) == []
    assert names({"a": 0.5, "b": 0.0, "c": -0.1}, ANY) == ["a"]


@given(PARTS, st.floats(0.01, 1.0))
def test_of_any_sum_the_named_keep_their_promises(broken_promises, x: dict[str, float], below: float) -> None:
    why = Why(total, x, dict.fromkeys(x, 0.0), below)
    if why.score() >= below and why.score(**{name: 0.0 for name, part in x.items() if part > 0.0}) < below:
        assert broken_promises(why, total(x)) == []


def test_states_are_said_in_words_and_numbers_rounded() -> None:
    def score_of(x: Mapping[str, Any]) -> float:
        return float(x["seal"] == "open") / 2.0 + float(x["g"] > 1.0) / 2.0

    why = Why(score_of, {"seal": "open", "g": 2.00049}, {"seal": "armed", "g": 0}, 0.75)
    assert why.evidence() == {
        "feature": "g", "features": "g,seal", "seal": "open", "usual_seal": "armed", "falls_seal": 0.5, "g": 2.0,
        "usual_g": 0.0, "falls_g": 0.5,
    }  # fmt: skip
    assert why.score(seal="armed") == pytest.approx(0.5)
