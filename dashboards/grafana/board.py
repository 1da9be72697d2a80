"""A dashboard as data: a question, its panels, and what each asks of the history. ``render`` makes Grafana's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from dashboards.grafana.names import Text

Kind: TypeAlias = Literal["stat", "timeseries", "table", "bars", "map"]
MOMENT: Final = "dateTimeAsIso"  # the unit of a number of milliseconds since 1970 that is shown as a time
Step: TypeAlias = tuple[str, Mapping[str, object]]  # a transformation's id and options
# A point of an alert stands at its opening, whichever its revision; what it tells of is when it was updated.
NEWEST_UPDATE_FIRST: Final[tuple[Step, ...]] = (("sortBy", {"sort": [{"field": "updated_ms", "desc": True}]}),)


@dataclass(frozen=True, slots=True)
class Query:
    """InfluxQL, with Grafana's variables and macros. ``alias`` names its series; a ``table`` keeps tags as columns.

    ``alerts`` on a map: what it finds are alerts, and not trucks.
    """

    influxql: str
    alias: str | Text = ""
    table: bool = False
    alerts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. ``title`` is what it answers; ``empty`` says why nothing may be seen in it, None where it never is.

    Where nothing is to be seen, ``empty`` stands in the panel, or ``none``: what a count says of none at all.
    ``columns`` name a table's columns in the order shown, by field; others are left out. ``steps`` come before that.
    ``bounds`` are the values from which on it turns yellow, and red; ``meanings`` say in words, and a colour, what a
    value means. ``width`` is in Grafana's 24 columns. ``recent`` is the span it looks at, such as ``10m``, where that
    is not the dashboard's; ``step`` the shortest interval that it groups by.
    """

    kind: Kind
    title: Text
    says: Text
    queries: tuple[Query, ...]
    width: int = 12
    height: int = 8
    unit: str = ""
    decimals: int | None = None
    bounds: tuple[float, float] | None = None
    meanings: Mapping[str, tuple[Text, str]] = field(default_factory=dict)
    empty: Text | None = None
    none: str = ""
    columns: Mapping[str, Text] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    recent: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard. ``title`` is the officer's question; ``variables`` are names that ``variables`` knows."""

    key: str
    title: Text
    says: Text
    panels: tuple[Panel, ...]
    variables: tuple[str, ...]
    annotated: bool = False
    refresh: str = "10s"
    hours: int = 6
    joint_only: bool = False
