"""One shipment: where it is, what it measures, what happened to it."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import MOMENT, NEWEST_UPDATE_FIRST, Board, Panel, Query
from dashboards.grafana.influxql import BY_TIME, DRIVEN, OF_SHIPMENT, OPEN_DAYS, READ_OF_SHIPMENT, STILL_OF_SHIPMENT
from dashboards.grafana.names import Text

_READ: Final = f'FROM "readings" WHERE {READ_OF_SHIPMENT}'

BOARD: Final = Board(
    key="shipment",
    title=Text("Shipment: where is it, and what happened to it?", "Embarque: ¿dónde está y qué le pasó?"),
    says=Text(
        "Choose or type a shipment above. Its track, what its devices measure, its alerts and every fact told of it. "
        "Its devices are those of which a fact was told in the last 30 days.",
        "Elija o escriba un embarque arriba. Su recorrido, lo que miden sus aparatos, sus alertas y cada hecho suyo. "
        "Sus aparatos son aquellos de los que se dijo algún hecho en los últimos 30 días.",
    ),
    variables=("audience", "exercise", "shipment", "devices"),
    annotated=True,
    hours=12,
    panels=(
        Panel(
            kind="map",
            title=Text("Which way did it take?", "¿Qué camino tomó?"),
            says=Text("Each position of its truck.", "Cada posición de su camión."),
            queries=(
                Query(
                    'SELECT "lat_deg" AS "latitude", "lon_deg" AS "longitude", "speed_kmh", "device_id"'
                    f" {_READ} AND {DRIVEN}",
                    table=True,
                ),
            ),
            height=14,
        ),
        Panel(
            kind="stat",
            title=Text("How far to go?", "¿Cuánto falta?"),
            says=Text("Along its route, from its last position.", "Por su ruta, desde su última posición."),
            queries=(Query(f'SELECT last("remaining_km") {_READ}'),),
            unit="lengthkm",
            decimals=0,
            width=4,
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How far off its route?", "¿Cuánto fuera de su ruta?"),
            says=Text("Its last position's distance to the route's line.", "De su última posición a la ruta."),
            queries=(Query(f'SELECT last("off_route_m") {_READ} AND {DRIVEN}'),),
            unit="lengthm",
            decimals=0,
            bounds=(1000, 3000),
            width=4,
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How many alerts are open?", "¿Cuántas alertas abiertas?"),
            says=Text(
                f"Of this shipment's last {OPEN_DAYS} days, told to this folder's agency.",
                f"De los últimos {OPEN_DAYS} días de este embarque, dichas a esta agencia.",
            ),
            queries=(
                Query(
                    f'SELECT sum("open") FROM "open_alerts" WHERE {STILL_OF_SHIPMENT}'
                    ' AND "audiences" =~ /(^|,)${audience:regex}(,|$)/'
                ),
            ),
            bounds=(1, 3),
            none="0",
            width=4,
            height=5,
            empty=Text("Empty where it has had no alert.", "Vacío si no ha tenido alertas."),
        ),
        Panel(
            kind="table",
            title=Text("Are its seals closed?", "¿Están cerrados sus sellos?"),
            says=Text("The last word of each seal and door.", "Lo último que dijo cada sello y puerta."),
            queries=(
                Query(
                    'SELECT last("seal_state") AS "seal_state", "seal_number", "seal_openings"'
                    f' {_READ} GROUP BY "device_id"',
                    table=True,
                ),
            ),
            columns={
                "Time": Text("Time", "Hora"),
                "device_id": Text("Device", "Aparato"),
                "seal_number": Text("Seal", "Sello"),
                "seal_state": Text("State", "Estado"),
                "seal_openings": Text("Openings", "Aperturas"),
            },
            width=12,
            height=9,
            empty=Text("Empty where it has no electronic seal.", "Vacío si no lleva sello electrónico."),
        ),
        Panel(
            kind="timeseries",
            title=Text("Is it warm or cold enough?", "¿Va a la temperatura debida?"),
            says=Text("Temperature, by device.", "Temperatura, por aparato."),
            queries=(
                Query(f'SELECT mean("temperature_c") {_READ} {BY_TIME}, "device_id" fill(null)', "$tag_device_id"),
            ),
            unit="celsius",
            empty=Text("Empty where nothing in it measures temperature.", "Vacío si nada en él mide la temperatura."),
        ),
        Panel(
            kind="timeseries",
            title=Text("When did it move, and when did it stand?", "¿Cuándo avanzó y cuándo estuvo parado?"),
            says=Text("Its truck's speed.", "La velocidad de su camión."),
            queries=(
                Query(
                    f'SELECT mean("speed_kmh") {_READ} AND {DRIVEN} {BY_TIME}, "device_id" fill(null)',
                    "$tag_device_id",
                ),
            ),
            unit="velocitykmh",
        ),
        Panel(
            kind="table",
            title=Text("What was found wrong?", "¿Qué se encontró mal?"),
            says=Text("Each alert of this shipment, every update.", "Cada alerta de este embarque, con sus cambios."),
            queries=(
                Query(
                    'SELECT "updated_ms", "severity", "rule", "state", "device_id", "{messages}"'
                    f' FROM "alerts" WHERE {OF_SHIPMENT} AND "audiences" =~ /(^|,)${{audience:regex}}(,|$)/'
                    " ORDER BY time DESC LIMIT 200",
                    table=True,
                ),
            ),
            steps=NEWEST_UPDATE_FIRST,
            units={"updated_ms": MOMENT},
            columns={
                "updated_ms": Text("When", "Cuándo"),
                "Time": Text("Opened", "Abierta"),
                "severity": Text("Severity", "Gravedad"),
                "rule": Text("Rule", "Regla"),
                "state": Text("State", "Estado"),
                "device_id": Text("Device", "Aparato"),
                "{messages}": Text("What was found", "Qué se encontró"),
            },
            width=24,
            empty=Text("Empty where it has had no alert.", "Vacío si no ha tenido alertas."),
        ),
        Panel(
            kind="table",
            title=Text("What happened on the way?", "¿Qué pasó en el camino?"),
            says=Text("Places, doors, seals and restarts, newest first.", "Lugares, puertas, sellos y reinicios."),
            queries=(
                Query(
                    'SELECT "type", "what", "device_id", "lat_deg", "lon_deg"'
                    f' FROM "events" WHERE {OF_SHIPMENT} ORDER BY time DESC LIMIT 500',
                    table=True,
                ),
            ),
            columns={
                "Time": Text("Time", "Hora"),
                "type": Text("What", "Qué"),
                "what": Text("Which", "Cuál"),
                "device_id": Text("Device", "Aparato"),
            },
            width=24,
        ),
    ),
)
