"""The fleet's health: which devices need somebody's hands before they fall silent."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import Board, Panel, Query
from dashboards.grafana.influxql import BY_TIME, TRADE
from dashboards.grafana.names import Text

_READ: Final = f'FROM "readings" WHERE {TRADE}'
_MOST: Final = 200  # rows that anybody reads; a table of every device would stop the browser
_DEVICE: Final = {
    "Time": Text("Last heard", "Última vez"),
    "device_id": Text("Device", "Aparato"),
    "device_kind": Text("Kind", "Clase"),
    "carrier_scac": Text("Carrier", "Transportista"),
}

BOARD: Final = Board(
    key="fleet",
    title=Text("Fleet: which devices need attention?", "Flota: ¿qué aparatos necesitan atención?"),
    says=Text(
        "Batteries, silence, restarts, gaps and lost positions, by carrier and kind of device.",
        "Baterías, silencios, reinicios, huecos y posiciones perdidas, por transportista y clase de aparato.",
    ),
    variables=("corridor", "direction", "carrier", "sector", "exercise"),
    annotated=True,
    joint_only=True,
    refresh="30s",
    panels=(
        Panel(
            kind="stat",
            title=Text("How many devices are heard?", "¿Cuántos aparatos se oyen?"),
            says=Text("With a reading in the time shown, by kind.", "Con una lectura en este tiempo, por clase."),
            queries=(
                Query(
                    f'SELECT count("v") FROM (SELECT last("seq") AS "v" {_READ} GROUP BY "device_id", "device_kind")'
                    ' GROUP BY "device_kind"',
                    "$tag_device_kind",
                ),
            ),
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How many readings did not come?", "¿Cuántas lecturas no llegaron?"),
            says=Text(
                "Readings before which a number was missing: what came late since is not taken off.",
                "Lecturas antes de las cuales faltaba un número: lo que llegó tarde después no se descuenta.",
            ),
            queries=(Query(f'SELECT count("seq") {_READ} AND "marks" =~ /"gap"/'),),
            bounds=(1, 100),
            none="0",
            width=6,
            height=5,
            empty=Text("Empty where nothing is missing.", "Vacío si no falta nada."),
        ),
        Panel(
            kind="stat",
            title=Text("How many have no position?", "¿Cuántas no tienen posición?"),
            says=Text("Readings of receivers without a fix.", "Lecturas de receptores sin posición."),
            queries=(Query(f'SELECT count("seq") {_READ} AND "marks" =~ /"no_fix"/'),),
            bounds=(1, 1000),
            none="0",
            width=6,
            height=5,
            empty=Text("Empty where all have one.", "Vacío si todas la tienen."),
        ),
        Panel(
            kind="table",
            title=Text("Whose battery is low?", "¿Quién tiene poca batería?"),
            says=Text("The 200 lowest by their last word, lowest first.", "Las 200 menores, menor primero."),
            queries=(
                Query(
                    f'SELECT bottom("battery_pct", {_MOST}) AS "battery_pct", "device_id", "device_kind",'
                    ' "carrier_scac"'
                    f' FROM (SELECT last("battery_pct") AS "battery_pct" {_READ}'
                    ' GROUP BY "device_id", "device_kind", "carrier_scac")',
                    table=True,
                ),
            ),
            columns={**_DEVICE, "battery_pct": Text("Battery", "Batería")},
            units={"battery_pct": "percent"},
            steps=(("sortBy", {"sort": [{"field": "battery_pct", "desc": False}]}),),
            height=10,
        ),
        Panel(
            kind="table",
            title=Text("Who has been silent longest?", "¿Quién lleva más tiempo callado?"),
            says=Text("The 200 whose last reading is oldest.", "Los 200 cuya última lectura es más antigua."),
            queries=(
                Query(
                    'SELECT "seq", "device_id", "device_kind", "carrier_scac" FROM (SELECT last("seq") AS "seq"'
                    f' {_READ} GROUP BY "device_id", "device_kind", "carrier_scac") ORDER BY time ASC LIMIT {_MOST}',
                    table=True,
                ),
            ),
            columns=_DEVICE,
            steps=(("sortBy", {"sort": [{"field": "Time", "desc": False}]}),),
            height=10,
        ),
        Panel(
            kind="timeseries",
            title=Text("How do batteries fare?", "¿Cómo van las baterías?"),
            says=Text("The lowest of each kind of device.", "La menor de cada clase de aparato."),
            queries=(
                Query(f'SELECT min("battery_pct") {_READ} {BY_TIME}, "device_kind" fill(null)', "$tag_device_kind"),
            ),
            unit="percent",
        ),
        Panel(
            kind="timeseries",
            title=Text("How much do they say?", "¿Cuánto dicen?"),
            says=Text("Readings in each interval, by kind of device.", "Lecturas en cada intervalo, por clase."),
            queries=(Query(f'SELECT count("seq") {_READ} {BY_TIME}, "device_kind" fill(0)', "$tag_device_kind"),),
        ),
        Panel(
            kind="table",
            title=Text("Who starts again and again?", "¿Quién se reinicia una y otra vez?"),
            says=Text("The 200 that started most, more than once.", "Los 200 que más arrancaron, más de una vez."),
            queries=(
                Query(
                    f'SELECT top("starts", {_MOST}) AS "starts", "device_id", "carrier_scac" FROM (SELECT count("what")'
                    f' AS "starts" FROM "events" WHERE {TRADE} AND "type" = \'DEVICE_STARTED\''
                    ' GROUP BY "device_id", "carrier_scac") WHERE "starts" > 1',
                    table=True,
                ),
            ),
            columns={
                "device_id": Text("Device", "Aparato"),
                "carrier_scac": Text("Carrier", "Transportista"),
                "starts": Text("Starts", "Arranques"),
            },
            steps=(("sortBy", {"sort": [{"field": "starts", "desc": True}]}),),
            empty=Text("Empty where none started twice.", "Vacío si ninguno arrancó dos veces."),
        ),
        Panel(
            kind="timeseries",
            title=Text("Where do positions get lost?", "¿Dónde se pierden posiciones?"),
            says=Text("Readings without a fix, by carrier.", "Lecturas sin posición, por transportista."),
            queries=(
                Query(
                    f'SELECT count("seq") {_READ} AND "marks" =~ /"no_fix"/ {BY_TIME}, "carrier_scac" fill(0)',
                    "$tag_carrier_scac",
                ),
            ),
            empty=Text("Empty where all have one.", "Vacío si todas la tienen."),
        ),
    ),
)
