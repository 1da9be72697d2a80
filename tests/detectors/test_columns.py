"""Columns grow without losing a row; rounds never name a device twice and keep each device's order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Columns, rounds


def columns() -> Columns:
    return Columns(mean_c=np.nan, count=np.int32(7), on=np.bool_(False))


@given(st.lists(st.integers(0, 40), max_size=200))
def test_each_round_has_distinct_devices_and_a_device_keeps_its_order(rows: list[int]) -> None:
    at = np.array(rows, np.intp)
    parts = rounds(at)
    seen: dict[int, list[int]] = {}
    for part in parts:
        assert len(set(at[part].tolist())) == len(part) > 0
        assert part.tolist() == sorted(part.tolist())
        for position in part.tolist():
            seen.setdefault(int(at[position]), []).append(position)
    assert sorted(p for positions in seen.values() for p in positions) == list(range(len(rows)))
    assert all(positions == sorted(positions) for positions in seen.values())


@given(st.lists(st.integers(0, 40), max_size=200))
def test_there_are_as_many_rounds_as_the_busiest_device_has_readings(rows: list[int]) -> None:
    assert len(rounds(np.array(rows, np.intp))) == max((rows.count(r) for r in rows), default=0)


def test_one_device_with_500_readings_makes_500_rounds_of_one() -> None:
    assert [part.tolist() for part in rounds(np.zeros(500, np.intp))] == [[i] for i in range(500)]


def test_growing_keeps_what_is_there_and_gives_new_rows_the_defaults() -> None:
    table = columns()
    table.ensure(3)
    table["mean_c"][:3], table["count"][2], table["on"][1] = [1.0, 2.0, 3.0], 9, True
    table.ensure(5_000)
    assert table.size == 5_000
    assert table["mean_c"][:3].tolist() == [1.0, 2.0, 3.0]
    assert (table.row(2)["count"], table.row(1)["on"]) == (9, True)
    assert np.isnan(table["mean_c"][3:5_000]).all()
    assert (table["count"][3:5_000] == 7).all()


def test_growing_by_one_does_not_copy_each_time() -> None:
    table = columns()
    copies = 0
    held = table["count"]
    for size in range(1, 10_001):
        table.ensure(size)
        copies += table["count"] is not held
        held = table["count"]
    assert copies < 10
    assert table.nbytes < 4 * 10_000 * 13


def test_a_row_comes_back_from_a_checkpoint_and_an_unknown_column_keeps_its_default() -> None:
    table, other = columns(), columns()
    table.ensure(2)
    table["mean_c"][1], table["on"][1] = 4.5, True
    other.set_row(90, {**table.row(1), "of_another_release": 1})
    assert other.row(90) == {"mean_c": 4.5, "count": 7, "on": True}
    other.set_row(91, {"on": True})
    assert (other.row(91)["count"], np.isnan(other.row(91)["mean_c"])) == (7, True)
    other.set_row(92, {"mean_c": None})  # what some encoders make of NaN
    assert np.isnan(other.row(92)["mean_c"])


def test_resetting_touches_the_named_rows_alone() -> None:
    table = columns()
    table.ensure(3)
    table["count"][:3] = [1, 2, 3]
    table.reset(np.array([0, 2]))
    assert table["count"][:3].tolist() == [7, 2, 7]


def test_a_table_has_only_the_columns_it_was_made_with() -> None:
    with pytest.raises(KeyError):
        columns()["humidity_pct"]
