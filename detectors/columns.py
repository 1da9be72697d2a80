"""State in columns: one numpy array a quantity, one row a device.

An object a device was measured at several kilobytes; a row is tens of bytes, and a whole frame is judged in a few
array operations. Rows are dense, numbered in order of first sight, and live as long as the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = NDArray[np.intp]
_FIRST_CAPACITY: Final = 64


class Columns:
    """Named columns with a default each, which grow together.

    ``columns = Columns(mean_c=np.nan, count=np.int32(0))``; ``columns["mean_c"][rows]`` reads, assignment writes.
    The dtype is the default's.
    """

    __slots__ = ("_arrays", "_capacity", "_defaults", "_stacks", "size")

    def __init__(self, **defaults: Any) -> None:
        self._defaults: dict[str, np.generic] = {n: np.asarray([d])[0] for n, d in defaults.items()}
        self._capacity = _FIRST_CAPACITY
        self.size = 0
        self._arrays: dict[str, Array] = {
            n: np.full(self._capacity, d, dtype=d.dtype) for n, d in self._defaults.items()
        }
        self._stacks: dict[str, tuple[tuple[str, ...], Array]] = {}

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._arrays

    def dtypes(self) -> list[tuple[str, np.dtype[Any]]]:
        """Each column's name and type, in order."""
        return [(name, default.dtype) for name, default in self._defaults.items()]

    def stack(self, name: str, columns: Sequence[str]) -> None:
        """Keep these columns, of one type, as the lines of one array, so that what is done to all is done at once."""
        stacked = np.stack([self._arrays[column] for column in columns])
        self._stacks[name] = (tuple(columns), stacked)
        self._arrays |= zip(columns, stacked, strict=True)

    def stacked(self, name: str) -> Array:
        """That array: a line a column, of capacity's length; it is another one once the table has grown."""
        return self._stacks[name][1]

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist; new ones hold the defaults."""
        if size > self._capacity:
            while self._capacity < size:
                self._capacity *= 2
            for name, default in self._defaults.items():
                grown = np.full(self._capacity, default, dtype=default.dtype)
                grown[: self.size] = self._arrays[name][: self.size]
                self._arrays[name] = grown
            for name, (columns, _) in self._stacks.items():
                self.stack(name, columns)
        self.size = max(self.size, size)

    def row(self, row: int) -> dict[str, float | int | bool]:
        """One device's row as plain numbers, for a checkpoint."""
        return {name: array[row].item() for name, array in self._arrays.items()}

    def dump_rows(self, rows: Sequence[int]) -> list[dict[str, float | int | bool]]:
        """``row`` of each of these, in order: a column at a time, which is several times cheaper."""
        at = np.asarray(rows, np.intp)
        names = tuple(self._arrays)
        columns = [array[at].tolist() for array in self._arrays.values()]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def set_row(self, row: int, values: Mapping[str, float | int | bool | None]) -> None:
        """Put a checkpointed row back; a column the checkpoint did not know keeps its default."""
        self.ensure(row + 1)
        for name, value in values.items():
            if name in self._arrays:
                self._arrays[name][row] = np.nan if value is None else value

    def reset(self, rows: Rows) -> None:
        """Set these rows to their defaults."""
        for name, default in self._defaults.items():
            self._arrays[name][rows] = default

    @property
    def nbytes(self) -> int:
        """Memory the columns hold, in bytes."""
        return sum(array.nbytes for array in self._arrays.values())


def turns(rows: Rows) -> NDArray[np.intp]:
    """How many times each row has come before in this array: 0 for a device's first reading of a frame."""
    n = len(rows)
    order = rows.argsort(kind="stable")
    ordered = rows[order]
    again = ordered[1:] == ordered[:-1]
    turn = np.zeros(n, np.intp)
    if again.any():
        starts = np.flatnonzero(np.r_[True, ~again])
        turn[order] = np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))
    return turn


def rounds(rows: Rows) -> list[Rows]:
    """Split a frame into rounds: positions into ``rows`` such that no round names a device twice.

    The k-th round holds the k-th reading of each device, in order of arrival, so that columns which learn round by
    round learn each device's readings in order: also when one device has 500 readings in a frame.
    """
    return by_turn(turns(rows))


def by_turn(turn: NDArray[np.intp]) -> list[Rows]:
    """The positions of each turn, of the first one first; each turn's in order. Turns are counted without a gap."""
    if not len(turn):
        return []
    if not turn.any():
        return [np.arange(len(turn))]
    order, ends = turn.argsort(kind="stable"), np.bincount(turn).cumsum().tolist()
    return [order[begin:end] for begin, end in pairwise([0, *ends])]
