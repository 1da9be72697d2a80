"""The conditions that every query shares, in InfluxQL with Grafana's variables.

Every measurement but ``line_health`` is asked for the real or for a drill, never for both. A variable of several
values is matched as an anchored expression; All is ``.*``, which points without that tag match too.
Sources: https://docs.influxdata.com/influxdb/v1/query_language/explore-data/ and
https://grafana.com/docs/grafana/v11.6/dashboards/variables/variable-syntax/
"""

from __future__ import annotations

from typing import Final

from contracts.metrics import BY_NAME

NOT_MIXED: Final = "\"exercise\" = '${exercise:raw}'"


def _among(tag: str, variable: str) -> str:
    return f'"{tag}" =~ /^${{{variable}:regex}}$/'


TRADE: Final = " AND ".join(
    (
        "$timeFilter",
        NOT_MIXED,
        _among("corridor", "corridor"),
        _among("direction", "direction"),
        _among("carrier_scac", "carrier"),
        _among("sector", "sector"),
    )
)
AT_BRIDGES: Final = f"{TRADE} AND {_among('bridge', 'bridge')}"
TOLD: Final = f'{TRADE} AND {_among("rule", "rule")} AND "audiences" =~ /(^|,)${{audience:regex}}(,|$)/'
# What a board shows as opened: for each audience the opening, or the record by which it came to know of the episode.
# Counted, the second takes the first back (``streams.sinks.points``): whoever is asked for, an episode opened once.
OPENING: Final = f'{TOLD} AND "opens" > 0'
OPENED: Final = f"{TOLD} AND \"state\" <> 'closed'"
# A point of an alert stands at its opening, so that what is open now may have opened before any span one looks at.
OPEN_DAYS: Final = 30
_STILL: Final = f"time > now() - {OPEN_DAYS}d"
STILL_TOLD: Final = TOLD.replace("$timeFilter", _STILL)
OF_SHIPMENT: Final = f"$timeFilter AND {NOT_MIXED} AND \"shipment_id\" = '${{shipment:raw}}'"
STILL_OF_SHIPMENT: Final = OF_SHIPMENT.replace("$timeFilter", _STILL)
# A shipment is no tag: without its devices' names, each query of it would read every reading of everybody.
READ_OF_SHIPMENT: Final = f"{OF_SHIPMENT} AND {_among('device_id', 'devices')}"
DRIVEN: Final = '"device_kind" =~ /^(truck|phone)$/'
BY_TIME: Final = "GROUP BY time($__interval)"


def of_metric(name: str) -> str:
    """The line's samples of this metric. Raises KeyError where it is not declared.

    What counts readings or alerts is asked for the real or the drill; what counts the line's own work serves both.
    """
    drills = f" AND {NOT_MIXED}" if "exercise" in BY_NAME[name].labels else ""
    return f'FROM "line_health" WHERE $timeFilter AND "metric" = \'{name}\'{drills}'


def rate(name: str, by: str) -> str:
    """A counter's increase a second, its processes and partitions added up, by this tag."""
    series = ", ".join(("process", *BY_NAME[name].labels))
    each = f'SELECT non_negative_derivative(max("value"), 1s) AS "each" {of_metric(name)} {BY_TIME}, {series}'
    return f'SELECT sum("each") FROM ({each}) {BY_TIME}, "{by}" fill(null)'


def total(name: str, by: str) -> str:
    """A gauge, its processes and partitions added up, by this tag."""
    series = ", ".join(("process", *BY_NAME[name].labels))
    each = f'SELECT last("value") AS "each" {of_metric(name)} {BY_TIME}, {series}'
    return f'SELECT sum("each") FROM ({each}) {BY_TIME}, "{by}" fill(null)'


def worst(name: str, *by: str, where: str = "") -> str:
    """A gauge's greatest value, by these tags."""
    return _extreme("max", name, by, where)


def least(name: str, *by: str) -> str:
    """A gauge's least value, by these tags."""
    return _extreme("min", name, by, "")


def _extreme(which: str, name: str, by: tuple[str, ...], where: str) -> str:
    tags = "".join(f', "{tag}"' for tag in by)
    narrowed = f" AND {where}" if where else ""
    return f'SELECT {which}("value") {of_metric(name)}{narrowed} {BY_TIME}{tags} fill(null)'
