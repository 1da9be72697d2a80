"""Alerts: what is wrong now, and why; told to whom."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import MOMENT, NEWEST_UPDATE_FIRST, Board, Panel, Query
from dashboards.grafana.influxql import BY_TIME, OPEN_DAYS, OPENED, OPENING, STILL_TOLD, TOLD
from dashboards.grafana.names import Text

_TOLD: Final = f'FROM "alerts" WHERE {TOLD}'
_OPENED: Final = f'FROM "alerts" WHERE {OPENED}'
_QUIET: Final = Text("Empty while nothing was found.", "Vacío mientras no se encontró nada.")
_STILL_OPEN: Final = (
    'SELECT "updated_ms", "severity", "rule", "shipment_id", "device_id", "carrier_scac", "corridor", "{messages}"'
    f' FROM "open_alerts" WHERE {STILL_TOLD} AND "open" = 1 ORDER BY time DESC LIMIT 1000'
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
        "Episodes by the time they opened: what is still open first, however long, then how many there were of each "
        "kind in the time shown.",
        "Episodios por la hora en que se abrieron: primero lo que sigue abierto, desde cuando sea, luego cuántos hubo "
        "de cada clase en el tiempo mostrado.",
    ),
    variables=("audience", "corridor", "direction", "carrier", "sector", "rule", "exercise"),
    annotated=True,
    hours=12,
    panels=(
        Panel(
            kind="table",
            title=Text("What is wrong now?", "¿Qué está mal ahora?"),
            says=Text(
                f"Episodes that opened in the last {OPEN_DAYS} days, whatever the time shown, and are still open: the "
                "thousand newest.",
                f"Episodios que se abrieron en los últimos {OPEN_DAYS} días, sea cual sea el tiempo mostrado, y siguen "
                "abiertos: los mil más recientes.",
            ),
            queries=(Query(_STILL_OPEN, table=True),),
            columns=_COLUMNS,
            units={"updated_ms": MOMENT},
            width=24,
            height=10,
            empty=_QUIET,
        ),
        Panel(
            kind="bars",
            title=Text("How bad is it?", "¿Qué tan grave es?"),
            says=Text(
                f"Alerts of the last {OPEN_DAYS} days that are open, by severity.",
                f"Alertas de los últimos {OPEN_DAYS} días que siguen abiertas, por gravedad.",
            ),
            queries=(
                Query(f'SELECT sum("open") FROM "open_alerts" WHERE {STILL_TOLD} GROUP BY "severity"', "$tag_severity"),
            ),
            width=6,
            empty=_QUIET,
        ),
        Panel(
            kind="bars",
            title=Text("Which rules found it?", "¿Qué reglas lo encontraron?"),
            says=Text("Alerts opened in the time shown, by rule.", "Alertas abiertas en este tiempo, por regla."),
            queries=(Query(f'SELECT sum("opens") {_OPENED} GROUP BY "rule"', "$tag_rule"),),
            width=6,
            empty=_QUIET,
        ),
        Panel(
            kind="timeseries",
            title=Text("When did alerts open?", "¿Cuándo se abrieron alertas?"),
            says=Text("Alerts opened in each interval, by rule.", "Alertas abiertas en cada intervalo, por regla."),
            queries=(Query(f'SELECT sum("opens") {_OPENED} {BY_TIME}, "rule" fill(0)', "$tag_rule"),),
            empty=_QUIET,
        ),
        Panel(
            kind="map",
            title=Text("Where were they?", "¿Dónde fueron?"),
            says=Text(
                "Where the latest thousand opened, and where one came to concern another agency.",
                "Dónde se abrieron las mil más recientes, y dónde una empezó a concernir a otra agencia.",
            ),
            queries=(
                Query(
                    'SELECT "lat_deg" AS "latitude", "lon_deg" AS "longitude", "rule", "severity", "device_id",'
                    f' "shipment_id" FROM "alerts" WHERE {OPENING} ORDER BY time DESC LIMIT 1000',
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
                    f' "audiences", "score" {_TOLD} AND "state" <> \'widened\' ORDER BY time DESC LIMIT 500',
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
