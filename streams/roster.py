"""The roster: each device's row, and what is in force for it, asked of the reference only when that may have changed.

Both stages keep their state a row a device; this is where a name becomes a row.
"""

from __future__ import annotations

from streams.reference_book import InForce, ReferenceBook


class Roster:
    """Rows are dense from 0, in order of first sight."""

    __slots__ = ("_in_force", "_seen", "book", "names", "rows")

    def __init__(self, book: ReferenceBook) -> None:
        self.book = book
        self.rows: dict[str, int] = {}
        self.names: list[str] = []
        self._in_force: list[InForce | None] = []
        self._seen = len(book.touched)

    def row(self, device_id: str) -> int:
        """The device's row, a new one at first sight."""
        found = self.rows.get(device_id)
        if found is None:
            found = self.rows[device_id] = len(self.names)
            self.names.append(device_id)
            self._in_force.append(None)
        return found

    def rows_of(self, device_ids: list[str]) -> list[int]:
        """The row of each of these; new ones at first sight."""
        rows = list(map(self.rows.get, device_ids))
        if None in rows:
            return [self.row(device_id) for device_id in device_ids]
        return rows  # type: ignore[return-value]  # it has just been seen that there is no None

    def refresh(self) -> list[int]:
        """Forget the answers that new reference records concern; their rows. Call before a frame or a tick."""
        touched = self.book.touched
        if self._seen == len(touched):
            return []
        rows = {self.rows[d] for devices in touched[self._seen :] for d in devices if d in self.rows}
        self._seen = len(touched)
        for row in rows:
            self._in_force[row] = None
        return sorted(rows)

    def in_force(self, row: int, time_ms: int) -> InForce:
        """What is in force for the device of this row at this time."""
        known = self._in_force[row]
        if known is None or not known.valid_from_ms <= time_ms < known.valid_until_ms:
            known = self._in_force[row] = self.book.in_force(self.names[row], time_ms)
        return known

    def __len__(self) -> int:
        return len(self.names)
