"""A release's own model, once a line signs for those: no later release's takes over by being installed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy import adopting, adoptions, shadow_words, takeover
from deploy.adoptions import Adoption
from deploy.model_hash import sha256_of
from deploy.settings import Settings, SettingsError, load
from deploy.shadow import Line, Run, Version
from detectors import model_versions, sensor_watch
from streams.rank_correlation import RankCorrelation
from streams.shadow import Comparison
from streams.shadow_report import Criterion, Labels, Report
from streams.shadow_stages import SENSORS

RULE = sensor_watch.CARD.name
OWN = model_versions.SENSOR
LIMITS = sensor_watch.Thresholds()
BEFORE = f"{RULE}@{sensor_watch.CARD.version - 1}"
UNTIL_MS = int(time.time() * 1000) - 3_600_000
SINCE_MS = UNTIL_MS - 7 * 86_400_000
AT = datetime.fromtimestamp(UNTIL_MS / 1000, UTC) + timedelta(hours=1)
HERE = "kafka-of-this-line"
Puente = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "adoptions.jsonl"


@pytest.fixture
def settings(file: Path) -> Settings:
    return replace(load({}), adoptions=file)


def run(ready: bool = True, old: Version | Line | None = None, **limits: float) -> Run:
    """What was found beside what the line told, by the release before this one."""
    each = Comparison(RankCorrelation(), episodes={"both": 6, "old": 1, "new": 1}, compared=12_000)
    criteria = [Criterion("values", True, "12000 values"), Criterion("nothing lost", ready, "1 of 7")]
    found = Report(SENSORS, {"temperature_c": each}, Labels(), criteria, {}, None)
    new = Version(OWN, replace(LIMITS, **limits))
    return Run(found, old or Line({BEFORE: 7}), new, (), 0, SINCE_MS, UNTIL_MS, HERE, "sensor.values.v1")


def written(tmp_path: Path, **about: Any) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(orjson.dumps(shadow_words.as_dict(run(**about))))
    return path


def sign_before(file: Path, model: str = BEFORE) -> None:
    """What was signed for the release before this one: it had another content."""
    adoptions.append(
        file,
        Adoption(model=model, model_sha256="0" * 64, thresholds={}, by="Ana", at="2026-01-01T00:00:00Z", waived="x"),
    )


def refusal(settings: Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        takeover.in_force(settings)
    return str(caught.value)


def test_until_a_releases_own_model_is_signed_for_none_needs_leave(settings: Settings, file: Path):
    for model in (None, f"{RULE}@1-own-range", "another_rule@1"):
        if model is not None:
            sign_before(file, model)
        assert takeover.in_force(settings)[RULE].how == "own"


def test_then_another_releases_own_does_not_judge_before_it_is_signed_for(settings: Settings, file: Path):
    sign_before(file)
    said = refusal(settings)
    assert said.startswith(f"models.{RULE}: {OWN.name} may not take over:\n")
    assert f"{file} has no record of it" in said
    assert f"puente detectors shadow --rule {RULE} --told --json report.json" in said
    assert "the workers of the release before go on meanwhile" in said
    assert takeover.in_the_line(settings, RULE).model is OWN
    # The other rule's is not held up where it is asked for alone.
    assert takeover.in_the_line(settings, "unusual_journey").how == "own"
    adoptions.append(file, adopting.signed(shadow_words.as_dict(run()), "Ana Ruiz, ANAM", AT))
    judging = takeover.in_force(settings)[RULE]
    assert (judging.model, judging.how, judging.by) == (OWN, "compared", "Ana Ruiz, ANAM")
    assert str(judging) == (
        f"{OWN.name}, the release's own, ready (12000 compared with what the line told ({BEFORE}), "
        f"{takeover._day(SINCE_MS)} to {takeover._day(UNTIL_MS)}, on Kafka {HERE}), signed by Ana Ruiz, ANAM at "
        f"{adopting._rfc3339(AT)}"
    )


def test_its_thresholds_are_set_without_leave_as_ever(settings: Settings, file: Path):
    adoptions.append(file, adopting.signed(shadow_words.as_dict(run()), "Ana", AT))
    assert takeover.in_force(replace(settings, rules=((RULE, (("open_score", 0.6),)),)))[RULE].how == "compared"


def test_of_the_same_name_another_content_is_another_model(settings: Settings, file: Path):
    """A release may change a model and not its rule's version."""
    sign_before(file, OWN.name)
    assert "has it with another content" in refusal(settings)


def test_a_file_that_can_not_be_read_does_not_let_it_through(settings: Settings, file: Path):
    """Whether it asks for a record is not known."""
    sign_before(file)
    file.write_text(file.read_text().replace("Ana", "Eva"))
    assert "can't be trusted" in refusal(settings)


def test_what_is_not_ready_or_was_not_beside_what_the_line_told_is_not_signed(file: Path):
    for about, why in (
        (run(ready=False), r"is not ready \(nothing lost\)"),
        (run(old=Version(OWN, LIMITS), open_score=0.6), "is the release's own: its thresholds need no leave"),
    ):
        with pytest.raises(ValueError, match=why):
            adopting.signed(shadow_words.as_dict(about), "Ana", AT)
    assert adopting.signed(shadow_words.as_dict(run()), "Ana", AT).holds  # the control


def test_a_report_names_by_which_versions_the_line_told_and_has_no_content_of_theirs():
    old = shadow_words.as_dict(run(old=Line({BEFORE: 5, OWN.name: 2})))["old"]
    assert old == {"model": f"{BEFORE}, {OWN.name}", "told": {BEFORE: 5, OWN.name: 2}, "sha256": "", "thresholds": {}}


@pytest.mark.parametrize(
    ("language", "warns"),
    [
        (
            "en",
            f"WARNING: 2 of the 7 episodes that the line told are of {OWN.name} too. Alerts bear a version's name and",
        ),
        (
            "es",
            f"ADVERTENCIA: 2 de los 7 episodios que la línea avisó son también de {OWN.name}. Las alertas llevan el",
        ),
    ],
)
def test_where_the_line_told_by_the_same_name_it_is_said_that_it_may_be_the_same_model(
    puente: Puente, tmp_path: Path, file: Path, language: Any, warns: str
):
    """A release may change a model and not its name: so it is signed, and who signs knows what is not known."""
    alike, before = Line({BEFORE: 5, OWN.name: 2}), Line({BEFORE: 7})
    for old, warned in ((alike, True), (before, False)):  # the second: the control
        assert any(line.startswith(warns) for line in shadow_words.lines_of(run(old=old), language)) == warned
        path = str(written(tmp_path, old=old))
        ran = puente("detectors", "adopt", path, "--by", "Ana", "--to", str(file), "--language", language)
        assert (ran.returncode, warns in " ".join(ran.stderr.split())) == (0, warned), ran.stderr


@pytest.mark.parametrize(
    ("language", "heading", "nothing"),
    [
        ("en", f"what the line told ({BEFORE}: 7), new {OWN.name}", "what the line told (nothing)"),
        ("es", f"lo que la línea avisó ({BEFORE}: 7), nueva {OWN.name}", "lo que la línea avisó (nada)"),
    ],
)
def test_the_comparison_is_told_without_what_is_not_known(language: Any, heading: str, nothing: str):
    first, _, _, group, *_ = shadow_words.lines_of(run(), language)
    assert first == heading
    assert group.split() == ["temperature_c", "-", "-", "0", "-", "-", "0", "6", "1", "1", "-"]
    assert next(iter(shadow_words.lines_of(run(old=Line({})), language))).startswith(nothing)


def test_signing_for_it_says_that_those_of_later_releases_wait_too(puente: Puente, tmp_path: Path, file: Path):
    report = str(written(tmp_path))
    signed = puente("detectors", "adopt", report, "--by", "Ana Ruiz, ANAM", "--to", str(file))
    assert signed.returncode == 0, signed.stderr
    assert f"{OWN.name}, the release's own, ready (12000 compared with what the line told ({BEFORE})" in signed.stdout
    *_, line, asks = signed.stdout.splitlines()
    assert line == f'  adoptions = "{file}"'
    assert asks.startswith("From now on no worker with this file starts with another release's own model of sensor_ano")
    assert "Desde ahora, ningún worker" in puente(
        "detectors", "adopt", report, "--by", "Ana", "--to", str(file), "--language", "es"
    ).stdout  # fmt: skip
    (record, _) = adoptions.read(file)
    assert record.compared is not None
    assert (record.compared.told, record.compared.against, record.compared.against_sha256) == (True, BEFORE, "")
    assert record.model_sha256 == sha256_of(OWN)


def test_the_first_may_be_signed_for_by_a_reason_alone(puente: Puente, settings: Settings, file: Path):
    signed = puente(
        "detectors", "adopt", "--rule", RULE, "--model", OWN.version, "--by", "Ana", "--waive", "the first", "--to",
        str(file),
    )  # fmt: skip
    assert signed.returncode == 0, signed.stderr
    assert takeover.in_force(settings)[RULE].how == "waived"
    assert json.loads(file.read_text())["model"] == OWN.name


def test_worker_stack_and_doctor_refuse_what_is_not_signed_for(puente: Puente, file: Path):
    sign_before(file)
    for command in (("worker",), ("up",), ("doctor",)):
        ran = puente(*command, PUENTE_ADOPTIONS=str(file), PUENTE_KAFKA="127.0.0.1:1")
        assert (ran.returncode, "may not take over" in ran.stderr) == (2, True), (command, ran.stderr)
