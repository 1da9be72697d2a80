"""A seal is opened where nobody may open it.

Idea: the seal's own word (``open``, ``removed``, ``tampered``), or its own counter of openings rising between two
readings, away from places where the route or customs lets a seal be opened; ``tampered`` counts everywhere. One
reading is enough. Caveat: it believes the seal; a seal that lies armed is another rule's business.

Of an opening that only the counter tells, the seal says "armed" all the while, as one opened and closed between two
readings does. That it is armed is no end of it, then: the episode lasts a while, so that an officer sees it, and its
end says that the opening stays unexplained.

A late reading may open an episode, for an opening that happened in a dead zone is still an opening; it never closes
one, and its counter is not compared: how the seal is now, its newest word says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import CLEAR, SEAL_CODES, TRIP, Bools, DeviceBatch, Verdict
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="seal_breach",
    version=1,
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


_ARMED_AGAIN: Final = {"over_en": "is armed again", "over_es": "está armado de nuevo"}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """An opening that only the counter told of is open to an officer for ``counted_s`` seconds at the least."""

    counted_s: float = limit(
        900.0, 10, 86_400, "s", "least time that an opening stays open of which only the counter told"
    )


class SealBreach:
    """Columns: the last counter; whether the last reading lay where the seal may open; whether an episode is on. Of the
    last episode: when the counter alone told of it (ms; -1: the seal said so itself), the counter before that, and
    whether both told of it at once.
    """

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            openings=np.nan,
            openings_before=np.nan,
            may_open=np.bool_(False),
            on=np.bool_(False),
            counted_ms=np.int64(-1),
            both=np.bool_(False),
        )

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Seals that say anything else than before: another count, another place, a word that is not "armed"."""
        at, c, code = batch.rows, self.columns, batch.seal_code
        counted = np.isfinite(batch.seal_openings) & (batch.seal_openings != c["openings"][at])
        changed = counted | c["on"][at] | (c["may_open"][at] != batch.seal_may_open)
        says = (code > SEAL_CODES[None]) | np.isfinite(batch.seal_openings)
        return np.asarray((code > SEAL_CODES["armed"]) | (says & changed))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score 1 for a breach, 0 for none: a seal is no matter of degree."""
        at, c = batch.rows, self.columns
        code, openings = batch.seal_code, batch.seal_openings
        now = batch.in_order & ((code > 0) | np.isfinite(openings))
        last = c["openings"][at]
        with np.errstate(invalid="ignore"):
            rose = now & (openings > last)  # false where either is unknown
        opened = (code == SEAL_CODES["open"]) | (code == SEAL_CODES["removed"])
        stated = (code == SEAL_CODES["tampered"]) | (batch.guarded & ~batch.seal_may_open & opened)
        counted = rose & batch.guarded & ~batch.seal_may_open & ~c["may_open"][at]
        breach, was_on = stated | counted, c["on"][at]
        told_ms = c["counted_ms"][at]
        clear = was_on & now & ~breach & (code == SEAL_CODES["armed"])
        waits = was_on & (told_ms >= 0)
        if waits.any():
            over = now & ~breach & (code <= SEAL_CODES["armed"])  # armed, or silent about it
            over &= batch.time_ms - told_ms >= 1_000.0 * self.thresholds.counted_s
            clear = np.where(waits, over, clear)
        if breach.any():
            told_ms = np.where(counted & ~stated, batch.time_ms, told_ms)
            c["counted_ms"][at] = np.where(stated & (now | ~was_on), -1, told_ms)
            c["both"][at] = np.where(breach, stated & counted, c["both"][at])
            c["openings_before"][at] = np.where(counted, last, c["openings_before"][at])
        c["on"][at] = (was_on | breach) & ~clear
        c["openings"][at] = np.where(now & np.isfinite(openings), openings, last)
        c["may_open"][at] = np.where(now, batch.seal_may_open, c["may_open"][at])
        level = np.where(breach, TRIP, np.where(clear, CLEAR, np.int8(0))).astype(np.int8)
        return Verdict(level, breach.astype(np.float64))

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
            facts["what_en"], facts["what_es"] = _WORDS[state]
            facts |= self._features(counted, int(row))
        elif not counted:
            facts |= _ARMED_AGAIN
        else:
            minutes = (batch.time_ms[position] - c["counted_ms"][row]) / 60_000.0
            facts["counted_min"] = round(float(minutes), 1)
            facts["over_en"] = f"shows no further opening for {minutes:.0f} min; the one counted is not explained"
            facts["over_es"] = f"no registra otra apertura en {minutes:.0f} min; la contada sigue sin explicación"
        return facts

    def _features(self, counted: bool, row: int) -> dict[str, float | str]:
        """What made the score, which is 1 or 0. Where the seal's word and its counter both tell, it falls to 0 only
        with the usual in the place of both, and by nothing with one of them.
        """
        before = float(self.columns["openings_before"][row])
        if self.columns["both"][row]:
            both: dict[str, float | str] = {"feature": "seal_state", "features": "seal_state,seal_openings"}
            both |= {"usual_seal_state": "armed", "usual_seal_openings": before}
            return both | {"falls_seal_state": 0.0, "falls_seal_openings": 0.0}
        if counted:
            alone: dict[str, float | str] = {"feature": "seal_openings", "usual_seal_openings": before}
        else:
            alone = {"feature": "seal_state", "usual_seal_state": "armed"}
        return alone | {"features": alone["feature"], f"falls_{alone['feature']}": 1.0}
