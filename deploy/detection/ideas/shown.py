"""The table of ideas as lines of text: plain, or as a document has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.detection.ideas.catalog import ALONE, KINDS, OURS
from deploy.detection.ideas.tried import RAW, Row

_COLUMNS: Final = ("standard", "at 0.5", "changed", "folders", "from ours", "us/row")


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _cells(row: Row) -> dict[str, str]:
    """By column; where the idea has failed, what it said in place of all but its cost."""
    if row.fault is not None:
        return {"standard": row.fault, "us/row": _number(row.us_per_row)}
    return {
        "standard": _number(row.standard),
        "at 0.5": _number(row.at_half),
        "changed": _number(row.changed),
        "folders": _number(row.other_folders),
        "from ours": "-" if row.difference is None else f"{row.difference:+.1f} ± {_number(row.error)}",
        "us/row": _number(row.us_per_row),
    }


class Table:
    """Lines row by row: a heading where a new kind of ideas begins. ``changed`` is a column of its own where the series
    were ``changes`` of them, and not one alone: then it would say what ``standard`` says."""

    def __init__(self, markdown: bool, changes: int) -> None:
        self._markdown = markdown
        self._columns = [column for column in _COLUMNS if column != "changed" or changes > 1]
        self._kind = ""
        self._ours: Row | None = None

    def lines(self, row: Row) -> Iterator[str]:
        """The lines that this row adds."""
        if row.kind == OURS.kind:
            self._ours = row
            return
        if row.kind != self._kind:
            self._kind = row.kind
            yield from self._heading(KINDS[row.kind])
            if self._ours is not None:
                yield self._line(self._ours)
        yield self._line(row)

    def _heading(self, title: str) -> Iterator[str]:
        yield ""
        if self._markdown:
            yield f"| {title} | what it is | {' | '.join(self._columns)} |"
            yield "|" + "---|" * (2 + len(self._columns))
        else:
            yield f"{title:40}" + "".join(f"{column:>14}" for column in self._columns)

    def _line(self, row: Row) -> str:
        again = row.kind == ALONE and row.told != RAW  # its raw row stands above
        name = f"{row.idea}, {row.told}" if again else row.idea
        cells = [_cells(row).get(column, "") for column in self._columns]
        if not self._markdown:
            return f"{name:40}" + "".join(f"{cell:>14}" for cell in cells)
        says = "" if again else row.says
        return f"| {name} | {says} | {' | '.join(cells)} |"
