"""The reference as a line came to know it: a book that grows to what was known when a record was judged.

What is judged again must be judged by what was known then. A reading says how many records that were (``ref_version``)
and Kafka when it took each; neither is enough alone. The count is exact, but counts records too that the compacted
topic has since let go of (another of the same ``effective_ms`` took their place). The times are of several machines'
clocks, and a worker that was behind knew more than its input's time lets one think.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from contracts.reference import Record, Shipment
from streams.reference_book import ReferenceBook

CLOCKS_APART_MS: Final = 600_000  # two processes' clocks may be so far apart


class GrowingBook(ReferenceBook):
    """Empty at first. ``lost``: something was judged by more records than are kept of that time."""

    def __init__(self, kept: Iterable[tuple[int, Record]]) -> None:
        """``kept``: the topic's records in its order, each with Kafka's time (UTC ms)."""
        super().__init__()
        taken = list(kept)
        self.lost = False
        self._kept = [record for _, record in taken]
        self._taken_ms = [time_ms for time_ms, _ in taken]
        for n in reversed(range(len(taken) - 1)):  # none was taken later than one that lies behind it
            self._taken_ms[n] = min(self._taken_ms[n], self._taken_ms[n + 1])

    def know(self, time_ms: int, version: int | None = None) -> None:
        """Grow to what was known of what Kafka took at this time and, where that is said, judged by this version.

        A book only grows: where more is known already, nothing changes.
        """
        count = bisect_right(self._taken_ms, time_ms)
        if version is not None:
            self.lost |= version > count
            count = min(version, bisect_right(self._taken_ms, time_ms + CLOCKS_APART_MS))
        while self.version < count:
            self.apply(self._kept[self.version])

    def shipments_of(self, device_id: str) -> set[str]:
        """Those that any version kept, known by then or not, gives this device to guard."""
        return {r.shipment_id for r in self._kept if isinstance(r, Shipment) and device_id in r.device_ids}

    def devices_of(self, shipment_id: str) -> set[str]:
        """Those that any version kept of this shipment names."""
        of_it = (r for r in self._kept if isinstance(r, Shipment) and r.shipment_id == shipment_id)
        return {device_id for record in of_it for device_id in record.device_ids}
