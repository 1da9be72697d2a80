"""Alerts: what is wrong now, and why; told to whom."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import LAST, MOMENT, NEWEST_UPDATE_FIRST, Board, Panel, Query, Step
from dashboards.grafana.influxql import BY_TIME, TOLD
from dashboards.grafana.names import Text

_TOLD: Final = f'FROM "alerts" WHERE {TOLD}'
_QUIET: Final = Text("Empty while nothing was found.", "Vacío mientras no se encontró nada.")
_SHOWN: Final = (
    *("Time", "updated_ms", "severity", "rule", "shipment_id", "device_id", "carrier_scac", "corridor"),
    "{messages}",
)
# Every revision of an episode stands at its opening: what is open is what was opened and, by its last, not closed.
_STILL_OPEN: Final[tuple[Step, ...]] = (
    (
        "groupBy",
        {
            "fields": {
                "alert_id": {"aggregations": [], "operation": "groupby"},
                "opens": {"aggregations": ["sum"], "operation": "aggregate"},
                **{name: {"aggregations": ["last"], "operation": "aggregate"} for name in _SHOWN},
            }
        },
    ),
    (
        "filterByValue",
        {
            "filters": [{"fieldName": "opens (sum)", "config": {"id": "greater", "options": {"value": 0}}}],
            "match": "all",
            "type": "include",
        },
    ),
)
_COLUMNS: Final = {
    "Time": Text("Opened", "Abierta"),
    "updated_ms": Text("Last update", "Último cambio"),
    "severity": Text("Severity", "Gravedad"),
    "rule": Text("Rule", "Regla"),
    "{messages}": Text("What was found", "Qué se encontró"),
    "shipment_id": Text("Shipment", "Embarque"),
    "device_id": Text("Device", "Aparato"),
    "carrier_scac": Text("Carrier", "Transportista"),
    "corridor": Text("Corridor", "Corredor"),
}

BOARD: Final = Board(
    key="alerts",
    title=Text("Alerts: what is wrong now, and why?", "Alertas: ¿qué está mal ahora y por qué?"),
    says=Text(
        "Episodes by the time they opened: what is still open first, then how many there were of each kind.",
        "Episodios por la hora en que se abrieron: primero lo que sigue abierto, luego cuántos hubo de cada clase.",
    ),
    variables=("audience", "corridor", "direction", "carrier", "sector", "rule", "exercise"),
    hours=12,
    panels=(
        Panel(
            kind="table",
            title=Text("What is wrong now?", "¿Qué está mal ahora?"),
            says=Text("Episodes that are still open.", "Episodios que siguen abiertos."),
            queries=(
                Query(
                    'SELECT "alert_id", "opens", "updated_ms", "severity", "rule", "shipment_id", "device_id",'
                    f' "carrier_scac", "corridor", "{{messages}}" {_TOLD}',
                    table=True,
                ),
            ),
            columns={f"{name}{LAST}": text for name, text in _COLUMNS.items()},
            units={f"updated_ms{LAST}": MOMENT},
            steps=_STILL_OPEN,
            width=24,
            height=10,
            empty=_QUIET,
        ),
        Panel(
            kind="bars",
            title=Text("How bad is it?", "¿Qué tan grave es?"),
            says=Text("Open alerts, by severity.", "Alertas abiertas, por gravedad."),
            queries=(Query(f'SELECT sum("opens") {_TOLD} GROUP BY "severity"', "$tag_severity"),),
            width=6,
            empty=_QUIET,
        ),
        Panel(
            kind="bars",
            title=Text("Which rules found it?", "¿Qué reglas lo encontraron?"),
            says=Text("Alerts opened in the time shown, by rule.", "Alertas abiertas en este tiempo, por regla."),
            queries=(Query(f'SELECT count("revision") {_TOLD} AND "state" = \'opened\' GROUP BY "rule"', "$tag_rule"),),
            width=6,
            empty=_QUIET,
        ),
        Panel(
            kind="timeseries",
            title=Text("When did alerts open?", "¿Cuándo se abrieron alertas?"),
            says=Text("Alerts opened in each interval, by rule.", "Alertas abiertas en cada intervalo, por regla."),
            queries=(
                Query(
                    f'SELECT count("revision") {_TOLD} AND "state" = \'opened\' {BY_TIME}, "rule" fill(0)', "$tag_rule"
                ),
            ),
            empty=_QUIET,
        ),
        Panel(
            kind="map",
            title=Text("Where were they?", "¿Dónde fueron?"),
            says=Text("Where the latest thousand opened.", "Dónde se abrieron las mil más recientes."),
            queries=(
                Query(
                    'SELECT "lat_deg" AS "latitude", "lon_deg" AS "longitude", "rule", "severity", "device_id",'
                    f' "shipment_id" {_TOLD} AND "state" = \'opened\' ORDER BY time DESC LIMIT 1000',
                    table=True,
                    alerts=True,
                ),
            ),
            width=24,
            height=12,
            empty=_QUIET,
        ),
        Panel(
            kind="table",
            title=Text("What was told, and to whom?", "¿Qué se dijo y a quién?"),
            says=Text(
                "Every update of the 500 opened last, the newest update first.",
                "Cada cambio de los 500 abiertos al final, el cambio más reciente primero.",
            ),
            queries=(
                Query(
                    'SELECT "updated_ms", "state", "severity", "rule", "{messages}", "shipment_id", "device_id",'
                    f' "audiences", "score" {_TOLD} ORDER BY time DESC LIMIT 500',
                    table=True,
                ),
            ),
            steps=NEWEST_UPDATE_FIRST,
            units={"updated_ms": MOMENT},
            columns={
                "updated_ms": Text("When", "Cuándo"),
                "Time": Text("Opened", "Abierta"),
                "state": Text("State", "Estado"),
                "severity": Text("Severity", "Gravedad"),
                "rule": Text("Rule", "Regla"),
                "{messages}": Text("What was found", "Qué se encontró"),
                "shipment_id": Text("Shipment", "Embarque"),
                "device_id": Text("Device", "Aparato"),
                "audiences": Text("Told to", "Dicha a"),
                "score": Text("Score", "Puntuación"),
            },
            width=24,
            height=12,
            empty=_QUIET,
        ),
    ),
)
