"""Durations as people write them (``45s``, ``10m``, ``2h``) and amounts: every number that may have a fraction."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import click

from deploy.cli.common import language_of
from deploy.said import Said

_UNITS_S: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_YEAR_S: Final = 31_536_000.0


class Duration(click.ParamType):
    """A positive duration of at most a year, in seconds; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", str(value).strip())
        seconds = float(found[1]) * _UNITS_S[found[2]] if found is not None else 0.0
        if not 0.0 < seconds <= _YEAR_S:
            self.fail(f"{value!r} is no duration of at most a year; write 45s, 10m or 2h", param, ctx)
        return seconds


DURATION: Final = Duration()


class Amount(click.ParamType):
    """A number of one unit (such as hours), within bounds; a ``nan`` and an ``inf`` are none."""

    def __init__(self, unit: str, least: float, most: float) -> None:
        self.name = unit
        self._least = least
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._least <= number <= self._most:
            least, most = (f"{bound:,.10g}" for bound in (self._least, self._most))
            option = param.opts[0] if param is not None else ""
            said = Said("no_amount", option=option, given=value, unit=Said(self.name), least=least, most=most)
            raise click.UsageError(said.in_language(language_of(ctx)), ctx)
        return number
