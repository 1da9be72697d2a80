"""Comparing a version and signing for it speak English and Spanish, in all that they tell."""

from __future__ import annotations

import pytest

from contracts.words import Language
from deploy import shadow_words
from deploy.said import RefusalError, Said
from deploy.shadow import Run, Version
from detectors import model_versions, sensor_watch, unusual_journey
from streams.shadow import Comparison, Form
from streams.shadow_report import Labels, Report, report
from streams.shadow_stages import FORMS, JOURNEYS, SENSORS

LANGUAGES: tuple[Language, ...] = ("en", "es")


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
