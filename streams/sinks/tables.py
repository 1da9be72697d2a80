"""The embedded history's tables: what SQLite is told, and the rows it is given, made from ``points``' layouts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from contracts.readings import NO_FIX, ShipmentReading
from streams.sinks import points
from streams.sinks.points import ALERT_LAYOUT, EVENT_LAYOUT, READING_LAYOUT, Layout, Record

SCHEMA_VERSION: Final = 1


class Position(NamedTuple):
    """Where a device was last known to be, in earnest or in a drill (``exercise``)."""

    device_id: str
    exercise: bool
    time_ms: int
    lat_deg: float
    lon_deg: float
    speed_kmh: float | None
    shipment_id: str | None
    route_id: str | None
    direction: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A layout as SQLite has it: its columns, what writes a row, what asks for a key, what makes a row."""

    layout: Layout
    time_column: str
    columns: tuple[str, ...]
    upsert: str
    ask: str
    row: Callable[[Any], tuple[Any, ...]]

    def schema(self) -> str:
        """The statements that make the table and its indexes where they are absent."""
        layout, name = self.layout, self.layout.measurement
        types = dict.fromkeys(layout.floats, "REAL") | dict.fromkeys((*layout.ints, "time_ms", "exercise"), "INTEGER")
        columns = ", ".join(f"{c} {types.get(c, 'TEXT')}" for c in self.columns)
        key = ", ".join(layout.key)
        return (
            f"CREATE TABLE IF NOT EXISTS {name} ({columns}, writes INTEGER NOT NULL DEFAULT 1, UNIQUE ({key}));"
            f"CREATE INDEX IF NOT EXISTS {name}_by_time ON {name} ({self.time_column});"
            # Partial, so that it costs nothing until there is a repeat and counting repeats reads no other row.
            f"CREATE INDEX IF NOT EXISTS {name}_repeated ON {name} (writes) WHERE writes > 1;"
        )


def _table(layout: Layout, time_column: str) -> Table:
    plain = tuple(dict.fromkeys((*layout.key, time_column, *layout.tags, *layout.floats, *layout.ints, *layout.texts)))
    plain_of, jsons_of = attrgetter(*plain), attrgetter(*layout.jsons) if layout.jsons else None
    columns = (*plain, *layout.jsons)
    replaced = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in layout.key)
    upsert = (
        f"INSERT INTO {layout.measurement} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(layout.key)}) DO UPDATE SET writes = writes + 1, {replaced}"
    )
    ask = f"SELECT 1 FROM {layout.measurement} WHERE {' AND '.join(f'{name} = ?' for name in layout.key)}"

    def row(record: Record) -> tuple[Any, ...]:
        points.check(record)
        jsons = jsons_of(record) if jsons_of else ()
        return (*plain_of(record), *[points.json_text(value) if value else None for value in jsons])

    return Table(layout, time_column, columns, upsert, ask, row)


READINGS = _table(READING_LAYOUT, "time_ms")
EVENTS = _table(EVENT_LAYOUT, "time_ms")
ALERTS = _table(ALERT_LAYOUT, "opened_ms")
TABLES = (READINGS, EVENTS, ALERTS)

# The last place of each device, kept beside the readings: looking for it among them would read them all.
POSITIONS_SCHEMA = """
    CREATE TABLE IF NOT EXISTS positions (
        device_id TEXT, exercise INTEGER, time_ms INTEGER, lat_deg REAL, lon_deg REAL, speed_kmh REAL,
        shipment_id TEXT, route_id TEXT, direction TEXT, PRIMARY KEY (device_id, exercise)
    ) WITHOUT ROWID;
"""
POSITION_UPSERT = f"""
    INSERT INTO positions VALUES ({", ".join("?" * len(Position._fields))})
    ON CONFLICT (device_id, exercise) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in Position._fields[2:])}
    WHERE excluded.time_ms >= positions.time_ms
"""
_position_of = attrgetter(*Position._fields)


def last_positions(readings: Iterable[ShipmentReading]) -> Iterable[tuple[Any, ...]]:
    """The rows of ``positions`` that these readings bring: the latest of each device that says where it is."""
    last: dict[tuple[str, bool], ShipmentReading] = {}
    for reading in readings:
        if reading.lat_deg is None or reading.lon_deg is None or NO_FIX in reading.marks:
            continue
        key = (reading.device_id, reading.exercise)
        before = last.get(key)
        if before is None or reading.time_ms >= before.time_ms:
            last[key] = reading
    return map(_position_of, last.values())
