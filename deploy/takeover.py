"""The gate before the line: which version of each model judges, and by whose leave.

The release's own needs nobody's. Another one needs a record (``deploy.adoptions``) of that very content, with the
rule's thresholds as they are set, of a comparison that found it ready, or of somebody who waived that for a reason.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from deploy import adoptions
from deploy.adoptions import Adoption
from deploy.model_hash import sha256_of
from deploy.settings import Settings, SettingsError
from detectors import model_versions, thresholds
from detectors.model_versions import ModelVersion

How = Literal["own", "compared", "waived"]


@dataclass(frozen=True, slots=True)
class InForce:
    """A version that may judge. ``adoption`` is None of the release's own."""

    model: ModelVersion
    adoption: Adoption | None = None

    @property
    def how(self) -> How:
        """By what it judges."""
        return "own" if self.adoption is None else "waived" if self.adoption.waived else "compared"

    @property
    def by(self) -> str:
        """Who signed; empty of the release's own."""
        return "" if self.adoption is None else self.adoption.by

    def __str__(self) -> str:
        own = model_versions.OWN[self.model.rule]
        if self.adoption is None:
            return f"{self.model.name}, the release's own"
        goes_on = self.model.reads(own.version)
        learnt = f"goes on from what {own.version} has learnt" if goes_on else f"begins anew where {own.version} judged"
        return f"{self.model.name} in place of {own.name}, {_leave(self.adoption)}; it {learnt}"


def _leave(adoption: Adoption) -> str:
    compared, signed = adoption.compared, f"{adoption.by} at {adoption.at}"
    if compared is None:
        return f"NOT COMPARED, waived by {signed}: {adoption.waived}"
    on = f"{compared.count} compared with {compared.against}, {_day(compared.since_ms)} to {_day(compared.until_ms)}"
    if adoption.waived:
        failed = ", ".join(compared.failed) or "nothing failed"
        return f"NOT READY ({failed}; {on}), waived by {signed}: {adoption.waived}"
    return f"ready ({on}), signed by {signed}"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")


def model_of(adoption: Adoption) -> ModelVersion:
    """The version that it is of. Raises ValueError where there is none such any more."""
    rule, _, version = adoption.model.partition("@")
    return model_versions.find(rule, version)


def in_force(settings: Settings) -> dict[str, InForce]:
    """By rule, the version that judges. Raises SettingsError where one is chosen that nothing lets take over."""
    chosen = dict(settings.models)
    return {rule: _of(settings, rule, chosen.get(rule, own.version)) for rule, own in model_versions.OWN.items()}


def _of(settings: Settings, rule: str, version: str) -> InForce:
    model = model_versions.find(rule, version)
    if model is model_versions.OWN[rule]:
        return InForce(model)
    if settings.adoptions is None:
        raise _refusal(model, "no file of adoptions is set (PUENTE_ADOPTIONS)")
    try:
        records = adoptions.read(settings.adoptions) if settings.adoptions.exists() else []
    except (OSError, ValueError) as error:
        raise _refusal(model, f"{settings.adoptions} can't be trusted: {error}") from None
    adoption = next((record for record in reversed(records) if record.model == model.name), None)
    why = _lacks(adoption, model, thresholds_of(settings, rule))
    if why is not None or adoption is None:
        raise _refusal(model, f"{settings.adoptions} {why}")
    return InForce(model, adoption)


def _lacks(adoption: Adoption | None, model: ModelVersion, limits: dict[str, float]) -> str | None:
    """What is wrong with the newest record of this version, as the end of a sentence; None of one that holds."""
    if adoption is None:
        return "has no record of it"
    if not adoption.holds:
        return f"has it as not ready ({', '.join(adoption.compared.failed) if adoption.compared else 'not compared'})"
    if adoption.model_sha256 != (now := sha256_of(model)):
        return f"has it with another content ({adoption.model_sha256[:12]}) than this release's ({now[:12]})"
    off = [name for name in limits if adoption.thresholds.get(name) != limits[name]]
    if off:
        set_to = ", ".join(f"{name} = {adoption.thresholds.get(name)}, and {limits[name]} is set" for name in off)
        return f"has it with other thresholds ({set_to})"
    return None


def _refusal(model: ModelVersion, why: str) -> SettingsError:
    rule, version, own = model.rule, model.version, model_versions.OWN[model.rule]
    return SettingsError(
        f"models.{rule}",
        f"{model.name} may not take over from {own.name}: {why}. Compare the two with `puente detectors shadow --rule "
        f"{rule} --model {version} --json report.json`, sign with `puente detectors adopt report.json --by NAME`; or "
        f"waive the comparison with `puente detectors adopt --rule {rule} --model {version} --by NAME --waive REASON`",
    )


def in_the_line(settings: Settings, rule: str) -> InForce:
    """The version of this rule that a line with these settings would run: its own where the chosen one is refused."""
    try:
        return in_force(settings)[rule]
    except SettingsError:
        return InForce(model_versions.OWN[rule])


def limits_of(settings: Settings, rule: str) -> Any:
    """The rule's thresholds as they are set."""
    given = thresholds.read({name: dict(table) for name, table in settings.rules}).get(rule)
    return thresholds.FORMS[rule]() if given is None else given


def thresholds_of(settings: Settings, rule: str) -> dict[str, float]:
    """The same as plain numbers."""
    return plain(limits_of(settings, rule))


def plain(limits: Any) -> dict[str, float]:
    """A rule's thresholds as plain numbers by name."""
    return dataclasses.asdict(limits)
