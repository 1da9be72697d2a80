"""Everything that people are shown has a word in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from msgspec.inspect import type_info

from contracts.alerts import Alert
from contracts.words import DRILL, RULES, SEVERITIES, STATES, in_language, of_drill, sentence_of
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


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_drills_sentence_has_its_mark_once_also_where_an_earlier_release_told_it(language: str) -> None:
    plain = {"en": "It opened.", "es": "Se abrió."}
    marked = {each: of_drill(said, each) for each, said in plain.items()}
    mark = DRILL[language]  # type: ignore[index]
    assert sentence_of(marked, language, exercise=True) == f"{mark}: {plain[language]}"
    assert sentence_of(plain, language, exercise=True) == f"{mark}: {plain[language]}"
    assert sentence_of(plain, language, exercise=False) == plain[language]


def test_where_a_language_lacks_another_that_is_there_is_shown() -> None:
    assert sentence_of({"es": "Se abrió."}, "en", exercise=True) == "SIMULACRO: Se abrió."
    assert sentence_of({"es": "SIMULACRO: Se abrió."}, "en", exercise=True) == "SIMULACRO: Se abrió."
    assert sentence_of({}, "en", exercise=False) == ""


def texts_in(source: str) -> Iterator[str]:
    """Every text of this code with ``{}`` where something is filled in, f-strings too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^}]*\}", "{}", node.value)


def plural_before_a_number(source: str) -> list[str]:
    return [text for text in texts_in(source) if re.search(r"\bun[oa]s \{\}", text, re.IGNORECASE)]


def test_no_spanish_sentence_says_unos_of_a_number_that_may_be_one() -> None:
    """``unos 1 min`` is wrong, and which number comes is not known: ``en torno a`` is right of each."""
    root = Path(__file__).parents[2]
    packages = ("contracts", "ingest", "detectors", "streams", "dashboards", "simulators", "deploy")
    read = [path for package in packages for path in (root / package).rglob("*.py")]
    assert root / "detectors" / "sensor_watch.py" in read
    assert [(path, text) for path in read for text in plural_before_a_number(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("code", ['"sigue en unos {now}"', 'f"Unas {n:.0f} lecturas"', '"lo de unos " "{x} min"'])
def test_a_sentence_that_says_so_would_be_found(code: str) -> None:
    assert len(plural_before_a_number(code)) == 1
    assert plural_before_a_number(code.replace("unos", "en torno a").replace("Unas", "Cerca de")) == []
