"""What ``puente detectors shadow`` found: as plain data that can be signed, and for people in English or Spanish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from contracts.words import Language
from deploy import adoptions, takeover
from deploy.model_hash import sha256_of
from deploy.said import Said
from deploy.shadow import Line, Run, Version
from detectors import model_versions
from streams.shadow import SIDES, Comparison, Form, Side
from streams.shadow_report import Criterion, Report

DRIFTED: Final = 1.0  # standard deviations from which on drift is worth a line
SEAL: Final = "report_sha256"


def as_dict(run: Run) -> dict[str, Any]:
    """All of it as plain data, sealed: ``report_sha256`` is of all the rest."""
    found = run.report
    content = {
        "rule": found.form.rule,
        "ready": found.ready,
        "criteria": [asdict(criterion) for criterion in found.criteria],
        "compared": found.compared,
        found.form.groups: {name: _plain(found.form, each) for name, each in found.groups.items()},
        "labels": {**asdict(found.labels), "given": run.labelled},
        "drift": found.drift,
        "cost_us": None if found.cost_us is None else dict(zip(("old", "new"), found.cost_us, strict=True)),
        "old": _version(run.old),
        "new": _version(run.new),
        "since_ms": run.since_ms,
        "until_ms": run.until_ms,
        "only_corridors": list(run.corridors),
        "cluster": run.cluster,
        "topic": run.topic,
        "cut_short": run.cut_short,
    }
    return {**content, SEAL: adoptions.seal(content)}


def perhaps_itself(told: Mapping[str, int], model: str) -> Said | None:
    """Where the line told by a version of this name, a warning: of which content it was is not known."""
    return Said("perhaps_itself", model=model, count=told[model], all=sum(told.values())) if model in told else None


def _version(version: Version | Line) -> dict[str, Any]:
    if isinstance(version, Line):
        return {"model": ", ".join(sorted(version.told)), "told": dict(version.told), "sha256": "", "thresholds": {}}
    limits = takeover.plain(version.limits)
    return {"model": version.model.name, "sha256": sha256_of(version.model), "thresholds": limits}


def _plain(form: Form, each: Comparison) -> dict[str, Any]:
    alike = each.correlation.get()
    return {
        form.judged: each.judged, form.told: each.told, "episodes": each.episodes, "compared": each.compared,
        "correlation": None if alike is None else round(alike, 4),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Words:
    """One language. ``criteria`` has the names of criteria, and what stands for yes or no where that is not known."""

    versions: str
    told_by: str
    told_none: str
    nothing: str
    judged: str
    episodes: str
    scores: str
    correlate: str
    sides: Mapping[str, str]
    group: Mapping[str, str]
    criteria: Mapping[str, str]
    holds: Mapping[bool, str]
    ready: Mapping[bool, str]
    cut_short: str
    own: str
    drift: str
    labels: str
    lost: str


ENGLISH: Final = _Words(
    versions="old {old}, new {new}",
    told_by="what the line told ({old}), new {new}",
    told_none="nothing",
    nothing="there are no {judged} to compare on",
    judged="judged",
    episodes="episodes",
    scores="scores",
    correlate="correlate",
    sides={side: side for side in SIDES},
    group={"corridors": "corridor", "sensors": "sensor"},
    criteria={},
    holds={True: "yes", False: "NO"},
    ready={True: "READY to take over", False: "NOT READY to take over"},
    cut_short="CUT SHORT (Ctrl-C): this is of what was compared until then",
    own="{model} is the release's own, and its thresholds need no leave: set them in [rules.{rule}]; a version is "
    "signed for with its thresholds by --model VERSION, and the release's own beside what the line told by --told",
    drift="drift: {name}: {feature} {deviations:+.1f} standard deviations off what was learnt, of late",
    labels="labelled right: {right_kept} still told, {right_lost} lost; labelled wrong: {wrong_gone} gone, "
    "{wrong_kept} still told; {unknown} labels of no alert seen",
    lost="  lost: {alert_id}",
)
SPANISH: Final = _Words(
    versions="anterior {old}, nueva {new}",
    told_by="lo que la línea avisó ({old}), nueva {new}",
    told_none="nada",
    nothing="no hay {judged} con que comparar",
    judged="juicios",
    episodes="episodios",
    scores="puntuac.",
    correlate="correlac.",
    sides={"both": "ambas", "old": "anter.", "new": "nueva"},
    group={"corridors": "corredor", "sensors": "sensor"},
    criteria={
        "windows": "ventanas",
        "values": "valores",
        "episodes": "episodios",
        "correlation": "correlación",
        "no flood": "sin avalancha",
        "nothing lost": "nada perdido",
        "time open": "tiempo abierto",
        "labels": "marcas",
        "cost": "costo",
        "not known yet": "aún no se sabe",
        "no labels": "sin marcas",
        "not kept": "no se guarda",
    },
    holds={True: "sí", False: "NO"},
    ready={True: "LISTA para juzgar en su lugar", False: "NO ESTÁ LISTA para juzgar en su lugar"},
    cut_short="INTERRUMPIDA (Ctrl-C): esto es lo comparado hasta entonces",
    own="{model} es la versión del propio programa y sus umbrales no necesitan permiso: fíjelos en [rules.{rule}]; "
    "una versión se firma con sus umbrales con --model VERSIÓN, y la del propio programa, frente a lo que la línea "
    "avisó, con --told",
    drift="deriva: {name}: {feature} a {deviations:+.1f} desviaciones estándar de lo aprendido, últimamente",
    labels="marcadas como acertadas: {right_kept} se siguen avisando, {right_lost} perdidas; como falsas: {wrong_gone} "
    "ya no, {wrong_kept} se siguen avisando; {unknown} marcas de ninguna alerta vista",
    lost="  perdida: {alert_id}",
)
WORDS: Final[Mapping[Language, _Words]] = {"en": ENGLISH, "es": SPANISH}


def lines_of(run: Run, language: Language = "en") -> Iterator[str]:
    """The comparison for people, line by line."""
    found, form, words = run.report, run.report.form, WORDS[language]
    judged, told = (name if language == "en" else form.in_spanish[name] for name in (form.judged, form.told))
    if run.cut_short:
        yield words.cut_short
    yield _heading(run, words)
    if isinstance(run.old, Line) and (warning := perhaps_itself(run.old.told, run.new.model.name)) is not None:
        yield warning.in_language(language)
    if not found.groups:
        yield words.nothing.format(judged=judged)
    wide = max([len(form.groups), *(len(name) for name in found.groups)])
    sides = "".join(f"{words.sides[side]:>8}" for side in SIDES)
    yield f"{'':{wide}} {words.judged:^24} {told:^24} {words.episodes:^24} {words.scores:>9}"
    yield f"{words.group[form.groups]:{wide}} {sides} {sides} {sides} {words.correlate:>9}"
    for name, each in found.groups.items():
        counts = " ".join(
            [*(_counted(kind, isinstance(run.old, Line)) for kind in (each.judged, each.told)), _counted(each.episodes)]
        )
        alike = each.correlation.get()
        yield f"{name:{wide}} {counts} {'-' if alike is None else f'{alike:.3f}':>9}"
    yield from _asides(found, words)
    yield ""
    marks = [_mark(criterion, words) for criterion in found.criteria]
    wide = max([3, *map(len, marks)])
    for criterion, mark in zip(found.criteria, marks, strict=True):
        name = words.criteria.get(criterion.name, criterion.name)
        yield f"{mark:<{wide}} {name}: {criterion.says if language == 'en' else criterion.says_es}"
    yield words.ready[found.ready]
    if run.new.model is model_versions.OWN[form.rule] and not isinstance(run.old, Line):
        yield words.own.format(model=run.new.model.name, rule=form.rule)


def _heading(run: Run, words: _Words) -> str:
    if isinstance(run.old, Line):
        told = ", ".join(f"{name}: {count}" for name, count in sorted(run.old.told.items()))
        return words.told_by.format(old=told or words.told_none, new=_named(run.new))
    return words.versions.format(old=_named(run.old), new=_named(run.new, run.old))


def _counted(counts: Mapping[Side, int], only_new: bool = False) -> str:
    """By side; of what the line told, it is not known what it judged."""
    return "".join(f"{'-' if only_new and side != 'new' else counts[side]:>8}" for side in SIDES)


def _mark(criterion: Criterion, words: _Words) -> str:
    return words.criteria.get(criterion.unknown, criterion.unknown) or words.holds[criterion.holds]


def _named(version: Version, beside: Version | None = None) -> str:
    """The version, and where its thresholds are not those of the one beside, which."""
    limits = takeover.plain(version.limits)
    before = limits if beside is None else takeover.plain(beside.limits)
    off = [f"{name} {value:g}" for name, value in limits.items() if before[name] != value]
    return version.model.name + (f" ({', '.join(off)})" if off else "")


def _asides(found: Report, words: _Words) -> Iterator[str]:
    off = {name: max(each.items(), key=lambda item: abs(item[1])) for name, each in found.drift.items() if each}
    for name, (feature, deviations) in sorted(off.items()):
        if abs(deviations) >= DRIFTED:
            yield words.drift.format(name=name, feature=feature, deviations=deviations)
    labels = found.labels
    if labels.right_lost or labels.wrong_kept or labels.right_kept or labels.wrong_gone or labels.unknown:
        yield ""
        yield words.labels.format(
            right_kept=labels.right_kept, right_lost=len(labels.right_lost), wrong_gone=labels.wrong_gone,
            wrong_kept=len(labels.wrong_kept), unknown=labels.unknown,
        )  # fmt: skip
        for alert_id in labels.right_lost:
            yield words.lost.format(alert_id=alert_id)
