"""The border: queues and crossing times, by bridge, lane and direction, from the crossings that trucks made."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import Board, Panel, Query
from dashboards.grafana.influxql import AT_BRIDGES, BY_TIME
from dashboards.grafana.names import Text

_CROSSED: Final = f'FROM "crossings" WHERE {AT_BRIDGES}'
_BY_LANE: Final = '"bridge", "lane", "direction"'
_LANE: Final = "$tag_bridge $tag_lane $tag_direction"
_SELDOM: Final = Text(
    "Empty while no truck has crossed in the time shown.", "Vacío mientras ningún camión ha cruzado en este tiempo."
)

BOARD: Final = Board(
    key="border",
    title=Text(
        "Border: how long is the queue, and how long does crossing take?",
        "Frontera: ¿cuánta cola hay y cuánto tarda el cruce?",
    ),
    says=Text(
        "By bridge, lane and direction. The wait counts from the queue's entry to the bridge's exit, so bridges whose "
        "queues are drawn differently are not to be compared.",
        "Por puente, carril y sentido. La espera cuenta desde la entrada a la cola hasta la salida del puente; por eso "
        "no se comparan puentes cuyas colas están trazadas de otro modo.",
    ),
    variables=("audience", "bridge", "corridor", "direction", "carrier", "sector", "rule", "exercise"),
    annotated=True,
    refresh="30s",
    hours=12,
    panels=(
        Panel(
            kind="bars",
            title=Text("How long is the wait now?", "¿Cuánto se espera ahora?"),
            says=Text(
                "Median wait of the last hour's crossings, from the queue's entry to the bridge's exit.",
                "Espera mediana de los cruces de la última hora, de la entrada a la cola a la salida del puente.",
            ),
            queries=(Query(f'SELECT median("wait_s") {_CROSSED} GROUP BY {_BY_LANE}', _LANE),),
            unit="s",
            bounds=(1800, 3600),
            recent="1h",
            empty=_SELDOM,
        ),
        Panel(
            kind="bars",
            title=Text("How many trucks stand in each queue?", "¿Cuántos camiones hay en cada cola?"),
            says=Text(
                "Entered in the last 12 hours and not left.", "Entraron en las últimas 12 horas y no han salido."
            ),
            queries=(
                Query(
                    f'SELECT sum("enters") FROM "events" WHERE {AT_BRIDGES} AND "bridge" <> \'\''
                    ' GROUP BY "bridge", "direction"',
                    "$tag_bridge $tag_direction",
                ),
            ),
            bounds=(20, 60),
            recent="12h",
            empty=Text(
                "Empty while no truck has come to a queue in 12 hours.",
                "Vacío mientras ningún camión ha llegado a una cola en 12 horas.",
            ),
        ),
        Panel(
            kind="timeseries",
            title=Text("How did the wait change?", "¿Cómo cambió la espera?"),
            says=Text("Median wait, by bridge, lane, direction.", "Espera mediana, por puente, carril y sentido."),
            queries=(Query(f'SELECT median("wait_s") {_CROSSED} {BY_TIME}, {_BY_LANE} fill(null)', _LANE),),
            unit="s",
            step="15m",
            empty=_SELDOM,
        ),
        Panel(
            kind="timeseries",
            title=Text("How long do the unlucky wait?", "¿Cuánto espera quien tiene mala suerte?"),
            says=Text("One truck in ten waits longer than this.", "Un camión de cada diez espera más que esto."),
            queries=(Query(f'SELECT percentile("wait_s", 90) {_CROSSED} {BY_TIME}, {_BY_LANE} fill(null)', _LANE),),
            unit="s",
            step="15m",
            empty=_SELDOM,
        ),
        Panel(
            kind="timeseries",
            title=Text("How long are they on the bridge?", "¿Cuánto tiempo están en el puente?"),
            says=Text(
                "Median time on the span alone, without the queue.",
                "Tiempo mediano solo sobre el puente, sin la cola.",
            ),
            queries=(Query(f'SELECT median("crossing_s") {_CROSSED} {BY_TIME}, {_BY_LANE} fill(null)', _LANE),),
            unit="s",
            step="15m",
            empty=_SELDOM,
        ),
        Panel(
            kind="timeseries",
            title=Text("How many trucks cross?", "¿Cuántos camiones cruzan?"),
            says=Text("Crossings in each interval.", "Cruces en cada intervalo."),
            queries=(Query(f'SELECT count("wait_s") {_CROSSED} {BY_TIME}, {_BY_LANE} fill(null)', _LANE),),
            step="15m",
            empty=_SELDOM,
        ),
        Panel(
            kind="table",
            title=Text("Who crossed last?", "¿Quién cruzó por último?"),
            says=Text("The hundred latest crossings.", "Los cien cruces más recientes."),
            queries=(
                Query(
                    'SELECT "shipment_id", "bridge", "lane", "direction", "carrier_scac", "wait_s", "crossing_s"'
                    f" {_CROSSED} ORDER BY time DESC LIMIT 100",
                    table=True,
                ),
            ),
            columns={
                "Time": Text("Time", "Hora"),
                "shipment_id": Text("Shipment", "Embarque"),
                "bridge": Text("Bridge", "Puente"),
                "lane": Text("Lane", "Carril"),
                "direction": Text("Direction", "Sentido"),
                "carrier_scac": Text("Carrier", "Transportista"),
                "wait_s": Text("Wait", "Espera"),
                "crossing_s": Text("On the bridge", "En el puente"),
            },
            units={"wait_s": "s", "crossing_s": "s"},
            width=24,
            height=9,
            empty=_SELDOM,
        ),
    ),
)
