"""The embedded history: one SQLite file, for a laptop, a demo and a small port. Needs no server.

Write-ahead log, one transaction a batch, flushed to the disk before ``write`` returns. Other processes read while one
writes (the console opens the same file with ``read_only=True``). Rows are keyed by event time and identity; a record
written again replaces itself and raises the row's ``writes``, so that what passed a consumer's repeat check twice can
be read at the far end (``repeats``). Columns are those of ``points`` (see ``tables``); lists are JSON text.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from contracts.alerts import Alert
from contracts.events import Event
from contracts.history import Batch, Held, HistoryUnavailableError, Refusal
from contracts.readings import ReadingId, identity
from streams.sinks import points, tables
from streams.sinks.points import ALERT_LAYOUT, Record
from streams.sinks.tables import Position

DAY_MS: Final = 86_400_000
_SLICE = 10_000  # rows a batch that retention may remove: more than a batch brings, little enough not to stall one
_REFUSING = (points.PointError, OverflowError, UnicodeEncodeError, sqlite3.DataError, sqlite3.IntegrityError)
_R = TypeVar("_R", bound=Record)


class SqliteHistory:
    """A history in one SQLite file, which is made where it is missing.

    ``retention_days``: what is older than this, measured from the newest event time written, is removed as new
    batches come (None: kept for ever). ``busy_ms``: how long to wait for another process's lock before saying that
    the store is unavailable. Safe to use from several threads. Raises HistoryUnavailableError where the file cannot
    be opened, ValueError where it was made by another version.
    """

    kind = "sqlite"

    def __init__(
        self, path: Path, *, retention_days: float | None = None, busy_ms: int = 5_000, read_only: bool = False
    ) -> None:
        self.path = path
        self._retention_ms = None if retention_days is None else round(retention_days * DAY_MS)
        self._write_lock = threading.Lock()  # a connection does one thing at a time; readers have their own
        self._read_lock = threading.Lock()
        with self._answering():
            self._writer = None if read_only else _connect(path, busy_ms, "rwc")
            if self._writer is not None:
                _make(self._writer)
            self._reader = _connect(path, busy_ms, "ro")
            (version,) = self._reader.execute("PRAGMA user_version").fetchone()
        if version != tables.SCHEMA_VERSION:
            self.close()
            raise ValueError(
                f"{path} is no history of this version ({version}, not {tables.SCHEMA_VERSION}): name another file"
            )

    def write(self, batch: Batch) -> list[Refusal]:
        """Hold the batch in one transaction, on the disk before this returns; names what cannot be held."""
        if self._writer is None:
            raise ValueError(f"{self.path} was opened to be read only")
        listed, crossings = _apart(batch.events)
        with self._write_lock, self._answering(), _transaction(self._writer) as connection:
            refusals = [
                *_upsert(connection, tables.READINGS, batch.readings),
                *_upsert(connection, tables.EVENTS, listed),
                *_upsert(connection, tables.CROSSINGS, crossings),
                *_upsert(connection, tables.ALERTS, batch.alerts),
                *_upsert(connection, tables.SAMPLES, batch.samples),
            ]
            if batch.readings:
                _fold(connection)
            if self._retention_ms is not None:
                _forget(connection, self._retention_ms)
        return refusals

    def held(self, batch: Batch) -> Held:
        """Which of the batch's records are held, by identity and event time."""
        listed, crossings = _apart(batch.events)
        with self._reading() as connection:
            events = [*_among(connection, tables.EVENTS, listed), *_among(connection, tables.CROSSINGS, crossings)]
            return Held(
                readings=frozenset(map(identity, _among(connection, tables.READINGS, batch.readings))),
                events=frozenset(event.event_id for event in events),
                alerts=frozenset((a.alert_id, a.revision) for a in _among(connection, tables.ALERTS, batch.alerts)),
            )

    def identities(self, start_ms: int, end_ms: int) -> set[ReadingId]:
        """Every reading held with ``start_ms`` <= event time < ``end_ms``."""
        ask = "SELECT device_id, boot_id, seq FROM readings WHERE time_ms >= ? AND time_ms < ?"
        with self._reading() as connection:
            return set(connection.execute(ask, (start_ms, end_ms)))

    def repeats(self) -> dict[str, int]:
        """By measurement: how many times a record was written that was held already. 0 where nothing came twice."""
        ask = "SELECT coalesce(sum(writes - 1), 0) FROM {} WHERE writes > 1"
        return self._by_measurement(ask)

    def counts(self) -> dict[str, int]:
        """By measurement: how many distinct records are held."""
        return self._by_measurement("SELECT count(*) FROM {}")

    def latest_alerts(self, limit: int = 50) -> list[Alert]:
        """The episodes opened last, newest first, each as its last revision tells it."""
        ask = f"""
            SELECT {", ".join(tables.ALERTS.columns)} FROM alerts AS a
            WHERE NOT EXISTS (
                SELECT 1 FROM alerts AS b
                WHERE b.opened_ms = a.opened_ms AND b.alert_id = a.alert_id AND b.revision > a.revision
            )
            ORDER BY opened_ms DESC, alert_id DESC LIMIT ?
        """
        with self._reading() as connection:
            return [_alert(row) for row in connection.execute(ask, (limit,))]

    def latest_positions(self, limit: int = 100_000) -> list[Position]:
        """Where each device was last, newest first. A reading without a position, or marked no_fix, tells nothing."""
        with self._reading() as connection:
            rows = connection.execute(tables.POSITIONS, (limit,))
            return [Position(device_id, bool(exercise), *rest) for device_id, exercise, *rest in rows]

    def close(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            self._writer.close()
        self._reader.close()

    def _by_measurement(self, ask: str) -> dict[str, int]:
        with self._reading() as connection:
            names = [table.layout.measurement for table in tables.TABLES]
            return {name: connection.execute(ask.format(name)).fetchone()[0] for name in names}

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._read_lock, self._answering():
            yield self._reader

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Locked, full, missing, damaged: every way in which SQLite itself fails is a store that does not answer."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a wrong use of ours, which no second try mends
        except sqlite3.DatabaseError as error:
            raise HistoryUnavailableError(f"the history in {self.path} does not answer: {error}") from error


def _apart(events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """The events that are listed, and the crossings, which have a table of their own."""
    listed: list[Event] = []
    crossings: list[Event] = []
    for event in events:
        (crossings if event.type == points.CROSSED else listed).append(event)
    return listed, crossings


def _connect(path: Path, busy_ms: int, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_ms / 1000, isolation_level=None, check_same_thread=False)


def _make(connection: sqlite3.Connection) -> None:
    """The tables, where the file is new. ``synchronous=FULL``: a batch answered for survives a loss of power.

    A file that an earlier release made gets the columns that have come since: null in its rows.
    """
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        schema = "".join(table.schema() for table in tables.TABLES)
        connection.executescript(
            f"BEGIN IMMEDIATE; {schema} {tables.POSITIONS_SCHEMA} PRAGMA user_version={tables.SCHEMA_VERSION}; COMMIT;"
        )
    elif version == tables.SCHEMA_VERSION:
        for table in tables.TABLES:
            had = {row[1] for row in connection.execute(f"PRAGMA table_info({table.layout.measurement})")}
            for statement in table.added(had):
                connection.execute(statement)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends some transactions itself, a full disk's for one
            connection.execute("ROLLBACK")
        raise


def _upsert(connection: sqlite3.Connection, table: tables.Table, records: Sequence[_R]) -> list[Refusal]:
    """Write all of them at once, or, where one is refused, one by one to find which."""
    if not records:
        return []
    connection.execute("SAVEPOINT records")
    try:
        connection.executemany(table.upsert, map(table.row_of, records))
    except _REFUSING:
        connection.execute("ROLLBACK TO records")
    else:
        return []
    refusals = []
    for record in records:
        try:
            connection.execute(table.upsert, table.row_of(record))
        except _REFUSING as error:
            refusals.append(Refusal(record, str(error)))
    return refusals


def _among(connection: sqlite3.Connection, table: tables.Table, records: Iterable[_R]) -> Iterator[_R]:
    """Those of the records that are held."""
    for record in records:
        try:
            if connection.execute(table.ask, table.key_of(record)).fetchone() is not None:
                yield record
        except (OverflowError, UnicodeEncodeError):
            continue  # a key that no row can have


def _fold(connection: sqlite3.Connection) -> None:
    """Bring ``positions`` up to date, where enough readings have come since."""
    (newest,) = connection.execute("SELECT coalesce(max(arrival), 0) FROM readings").fetchone()
    (through,) = connection.execute("SELECT through FROM folded").fetchone()
    if newest - through > tables.TAIL_ROWS_MAX:
        connection.execute(tables.FOLD)
        connection.execute("UPDATE folded SET through = ?", (newest,))


def _forget(connection: sqlite3.Connection, retention_ms: int) -> None:
    """Remove some of what is older than the newest by more. Freed pages are used again: the file stops growing."""
    (newest_ms,) = connection.execute("SELECT max(time_ms) FROM readings").fetchone()
    for table in tables.TABLES if newest_ms is not None else ():
        name, at = table.layout.measurement, table.time_column
        ask = f"DELETE FROM {name} WHERE arrival IN (SELECT arrival FROM {name} WHERE {at} < ? ORDER BY {at} LIMIT ?)"
        connection.execute(ask, (newest_ms - retention_ms, _SLICE))
    # Where this removed the reading that arrived last, the next to come takes its number, and must not count as folded.
    (newest,) = connection.execute("SELECT max(arrival) FROM readings").fetchone()
    connection.execute("UPDATE folded SET through = ?1 WHERE through > ?1", (newest,))


def _alert(row: tuple[Any, ...]) -> Alert:
    values = dict(zip(tables.ALERTS.columns, row, strict=True))
    texts = {name: msgspec.json.decode(values[name]) if values[name] else {} for name in ALERT_LAYOUT.jsons}
    lists = {name: values[name].split(",") if values[name] else [] for name in ALERT_LAYOUT.lists}
    return msgspec.convert(values | texts | lists, Alert, strict=False)
