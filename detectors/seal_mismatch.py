"""The seal on the container is not the one on its papers.

Idea: the number that the seal reports is none of the shipment's ``seal_numbers`` (case and blanks at the ends are no
difference). One reading is enough. Where a seal may be opened nothing opens: there one comes off and another goes on.
Caveat: customs that seal anew must tell the reference, by a new version of the shipment, before the truck leaves; and
a shipment that names no seals expects none.

A late reading may open an episode, for the seal was another one then; only the newest word closes it.
"""

from __future__ import annotations

import numpy as np

from detectors.columns import Columns
from detectors.device_batch import Bools, DeviceBatch, Verdict, levels, quiet
from detectors.rule import RuleCard

CARD = RuleCard(
    name="seal_mismatch",
    version=1,
    severity="critical",
    opened={
        "en": "{device_id} reports seal {seal_number}; the shipment has {expected}.",
        "es": "{device_id} informa el sello {seal_number}; el embarque lleva {expected}.",
    },
    closed={
        "en": "{device_id} reports the right seal again: {seal_number}.",
        "es": "{device_id} informa de nuevo el sello correcto: {seal_number}.",
    },
)


class SealMismatch:
    """Column: whether an episode is on."""

    card = CARD

    def __init__(self) -> None:
        self.columns = Columns(on=np.bool_(False))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Another number than the shipment's, and whoever has an episode."""
        return np.asarray((batch.seal_match < 0) | self.columns["on"][batch.rows])

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Score 1 for another number, 0 for the right one."""
        if not batch.seal_match.any():
            return quiet(batch)
        at, on = batch.rows, self.columns["on"]
        trip = (batch.seal_match < 0) & ~batch.seal_may_open & batch.guarded
        was_on = on[at]
        clear = was_on & batch.in_order & (batch.seal_match > 0)
        on[at] = (was_on | trip) & ~clear
        return Verdict(levels(trip, clear), trip.astype(np.float64))

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The number reported, and, where it is none of them, those expected."""
        number, expected = batch.seal_number[position], batch.seal_expected[position]
        facts: dict[str, float | str | None] = {"seal_number": str(number).strip() or "-"}
        if expected:
            facts["expected"] = ", ".join(expected)
        return facts
