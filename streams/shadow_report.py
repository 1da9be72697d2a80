"""What comes of a comparison: counts by group, what becomes of alerts that officers judged, and whether it is ready.

The criteria are the same for every rule, but for how much must have been compared and how alike the scores must be
(``streams.shadow_stages``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streams.beside import Beside
from streams.episode_pairs import Episode, paired
from streams.shadow import SIDES, Comparison, Form, Shadow, group_of

LEAST_EPISODES: Final = 5  # so that a fifth of them, that may be lost, is one
MORE_SHARE: Final = 0.2
LOST_SHARE: Final = 0.2
COST_TIMES: Final = 2.0
# Versions close sooner or later, and what one tells beside the other's may last: twice has room for both, and none for
# alerts that are left open. Where little was told, two hours more are the two episodes more that are no flood.
OPEN_TIMES: Final = 2.0
MORE_OPEN_H: Final = 2.0


@dataclass(slots=True)
class Labels:
    """What officers said of the old version's alerts, and what becomes of those: by the beginning of an alert's id."""

    right_kept: int = 0
    right_lost: list[str] = field(default_factory=list)
    wrong_kept: list[str] = field(default_factory=list)
    wrong_gone: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition for taking over, whether it holds, and the figures, in English and in Spanish.

    ``unknown``: what stands in place of yes or no where the comparison can't tell; ``holds`` says whether that is let
    pass.
    """

    name: str
    holds: bool
    says: str
    unknown: str = ""
    says_es: str = ""


@dataclass(slots=True)
class Report:
    """The comparison of all partitions. ``cost_us``: of a window or value, to the old and the new; None unmeasured."""

    form: Form
    groups: dict[str, Comparison]
    labels: Labels
    criteria: list[Criterion]
    drift: dict[str, dict[str, float]]
    cost_us: tuple[float, float] | None

    @property
    def compared(self) -> int:
        """Windows or values judged by both, warm."""
        return sum(each.compared for each in self.groups.values())

    @property
    def ready(self) -> bool:
        """Whether the new version may take over, by all criteria."""
        return all(criterion.holds for criterion in self.criteria)


def report(form: Form, shadows: Sequence[Shadow | Beside], said: Mapping[str, bool], told: bool = False) -> Report:
    """Compare what the partitions' shadows have seen. ``said``: by the beginning of an alert's id, if it was right.

    ``told``: the old side is the line's alerts, of which no scores are had but their own.
    """
    groups: dict[str, Comparison] = {}
    drift: dict[str, dict[str, float]] = {}
    labels, known = Labels(), dict.fromkeys(said, False)
    for shadow in shadows:
        groups |= shadow.groups  # of one partition each, or shared by all
        drift |= shadow.drift()
    for shadow in shadows:
        pairs = paired(*shadow.episodes())
        sides = [was for was, _ in pairs.both], pairs.old, pairs.new
        for side, episodes in zip(SIDES, sides, strict=True):
            for episode in episodes:
                group_of(groups, form, episode.group).episodes[side] += 1
                for prefix in (p for p in said if side != "new" and episode.alert_id.startswith(p)):
                    known[prefix] = True
                    _label(labels, episode, said[prefix], kept=side == "both")
    labels.unknown = sum(not seen for seen in known.values())
    cost_us = _cost_us(shadows)
    open_ms = _sums(each.open_ms() for each in shadows)
    criteria = list(_criteria(form, groups, labels, len(said), open_ms, cost_us, told))
    return Report(form, dict(sorted(groups.items())), labels, criteria, drift, cost_us)


def _label(labels: Labels, episode: Episode, right: bool, kept: bool) -> None:
    if right and kept:
        labels.right_kept += 1
    elif right:
        labels.right_lost.append(episode.alert_id)
    elif kept:
        labels.wrong_kept.append(episode.alert_id)
    else:
        labels.wrong_gone += 1


def _cost_us(shadows: Sequence[Shadow | Beside]) -> tuple[float, float] | None:
    heard, (old_ns, new_ns) = sum(shadow.heard for shadow in shadows), _sums(each.spent_ns() for each in shadows)
    return (old_ns / heard / 1e3, new_ns / heard / 1e3) if heard and old_ns else None


def _sums(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    old, new = (sum(side) for side in zip((0, 0), *pairs, strict=True))
    return old, new


def _mean(groups: Sequence[Comparison]) -> float:
    """Their correlations, weighed by what was compared; those left out whose scores have no order. 0.0 of none."""
    said = [(each.compared, alike) for each in groups if (alike := each.correlation.get()) is not None]
    weight = sum(compared for compared, _ in said)
    return sum(compared * alike for compared, alike in said) / weight if weight else 0.0


def _criteria(
    form: Form,
    groups: Mapping[str, Comparison],
    labels: Labels,
    labelled: int,
    open_ms: tuple[int, int],
    cost_us: tuple[float, float] | None,
    by_the_line: bool,
) -> Iterator[Criterion]:
    every = groups.values()
    compared = sum(c.compared for c in every)
    both, old, new = (sum(c.episodes[side] for c in every) for side in SIDES)
    told, would = both + old, both + new
    lost = old - labels.wrong_gone
    grounds = told - labels.wrong_gone - len(labels.wrong_kept)
    es = form.in_spanish
    who, quien = ("anew", "se juzgaron de nuevo") if by_the_line else ("by both", "que ambas juzgaron")
    yield Criterion(
        form.judged,
        compared >= form.least,
        f"{compared} {form.judged} judged {who}, warm; at least {form.least}",
        says_es=f"{compared} {es[form.judged]} {quien} ya con lo aprendido; al menos {form.least}",
    )
    yield _enough(grounds)
    yield _NO_SCORES if by_the_line else _alike(form, _mean(list(every)))
    yield _no_flood(told, would)
    yield _nothing_lost(lost, told)
    yield _closes(*(each_ms / 3_600_000 for each_ms in open_ms))
    yield _labels(labels, labelled)
    if cost_us is not None:
        yield _cost(form, *cost_us)


def _no_flood(told: int, would: int) -> Criterion:
    return Criterion(
        "no flood",
        would <= told + max(2.0, MORE_SHARE * told),
        f"{would} episodes against {told}; at most {MORE_SHARE:.0%} more, or 2",
        says_es=f"{would} episodios frente a {told}; como máximo {MORE_SHARE:.0%} más, o 2",
    )


def _nothing_lost(lost: int, told: int) -> Criterion:
    return Criterion(
        "nothing lost",
        lost <= LOST_SHARE * told,
        f"{lost} of {told} episodes no longer told, each by an alert of its own, those labelled wrong not counted; at "
        f"most {LOST_SHARE:.0%}",
        says_es=f"{lost} de {told} episodios ya no se avisan, cada uno con su propia alerta, sin contar los marcados "
        f"como falsos; como máximo {LOST_SHARE:.0%}",
    )


def _cost(form: Form, before_us: float, after_us: float) -> Criterion:
    judged, juzgado = form.judged, form.in_spanish[form.judged]
    return Criterion(
        "cost",
        after_us <= COST_TIMES * before_us,
        f"{after_us:.1f} µs of processor against {before_us:.1f} for each of the {judged}; at most "
        f"{COST_TIMES:g} times that",
        says_es=f"{after_us:.1f} µs de procesador frente a {before_us:.1f} en cada caso ({juzgado}); como máximo "
        f"{COST_TIMES:g} veces eso",
    )


def _closes(before_h: float, after_h: float) -> Criterion:
    """What never closes tells nothing new, and nobody looks at a list of it."""
    return Criterion(
        "time open",
        after_h <= before_h + max(MORE_OPEN_H, (OPEN_TIMES - 1.0) * before_h),
        f"alerts stood open for {after_h:.1f} h in all, against {before_h:.1f}; at most {OPEN_TIMES:g} times that, or "
        f"{MORE_OPEN_H:g} h more",
        says_es=f"las alertas estuvieron abiertas {after_h:.1f} h en total, frente a {before_h:.1f}; como máximo "
        f"{OPEN_TIMES:g} veces eso, o {MORE_OPEN_H:g} h más",
    )


_NO_SCORES: Final = Criterion(
    "correlation",
    True,
    "the line keeps no scores but its alerts': how alike they are is not known",
    "not kept",
    "la línea no guarda más puntuaciones que las de sus alertas: no se sabe cuánto se parecen",
)


def _alike(form: Form, mean: float) -> Criterion:
    least, es = form.least_correlation, form.in_spanish
    return Criterion(
        "correlation",
        mean >= least,
        f"{form.correlates} at {mean:.3f}, {form.groups} weighed by {form.judged}; at least {least}",
        says_es=f"{es[form.correlates]} en {mean:.3f}, {es[form.groups]} con el peso de sus {es[form.judged]}; al "
        f"menos {least}",
    )


def _enough(grounds: int) -> Criterion:
    """Of too few episodes nothing can be lost, and any are no flood."""
    enough = grounds >= LEAST_EPISODES
    says = f"{grounds} told by the old, those labelled wrong not counted; at least {LEAST_EPISODES}"
    says_es = f"la anterior avisó {grounds}, sin contar los marcados como falsos; al menos {LEAST_EPISODES}"
    if not enough:
        says += ": compare for longer (--follow MINUTES, without --hours), or sign with a reason (adopt --waive)"
        says_es += ": compare más tiempo (--follow MINUTOS, sin --hours) o firme con un motivo (adopt --waive)"
    return Criterion("episodes", enough, says, "" if enough else "not known yet", says_es)


def _labels(labels: Labels, labelled: int) -> Criterion:
    right = labels.right_kept + len(labels.right_lost)
    if right:
        says = f"{labels.right_kept} of {right} alerts labelled right are still told"
        says_es = f"{labels.right_kept} de {right} alertas marcadas como acertadas se siguen avisando"
        return Criterion("labels", not labels.right_lost, says, says_es=says_es)
    given = f"none of the {labelled} given is of an alert that was right" if labelled else "none were given"
    dadas = f"ninguna de las {labelled} es de una alerta acertada" if labelled else "no se dio ninguna"
    says = f"{given}: whether what only one of them tells is right is not known"
    says_es = f"{dadas}: no se sabe si acierta lo que solo una de las dos avisa"
    return Criterion("labels", True, says, "no labels", says_es)
