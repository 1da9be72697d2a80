"""The gate before the line: which version of each model judges, and by whose leave.

Another than the release's own needs a record (``deploy.adoptions``) of that very content, with the rule's thresholds as
they are set, of a comparison on this line that found it ready, or of somebody who waived that for a reason. The
release's own needs nobody's, until one of a release has been signed for: then each does, with whichever thresholds, so
that no later release's takes over by being installed. Of such records the newest counts: one of other thresholds,
signed for later, takes nothing away.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from deploy import adoptions
from deploy.adoptions import Adoption
from deploy.model_hash import sha256_of
from deploy.said import Said
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
        return str(self.said())

    def said(self) -> Said:
        """What judges, and by whose leave: a sentence without its full stop."""
        own = model_versions.OWN[self.model.rule]
        if self.adoption is None:
            return Said("judges_own", model=self.model.name)
        if self.model is own:
            return Said("judges_signed", model=self.model.name, leave=_leave(self.adoption))
        learnt = Said("goes_on" if self.model.reads(own.version) else "begins", own=own.version)
        return Said("judges", model=self.model.name, own=own.name, leave=_leave(self.adoption), learnt=learnt)


def _leave(adoption: Adoption) -> Said:
    compared, signed = adoption.compared, {"by": adoption.by, "at": adoption.at}
    if compared is None:
        return Said("not_compared", reason=adoption.waived, **signed)
    since, until = _day(compared.since_ms), _day(compared.until_ms)
    against = Said("what_was_told", by=compared.against) if compared.told else compared.against
    on = Said("compared_on", count=compared.count, against=against, since=since, until=until)
    if adoption.waived:
        failed = ", ".join(compared.failed) or Said("nothing_failed")
        return Said("waived", failed=failed, on=on, reason=adoption.waived, **signed)
    where = Said("on_kafka", cluster=compared.cluster) if compared.cluster else Said("on_unnamed")
    return Said("ready", on=on, where=where, **signed)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")


def in_force(settings: Settings, cluster: str = "") -> dict[str, InForce]:
    """By rule, the version that judges. Raises SettingsError where one is chosen that nothing lets take over.

    ``cluster`` is the id of the line's Kafka: what was compared on another lets nothing take over. Empty where that is
    not known, which ``doubts`` says.
    """
    return {rule: _of(settings, rule, cluster) for rule in model_versions.OWN}


def is_asked(settings: Settings) -> bool:
    """Whether a version may be refused by these settings: one is chosen, or there is a file of what was signed."""
    return bool(settings.models) or settings.adoptions is not None


def doubts(models: Iterable[InForce], cluster: str) -> Iterator[str]:
    """A sentence, without its full stop, of each version of which it is not known whether it was compared here."""
    for judging in models:
        compared = None if judging.adoption is None or judging.how == "waived" else judging.adoption.compared
        if compared is not None and not (cluster and compared.cluster):
            lacks = "this Kafka says no id" if compared.cluster else "the record names no Kafka"
            yield f"whether {judging.model.name} was compared on this line or another is not known: {lacks}"


def _of(settings: Settings, rule: str, cluster: str) -> InForce:
    model = model_versions.find(rule, dict(settings.models).get(rule, model_versions.OWN[rule].version))
    own = model is model_versions.OWN[rule]
    if settings.adoptions is None:
        if own:
            return InForce(model)
        raise _refusal(model, "no file of adoptions is set (PUENTE_ADOPTIONS)")
    try:
        records = adoptions.read(settings.adoptions) if settings.adoptions.exists() else []
    except (OSError, ValueError) as error:
        raise _refusal(model, f"{settings.adoptions} can't be trusted: {error}") from None
    if own and not any(model_versions.is_own(record.model, rule) for record in records):
        return InForce(model)
    found = _newest(records, model, {} if own else thresholds_of(settings, rule), cluster)
    if isinstance(found, str):
        raise _refusal(model, f"{settings.adoptions} {found}")
    return InForce(model, found)


def _newest(records: Sequence[Adoption], model: ModelVersion, limits: dict[str, float], cluster: str) -> Adoption | str:
    """The newest record that is of this; or the end of a sentence: why none lets it take over, by the newest of all."""
    of_it = [record for record in reversed(records) if record.model == model.name]
    if not of_it:
        return "has no record of it"
    content = sha256_of(model)
    why = [_is_of_another(record, content, limits, cluster) for record in of_it]
    if None not in why:
        return str(why[0])
    adoption = of_it[why.index(None)]
    if not adoption.holds:
        return f"has it as not ready ({', '.join(adoption.compared.failed) if adoption.compared else 'not compared'})"
    return adoption


def _is_of_another(adoption: Adoption, content: str, limits: dict[str, float], cluster: str) -> str | None:
    """What of another the record is, as the end of a sentence; None of one that is of this."""
    if adoption.model_sha256 != content:
        return f"has it with another content ({adoption.model_sha256[:12]}) than this release's ({content[:12]})"
    off = [name for name in limits if adoption.thresholds.get(name) != limits[name]]
    if off:
        set_to = ", ".join(f"{name} = {adoption.thresholds.get(name)}, and {limits[name]} is set" for name in off)
        return f"has it with other thresholds ({set_to})"
    there = "" if adoption.waived or adoption.compared is None else adoption.compared.cluster
    if cluster and there and there != cluster:
        return f"has it compared on another Kafka ({there}) than this line's ({cluster})"
    return None


def _refusal(model: ModelVersion, why: str) -> SettingsError:
    rule, version, own = model.rule, model.version, model_versions.OWN[model.rule]
    here, those = (
        ("", "it with what the line told (the workers of the release before go on meanwhile)")
        if model is own
        else (f" from {own.name}", "the two")
    )
    return SettingsError(
        f"models.{rule}",
        f"{model.name} may not take over{here}:\n{why}.\n"
        f"Compare {those}, and sign:\n  {compare_with(model)}\n"
        "  puente detectors adopt report.json --by NAME\n"
        "Only where it can't wait for that; all who get its alerts are told who waived the comparison:\n"
        f"  puente detectors adopt --rule {rule} --model {version} --by NAME --waive REASON",
    )


def compare_with(model: ModelVersion) -> str:
    """The command that compares this version with the line's; the release's own, with what the line told."""
    which = "--told" if model is model_versions.OWN[model.rule] else f"--model {model.version}"
    return f"puente detectors shadow --rule {model.rule} {which} --json report.json"


def in_the_line(settings: Settings, rule: str, cluster: str = "") -> InForce:
    """The version of this rule that a line with these settings would run: its own where the chosen one is refused."""
    try:
        return _of(settings, rule, cluster)
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
