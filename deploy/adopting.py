"""Signing for a version: what a shadow's report must be, and the record that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from deploy import adoptions, takeover
from deploy.adoptions import Adoption, Compared, Criterion
from deploy.model_hash import sha256_of
from deploy.settings import Settings
from deploy.shadow_words import SEAL
from detectors import model_versions
from detectors.model_versions import ModelVersion

OLDEST: Final = timedelta(days=30)  # that a comparison may be: traffic and sensors change with the season


def read_report(path: Path) -> dict[str, Any]:
    """A report of ``puente detectors shadow --json``. Raises ValueError where it is none, or was altered since."""
    try:
        content = orjson.loads(path.read_bytes())
        told = content.pop(SEAL)
        name = str(content["new"]["model"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no report of `puente detectors shadow --json`: {error!r}") from None
    if adoptions.seal(content) != told:
        raise ValueError(f"{path} has been altered since it was written: compare again")
    model_versions.named(name)
    return {**content, SEAL: told}


def signed(report: Mapping[str, Any], by: str, at: datetime, waived: str = "", cluster: str = "") -> Adoption:
    """A record of this report, signed ``at``. Raises ValueError where it lets nothing take over, unless ``waived``.

    ``cluster`` is the id of the line's Kafka, empty where that is not known.
    """
    old, new = report["old"], report["new"]
    model = model_versions.named(new["model"])
    if new["sha256"] != (now := sha256_of(model)):
        raise ValueError(
            f"{model.name} was compared with another content ({new['sha256'][:12]}) than this release's ({now[:12]}): "
            f"compare again:\n  {takeover.compare_with(model)}"
        )
    _refuse_own(model)
    if not waived and (why := _lacks(report, at, cluster)):
        raise ValueError(
            f"{why}.\nCompare again, and sign that report:\n  {takeover.compare_with(model)}\n"
            "Only where it can't wait for that, sign with --waive REASON: all who get its alerts are told who did"
        )
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
        cluster=report.get("cluster", ""),
        topic=report.get("topic", ""),
    )
    return Adoption(
        model=model.name, model_sha256=now, thresholds=new["thresholds"], by=by, at=_rfc3339(at), waived=waived,
        compared=compared,
    )  # fmt: skip


def _groups_in(report: Mapping[str, Any]) -> str:
    return "corridors" if "corridors" in report else "sensors"


def _lacks(report: Mapping[str, Any], at: datetime, cluster: str) -> str | None:
    """Why the report is no ground to take over, as a sentence without its full stop; None of one that is."""
    old, new = report["old"], report["new"]
    if not report["ready"] or not all(criterion["holds"] for criterion in report["criteria"]):
        failed = ", ".join(criterion["name"] for criterion in report["criteria"] if not criterion["holds"])
        return f"{new['model']} is not ready ({failed})"
    if report["only_corridors"]:
        only = f"was compared on {', '.join(report['only_corridors'])} alone"
        return f"{new['model']} {only}, and would judge every corridor: compare without --corridor"
    if old == new:
        return f"{new['model']} was compared with itself: that says nothing"
    if old["sha256"] != (now := sha256_of(model_versions.named(old["model"]))):
        return f"the {old['model']} it was compared with has another content than this release's ({now[:12]})"
    if (there := report.get("cluster", "")) and cluster and there != cluster:
        return f"{new['model']} was compared on another Kafka ({there}) than this line's ({cluster})"
    days = (at.timestamp() - report["until_ms"] / 1000) / 86_400
    if days > OLDEST.days:
        return f"the newest record that was compared is {days:.0f} days old; at most {OLDEST.days}"
    return None


def doubt(report: Mapping[str, Any], cluster: str) -> str | None:
    """Where it can't be known whether the report is of this line, that, as a sentence without its full stop."""
    there = report.get("cluster", "")
    if there and cluster:
        return None
    of = f"the report is of Kafka {there}" if there else "the report does not say of which Kafka it is"
    here = "" if cluster else "; which the line's is, is not known here (PUENTE_KAFKA)"
    return f"{of}{here}: whether it is of this line is not checked"


def waived(settings: Settings, model: ModelVersion, by: str, at: datetime, reason: str) -> Adoption:
    """A record of a version that nothing was compared of, with the thresholds as they are set."""
    _refuse_own(model)
    limits, content = takeover.thresholds_of(settings, model.rule), sha256_of(model)
    return Adoption(model=model.name, model_sha256=content, thresholds=limits, by=by, at=_rfc3339(at), waived=reason)


def _refuse_own(model: ModelVersion) -> None:
    if model is model_versions.OWN[model.rule]:
        raise ValueError(
            f"{model.name} is the release's own: it needs no leave; its thresholds are set in [rules.{model.rule}]"
        )


def to_set(settings: Settings, adoption: Adoption, file: Path) -> list[str]:
    """The lines of the settings file that make this version judge, wherever a worker is started."""
    model = model_versions.named(adoption.model)
    lines = [f'adoptions = "{file.resolve()}"', "[models]", f'{model.rule} = "{model.version}"']
    limits = takeover.thresholds_of(settings, model.rule)
    off = [f"{name} = {value:g}" for name, value in adoption.thresholds.items() if limits[name] != value]
    return [*lines, f"[rules.{model.rule}]", *off] if off else lines


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
