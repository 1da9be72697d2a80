"""The embedded history's tables: what SQLite is told, and the rows it is given, made from ``points``' layouts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

from contracts.readings import NO_FIX
from streams.sinks import points
from streams.sinks.points import (
    ALERT_LAYOUT,
    CROSSING_LAYOUT,
    EVENT_LAYOUT,
    READING_LAYOUT,
    SAMPLE_LAYOUT,
    Layout,
    Record,
)

SCHEMA_VERSION: Final = 2


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
    """A layout as SQLite has it: its columns, what writes a row, what asks for a key, what makes a row.

    The one index of a table opens with event time, then the identity: what arrives is new, so each batch touches the
    index's last pages. An index by identity alone is touched all over, one page a device, and was measured to cost
    five times as much (21 us a row against 4.5 at 20,000 devices). A record's time never changes, so the two keys
    tell the same records apart.
    """

    layout: Layout
    time_column: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    upsert: str
    ask: str
    key_of: Callable[[Any], tuple[Any, ...]]
    row_of: Callable[[Any], tuple[Any, ...]]

    def schema(self) -> str:
        """The statements that make the table and its indexes where they are absent."""
        name = self.layout.measurement
        columns = ", ".join(self._declared(self.columns))
        return (
            f"CREATE TABLE IF NOT EXISTS {name} (arrival INTEGER PRIMARY KEY, {columns},"
            f" writes INTEGER NOT NULL DEFAULT 1, UNIQUE ({', '.join(self.key)}));"
            # Partial, so that it costs nothing until there is a repeat and counting repeats reads no other row.
            f"CREATE INDEX IF NOT EXISTS {name}_repeated ON {name} (writes) WHERE writes > 1;"
        )

    def added(self, had: Collection[str]) -> list[str]:
        """The statements that give a table of these columns the ones it lacks."""
        lacking = self._declared(c for c in self.columns if c not in had)
        return [f"ALTER TABLE {self.layout.measurement} ADD COLUMN {declared}" for declared in lacking]

    def _declared(self, names: Iterable[str]) -> list[str]:
        floats, ints = self.layout.floats, (*self.layout.ints, "time_ms", "exercise")
        return [f"{c} {'REAL' if c in floats else 'INTEGER' if c in ints else 'TEXT'}" for c in names]


def _table(layout: Layout, time_column: str, *, counted: bool = True) -> Table:
    """``counted``: whether a record written again raises its row's ``writes``."""
    name, key = layout.measurement, (time_column, *layout.key)
    named = dict.fromkeys((*key, *layout.tags, *layout.floats, *layout.ints, *layout.texts))
    plain = tuple(c for c in named if c not in layout.lists)
    columns = (*plain, *layout.lists, *layout.jsons)
    replaced = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in key)
    plain_of = attrgetter(*plain)
    lists_of, jsons_of = _all_of(layout.lists), _all_of(layout.jsons)

    def row_of(record: Record) -> tuple[Any, ...]:
        points.check(record)
        lists = [",".join(values) or None for values in lists_of(record)]
        return (*plain_of(record), *lists, *[points.json_text(v) if v else None for v in jsons_of(record)])

    return Table(
        layout=layout,
        time_column=time_column,
        key=key,
        columns=columns,
        upsert=f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET writes = writes + {int(counted)}, {replaced}",
        ask=f"SELECT 1 FROM {name} WHERE {' AND '.join(f'{c} = ?' for c in key)}",
        key_of=attrgetter(*key),
        row_of=row_of,
    )


def _all_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """These attributes of a record, a tuple also where there is one or none."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


READINGS: Final = _table(READING_LAYOUT, "time_ms")
EVENTS: Final = _table(EVENT_LAYOUT, "time_ms")
CROSSINGS: Final = _table(CROSSING_LAYOUT, "time_ms")
ALERTS: Final = _table(ALERT_LAYOUT, "opened_ms")
SAMPLES: Final = _table(SAMPLE_LAYOUT, "time_ms", counted=False)
TABLES: Final = (READINGS, EVENTS, CROSSINGS, ALERTS, SAMPLES)

# The latest place of each device: ``positions`` as of the reading that arrived as number ``folded.through``, and the
# readings since. Looking among all readings would read them all; keeping ``positions`` up to date with every batch
# was measured to double a batch's cost, for it touches a page a device.
TAIL_ROWS_MAX: Final = 20_000
POSITIONS_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS positions (
        device_id TEXT, exercise INTEGER, time_ms INTEGER, lat_deg REAL, lon_deg REAL, speed_kmh REAL,
        shipment_id TEXT, route_id TEXT, direction TEXT, PRIMARY KEY (device_id, exercise)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS folded (one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER);
    INSERT OR IGNORE INTO folded VALUES (1, 0);
"""
# With max() alone among its columns, SQLite takes the others from the row that has the maximum.
_LATEST = ", ".join("max(time_ms) AS time_ms" if name == "time_ms" else name for name in Position._fields)
_TAIL = f"""
    SELECT {", ".join(Position._fields)} FROM readings
    WHERE arrival > (SELECT through FROM folded) AND lat_deg IS NOT NULL AND lon_deg IS NOT NULL
    AND coalesce(marks, '') NOT LIKE '%"{NO_FIX}"%'
"""
POSITIONS: Final = f"""
    SELECT {_LATEST} FROM (SELECT * FROM positions UNION ALL {_TAIL}) GROUP BY device_id, exercise
    ORDER BY time_ms DESC, device_id LIMIT ?
"""
FOLD: Final = f"""
    INSERT INTO positions SELECT {_LATEST} FROM ({_TAIL}) WHERE true GROUP BY device_id, exercise
    ON CONFLICT (device_id, exercise) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in Position._fields[2:])}
    WHERE excluded.time_ms >= positions.time_ms
"""
