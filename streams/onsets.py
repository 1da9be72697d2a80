"""Onsets: which trips of a rule begin something, and which go on with what was told of the same shipment before.

A rule trips on every reading of an episode, and stage 2 has to know whether that is news where no episode is open: of a
shipment that has ended none stays open, yet readings kept since then may come for hours. A device's late readings are
followed apart from those in order. They may be of another shipment, and each would take the other's trips for onsets,
by turns; and what they tell need not be what the others told.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

import numpy as np

from contracts.readings import ShipmentReading
from detectors.columns import Columns

_IN_ORDER, _LATE = 1, 2  # bits of a rule's column
_OF: Final = {_IN_ORDER: "shipment", _LATE: "late_shipment"}


class Onsets:
    """Columns: the last shipment of the readings in order and of the late ones (a hash, 0: none), and for each rule on
    which of the two it trips, in bits. So what ended shipments told takes no room beyond a device's row.
    """

    __slots__ = ("_rules", "columns")

    def __init__(self, rules: Iterable[str]) -> None:
        self._rules = tuple(rules)
        self.columns = Columns(**dict.fromkeys(_OF.values(), np.uint32(0)), **dict.fromkeys(self._rules, np.uint8(0)))

    def hear(self, row: int, reading: ShipmentReading, in_order: bool) -> None:
        """Mark the findings that last, of the device's next reading that has any, and remember what trips."""
        c, bit = self.columns, _IN_ORDER if in_order else _LATE
        shipment = zlib.crc32((reading.shipment_id or "").encode())
        if c[_OF[bit]][row] != shipment:
            c[_OF[bit]][row] = shipment
            for rule in self._rules:
                c[rule][row] &= _IN_ORDER + _LATE - bit
        for finding in reading.findings:
            trips = c[finding.rule]
            if finding.level == "trip":
                finding.lasts = bool(trips[row] & bit)
                trips[row] |= bit
            elif finding.level == "clear":
                trips[row] = 0
