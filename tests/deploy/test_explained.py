"""Whatever comes of an explanation is said in either language: what was told, why, on what, and whether it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest

from contracts import topics
from contracts.alerts import Alert
from contracts.readings import ShipmentReading
from contracts.sensors import SensorValue
from contracts.words import STATES, Language
from deploy.cli.explained import lines_of
from deploy.explain import Explanation, Outcome, explain
from deploy.said import RefusalError
from deploy.settings import load
from detectors import sensor_watch
from detectors.explanation import Reason

SHA = "9f86d081" * 8
LANGUAGES = pytest.mark.parametrize("language", ["en", "es"])


def alert(**more: Any) -> Alert:
    return Alert(
        **{
            "alert_id": "3f" * 16, "revision": 1, "rule": "temperature_excursion", "rule_version": 1,
            "severity": "critical", "state": "opened", "opened_ms": 1_790_000_000_000, "closed_ms": None,
            "shipment_id": "SHP-1", "device_id": "box-1", "lat_deg": 27.5, "lon_deg": -99.5, "score": 0.9931,
            "evidence": {"temperature_c": 12.0, "allowed": "2 … 8 °C", "state_sha256": SHA, "opening_seq": 7},
            "messages": {"en": "Too warm.", "es": "Demasiado caliente."}, "exercise": False, **more,
        }
    )  # fmt: skip


def text(found: Explanation, language: str) -> str:
    return "\n".join(lines_of(found, language))


@LANGUAGES
@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_has_its_words(outcome: Outcome, language: str) -> None:
    said = text(Explanation(alert=alert(), newest=alert(state="closed"), told_ms=0, outcome=outcome), language)
    good, bad = {"en": ("REPRODUCED", "NOT REPRODUCED"), "es": ("REPRODUCIDA", "NO REPRODUCIDA")}[language]
    assert (bad in said) == (outcome != "reproduced")
    assert good in said
    assert {"en": "Too warm.", "es": "Demasiado caliente."}[language] in said
    assert {"en": "closed", "es": "cerrada"}[language] in said


@LANGUAGES
def test_whether_it_goes_on_is_said_in_a_sentence_of_each_state(language: str) -> None:
    said = {state: text(Explanation(alert=alert(), newest=alert(state=state), told_ms=0), language) for state in STATES}
    now = {
        "en": {"opened": "it is open now\n", "updated": "grown worse", "closed": "it is closed now\n"},
        "es": {"opened": "ahora está abierta\n", "updated": "ha empeorado", "closed": "ahora está cerrada\n"},
    }
    assert all(now[language][state] in said[state] for state in STATES)


@LANGUAGES
def test_a_reading_judged_again_is_shown_with_what_was_left_out(language: str) -> None:
    reading = ShipmentReading(device_id="box-1", boot_id=1, seq=7, time_ms=1_790_000_000_000, temperature_c=12.0)
    found = Explanation(
        alert=alert(), newest=alert(), told_ms=0, outcome="history_cut", score=0.9931, state_sha256="0" * 64,
        reading=reading, source="telemetry.readings.v1", since_ms=1_789_900_000_000, heard=812,
        reasons=(Reason("temperature_c", 12.0, 8.0, 0.49),), named=("temperature_c",),
    )  # fmt: skip
    said = text(found, language)
    assert "boot 1, seq 7" in said
    assert "temperature_c 12.0" in said
    assert "812" in said
    assert "--hours" in said  # what came before was left out
    assert SHA[:16] in said
    another, unknown = {"en": ("ANOTHER", "cannot be known"), "es": ("OTRO", "no se puede saber")}[language]
    assert said.count(unknown) == 2  # of the state, and so of the whole
    assert another not in said
    why = {"en": "> temperature  12 °C, expected 8 °C", "es": "> temperatura  12 °C, se esperaba 8 °C"}
    assert why[language] in said
    assert "opening_seq" not in said
    found.whole, found.outcome = True, "differs"
    assert another in text(found, language)
    assert unknown not in text(found, language)
    found.state_sha256, found.outcome = SHA, "reproduced"
    assert "--hours" not in text(found, language)
    assert {"en": "the same", "es": "el mismo"}[language] in text(found, language)


@LANGUAGES
def test_the_version_of_the_model_that_judged_is_said_and_without_one_the_rules(language: str) -> None:
    about = alert(rule="unusual_journey")
    assert "  unusual_journey v1  " in text(Explanation(alert=about, newest=about, told_ms=0), language)
    about.evidence["model_version"] = "unusual_journey@2-swift"
    found = Explanation(alert=about, newest=about, told_ms=0)
    assert text(found, language).count("unusual_journey@2-swift") == 1
    assert found.as_dict()["model_version"] == "unusual_journey@2-swift"
    about.evidence["model_waived_by"] = "J. Poe, CBP"
    waived = {"en": "waived by J. Poe, CBP", "es": "lo autorizó J. Poe, CBP"}[language]
    assert text(found, language).count("J. Poe") == text(found, language).count(waived) == 1


@LANGUAGES
def test_a_sensors_value_is_shown_with_its_declared_range(language: str) -> None:
    value = SensorValue(
        subject="box-1", sensor="temperature_c", time_ms=1_790_000_000_000, value=16.25, readings=6, low=-30.0,
        high=30.0, device_id="box-1", boot_id=1, seq=7,
    )  # fmt: skip
    found = Explanation(
        alert=alert(rule="sensor_anomaly"), newest=alert(), told_ms=0, outcome="reproduced", score=0.9931, value=value,
        source="sensor.values.v1",
    )  # fmt: skip
    words = {"en": ("the same is in", "ANOTHER is in"), "es": ("lo mismo está en", "OTRA COSA está en")}[language]
    for found.kept, kept in zip((True, False), words, strict=True):
        assert f"; {kept} sensor.values.v1" in text(found, language)
    found.kept = None
    said = text(found, language)
    assert {"en": "no longer reaches back", "es": "ya no llega tan atrás"}[language] in said
    assert "box-1:temperature_c" in said
    assert "16.25" in said
    assert "-30" in said
    assert found.as_dict()["input"]["value"]["value"] == 16.25


@LANGUAGES
@pytest.mark.parametrize(
    ("wait_s", "usual_s", "says", "expected", "to"),
    [(5400.0, 1800.0, "90 min", "30 min", "480 min"), (200.0, 179.0, "200 s", "179 s", "28800 s")],
)
def test_a_wait_is_explained_in_the_units_of_its_sentence(
    wait_s: float, usual_s: float, says: str, expected: str, to: str, language: str
) -> None:
    value = SensorValue(
        subject="Laredo IV:northbound:standard", sensor="wait_s", time_ms=1_790_000_000_000, value=wait_s, readings=1,
        low=0.0, high=28_800.0, device_id="trk-1", boot_id=1, seq=7,
    )  # fmt: skip
    evidence = {
        **sensor_watch.words(value, usual_s, [], []), "sensor": "wait_s", "low": 0.0, "high": 28_800.0,
        "measured_ms": 1_790_000_000_000, "told_before": True,
    }  # fmt: skip
    messages = {name: sentence.format(**evidence) for name, sentence in sensor_watch.CARD.opened.items()}
    about = alert(rule="sensor_anomaly", evidence=evidence, messages=messages)
    said = text(Explanation(alert=about, newest=about, told_ms=0, value=value, source="sensor.values.v1"), language)
    sentence, *below = said.splitlines()[1:]
    assert f": {says}. " in sentence
    wait, range_to = {
        "en": (f"  wait {says}, expected {expected}, told_before True", f"declared range 0 to {to};"),
        "es": (f"  espera {says}, se esperaba {expected}, told_before True", f"rango declarado de 0 a {to};"),
    }[language]
    assert wait in below
    assert any(f": {says}, " in line and range_to in line for line in below)


@LANGUAGES
@pytest.mark.parametrize("not_alone", [True, False])
def test_what_was_expected_is_explained_only_where_the_sentence_names_it(not_alone: bool, language: str) -> None:
    value = SensorValue(
        subject="box-1", sensor="temperature_c", time_ms=1_790_000_000_000, value=1.786, readings=1, low=-40.0,
        high=60.0, device_id="box-1", boot_id=1, seq=7,
    )  # fmt: skip
    evidence = {**sensor_watch.words(value, 1.606, [], []), "sensor": "temperature_c", "not_alone": not_alone}
    texts = sensor_watch.opening(told_before=False, been_there=False, not_alone=not_alone) or sensor_watch.CARD.opened
    messages = {name: sentence.format(**evidence) for name, sentence in texts.items()}
    about = alert(rule="sensor_anomaly", evidence=evidence, messages=messages)
    said = text(Explanation(alert=about, newest=about, told_ms=0, value=value, source="sensor.values.v1"), language)
    assert "1.786 °C" in said
    assert ("1.606" in said, "1.6 °C" in messages[language]) == (not not_alone, not not_alone)
    assert "not_alone" not in said


@LANGUAGES
def test_a_state_is_said_in_its_word(language: str) -> None:
    reasons = (Reason("seal_state", "tampered", "armed", 1.0),)
    found = Explanation(alert=alert(), newest=alert(), told_ms=0, reasons=reasons, named=("seal_state",))
    assert {"en": "tampered, expected armed", "es": "tampered, se esperaba armed"}[language] in text(found, language)


@LANGUAGES
def test_a_share_is_said_in_per_cent_and_what_was_not_told_as_it_is(language: str) -> None:
    reasons = (Reason("stopped_share", 0.35, 0.05, 0.3), Reason("seal_openings", 4.0, None, 0.0))
    found = Explanation(alert=alert(), newest=alert(), told_ms=0, reasons=reasons, named=("stopped_share",))
    assert "  35 %, " in text(found, language)
    assert "  4, " in text(found, language)


@LANGUAGES
def test_an_alert_of_a_release_that_told_no_states_hash_is_said_to_have_none(language: str) -> None:
    old = alert(rule="signal_lost", evidence={"silent_s": 60.0})
    found = Explanation(alert=old, newest=old, told_ms=0, outcome="reproduced", score=1.0, state_sha256=SHA)
    assert {"en": "an earlier release", "es": "una versión anterior"}[language] in text(found, language)


@LANGUAGES
def test_a_drill_is_marked(language: str) -> None:
    drill = alert(exercise=True)
    assert {"en": "DRILL: ", "es": "SIMULACRO: "}[language] in text(
        Explanation(alert=drill, newest=drill, told_ms=0), language
    )


# -- which alert is asked for ------------------------------------------------------------------------------------------


class Told:
    """A line's log that holds nothing but alerts of these ids, of a rule's version that no release has."""

    def __init__(self, *ids: str) -> None:
        self._told = [alert(alert_id=name, rule_version=10**6) for name in ids]

    async def records(self, topic: str, *, only: int | None = None, since_ms: int | None = None) -> AsyncGenerator[Any]:
        for each in self._told if topic == topics.alerts("joint") else ():
            yield SimpleNamespace(key=each.alert_id.encode(), value=msgspec.json.encode(each), timestamp=0)

    async def partitions(self, topic: str) -> int:
        return 1


@pytest.mark.parametrize("asked", ["a07881b5", "A07881B5", "  a07881b5\n", "\tA07881B5" + "C" * 24 + " "])
def test_an_id_may_be_in_capitals_and_have_blanks_around_it(asked: str) -> None:
    log = Told("a07881b5" + "c" * 24, "b" * 32)
    assert asyncio.run(explain(load({}), asked, log=log)).alert.alert_id == "a07881b5" + "c" * 24


@pytest.mark.parametrize(
    ("asked", "revision", "says", "dice"),
    [
        ("c0", 1, "no alert kept has an id that begins with c0; `puente", "ninguna alerta guardada tiene un id que"),
        ("A0", 1, "2 alerts begin with a0: a0a0", "2 alertas empiezan con a0: a0a0"),
        ("b0", 2, "it has no revision 2; there are 1", "no tiene la revisión 2; existen 1"),
        ("b0", 0, "it has no revision 0; there are 1", "no tiene la revisión 0; existen 1"),
    ],
)
def test_an_alert_that_there_is_not_is_refused_in_either_language(
    asked: str, revision: int, says: str, dice: str
) -> None:
    log = Told("a0" * 16, "a0" * 15 + "b1", "b0" * 16)
    with pytest.raises(RefusalError) as caught:
        asyncio.run(explain(load({}), asked, revision, log=log))
    languages: tuple[tuple[Language, str], ...] = (("en", says), ("es", dice))
    for language, sentence in languages:
        assert sentence in caught.value.said.in_language(language)
