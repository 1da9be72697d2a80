"""The seal on the container is not the one on its papers.

Idea: the number that the seal reports is none of the shipment's ``seal_numbers`` (case and blanks at the ends are no
difference). One reading is enough. Where a seal may be opened nothing opens: there one comes off and another goes on.
Where the place is not known it is told all the same, says so, and scores half. Caveat: customs that seal anew must
tell the reference, by a new version of the shipment, before the truck leaves; and a shipment that names no seals
expects none.

A late reading may open an episode, for the seal was another one then; only the newest word closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from detectors import last_seen
from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.rule import RuleCard
from detectors.seal_breach import UNPLACED

CARD = RuleCard(
    name="seal_mismatch",
    version=4,
    severity="critical",
    opened={
        "en": "{device_id} reports seal {seal_number}; the shipment has {expected}{where_en}.",
        "es": "{device_id} informa el sello {seal_number}; el embarque lleva {expected}{where_es}.",
    },
    closed={
        "en": "{device_id} reports the right seal again: {seal_number}.",
        "es": "{device_id} informa de nuevo el sello correcto: {seal_number}.",
    },
)
_SOMEWHERE: Final = ("; its place is not known", "; no se sabe dónde está")


def match(number: str, known: Sequence[str]) -> int:
    """1 where the number is one of those known, -1 where it is none of them, 0 where none is known."""
    if not known:
        return 0
    return 1 if number in known or number.strip().upper() in [k.upper() for k in known] else -1


def score(matches: Any, placed: Any) -> Floats:
    """1 for another number (a ``match`` of -1), 0.5 where the place is not known, 0 for the right one."""
    return np.where(np.asarray(matches) < 0, np.where(placed, 1.0, UNPLACED), 0.0)


class SealMismatch:
    """Column: whether an episode is on."""

    card = CARD

    def __init__(self) -> None:
        self.columns = Columns(on=np.bool_(False))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Another number than the shipment's, and whoever has an episode."""
        return np.asarray((batch.seal_match < 0) | self.columns["on"][batch.rows])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score: ``score`` of how the number stands to those of the shipment."""
        if not batch.seal_match.any():
            return quiet(batch)
        at, on = batch.rows, self.columns["on"]
        other = score(batch.seal_match, batch.placed)
        trip = (other > 0.0) & ~batch.seal_may_open & batch.guarded
        was_on = on[at]
        clear = was_on & batch.in_order & (batch.seal_match > 0)
        on[at] = (was_on | trip) & ~clear
        return Verdict(levels(trip, clear), np.where(trip, other, 0.0))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The number reported, and, where it is none of them, those expected."""
        number, expected = batch.seal_number[position], batch.seal_expected[position]
        facts: dict[str, float | str | None] = {"seal_number": str(number).strip() or "-"}
        if expected:
            facts["expected"] = ", ".join(expected)
            seen, *ends = last_seen.evidence(batch, position)
            where = ("", "") if batch.placed[position] else _SOMEWHERE
            said = (f"; device {ends[0]}", f"; dispositivo {ends[1]}") if ends[0] else ("", "")
            facts["where_en"], facts["where_es"] = where[0] + said[0], where[1] + said[1]
            facts |= seen
        return facts

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The number reported; usual is the shipment's, the first of them where there are several."""
        expected, placed = batch.seal_expected[position], bool(batch.placed[position])
        return Why(
            lambda x: float(score(match(x["seal_number"], expected), placed)),
            {"seal_number": str(batch.seal_number[position])},
            {"seal_number": expected[0]},
            1.0 if placed else UNPLACED,
        )
