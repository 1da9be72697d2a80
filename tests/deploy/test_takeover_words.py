"""Comparing a version and signing for it speak English and Spanish, in every sentence and refusal."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import deploy
from contracts.words import Language
from deploy import shadow_words
from deploy.shadow import Run, Version
from deploy.takeover_words import SENTENCES, RefusalError, Said
from detectors import model_versions, sensor_watch, unusual_journey
from streams.shadow import Comparison, Form
from streams.shadow_report import Labels, Report, report
from streams.shadow_stages import FORMS, JOURNEYS, SENSORS

LANGUAGES: tuple[Language, ...] = ("en", "es")


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("name", SENTENCES)
def test_every_sentence_is_there_in_both_languages_with_the_same_in_it(name: str) -> None:
    english, spanish = (SENTENCES[name][language] for language in LANGUAGES)
    assert english
    assert spanish
    assert english != spanish or name == "signed"
    assert fields_of(english) == fields_of(spanish)


def test_every_sentence_that_is_said_is_one_of_these_and_none_is_said_nowhere() -> None:
    said = set()
    for file in Path(deploy.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            of_them = isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Said", "RefusalError"}
            if of_them:
                said |= {c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant)} & set(SENTENCES)
                assert not isinstance(node.args[0], ast.Constant) or node.args[0].value in SENTENCES
    of_kafka = {name for name in SENTENCES if name.startswith("of_")}  # named by what is known
    assert said | of_kafka == set(SENTENCES)


def test_a_sentence_within_a_sentence_is_in_its_language_too() -> None:
    refused = RefusalError("no_report", path="a.json", what=Said("not_json"))
    assert "a.json is no report to sign: it is not JSON." in str(refused)
    assert "a.json no es un informe que se pueda firmar: no es JSON." in refused.said.in_language("es")


def compared(form: Form, labels: Labels, **counts: int) -> Run:
    """A comparison of one group that says all that there is to say."""
    found = report(form, (), {})
    group = Comparison(form.correlation(), episodes={"both": 1, "old": 1, "new": 0})
    model = model_versions.OWN[form.rule]
    limits = unusual_journey.Thresholds() if form is JOURNEYS else sensor_watch.Thresholds()
    said = Report(form, {"I35/northbound": group}, labels, found.criteria, {"road": {"pace": 2.5}}, (9.0, 9.5))
    return Run(said, Version(model, limits), Version(model, limits), (), 3, cut_short=True)


@pytest.mark.parametrize("form", [JOURNEYS, SENSORS])
def test_a_comparison_is_told_in_either_language(form: Form) -> None:
    run = compared(form, Labels(1, ["3f" * 16], ["4f" * 16], 2, 5))
    english, spanish = (list(shadow_words.lines_of(run, language)) for language in LANGUAGES)
    assert len(english) == len(spanish)
    same = [line for line, other in zip(english, spanish, strict=True) if line == other and line]
    assert [line for line in same if not line.startswith("I35/northbound")] == []
    assert english[0].startswith("CUT SHORT")
    assert spanish[0].startswith("INTERRUMPIDA")
    assert all(
        name in shadow_words.SPANISH.criteria for c in run.report.criteria for name in (c.name, c.unknown) if name
    )
    assert all(criterion.says_es for criterion in run.report.criteria)


def test_what_a_rule_calls_its_groups_and_what_is_judged_has_spanish_words() -> None:
    for form in FORMS.values():
        assert {form.groups, form.judged, form.told, form.correlates} == set(form.in_spanish)
    assert set(shadow_words.SPANISH.group) == {form.groups for form in FORMS.values()}
    assert set(shadow_words.SPANISH.sides) == set(shadow_words.ENGLISH.sides)
