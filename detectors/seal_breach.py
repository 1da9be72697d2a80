"""A seal is opened where nobody may open it, or nobody knows where.

Idea: the seal's own word (``open``, ``removed``, ``tampered``), or its own counter of openings rising between two
readings, away from places where the route or customs lets a seal be opened; ``tampered`` counts everywhere. One
reading is enough. Where the place is not known (no fix, and no last place that holds) it tells of the opening all the
same, says that it does not know the place, and scores it half: the place, once known, raises it, or ends it where a
seal may be opened. Of an opening of which only the counter tells, what a dead zone held back may yet say where it was,
so that waits a little; what is seen later than that in a lawful place is no excuse. Caveat: it believes the seal; a
seal that lies armed is another rule's business.

Of an opening that only the counter tells, the seal says "armed" all the while, as one opened and closed between two
readings does. That it is armed is no end of it, then: the episode lasts a while, so that an officer sees it, and its
end says that the opening stays unexplained.

A late reading may open an episode, for an opening that happened in a dead zone is still an opening; it never closes
one, and its counter is not compared: how the seal is now, its newest word says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detectors import last_seen
from detectors.columns import Columns
from detectors.device_batch import CLEAR, SEAL_CODES, TRIP, Bools, DeviceBatch, Floats, Verdict
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="seal_breach",
    version=4,
    severity="critical",
    opened={
        "en": "Seal on {device_id} is {what_en}.",
        "es": "El sello de {device_id} está {what_es}.",
    },
    closed={
        "en": "Seal on {device_id} {over_en}.",
        "es": "El sello de {device_id} {over_es}.",
    },
)
_STATES: Final = {code: name for name, code in SEAL_CODES.items()}
_COUNTED: Final = "but its counter shows an opening where it may not be opened"
_CONTADO: Final = "pero su contador muestra una apertura donde no puede abrirse"
_WORDS: Final = {
    None: (f"silent about its state, {_COUNTED}", f"sin informar su estado, {_CONTADO}"),
    "armed": (f"armed, {_COUNTED}", f"armado, {_CONTADO}"),
    "open": ("open where it may not be opened", "abierto donde no puede abrirse"),
    "removed": ("removed where it may not be opened", "retirado donde no puede abrirse"),
    "tampered": ("tampered with", "violado"),
}
_COUNTED_SOMEWHERE: Final = "but its counter shows an opening; its place is not known"
_CONTADO_POR_AHI: Final = "pero su contador muestra una apertura; no se sabe dónde está"
_WORDS_UNPLACED: Final = _WORDS | {
    None: (f"silent about its state, {_COUNTED_SOMEWHERE}", f"sin informar su estado, {_CONTADO_POR_AHI}"),
    "armed": (f"armed, {_COUNTED_SOMEWHERE}", f"armado, {_CONTADO_POR_AHI}"),
    "open": ("open; its place is not known", "abierto; no se sabe dónde está"),
    "removed": ("removed; its place is not known", "retirado; no se sabe dónde está"),
}
UNPLACED: Final = 0.5  # the score of an opening at a place that is not known
_ARMED_AGAIN: Final = {"over_en": "is armed again", "over_es": "está armado de nuevo"}
_LAWFUL: Final = {"over_en": "is seen where it may be opened", "over_es": "se ve donde puede abrirse"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """An opening that only the counter told of is open to an officer for ``counted_s`` seconds at the least.

    Where its place is not known, it waits for that for ``place_s`` seconds.
    """

    counted_s: float = limit(
        900.0, 10, 86_400, "s", "least time that an opening stays open of which only the counter told"
    )
    place_s: float = limit(
        120.0, 0, 86_400, "s", "time that such an opening waits for its place, where it is not known"
    )


def breaches(code: Any, openings: Any, before: Any, watched: Any, compared: Any) -> tuple[Bools, Bools]:
    """(the seal's word tells of a breach, its counter does); NaN is a counter that is not known.

    ``watched``: where it may not be opened. ``compared``: its counter may be held against the one ``before``.
    """
    opened = (code == SEAL_CODES["open"]) | (code == SEAL_CODES["removed"])
    with np.errstate(invalid="ignore"):
        counted = np.asarray(compared & (openings > before))
    return np.asarray((code == SEAL_CODES["tampered"]) | (watched & opened)), counted


def score(stated: Any, counted: Any, placed: Any) -> Floats:
    """1 for a breach, 0 for none, for a seal is no matter of degree; 0.5 where its place is not known."""
    return np.where(stated | counted, np.where(placed, 1.0, UNPLACED), 0.0)


class SealBreach:
    """Columns: the last counter; whether the last reading lay where the seal may open, and whether it is known where
    it lay; since when a counter that rose waits for its place (ms, -1: none does); whether an episode is on. Of the
    last episode: when the counter alone told of it (ms; -1: the seal said so itself), and whether its place was known.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            openings=np.nan,
            may_open=np.bool_(False),
            placed=np.bool_(True),
            waits_ms=np.int64(-1),
            on=np.bool_(False),
            counted_ms=np.int64(-1),
            sure=np.bool_(False),
        )
        # Of the round just judged: the counter before it, where it was watched, where its counter was compared, and
        # whether it is known where a breach was.
        self._before: Floats = np.zeros(0)
        self._watched = self._compared = self._placed = np.zeros(0, np.bool_)

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Seals that say anything else than before: another count, another place, a word that is not "armed"."""
        at, c, code = batch.rows, self.columns, batch.seal_code
        counted = np.isfinite(batch.seal_openings) & (batch.seal_openings != c["openings"][at])
        changed = counted | c["on"][at] | (c["may_open"][at] != batch.seal_may_open)
        changed |= c["placed"][at] != batch.placed
        says = (code > SEAL_CODES[None]) | np.isfinite(batch.seal_openings)
        return np.asarray((code > SEAL_CODES["armed"]) | (says & changed))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of what the seal's word and its counter tell."""
        at, c = batch.rows, self.columns
        code, openings = batch.seal_code, batch.seal_openings
        now = batch.in_order & ((code > 0) | np.isfinite(openings))
        last, watched = c["openings"][at], batch.guarded & ~batch.seal_may_open
        since_ms = np.where(c["waits_ms"][at] >= 0, c["waits_ms"][at], batch.time_ms)
        waited_s = (batch.time_ms - since_ms) / 1_000.0
        # Where it has come to after a longer wait does not say where it was opened.
        compared = now & batch.guarded & ~c["may_open"][at]
        compared &= ~batch.seal_may_open | (waited_s > self.thresholds.place_s)
        stated, counted = breaches(code, openings, last, watched, compared)
        # What only the counter tells was done between two readings, at the place of either. Tampering needs no place.
        placed = (code == SEAL_CODES["tampered"]) | (batch.placed & (stated | c["placed"][at]))
        awaits = counted & ~stated & ~batch.placed & (waited_s < self.thresholds.place_s)
        counted &= ~awaits
        told = score(stated, counted, placed)
        breach, was_on = told > 0.0, c["on"][at]
        told_ms = c["counted_ms"][at]
        clear = was_on & now & ~breach & (code == SEAL_CODES["armed"])
        waits = was_on & (told_ms >= 0)
        if waits.any():
            over = now & ~breach & (code <= SEAL_CODES["armed"])  # armed, or silent about it
            over &= batch.time_ms - told_ms >= 1_000.0 * self.thresholds.counted_s
            clear = np.where(waits, over, clear)
        clear |= was_on & now & ~breach & ~waits & ~c["sure"][at] & batch.seal_may_open
        if breach.any():
            told_ms = np.where(counted & ~stated, batch.time_ms, told_ms)
            c["counted_ms"][at] = np.where(stated & (now | ~was_on), -1, told_ms)
            c["sure"][at] = np.where(breach, placed | (was_on & c["sure"][at]), c["sure"][at])
        c["on"][at] = (was_on | breach) & ~clear
        settled = now & np.isfinite(openings) & ~awaits
        c["waits_ms"][at] = np.where(awaits, since_ms, np.where(settled, -1, c["waits_ms"][at]))
        c["openings"][at] = np.where(settled, openings, last)
        c["may_open"][at] = np.where(now, batch.seal_may_open, c["may_open"][at])
        c["placed"][at] = np.where(now, batch.placed, c["placed"][at])
        level = np.where(breach, TRIP, np.where(clear, CLEAR, np.int8(0))).astype(np.int8)
        self._before, self._watched, self._compared, self._placed = last, watched, compared, placed
        return Verdict(level, told)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """What the seal says, its counter, and what was expected of it; where it is a breach, the breach in words."""
        state = _STATES[int(batch.seal_code[position])]
        openings = float(batch.seal_openings[position])
        facts: dict[str, float | str | None] = {
            "seal_state": state,
            "expected": "armed",
            "seal_openings": None if np.isnan(openings) else openings,
        }
        c, row = self.columns, batch.rows[position]
        counted = c["counted_ms"][row] >= 0
        if c["on"][row]:
            words = _WORDS if self._placed[position] else _WORDS_UNPLACED
            seen, *ends = last_seen.evidence(batch, position)
            facts["what_en"], facts["what_es"] = (
                ", ".join(filter(None, each)) for each in zip(words[state], ends, strict=True)
            )
            facts |= seen
        elif not counted:
            facts |= _ARMED_AGAIN if state == "armed" else _LAWFUL
        else:
            minutes = (batch.time_ms[position] - c["counted_ms"][row]) / 60_000.0
            facts["counted_min"] = round(float(minutes), 1)
            facts["over_en"] = f"shows no further opening for {minutes:.0f} min; the one counted is not explained"
            facts["over_es"] = f"no registra otra apertura en {minutes:.0f} min; la contada sigue sin explicación"
        return facts

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The seal's word, or its counter, whichever tells; where both do they are one feature, for the score stands
        as long as one of them does. Usual are "armed" and the counter before.
        """
        code, openings = int(batch.seal_code[position]), float(batch.seal_openings[position])
        before, held_to = float(self._before[position]), (self._watched[position], self._compared[position])
        stated, counted = breaches(code, openings, before, *held_to)
        armed, state = SEAL_CODES["armed"], str(_STATES[code])
        if stated and counted:
            name, said, usual = "seal", f"{state}, {openings:g}", f"armed, {before:g}"
            words: dict[Any, tuple[int, float]] = {said: (code, openings), usual: (armed, before)}
        elif counted:
            name, words = "seal_openings", {openings: (code, openings), before: (code, before)}
        else:
            name, words = "seal_state", {state: (code, openings), "armed": (armed, openings)}
        told, instead = words
        placed = bool(self._placed[position])

        def score_of(x: Mapping[str, Any]) -> float:
            return float(score(*breaches(*words[x[name]], before, *held_to), placed))

        return Why(score_of, {name: told}, {name: instead}, 1.0 if placed else UNPLACED)
