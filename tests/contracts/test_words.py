"""Everything that people are shown has a word in both languages."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from msgspec.inspect import type_info

from contracts.alerts import Alert
from contracts.words import RULES, SEVERITIES, STATES, in_language
from detectors.catalog import CARDS


def test_every_rule_of_the_catalog_has_a_name_for_people() -> None:
    assert set(RULES) >= set(CARDS)


@pytest.mark.parametrize(("field", "words"), [("severity", SEVERITIES), ("state", STATES)])
def test_every_severity_and_state_has_a_word(field: str, words: dict[str, dict[str, str]]) -> None:
    assert set(words) == set(type_info(get_type_hints(Alert)[field]).values)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [RULES, SEVERITIES, STATES], ids=["rules", "severities", "states"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_no_two_of_a_kind_are_called_the_same(words: dict[str, dict[str, str]], language: str) -> None:
    called = in_language(words, language)  # type: ignore[arg-type]
    assert len(set(called.values())) == len(called) == len(words)
    assert all(called.values())
