"""Packed rows come back as they were, also where another release had other columns, and whichever comes first."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.columns import Columns
from streams.packed_rows import PackedRows


def tables() -> dict[str, Columns]:
    return {
        "stop": Columns(since_ms=np.int64(-1), on=np.bool_(False)),
        "heat": Columns(mean_c=np.nan, count=np.int16(3)),
    }


def filled() -> dict[str, Columns]:
    made = tables()
    for table in made.values():
        table.ensure(3)
    made["stop"]["since_ms"][:] = [5, 2**60, -1] + [0] * 61
    made["stop"]["on"][1] = True
    made["heat"]["mean_c"][1] = -18.25
    return made


def row_of(made: dict[str, Columns], row: int) -> dict[str, dict[str, float]]:
    return {name: table.row(row) for name, table in made.items()}


def test_rows_come_back_as_they_were() -> None:
    before, after = filled(), tables()
    packed, other = PackedRows(before), PackedRows(after)
    for row, raw in zip([2, 1], packed.dump([2, 1]), strict=True):
        other.load(row, packed.layout_id, raw)
    assert row_of(after, 1) == {"stop": {"since_ms": 2**60, "on": True}, "heat": {"mean_c": -18.25, "count": 3}}
    assert np.isnan(row_of(after, 2)["heat"]["mean_c"])


def test_no_rows_are_no_bytes() -> None:
    assert PackedRows(filled()).dump([]) == []


@pytest.mark.parametrize("layout_first", [True, False])
def test_another_releases_rows_are_read_by_their_own_layout(layout_first: bool) -> None:
    older = {"stop": Columns(on=np.bool_(False), gone=np.float32(1.0)), "retired": Columns(on=np.bool_(True))}
    for table in older.values():
        table.ensure(1)
    older["stop"]["on"][0] = True
    written, after = PackedRows(older), filled()
    read = PackedRows(after)
    assert written.layout_id != read.layout_id
    steps = [lambda: read.learn(written.layout_id, written.layout)]
    steps.insert(int(layout_first), lambda: read.load(0, written.layout_id, written.dump([0])[0]))
    for step in steps:
        step()
    # What it had is taken, what it had not stays, what is gone is passed over.
    assert row_of(after, 0)["stop"] == {"since_ms": 5, "on": True}


def test_a_layout_names_every_column_and_its_type_once() -> None:
    assert PackedRows(tables()).layout_id == PackedRows(tables()).layout_id
    wider = tables() | {"heat": Columns(mean_c=np.nan, count=np.int32(3))}
    assert PackedRows(wider).layout_id != PackedRows(tables()).layout_id


def test_a_column_that_is_called_otherwise_now_is_read_by_its_old_name_where_a_layout_has_no_other() -> None:
    older, renamed = {"stop": Columns(begun_ms=np.int64(-1))}, {"stop.since_ms": "stop.begun_ms", "stop.on": "no.such"}
    older["stop"].ensure(1)
    older["stop"]["begun_ms"][0] = 77
    written, after, again = PackedRows(older), filled(), tables()
    read = PackedRows(after, renamed)
    read.learn(written.layout_id, written.layout)
    read.load(0, written.layout_id, written.dump([0])[0])
    assert row_of(after, 0)["stop"] == {"since_ms": 77, "on": False}
    own = PackedRows(again, renamed)
    own.load(0, read.layout_id, read.dump([0])[0])
    assert row_of(again, 0)["stop"] == row_of(after, 0)["stop"]
