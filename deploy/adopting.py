"""Signing for a version: what a shadow's report must be, and the record that is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import orjson
from msgspec import Meta

from deploy import adoptions, takeover
from deploy.adoptions import Adoption, Compared, Criterion, TimeMs
from deploy.model_hash import sha256_of
from deploy.said import RefusalError, Said
from deploy.settings import Settings
from deploy.shadow_words import SEAL, perhaps_itself
from detectors import model_versions
from detectors.model_versions import ModelVersion

OLDEST: Final = timedelta(days=30)  # that a comparison may be: traffic and sensors change with the season
_FIELD: Final = re.compile(r"(?:field `|at `\$\.)([^`]+)`")  # where msgspec says what is missing, or wrong


class _Version(msgspec.Struct):
    model: str
    sha256: str
    thresholds: dict[str, float]
    told: dict[str, int] | None = None  # of what the line told: by which versions how many


class _Episodes(msgspec.Struct):
    both: int
    old: int
    new: int


class _Group(msgspec.Struct):
    episodes: _Episodes


class _Labels(msgspec.Struct):
    given: int


class _Report(msgspec.Struct, kw_only=True):
    """What signing needs of a report, and what it must be; there is more in one (``deploy.shadow_words``)."""

    rule: str
    ready: bool
    criteria: Annotated[list[Criterion], Meta(min_length=1)]
    compared: int
    corridors: dict[str, _Group] = {}
    sensors: dict[str, _Group] = {}
    labels: _Labels
    old: _Version
    new: _Version
    since_ms: TimeMs
    until_ms: TimeMs
    only_corridors: list[str]
    cluster: str = ""
    topic: str = ""


def read_report(path: Path) -> dict[str, Any]:
    """A report of ``puente detectors shadow --json``. Raises RefusalError where it is none, or was altered since."""
    content = _json_in(path)
    if SEAL not in content:
        raise _none(path, Said("no_seal"))
    told = content.pop(SEAL)
    if adoptions.seal(content) != told:
        raise RefusalError("altered", path=path)
    try:
        report = msgspec.convert(content, _Report)
    except msgspec.ValidationError as error:
        named = _FIELD.search(str(error))
        raise _none(path, Said("no_field", field=named[1] if named else "")) from None
    for version in (report.old, report.new):
        if version.told is None and version.model not in model_versions.BY_NAME:
            raise _none(path, Said("unknown_model", model=version.model, known=", ".join(model_versions.BY_NAME)))
    return {**content, SEAL: told}


def _json_in(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise RefusalError("unread", path=path, why=error.strerror or error) from None
    except ValueError:
        raise _none(path, Said("not_json")) from None
    if not isinstance(content, dict):
        raise _none(path, Said("not_object"))
    return content


def _none(path: Path, what: Said) -> RefusalError:
    return RefusalError("no_report", path=path, what=what)


def signed(report: Mapping[str, Any], by: str, at: datetime, waived: str = "", cluster: str = "") -> Adoption:
    """A record of this report, signed ``at``. Raises RefusalError where it lets nothing take over, unless ``waived``.

    ``cluster`` is the id of the line's Kafka, empty where that is not known.
    """
    old, new = report["old"], report["new"]
    model = model_versions.named(new["model"])
    if new["sha256"] != (now := sha256_of(model)):
        there, compare = new["sha256"][:12], takeover.compare_with(model)
        raise RefusalError("other_content", model=model.name, there=there, here=now[:12], compare=compare)
    told = old.get("told") is not None
    if model is model_versions.OWN[model.rule] and not told:
        raise RefusalError("own", model=model.name, rule=model.rule, compare=takeover.compare_with(model))
    if not waived and (why := _lacks(report, at, cluster)):
        raise RefusalError("no_ground", why=why, compare=takeover.compare_with(model))
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
        told=told,
    )
    return Adoption(
        model=model.name, model_sha256=now, thresholds=new["thresholds"], by=by, at=_rfc3339(at), waived=waived,
        compared=compared,
    )  # fmt: skip


def _groups_in(report: Mapping[str, Any]) -> str:
    return "corridors" if "corridors" in report else "sensors"


def _lacks(report: Mapping[str, Any], at: datetime, cluster: str) -> Said | None:
    """Why the report is no ground to take over, as a sentence without its full stop; None of one that is."""
    old, new = report["old"], report["new"]
    if not report["ready"] or not all(criterion["holds"] for criterion in report["criteria"]):
        failed = ", ".join(criterion["name"] for criterion in report["criteria"] if not criterion["holds"])
        return Said("not_ready", model=new["model"], failed=failed)
    if report["only_corridors"]:
        return Said("some_corridors", model=new["model"], corridors=", ".join(report["only_corridors"]))
    if old == new:
        return Said("itself", model=new["model"])
    if old.get("told") is None and old["sha256"] != (now := sha256_of(model_versions.named(old["model"]))):
        return Said("other_old", model=old["model"], here=now[:12])
    if (there := report.get("cluster", "")) and cluster and there != cluster:
        return Said("other_kafka", model=new["model"], there=there, here=cluster)
    days = (at.timestamp() - report["until_ms"] / 1000) / 86_400
    if days > OLDEST.days:
        return Said("old", days=days, most=OLDEST.days)
    return None


def doubts(report: Mapping[str, Any], cluster: str) -> Iterator[Said]:
    """Warnings of what can't be known: whether the report is of this line, and not of the version with itself."""
    there = report.get("cluster", "")
    if not (there and cluster):
        name = f"{'of_kafka' if there else 'of_none'}{'' if cluster else '_not_here'}"
        yield Said("doubt", of=Said(name, there=there))
    itself = perhaps_itself(report["old"].get("told") or {}, report["new"]["model"])
    if itself is not None:
        yield itself


def waived(settings: Settings, model: ModelVersion, by: str, at: datetime, reason: str) -> Adoption:
    """A record of a version that nothing was compared of, with the thresholds as they are set. Raises RefusalError."""
    limits, content = takeover.thresholds_of(settings, model.rule), sha256_of(model)
    return Adoption(model=model.name, model_sha256=content, thresholds=limits, by=by, at=_rfc3339(at), waived=reason)


def to_set(settings: Settings, adoption: Adoption, file: Path) -> list[str]:
    """The lines of the settings file that make this version judge, wherever a worker is started."""
    model, lines = model_versions.named(adoption.model), [f'adoptions = "{file.resolve()}"']
    if model is model_versions.OWN[model.rule]:
        return lines  # without a name it is the release's own, whichever release it is
    lines += ["[models]", f'{model.rule} = "{model.version}"']
    limits = takeover.thresholds_of(settings, model.rule)
    off = [f"{name} = {value:g}" for name, value in adoption.thresholds.items() if limits[name] != value]
    return [*lines, f"[rules.{model.rule}]", *off] if off else lines


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
