"""The gate: another version of a model judges by a comparison that found it ready, or by a reason that all can see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
import pytest

from contracts.metrics import check_declared
from deploy import adopting, adoptions, model_hash, shadow_words, takeover
from deploy.adoptions import Adoption
from deploy.health.worker import WorkerVitals
from deploy.model_hash import LIBRARIES, content_of, sha256_of, sources
from deploy.settings import Settings, SettingsError, load
from deploy.shadow import Run, Version
from detectors import model_versions, sensor_watch, unusual_journey
from streams.rank_correlation import RankCorrelation
from streams.shadow import Comparison
from streams.shadow_report import Criterion, Labels, Report
from streams.shadow_stages import JOURNEYS

RULE = "unusual_journey"
OWN = model_versions.JOURNEY
SWIFT = model_versions.find(RULE, "2-swift")
LIMITS = unusual_journey.Thresholds()


Puente = Callable[..., Any]
UNTIL_MS = int(time.time() * 1000) - 3_600_000  # a command signs by the clock, and what is old is not signed
SINCE_MS = UNTIL_MS - 7 * 86_400_000
UNTIL = datetime.fromtimestamp(UNTIL_MS / 1000, UTC)
AT = UNTIL + timedelta(hours=1)
HERE, ELSEWHERE = "kafka-of-this-line", "kafka-of-another"


def run(
    ready: bool = True, new: Version | None = None, corridors: tuple[str, ...] = (), old: Version | None = None
) -> Run:
    """What a comparison of a thousand windows found."""
    each = Comparison(RankCorrelation(), episodes={"both": 5, "old": 1, "new": 0}, compared=1_000)
    criteria = [Criterion("windows", True, "1000 windows"), Criterion("nothing lost", ready, "1 of 6")]
    found = Report(JOURNEYS, {"I35/northbound": each}, Labels(), criteria, {}, (9.0, 9.5))
    return Run(
        found, old or Version(OWN, LIMITS), new or Version(SWIFT, LIMITS), corridors, 0, SINCE_MS, UNTIL_MS, HERE,
        "journey.windows.v1",
    )  # fmt: skip


def report(tmp_path: Path, **about: Any) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(orjson.dumps(shadow_words.as_dict(run(**about)), option=orjson.OPT_INDENT_2))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "adoptions.jsonl"


@pytest.fixture
def settings(file: Path) -> Settings:
    return replace(load({}), models=((RULE, "2-swift"),), adoptions=file)


def adopt(tmp_path: Path, file: Path, **about: Any) -> Adoption:
    record = adopting.signed(adopting.read_report(report(tmp_path, **about)), "Ana Ruiz, ANAM", AT)
    adoptions.append(file, record)
    return record


def refusal(settings: Settings, cluster: str = "") -> str:
    with pytest.raises(SettingsError) as caught:
        takeover.in_force(settings, cluster)
    return str(caught.value)


# -- the gate ---------------------------------------------------------------------------------------------------------


def test_the_releases_own_versions_need_nobodys_leave():
    judging = takeover.in_force(load({}))
    assert {rule: (each.model, each.how) for rule, each in judging.items()} == {
        rule: (model, "own") for rule, model in model_versions.OWN.items()
    }
    named = replace(load({}), models=tuple((rule, model.version) for rule, model in model_versions.OWN.items()))
    assert takeover.in_force(named) == judging


def test_without_a_file_or_a_record_another_does_not_judge_and_what_to_run_is_said(settings: Settings):
    for without, why in ((replace(settings, adoptions=None), "no file of adoptions"), (settings, "has no record")):
        said = refusal(without)
        assert said.startswith(f"models.{RULE}: {RULE}@2-swift may not take over from {RULE}@2:\n")
        assert why in said
        assert f"puente detectors shadow --rule {RULE} --model 2-swift --json report.json" in said
        assert "puente detectors adopt report.json --by NAME" in said
        # To compare is one thing and to waive that another, and a line is short enough to read.
        *_, last = said.splitlines()
        assert "--waive" in last
        assert said.index("--json report.json") < said.index("Only where it can't wait") < said.index("--waive")
        assert max(map(len, said.replace(str(without.adoptions), "").splitlines())) <= 110


def test_with_a_record_of_a_comparison_that_found_it_ready_it_judges(settings: Settings, tmp_path: Path, file: Path):
    adopt(tmp_path, file)
    judging = takeover.in_force(settings)
    assert (judging[RULE].model, judging[RULE].how, judging[RULE].by) == (SWIFT, "compared", "Ana Ruiz, ANAM")
    said = str(judging[RULE])
    assert (
        f"1000 compared with unusual_journey@2, {UNTIL - timedelta(7):%Y-%m-%d %H:%MZ} to {UNTIL:%Y-%m-%d %H:%MZ}"
        in said
    )
    assert "it goes on from what 2 has learnt" in said
    assert judging["sensor_anomaly"].how == "own"
    (record,) = adoptions.read(file)
    assert record.compared is not None
    assert (record.compared.count, record.compared.episodes) == (1_000, {"both": 5, "old": 1, "new": 0})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model": "unusual_journey@2-swifter"}, "has no record of it"),
        ({"model_sha256": "0" * 64}, "has it with another content (000000000000) than this release's"),
        ({"thresholds": {"open_score": 0.6}}, "has it with other thresholds (open_score = 0.6, and 0.5 is set)"),
        ({"compared": None}, "has it as not ready (not compared)"),
    ],
)
def test_a_record_of_something_else_lets_nothing_take_over(
    settings: Settings, tmp_path: Path, file: Path, change: dict[str, Any], why: str
):
    """Each is whole and sealed; the control is the same record unchanged."""
    record = adopt(tmp_path, file)
    assert takeover.in_force(settings)[RULE].model is SWIFT
    if "thresholds" in change:
        change = {"thresholds": {**record.thresholds, **change["thresholds"]}}
    file.unlink()
    adoptions.append(file, msgspec.structs.replace(record, **change))
    assert why in refusal(settings)


def test_a_record_of_what_was_not_ready_lets_nothing_take_over(settings: Settings, tmp_path: Path, file: Path):
    record = adopt(tmp_path, file)
    assert record.compared is not None
    failed = msgspec.structs.replace(record.compared.criteria[0], holds=False)
    compared = msgspec.structs.replace(record.compared, criteria=[failed])
    adoptions.append(file, msgspec.structs.replace(record, compared=compared))  # the newest counts
    assert "has it as not ready (windows)" in refusal(settings)


def test_what_is_signed_for_later_with_other_thresholds_or_of_other_content_stops_no_line(
    settings: Settings, tmp_path: Path, file: Path
):
    record = adopt(tmp_path, file)
    later = {**record.thresholds, "open_score": 0.55}
    adoptions.append(file, msgspec.structs.replace(record, thresholds=later, by="Later"))
    adoptions.append(file, msgspec.structs.replace(record, model_sha256="0" * 64, by="Another release's"))
    assert takeover.in_force(settings)[RULE].by == "Ana Ruiz, ANAM"
    then = replace(settings, rules=((RULE, (("open_score", 0.55),)),))
    assert takeover.in_force(then)[RULE].by == "Later"
    neither = replace(settings, rules=((RULE, (("open_score", 0.6),)),))
    assert "has it with another content" in refusal(neither)  # the newest of all says why


def test_of_two_records_that_fit_the_newest_counts(settings: Settings, tmp_path: Path, file: Path):
    adoptions.append(file, msgspec.structs.replace(adopt(tmp_path, file), by="Newer"))
    assert takeover.in_force(settings)[RULE].by == "Newer"


def test_what_was_compared_on_another_kafka_lets_nothing_take_over(settings: Settings, tmp_path: Path, file: Path):
    record = adopt(tmp_path, file)
    assert record.compared is not None
    assert (record.compared.cluster, record.compared.topic) == (HERE, "journey.windows.v1")
    judging = takeover.in_force(settings, HERE)
    assert f"on Kafka {HERE}" in str(judging[RULE])
    assert f"has it compared on another Kafka ({HERE}) than this line's ({ELSEWHERE})" in refusal(settings, ELSEWHERE)
    adoptions.append(
        file, msgspec.structs.replace(record, waived="no windows there")
    )  # the reason given counts anywhere
    assert takeover.in_force(settings, ELSEWHERE)[RULE].how == "waived"


def test_where_it_is_not_known_on_which_kafka_it_was_compared_that_is_said(
    settings: Settings, tmp_path: Path, file: Path
):
    record = adopt(tmp_path, file)
    known = takeover.in_force(settings, HERE).values()
    assert list(takeover.doubts(known, HERE)) == []
    (said,) = takeover.doubts(known, "")
    assert "unusual_journey@2-swift was compared on this line or another is not known: this Kafka says no id" in said
    assert record.compared is not None
    unnamed = msgspec.structs.replace(record.compared, cluster="")
    adoptions.append(file, msgspec.structs.replace(record, compared=unnamed))
    (said,) = takeover.doubts(takeover.in_force(settings, HERE).values(), HERE)
    assert said.endswith("the record names no Kafka")
    waive(file)
    assert list(takeover.doubts(takeover.in_force(settings, HERE).values(), HERE)) == []  # nothing rests on it


@pytest.mark.parametrize(
    ("old", "new"),
    [("Ana Ruiz", "Eve"), ('"count":1000', '"count":9000'), (SWIFT.version, "2-swiftly"), ('"by"', '"x"')],
)
def test_an_altered_record_is_found(settings: Settings, tmp_path: Path, file: Path, old: str, new: str):
    adopt(tmp_path, file)
    text = file.read_text()
    file.write_text(text.replace(old, new))
    said = refusal(settings)
    assert f"can't be trusted: {file}, line 1 " in said
    assert "bring the line back as it was reviewed, or take it out and sign for that version anew" in said
    file.write_text(f"\n{text}")  # the control: an empty line is no alteration
    assert takeover.in_force(settings)[RULE].model is SWIFT


@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n"])
def test_a_record_is_a_line_of_its_own_however_the_file_ended(
    settings: Settings, tmp_path: Path, file: Path, end: bytes
):
    first = adopt(tmp_path, file)
    file.write_bytes(file.read_bytes().rstrip(b"\n") + end)
    second = msgspec.structs.replace(first, by="Second")
    adoptions.append(file, second)
    assert adoptions.read(file) == [first, second]
    assert takeover.in_force(settings)[RULE].by == "Second"


def test_nothing_is_added_to_a_file_that_can_not_be_read_and_what_to_do_is_said(
    puente: Puente, tmp_path: Path, file: Path
):
    adopt(tmp_path, file)
    file.write_bytes(file.read_bytes().strip() * 2)  # two records on one line
    before = file.read_bytes()
    ran = puente("detectors", "adopt", str(report(tmp_path)), "--by", "Ana", "--to", str(file))
    assert (ran.returncode, file.read_bytes()) == (2, before)
    assert f"{file}, line 1 is no record of an adoption" in ran.stderr
    assert "Two records on one line: put each on a line of its own" in ran.stderr


def test_the_hash_is_of_the_settings_and_of_every_source_that_makes_the_scores(monkeypatch: pytest.MonkeyPatch):
    assert {"detectors.journey_norm", "detectors.explanation"} <= set(sources(SWIFT))
    assert {"streams.journey_models", "contracts.journeys"} <= set(sources(SWIFT))
    assert {"detectors.sensor_anomaly", "detectors.known_cells"} <= set(sources(model_versions.SENSOR))
    assert {"streams.sensor_models", "streams.sensor_stage", "contracts.sensors"} <= set(sources(model_versions.SENSOR))
    assert len({sha256_of(model) for model in model_versions.BY_NAME.values()}) == len(model_versions.BY_NAME)
    before = sha256_of(SWIFT)
    assert sha256_of(replace(SWIFT, settings={**SWIFT.settings, "unusual_weight": 0.21})) != before
    assert sha256_of(replace(SWIFT, says="in other words")) == before
    assert sha256_of(replace(SWIFT, goes_on_from=frozenset())) != before
    read = Path.read_bytes
    for made_by in ("journey_norm", "journey_models"):
        monkeypatch.setattr(Path, "read_bytes", lambda path, at=made_by: read(path) + b"#" * (path.stem == at))
        assert sha256_of(SWIFT) != before
    sensor = sha256_of(model_versions.SENSOR)
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.stem == "sensor_stage"))
    assert sha256_of(model_versions.SENSOR) != sensor  # it says what is learnt while an alert is open
    assert sha256_of(SWIFT) == before
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path).replace(b"\n", b"\r\n"))
    assert sha256_of(SWIFT) == before  # as another system may have them


@pytest.mark.parametrize("library", ["river", "numpy"])
def test_the_hash_is_of_the_libraries_too_and_what_the_release_holds_is_not(
    monkeypatch: pytest.MonkeyPatch, library: str
):
    assert library in LIBRARIES
    before, of_the_release = sha256_of(SWIFT), content_of(SWIFT)
    version = model_hash.version
    monkeypatch.setattr(model_hash, "version", lambda name: version(name) + "x" * (name == library))
    assert (sha256_of(SWIFT) != before, content_of(SWIFT)) == (True, of_the_release)


def test_other_sentences_of_the_card_are_no_other_content_and_anything_else_beside_them_is(
    monkeypatch: pytest.MonkeyPatch,
):
    before, read, version = content_of(model_versions.SENSOR), Path.read_bytes, sensor_watch.CARD.version

    def with_other(old: bytes, new: bytes) -> str:
        def changed(path: Path) -> bytes:
            found = read(path)
            assert path.stem != "sensor_watch" or old in found
            return found.replace(old, new) if path.stem == "sensor_watch" else found

        with monkeypatch.context() as context:
            context.setattr(Path, "read_bytes", changed)
            return content_of(model_versions.SENSOR)

    assert with_other(b"nunca antes: {told}", "jamás: {told}".encode()) == before
    assert with_other(b"as before again.", b"as ever.") == before
    assert with_other(f"version={version}".encode(), f"version={version + 1}".encode()) != before
    assert with_other(b"limit(0.7, ", b"limit(0.8, ") != before


# -- what is seen of it -----------------------------------------------------------------------------------------------


def waive(file: Path) -> None:
    settings = replace(load({}), adoptions=file)
    adoptions.append(file, adopting.waived(settings, SWIFT, "J. Poe, CBP", AT, "a flooded road"))


def test_who_waived_it_and_why_is_in_the_health_and_the_metrics_of_each_worker(settings: Settings, file: Path):
    waive(file)
    judging = takeover.in_force(settings)
    runners = {None: SimpleNamespace(state=SimpleNamespace(anew=3))}
    line = SimpleNamespace(runners=runners, reference_read=True, book=SimpleNamespace(version=1))
    vitals = WorkerVitals(line, 10.0, list(judging.values()))
    check = next(check for check in vitals.checks(0.0) if check.name == "models")
    assert check.ok
    assert (
        "unusual_journey@2-swift in place of unusual_journey@2, NOT COMPARED, waived by J. Poe, CBP at " in check.says
    )
    assert ": a flooded road; " in check.says
    assert "sensor_anomaly@8, the release's own; 3 records of what other versions had learnt are not read" in check.says
    told = {}
    samples = iter(vitals.samples())
    for sample in samples:
        check_declared(sample)
        if sample.name == "puente_model":
            told[sample.labels["rule"]] = sample.value, sample.labels["how"], sample.labels.get("by")
        if len(told) == 2:
            break
    assert told == {RULE: (False, "waived", "J. Poe, CBP"), "sensor_anomaly": (True, "own", None)}


def test_the_worker_the_stack_and_the_doctor_refuse_it_and_a_waiver_is_what_changes_that(puente: Puente, file: Path):
    chosen = {"PUENTE_MODELS": f"{RULE}=2-swift", "PUENTE_ADOPTIONS": str(file), "PUENTE_KAFKA": "127.0.0.1:1"}
    for command in (("worker",), ("up",), ("doctor",)):
        ran = puente(*command, **chosen)
        assert ran.returncode == 2, (command, ran.stderr)
        assert "may not take over" in ran.stderr, command
    waive(file)
    ran = puente("worker", **chosen)
    assert (ran.returncode, "no Kafka answers" in ran.stderr) == (3, True), ran.stderr
    said = puente("doctor", **chosen).stdout
    assert "waived by J. Poe, CBP at" in said
    assert "a flooded road" in said


# -- puente detectors adopt -------------------------------------------------------------------------------------------


def test_signing_a_report_says_what_to_set_and_with_that_it_judges(puente: Puente, tmp_path: Path, file: Path):
    signed = puente("detectors", "adopt", str(report(tmp_path)), "--by", "Ana Ruiz, ANAM", "--to", str(file))
    assert signed.returncode == 0, signed.stderr
    assert "ready (1000 compared" in signed.stdout
    assert f"WARNING: the report is of Kafka {HERE}; which the line's is, is not known here" in signed.stderr
    config = tmp_path / "puente.toml"
    config.write_text("\n".join(line.strip() for line in signed.stdout.splitlines()[2:]))
    assert takeover.in_force(load({}, config))[RULE].how == "compared"


def test_a_worker_finds_the_file_wherever_it_is_started(
    puente: Puente, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for more in ({}, {"PUENTE_ADOPTIONS": "adoptions.jsonl"}):
        to = () if more else ("--to", "adoptions.jsonl")
        signed = puente("detectors", "adopt", str(report(tmp_path)), "--by", "Ana", *to, **more)
        assert f'adoptions = "{tmp_path / "adoptions.jsonl"}"' in signed.stdout, signed.stderr


def test_thresholds_that_were_compared_with_it_are_part_of_what_to_set(puente: Puente, tmp_path: Path, file: Path):
    stricter = Version(SWIFT, unusual_journey.Thresholds(open_score=0.6))
    signed = puente(
        "detectors", "adopt", str(report(tmp_path, new=stricter)), "--by", "Ana", PUENTE_ADOPTIONS=str(file)
    )
    assert "open_score = 0.6" in signed.stdout
    settings = replace(load({}), models=((RULE, "2-swift"),), adoptions=file)
    assert "other thresholds" in refusal(settings)
    assert takeover.in_force(replace(settings, rules=((RULE, (("open_score", 0.6),)),)))[RULE].model is SWIFT


def altered(path: Path) -> None:
    content = json.loads(path.read_text())
    content["ready"], content["criteria"] = True, [{**c, "holds": True} for c in content["criteria"]]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("about", "change", "says"),
    [
        ({"ready": False}, None, "is not ready (nothing lost). Compare again, and sign that report: puente detectors"),
        ({"ready": False}, altered, "has been altered since it was written"),
        ({"corridors": ("I-35",)}, None, "compared on I-35 alone"),
        ({"new": Version(OWN, LIMITS)}, None, "is the release's own: its thresholds need no leave"),
        ({}, lambda path: path.write_text("{}"), "is no report to sign"),
    ],
)
def test_what_is_no_ground_is_not_signed(
    puente: Puente, tmp_path: Path, file: Path, about: dict[str, Any], change: Callable[[Path], Any] | None, says: str
):
    path = report(tmp_path, **about)
    if change is not None:
        change(path)
    ran = puente("detectors", "adopt", str(path), "--by", "Ana", "--to", str(file))
    assert (ran.returncode, says in " ".join(ran.stderr.split())) == (2, True), ran.stderr
    assert not file.exists()


def resealed(**change: Any) -> Callable[[Path], None]:
    """Alters a report as somebody would who knows how it is sealed; what is None is left out."""

    def alter(path: Path) -> None:
        content = {**json.loads(path.read_text()), **change}
        del content[shadow_words.SEAL]
        content = {name: value for name, value in content.items() if value is not None}
        path.write_bytes(orjson.dumps({**content, shadow_words.SEAL: adoptions.seal(content)}))

    return alter


@pytest.mark.parametrize(
    ("change", "says", "dice"),
    [
        (resealed(criteria=None), "its field criteria is missing", "su campo criteria falta"),
        (resealed(criteria=[]), "its field criteria is missing, or is none", "su campo criteria falta"),
        (resealed(until_ms=9e99), "its field until_ms is missing", "su campo until_ms falta"),
        (resealed(until_ms=10**17), "its field until_ms is missing", "su campo until_ms falta"),
        (resealed(labels={}), "its field given is missing", "su campo given falta"),
        (
            resealed(new={"model": "shock@9", "sha256": "", "thresholds": {}}),
            "it is of shock@9, a version that this release does not have; there are unusual_journey@2",
            "es de shock@9, una versión que este programa no tiene",
        ),
        (lambda path: path.write_text("not { json"), "it is not JSON.", "no es JSON."),
        (lambda path: path.write_bytes(b"\xff\xfe"), "it is not JSON.", "no es JSON."),
        (lambda path: path.write_text('"a report"'), "no object with a report's fields", "no un objeto"),
        (lambda path: path.write_text("[1, 2]"), "no object with a report's fields", "no un objeto"),
        (lambda path: path.write_text('{"a": 1}'), "without a report's seal", "sin el sello de un informe"),
        (
            lambda path: path.write_text(path.read_text().replace('"compared": 1000', '"compared": 9000')),
            "has been altered since it was written",
            "fue alterado después de escribirse",
        ),
    ],
)
def test_what_is_no_report_is_refused_in_words_and_nothing_is_written(
    puente: Puente, tmp_path: Path, file: Path, change: Callable[[Path], Any], says: str, dice: str
):
    path = report(tmp_path)
    change(path)
    for language, sentence in (("en", says), ("es", dice)):
        ran = puente("detectors", "adopt", str(path), "--by", "Ana", "--to", str(file), "--language", language)
        assert (ran.returncode, sentence in " ".join(ran.stderr.split())) == (2, True), ran.stderr
        assert not any(word in ran.stderr for word in ("Error(", "Traceback", "KeyError"))
    assert not file.exists()


def test_a_report_resealed_unchanged_is_signed(puente: Puente, tmp_path: Path, file: Path):
    """The control of all these."""
    resealed()(path := report(tmp_path))
    ran = puente("detectors", "adopt", str(path), "--by", "Ana", "--to", str(file), "--language", "es")
    assert ran.returncode == 0, ran.stderr
    assert "unusual_journey@2-swift en lugar de unusual_journey@2, lista (1000 comparados con" in ran.stdout
    assert "ADVERTENCIA: el informe es del Kafka" in ran.stderr


def test_what_can_not_be_shown_is_not_written(
    puente: Puente, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any) -> list[str]:
        raise OverflowError

    monkeypatch.setattr(adopting, "to_set", broken)
    assert puente("detectors", "adopt", str(report(tmp_path)), "--by", "Ana", "--to", str(file)).returncode == 70
    assert not file.exists()


def test_a_record_of_a_time_that_can_not_be_is_no_record(settings: Settings, tmp_path: Path, file: Path):
    record = adopt(tmp_path, file)
    assert record.compared is not None
    compared = msgspec.structs.replace(record.compared, until_ms=10**17)
    adoptions.append(file, msgspec.structs.replace(record, compared=compared))
    assert f"{file}, line 2 is no record of an adoption" in refusal(settings)


def test_a_version_that_already_judges_is_not_found_ready_by_its_own_shadow(tmp_path: Path):
    itself = replace(run(), old=Version(SWIFT, LIMITS))
    with pytest.raises(ValueError, match="was compared with itself"):
        adopting.signed(shadow_words.as_dict(itself), "Ana", AT)


def test_a_report_of_another_kafka_or_against_another_content_or_an_old_one_is_not_signed_but_by_a_reason():
    whole = shadow_words.as_dict(run())
    other = {**whole, "old": {**whole["old"], "sha256": "0" * 64}}
    for content, at, cluster, why in (
        (whole, AT, ELSEWHERE, f"another Kafka \\({HERE}\\) than this line's \\({ELSEWHERE}\\)"),
        (other, AT, HERE, "the unusual_journey@2 it was compared with has another content"),
        (whole, UNTIL + timedelta(days=31), HERE, "is 31 days old; at most 30"),
    ):
        with pytest.raises(ValueError, match=why):
            adopting.signed(content, "Ana", at, cluster=cluster)
        assert adopting.signed(content, "Ana", at, "roadworks", cluster).waived == "roadworks"
    assert adopting.signed(whole, "Ana", UNTIL + timedelta(days=29), cluster=HERE).holds  # the control of all three


def test_what_is_not_known_is_told_as_that_and_not_as_yes():
    known, missing = Criterion("no flood", True, "5"), Criterion("labels", True, "none were given", "no labels")
    ran = run()
    ran.report.criteria[:] = [known, missing, Criterion("windows", False, "3")]
    said = list(shadow_words.lines_of(ran))
    assert said[-4:] == [
        "yes       no flood: 5", "no labels labels: none were given", "NO        windows: 3", "NOT READY to take over",
    ]  # fmt: skip


def test_whether_a_report_is_of_this_line_is_said_where_it_can_not_be_known():
    named, unnamed = shadow_words.as_dict(run()), {**shadow_words.as_dict(run()), "cluster": ""}
    assert list(adopting.doubts(named, HERE)) == []
    for report_of, here, says in (
        (named, "", f"is of Kafka {HERE}; which the line's is, is not known here"),
        (unnamed, HERE, "does not say of which Kafka it is"),
    ):
        (said,) = adopting.doubts(report_of, here)
        assert says in str(said)


def test_thresholds_of_the_releases_own_version_are_compared_and_that_no_report_of_it_is_signed_is_said():
    own = "\n".join(shadow_words.lines_of(run(new=Version(OWN, unusual_journey.Thresholds(open_score=0.6)))))
    assert "unusual_journey@2 is the release's own, and its thresholds need no leave: set them in [rules." in own
    assert "adopt" not in "\n".join(shadow_words.lines_of(run()))  # the control


def test_a_waiver_of_what_was_not_ready_keeps_what_failed(
    puente: Puente, settings: Settings, tmp_path: Path, file: Path
):
    path = report(tmp_path, ready=False)
    ran = puente("detectors", "adopt", str(path), "--by", "J. Poe, CBP", "--waive", "roadworks", "--to", str(file))
    assert ran.returncode == 0, ran.stderr
    said = str(takeover.in_force(settings)[RULE])
    assert "NOT READY (nothing lost; 1000 compared with unusual_journey@2" in said
    assert said.count("waived by J. Poe, CBP at") == said.count(": roadworks; ") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--by", "Ana"),
        ("--rule", RULE, "--model", "2-swift", "--by", "Ana"),
        ("--rule", RULE, "--model", "2-swift", "--by", " ", "--waive", "so"),
        ("--rule", RULE, "--model", "1-swif", "--by", "Ana", "--waive", "so"),
        ("--rule", RULE, "--model", "1", "--by", "Ana", "--waive", "so"),
    ],
)
def test_without_a_report_a_version_a_name_and_a_reason_are_needed(
    puente: Puente, file: Path, arguments: tuple[str, ...]
):
    assert puente("detectors", "adopt", *arguments, "--to", str(file)).returncode == 2
    assert not file.exists()


# -- what the shadow takes for old ------------------------------------------------------------------------------------


def test_a_chosen_version_that_is_refused_is_not_taken_for_the_lines(settings: Settings, file: Path):
    """Or it would be compared with itself, and found ready."""
    assert takeover.in_the_line(settings, RULE).model is OWN
    waive(file)
    assert takeover.in_the_line(settings, RULE).model is SWIFT
    assert takeover.thresholds_of(settings, "sensor_anomaly") == takeover.plain(sensor_watch.Thresholds())
