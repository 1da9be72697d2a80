"""Where journals are kept: in one SQLite file that outlives its process, or in memory where a load is measured.

Both remember, of every reading, when it was first published (the latency's beginning) and, of those a receipt
refused, why. A file is written before anything is published, many devices' readings in one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from contracts.readings import ReadingId

Row: TypeAlias = tuple[str, int, int, bytes]  # device_id, boot_id, seq, line
Receipted: TypeAlias = tuple[str, int, int, int, str | None]  # device_id, boot_id, first and last seq, why refused

_SCHEMA = """
CREATE TABLE IF NOT EXISTS readings (
    n INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    boot_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    line BLOB,              -- NULL once a receipt let it be forgotten
    first_published_ms INTEGER,
    refused TEXT,
    UNIQUE (device_id, boot_id, seq)
);
"""


class JournalStore(Protocol):
    """What a fleet of journals asks of its store. Every method may be called from any thread."""

    def append(self, rows: Sequence[Row]) -> None:
        """Keep these readings; on return they are safe from this process's end."""
        ...

    def published(self, readings: Sequence[ReadingId], now_ms: int) -> None:
        """These readings are about to be published; the first time counts."""
        ...

    def forget(self, ranges: Sequence[Receipted]) -> None:
        """Receipts list these ranges as held, or as refused for a reason."""
        ...

    def kept(self) -> Iterable[Row]:
        """What has no receipt, in the order it was appended."""
        ...

    def last(self) -> dict[str, tuple[int, int]]:
        """The newest (boot_id, seq) of each device."""
        ...

    def identities(self) -> set[ReadingId]:
        """Every reading that was published."""
        ...

    def first_published_ms(self, reading: ReadingId) -> int | None:
        """When it was first published (UTC ms), or None."""
        ...

    def refusals(self) -> dict[str, int]:
        """How many readings were refused, by reason."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class FileStore:
    """One SQLite file with a write-ahead log: it survives its process at any instant, not the machine's power."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_SCHEMA)

    def append(self, rows: Sequence[Row]) -> None:
        """Keep these readings in one transaction. Raises sqlite3.IntegrityError where one is kept already."""
        self._many("INSERT INTO readings (device_id, boot_id, seq, line) VALUES (?, ?, ?, ?)", rows)

    def published(self, readings: Sequence[ReadingId], now_ms: int) -> None:
        """The first publish of each of these is now, unless it was before."""
        sql = (
            "UPDATE readings SET first_published_ms = ? "
            "WHERE device_id = ? AND boot_id = ? AND seq = ? AND first_published_ms IS NULL"
        )
        self._many(sql, [(now_ms, *reading) for reading in readings])

    def forget(self, ranges: Sequence[Receipted]) -> None:
        """Drop the lines of these ranges; that they were published stays known."""
        sql = (
            "UPDATE readings SET line = NULL, refused = ? "
            "WHERE device_id = ? AND boot_id = ? AND seq BETWEEN ? AND ? AND line IS NOT NULL"
        )
        self._many(sql, [(why, device_id, boot_id, first, last) for device_id, boot_id, first, last, why in ranges])

    def kept(self) -> list[Row]:
        """What has no receipt, oldest first."""
        return self._all("SELECT device_id, boot_id, seq, line FROM readings WHERE line IS NOT NULL ORDER BY n")

    def last(self) -> dict[str, tuple[int, int]]:
        """The newest (boot_id, seq) of each device."""
        sql = "SELECT device_id, boot_id, max(seq) FROM readings GROUP BY device_id, boot_id ORDER BY boot_id"
        return {device_id: (boot_id, seq) for device_id, boot_id, seq in self._all(sql)}

    def identities(self) -> set[ReadingId]:
        """Every reading that was published."""
        return set(self._all("SELECT device_id, boot_id, seq FROM readings WHERE first_published_ms IS NOT NULL"))

    def first_published_ms(self, reading: ReadingId) -> int | None:
        """When it was first published (UTC ms), or None."""
        sql = "SELECT first_published_ms FROM readings WHERE device_id = ? AND boot_id = ? AND seq = ?"
        rows = self._all(sql, reading)
        return rows[0][0] if rows else None

    def refusals(self) -> dict[str, int]:
        """How many readings were refused, by reason."""
        return dict(self._all("SELECT refused, count(*) FROM readings WHERE refused IS NOT NULL GROUP BY refused"))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _many(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._lock:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(sql, rows)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _all(self, sql: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            return self._db.execute(sql, values).fetchall()


class MemoryStore:
    """Eight bytes a reading: when it was first published. Nothing outlives the process; journals hold the lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first_ms: dict[tuple[str, int], array[int]] = {}
        self._refused: dict[str, int] = {}

    def append(self, rows: Sequence[Row]) -> None:
        """Make room to remember these. A boot's readings come by seq, from 0."""
        with self._lock:
            for device_id, boot_id, seq, _ in rows:
                times = self._first_ms.setdefault((device_id, boot_id), array("q"))
                times.extend([0] * (seq + 1 - len(times)))

    def published(self, readings: Sequence[ReadingId], now_ms: int) -> None:
        """The first publish of each of these is now, unless it was before."""
        with self._lock:
            for device_id, boot_id, seq in readings:
                times = self._first_ms[device_id, boot_id]
                times[seq] = times[seq] or now_ms

    def forget(self, ranges: Sequence[Receipted]) -> None:
        """Count what was refused."""
        with self._lock:
            for _, _, first, last, why in ranges:
                if why is not None:
                    self._refused[why] = self._refused.get(why, 0) + last - first + 1

    def kept(self) -> list[Row]:
        """Nothing: memory does not outlive its process."""
        return []

    def last(self) -> dict[str, tuple[int, int]]:
        """The newest (boot_id, seq) of each device."""
        with self._lock:
            newest: dict[str, tuple[int, int]] = {}
            for (device_id, boot_id), times in self._first_ms.items():
                newest[device_id] = max(newest.get(device_id, (-1, -1)), (boot_id, len(times) - 1))
            return newest

    def identities(self) -> set[ReadingId]:
        """Every reading that was published."""
        with self._lock:
            return {(d, b, seq) for (d, b), times in self._first_ms.items() for seq, ms in enumerate(times) if ms}

    def first_published_ms(self, reading: ReadingId) -> int | None:
        """When it was first published (UTC ms), or None."""
        device_id, boot_id, seq = reading
        with self._lock:
            times = self._first_ms.get((device_id, boot_id))
            return (times[seq] or None) if times is not None and seq < len(times) else None

    def refusals(self) -> dict[str, int]:
        """How many readings were refused, by reason; one refused twice counts twice here."""
        with self._lock:
            return dict(self._refused)

    def close(self) -> None:
        """Nothing to let go of."""
