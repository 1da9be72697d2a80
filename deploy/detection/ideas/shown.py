"""The table of ideas as lines of text: plain, or as a document has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.detection.ideas.catalog import ALONE, KINDS, OURS
from deploy.detection.ideas.tried import RAW, Row

_COLUMNS: Final = ("standard", "at 0.5", "changed", "folders", "from ours", "us/row")


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _cells(row: Row) -> list[str]:
    """By column; where the idea has failed, what it said in place of all but its cost."""
    if row.fault is not None:
        return [row.fault, "", "", "", "", _number(row.us_per_row)]
    apart = "-" if row.difference is None else f"{row.difference:+.1f} ± {_number(row.error)}"
    scores = [_number(value) for value in (row.standard, row.at_half, row.changed, row.other_folders)]
    return [*scores, apart, _number(row.us_per_row)]


class Table:
    """Lines row by row: a heading where a new kind of ideas begins."""

    def __init__(self, markdown: bool) -> None:
        self._markdown = markdown
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
            yield f"| {title} | what it is | {' | '.join(_COLUMNS)} |"
            yield "|" + "---|" * (2 + len(_COLUMNS))
        else:
            yield f"{title:40}" + "".join(f"{column:>14}" for column in _COLUMNS)

    def _line(self, row: Row) -> str:
        again = row.kind == ALONE and row.told != RAW  # its raw row stands above
        name = f"{row.idea}, {row.told}" if again else row.idea
        if not self._markdown:
            return f"{name:40}" + "".join(f"{cell:>14}" for cell in _cells(row))
        says = "" if again else row.says
        return f"| {name} | {says} | {' | '.join(_cells(row))} |"
