"""Signing for a version: what a shadow's report must be, and the record that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson

from deploy import adoptions, takeover
from deploy.adoptions import Adoption, Compared, Criterion
from deploy.model_hash import sha256_of
from deploy.settings import Settings
from deploy.shadow_words import SEAL
from detectors import model_versions
from detectors.model_versions import ModelVersion


def read_report(path: Path) -> dict[str, Any]:
    """A report of ``puente detectors shadow --json``. Raises ValueError where it is none, or was altered since."""
    try:
        content = orjson.loads(path.read_bytes())
        told = content.pop(SEAL)
        rule, _, version = content["new"]["model"].partition("@")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no report of `puente detectors shadow --json`: {error!r}") from None
    if adoptions.seal(content) != told:
        raise ValueError(f"{path} has been altered since it was written: compare again")
    model_versions.find(rule, version)
    return {**content, SEAL: told}


def signed(report: Mapping[str, Any], by: str, waived: str = "") -> Adoption:
    """A record of this report. Raises ValueError where it lets nothing take over, unless that is ``waived``."""
    old, new = report["old"], report["new"]
    rule, _, version = new["model"].partition("@")
    model = model_versions.find(rule, version)
    if new["sha256"] != (now := sha256_of(model)):
        raise ValueError(
            f"{model.name} was compared with another content ({new['sha256'][:12]}) than this release's ({now[:12]}): "
            "compare again"
        )
    if model is model_versions.OWN[rule]:
        raise ValueError(f"{model.name} is the release's own: it needs no leave")
    if not waived:
        _check(report, old, new)
    every = report[_groups_in(report)].values()
    compared = Compared(
        against=old["model"],
        against_sha256=old["sha256"],
        since_ms=report["since_ms"],
        until_ms=report["until_ms"],
        count=report["compared"],
        episodes={side: sum(each["episodes"][side] for each in every) for side in ("both", "old", "new")},
        labelled=report["labels"]["given"],
        criteria=msgspec.convert(report["criteria"], list[Criterion]),
        report_sha256=report[SEAL],
    )
    return Adoption(
        model=model.name, model_sha256=now, thresholds=new["thresholds"], by=by, at=_now(), waived=waived,
        compared=compared,
    )  # fmt: skip


def _groups_in(report: Mapping[str, Any]) -> str:
    return "corridors" if "corridors" in report else "sensors"


def _check(report: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if not report["ready"] or not all(criterion["holds"] for criterion in report["criteria"]):
        failed = ", ".join(criterion["name"] for criterion in report["criteria"] if not criterion["holds"])
        raise ValueError(f"{new['model']} is not ready ({failed}): give the reason why it may take over with --waive")
    if report["only_corridors"]:
        only = ", ".join(report["only_corridors"])
        raise ValueError(f"it was compared on {only} alone, and would judge every corridor: compare without --corridor")
    if old == new:
        raise ValueError(f"{new['model']} was compared with itself: that says nothing")


def waived(settings: Settings, model: ModelVersion, by: str, reason: str) -> Adoption:
    """A record of a version that nothing was compared of, with the thresholds as they are set."""
    if model is model_versions.OWN[model.rule]:
        raise ValueError(f"{model.name} is the release's own: it needs no leave")
    limits = takeover.thresholds_of(settings, model.rule)
    return Adoption(model=model.name, model_sha256=sha256_of(model), thresholds=limits, by=by, at=_now(), waived=reason)


def to_set(settings: Settings, adoption: Adoption, file: Path) -> list[str]:
    """The lines of the settings file that make this version judge."""
    rule, _, version = adoption.model.partition("@")
    lines = [f'adoptions = "{file}"'] if settings.adoptions is None else []
    lines += ["[models]", f'{rule} = "{version}"']
    limits = takeover.thresholds_of(settings, rule)
    off = [f"{name} = {value:g}" for name, value in adoption.thresholds.items() if limits[name] != value]
    return [*lines, f"[rules.{rule}]", *off] if off else lines


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
