"""A seal is opened where nobody may open it.

Idea: the seal's own word (``open``, ``removed``, ``tampered``), or its own counter of openings rising between two
readings, away from places where the route or customs lets a seal be opened; ``tampered`` counts everywhere. One
reading is enough. Caveat: it believes the seal; a seal that lies armed is another rule's business.

It judges late readings too: an opening that happened in a dead zone is still an opening.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import CLEAR, SEAL_CODES, TRIP, DeviceBatch, Verdict
from detectors.rule import RuleCard

CARD = RuleCard(
    name="seal_breach",
    version=1,
    severity="critical",
    opened={
        "en": "Seal on {device_id} is {what_en} away from any place where it may be opened.",
        "es": "El sello de {device_id} está {what_es} fuera de los lugares donde puede abrirse.",
    },
    closed={
        "en": "Seal on {device_id} is armed again.",
        "es": "El sello de {device_id} está armado de nuevo.",
    },
)
_STATES: Final = {code: name for name, code in SEAL_CODES.items()}
_WORDS: Final = {
    "armed": ("armed, but its counter shows an opening", "armado, pero su contador muestra una apertura"),
    "open": ("open", "abierto"),
    "removed": ("removed", "retirado"),
    "tampered": ("tampered with", "violado"),
}


class SealBreach:
    """Columns: the last counter, whether the last reading lay where the seal may open, whether an episode is on."""

    card = CARD

    def __init__(self) -> None:
        self.columns = Columns(openings=np.nan, may_open=np.bool_(False), on=np.bool_(False))

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score 1 for a breach, 0 for none: a seal is no matter of degree."""
        at, c = batch.rows, self.columns
        code, openings = batch.seal_code, batch.seal_openings
        speaks = code > 0
        last = c["openings"][at]
        with np.errstate(invalid="ignore"):
            rose = speaks & (openings > last)  # false where either is unknown
        opened = (code == SEAL_CODES["open"]) | (code == SEAL_CODES["removed"])
        breach = (code == SEAL_CODES["tampered"]) | (batch.guarded & ~batch.seal_may_open & opened)
        breach |= rose & batch.guarded & ~batch.seal_may_open & ~c["may_open"][at]
        was_on = c["on"][at]
        clear = was_on & (code == SEAL_CODES["armed"]) & ~breach
        c["on"][at] = (was_on | breach) & ~clear
        c["openings"][at] = np.where(speaks & np.isfinite(openings), openings, last)
        c["may_open"][at] = np.where(speaks, batch.seal_may_open, c["may_open"][at])
        level = np.where(breach, TRIP, np.where(clear, CLEAR, np.int8(0))).astype(np.int8)
        return Verdict(level, breach.astype(np.float64))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """What the seal says, its counter, and what was expected of it."""
        state = _STATES[int(batch.seal_code[position])]
        words = _WORDS.get(state or "", (str(state), str(state)))
        openings = float(batch.seal_openings[position])
        return {
            "seal_state": state,
            "expected": "armed",
            "seal_openings": None if np.isnan(openings) else openings,
            "what_en": words[0],
            "what_es": words[1],
        }
