"""The corridor: where the freight is, and whether it moves. The shared picture, the same for every agency."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import Board, Panel, Query
from dashboards.grafana.influxql import BY_TIME, DRIVEN, OPEN_DAYS, OPENING, STILL_TOLD, TRADE
from dashboards.grafana.names import Text

# Asking each truck for its last position costs InfluxDB some 0.1 ms a truck, however short the span: what is bounded is
# how many come to the browser. Those heard most recently come first.
_TRUCKS_MAX: Final = 5_000
_HEARD: Final = "10m"  # twice the longest interval that a phone keeps
LAST_SEEN: Final = (
    'SELECT "latitude", "longitude", "speed_kmh", "shipment_id", "remaining_km", "device_id" FROM (SELECT'
    ' last("lat_deg") AS "latitude", "lon_deg" AS "longitude", "speed_kmh", "shipment_id", "remaining_km"'
    f' FROM "readings" WHERE {TRADE} AND {DRIVEN} GROUP BY "device_id") ORDER BY time DESC LIMIT {_TRUCKS_MAX}'
)
ALARMED: Final = (
    'SELECT "lat_deg" AS "latitude", "lon_deg" AS "longitude", "rule", "severity", "device_id", "shipment_id"'
    f' FROM "alerts" WHERE {OPENING} ORDER BY time DESC LIMIT 1000'
)
_EACH: Final = f'FROM "readings" WHERE {TRADE} AND {DRIVEN}'
_KNOWN: Final = f"{_EACH} AND \"corridor\" <> ''"  # a truck without a shipment has none
_OF_CORRIDOR: Final = "$tag_corridor $tag_direction"

BOARD: Final = Board(
    key="corridor",
    title=Text("Corridor: where is the freight, and is it moving?", "Corredor: ¿dónde está la carga y avanza?"),
    says=Text(
        "Every truck where it was last heard, how many there are and how fast they go. Traffic is the picture that "
        "all agencies share; alerts are those told to this folder's agency.",
        "Cada camión donde se oyó por última vez, cuántos son y a qué velocidad van. El tránsito es la imagen que "
        "comparten todas las agencias; las alertas son las que se dicen a la agencia de esta carpeta.",
    ),
    variables=("audience", "corridor", "direction", "carrier", "sector", "rule", "exercise"),
    annotated=True,
    refresh="30s",  # a reading comes every half minute or so: more often shows the same
    hours=1,
    panels=(
        Panel(
            kind="map",
            title=Text("Where is each truck, and where were alerts?", "¿Dónde está cada camión y dónde hubo alertas?"),
            says=Text(
                "Green circles: trucks heard in the last ten minutes, at most 5,000; choose a corridor where there are "
                "more. Red triangles: where alerts opened in that time.",
                "Círculos verdes: camiones oídos en los últimos diez minutos, 5000 a lo más; si hay más, elija un "
                "corredor. Triángulos rojos: dónde se abrieron alertas en ese tiempo.",
            ),
            recent=_HEARD,
            queries=(Query(LAST_SEEN, table=True), Query(ALARMED, table=True, alerts=True)),
            width=16,
            height=16,
        ),
        Panel(
            kind="stat",
            title=Text("How many trucks are heard?", "¿Cuántos camiones se oyen?"),
            says=Text("With a position in the last ten minutes.", "Con una posición en los últimos diez minutos."),
            recent=_HEARD,
            queries=(Query(f'SELECT count("v") FROM (SELECT last("lat_deg") AS "v" {_EACH} GROUP BY "device_id")'),),
            width=4,
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How many shipments go?", "¿Cuántos embarques van?"),
            says=Text(
                "Whose trucks were heard in the last ten minutes.", "De camiones oídos en los últimos diez minutos."
            ),
            queries=(
                Query(
                    f'SELECT count(distinct("v")) FROM (SELECT last("shipment_id") AS "v" {_EACH} GROUP BY "device_id")'
                ),
            ),
            recent=_HEARD,
            width=4,
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How many alerts are open?", "¿Cuántas alertas abiertas?"),
            says=Text(
                f"Opened in the last {OPEN_DAYS} days, whatever the time shown, and not closed.",
                f"Abiertas en los últimos {OPEN_DAYS} días, sea cual sea el tiempo mostrado, y no cerradas.",
            ),
            queries=(Query(f'SELECT sum("open") FROM "open_alerts" WHERE {STILL_TOLD}'),),
            bounds=(1, 10),
            none="0",
            width=4,
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("How fast do they go?", "¿A qué velocidad van?"),
            says=Text("Mean over all readings of trucks that move.", "Media de las lecturas de camiones que avanzan."),
            queries=(Query(f'SELECT mean("speed_kmh") {_EACH} AND "speed_kmh" > 1'),),
            unit="velocitykmh",
            decimals=0,
            width=4,
            height=5,
        ),
        Panel(
            kind="timeseries",
            title=Text("How fast does each corridor move?", "¿A qué velocidad avanza cada corredor?"),
            says=Text(
                "Mean speed of trucks, those that stand included: it falls when a corridor stops.",
                "Velocidad media de los camiones, también los parados: baja cuando un corredor se detiene.",
            ),
            queries=(
                Query(f'SELECT mean("speed_kmh") {_KNOWN} {BY_TIME}, "corridor", "direction" fill(null)', _OF_CORRIDOR),
            ),
            unit="velocitykmh",
            step="1m",
            width=8,
            height=6,
        ),
        Panel(
            kind="timeseries",
            title=Text("How busy is each corridor?", "¿Qué tan concurrido está cada corredor?"),
            # Not trucks, each once an interval: for 10,000 trucks and an hour that took InfluxDB 100 s.
            says=Text(
                "Positions heard of trucks in each interval: they rise and fall with how many there are.",
                "Posiciones oídas de camiones en cada intervalo: suben y bajan con cuántos hay.",
            ),
            queries=(
                Query(f'SELECT count("lat_deg") {_KNOWN} {BY_TIME}, "corridor", "direction" fill(null)', _OF_CORRIDOR),
            ),
            step="1m",
            width=12,
        ),
        Panel(
            kind="bars",
            title=Text("How far have they still to go?", "¿Cuánto les falta por recorrer?"),
            says=Text(
                "Median of what is left to each truck's destination, by corridor and direction.",
                "Mediana de lo que falta a cada camión hasta su destino, por corredor y sentido.",
            ),
            queries=(
                Query(
                    f'SELECT median("v") FROM (SELECT last("remaining_km") AS "v" {_KNOWN} GROUP BY'
                    ' "device_id", "corridor", "direction") GROUP BY "corridor", "direction"',
                    _OF_CORRIDOR,
                ),
            ),
            unit="lengthkm",
            decimals=0,
            width=12,
            recent=_HEARD,
        ),
    ),
)
