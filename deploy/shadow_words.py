"""What ``puente detectors shadow`` found, as plain data that can be signed, and line by line for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from deploy import adoptions, takeover
from deploy.model_hash import sha256_of
from deploy.shadow import Run, Version
from detectors import model_versions
from streams.shadow import SIDES, Comparison, Form
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
    }
    return {**content, SEAL: adoptions.seal(content)}


def _version(version: Version) -> dict[str, Any]:
    limits = takeover.plain(version.limits)
    return {"model": version.model.name, "sha256": sha256_of(version.model), "thresholds": limits}


def _plain(form: Form, each: Comparison) -> dict[str, Any]:
    alike = each.correlation.get()
    return {
        form.judged: each.judged, form.told: each.told, "episodes": each.episodes, "compared": each.compared,
        "correlation": None if alike is None else round(alike, 4),
    }  # fmt: skip


def lines_of(run: Run) -> Iterator[str]:
    """The comparison for people, line by line."""
    found, form = run.report, run.report.form
    yield f"old {_named(run.old)}, new {_named(run.new, run.old)}"
    if not found.groups:
        yield f"there are no {form.judged} to compare on"
    wide = max([len(form.groups), *(len(name) for name in found.groups)])
    sides = "".join(f"{side:>8}" for side in SIDES)
    yield f"{'':{wide}} {'judged':^24} {form.told:^24} {'episodes':^24} {'scores':>9}"
    yield f"{form.groups.removesuffix('s'):{wide}} {sides} {sides} {sides} {'correlate':>9}"
    for name, each in found.groups.items():
        counts = " ".join(
            "".join(f"{kind[side]:>8}" for side in SIDES) for kind in (each.judged, each.told, each.episodes)
        )
        alike = each.correlation.get()
        yield f"{name:{wide}} {counts} {'-' if alike is None else f'{alike:.3f}':>9}"
    yield from _asides(found)
    yield ""
    wide = max([3, *(len(_mark(criterion)) for criterion in found.criteria)])
    for criterion in found.criteria:
        yield f"{_mark(criterion):<{wide}} {criterion.name}: {criterion.says}"
    yield "READY to take over" if found.ready else "NOT READY to take over"
    if run.new.model is model_versions.OWN[form.rule]:
        yield (
            f"{run.new.model.name} is the release's own, so `puente detectors adopt` signs no report of it: set these "
            f"thresholds in [rules.{form.rule}]; a version is signed for with its thresholds by --model VERSION"
        )


def _mark(criterion: Criterion) -> str:
    return criterion.unknown or ("yes" if criterion.holds else "NO")


def _named(version: Version, beside: Version | None = None) -> str:
    """The version, and where its thresholds are not those of the one beside, which."""
    limits = takeover.plain(version.limits)
    before = limits if beside is None else takeover.plain(beside.limits)
    off = [f"{name} {value:g}" for name, value in limits.items() if before[name] != value]
    return version.model.name + (f" ({', '.join(off)})" if off else "")


def _asides(found: Report) -> Iterator[str]:
    off = {name: max(each.items(), key=lambda item: abs(item[1])) for name, each in found.drift.items() if each}
    for name, (feature, deviations) in sorted(off.items()):
        if abs(deviations) >= DRIFTED:
            yield f"drift: {name}: {feature} {deviations:+.1f} standard deviations off what was learnt, of late"
    labels = found.labels
    if labels.right_lost or labels.wrong_kept or labels.right_kept or labels.wrong_gone or labels.unknown:
        yield ""
        yield (
            f"labelled right: {labels.right_kept} still told, {len(labels.right_lost)} lost; labelled wrong: "
            f"{labels.wrong_gone} gone, {len(labels.wrong_kept)} still told; {labels.unknown} labels of no alert seen"
        )
        for alert_id in labels.right_lost:
            yield f"  lost: {alert_id}"
