"""A device's row of many tables as bytes, for checkpoints: a name for each of sixty columns would be most of a record.

What the bytes mean is said once, as a layout of its own under a short id; each packed row names its layout. So rows
that another release wrote are read by the layout they were written in: a column it did not have keeps its default, or
takes what was told by another one then (``renamed``); one that is gone is passed over.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from detectors.columns import Columns
from streams.stage import pack, unpack

_DOT: Final = "."  # between a table's name and a column's


class PackedRows:
    """The rows of these tables, side by side. ``load`` and ``learn`` may come in any order."""

    __slots__ = ("_dtype", "_known", "_renamed", "_tables", "_waiting", "layout", "layout_id")

    def __init__(self, tables: Mapping[str, Columns], renamed: Mapping[str, str] = MappingProxyType({})) -> None:
        """``renamed``: of a column, as table.column, the one that earlier layouts, which lack it, told it by."""
        self._tables = dict(tables)
        self._renamed = dict(renamed)
        self._dtype = np.dtype(
            [(name + _DOT + column, dtype) for name, table in tables.items() for column, dtype in table.dtypes()]
        )
        self.layout = pack([[name, self._dtype[name].str] for name in self._dtype.names or ()])
        self.layout_id = f"{zlib.crc32(self.layout):08x}"
        self._known: dict[str, np.dtype[Any]] = {self.layout_id: self._dtype}
        self._waiting: dict[str, list[tuple[int, bytes]]] = {}

    def dump(self, rows: Sequence[int]) -> list[bytes]:
        """These rows, packed in this release's layout."""
        at, width = np.asarray(rows, np.intp), self._dtype.itemsize
        packed = np.empty(len(at), self._dtype)
        for name in self._dtype.names or ():
            table, _, column = name.partition(_DOT)
            packed[name] = self._tables[table][column][at]
        raw = packed.tobytes()
        return [raw[start : start + width] for start in range(0, len(raw), width)]

    def load(self, row: int, layout_id: str, packed: bytes) -> None:
        """Put a packed row back, as soon as its layout is known."""
        dtype = self._known.get(layout_id)
        if dtype is None:
            self._waiting.setdefault(layout_id, []).append((row, packed))
            return
        values, written = np.frombuffer(packed, dtype)[0], dtype.names or ()
        read = {name: name for name in written}
        read |= {name: by for name, by in self._renamed.items() if name not in written and by in written}
        for name, by in read.items():
            table, _, column = name.partition(_DOT)
            if table in self._tables and self._tables[table].has(column):
                self._tables[table].ensure(row + 1)
                self._tables[table][column][row] = values[by]

    def learn(self, layout_id: str, layout: bytes) -> None:
        """A layout that another release wrote, or this one."""
        self._known[layout_id] = np.dtype([(name, kind) for name, kind in unpack(layout)])
        for row, packed in self._waiting.pop(layout_id, ()):
            self.load(row, layout_id, packed)
