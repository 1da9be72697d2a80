"""The line's own health: whether it keeps up, what it refuses, how late it tells. From ``contracts.metrics``."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.board import Board, Panel, Query
from dashboards.grafana.influxql import BY_TIME, of_metric, rate, total, worst
from dashboards.grafana.names import Text

_STAGE: Final = "$tag_stage"
_HEALTHY: Final = Text("Empty while there is nothing of it.", "Vacío mientras no haya nada de ello.")

BOARD: Final = Board(
    key="line",
    title=Text("The line: does it keep up, and lose nothing?", "La línea: ¿da abasto y no pierde nada?"),
    says=Text(
        "What the line's processes say of themselves every ten seconds. What counts readings or alerts is the real or "
        "the drill, as chosen; lag, checkpoints and memory serve both.",
        "Lo que los procesos de la línea dicen de sí cada diez segundos. Lo que cuenta lecturas o alertas es lo real o "
        "el simulacro, según se elija; retraso, puntos de control y memoria sirven a ambos.",
    ),
    variables=("exercise",),
    annotated=True,
    joint_only=True,
    hours=1,
    panels=(
        Panel(
            kind="stat",
            title=Text("Is every process ready?", "¿Está listo cada proceso?"),
            says=Text("Whether every check of its /readyz holds.", "Si se cumple cada prueba de su /readyz."),
            queries=(
                Query(
                    f'SELECT min("last") FROM (SELECT last("value") AS "last" {of_metric("puente_ready")}'
                    ' GROUP BY "process", "check") GROUP BY "process"',
                    "$tag_process",
                ),
            ),
            meanings={
                "0": (Text("NOT READY", "NO LISTO"), "red"),
                "1": (Text("ready", "listo"), "green"),
            },
            height=5,
            recent="1m",
            empty=Text("Empty where no process speaks.", "Vacío si ningún proceso habla."),
        ),
        Panel(
            kind="stat",
            title=Text("How many records wait?", "¿Cuántos registros esperan?"),
            says=Text("Records in each stage's topic, not yet under a checkpoint.", "Aún sin punto de control."),
            queries=(
                Query(
                    f'SELECT sum("last") FROM (SELECT last("value") AS "last" {of_metric("puente_lag_records")}'
                    ' GROUP BY "process", "stage", "topic", "partition") GROUP BY "stage"',
                    _STAGE,
                ),
            ),
            bounds=(1_000, 10_000),
            height=5,
        ),
        Panel(
            kind="stat",
            title=Text("Which version of each model judges?", "¿Qué versión de cada modelo juzga?"),
            says=Text(
                "The release's own, one that a comparison found ready, or one for which somebody waived that: who.",
                "La propia del programa, una que una comparación halló lista, o una autorizada sin ella: por quién.",
            ),
            queries=(
                Query(
                    f'SELECT min("last") FROM (SELECT last("value") AS "last" {of_metric("puente_model")}'
                    ' GROUP BY "process", "rule", "version", "how", "by") GROUP BY "rule", "version", "by"',
                    "$tag_rule@$tag_version $tag_by",
                ),
            ),
            meanings={
                "0": (Text("WAIVED", "SIN COMPARAR"), "red"),
                "1": (Text("own or compared", "propia o comparada"), "green"),
            },
            height=5,
            recent="1m",
            empty=Text("Empty where no worker speaks.", "Vacío si ningún worker habla."),
        ),
        Panel(
            kind="timeseries",
            title=Text("Does each role still speak?", "¿Sigue hablando cada papel?"),
            says=Text(
                "Samples by role: 0 where all its processes are dead or cut off.",
                "Muestras por papel: 0 si todos sus procesos cayeron o están aislados.",
            ),
            queries=(
                Query(
                    f'SELECT count("value") {of_metric("puente_start_time_seconds")} {BY_TIME}, "role" fill(0)',
                    "$tag_role",
                ),
            ),
            step="30s",
            empty=Text("Empty where no process spoke.", "Vacío si ningún proceso habló."),
        ),
        Panel(
            kind="timeseries",
            title=Text("How long do alerts wait for a subscriber?", "¿Cuánto esperan las alertas a un suscriptor?"),
            says=Text("The next delivery of each webhook.", "La próxima entrega de cada webhook."),
            queries=(Query(worst("puente_webhook_oldest_seconds", "subscriber"), "$tag_subscriber"),),
            unit="s",
            empty=Text(
                "Empty where there is no subscriber or the deliverer is silent.",
                "Vacío si no hay suscriptor o el repartidor calla.",
            ),
        ),
        Panel(
            kind="timeseries",
            title=Text("How many readings come in?", "¿Cuántas lecturas entran?"),
            says=Text("Admitted by the gateway, a second.", "Admitidas por la entrada, por segundo."),
            queries=(Query(rate("puente_accepted_total", "process"), "$tag_process"),),
            unit="suffix:/s",
        ),
        Panel(
            kind="timeseries",
            title=Text("How many does each stage let through?", "¿Cuántas deja pasar cada etapa?"),
            says=Text("Each once, a second.", "Cada una una vez, por segundo."),
            queries=(Query(rate("puente_readings_total", "stage"), _STAGE),),
            unit="suffix:/s",
        ),
        Panel(
            kind="timeseries",
            title=Text("Does it keep up?", "¿Da abasto?"),
            says=Text("Records that wait, by stage: falls back to a few.", "Registros que esperan, por etapa."),
            queries=(Query(total("puente_lag_records", "stage"), _STAGE),),
        ),
        Panel(
            kind="timeseries",
            title=Text("How late is an alert?", "¿Qué tan tarde llega una alerta?"),
            says=Text(
                "From the reading's own time until Kafka holds the alert, and until the history holds the reading; "
                "the device's own delay is in it.",
                "Desde la hora de la lectura hasta que Kafka tiene la alerta y el historial la lectura; incluye la "
                "demora del aparato.",
            ),
            queries=(Query(worst("puente_latency_recent_seconds", "to", "quantile"), "$tag_to $tag_quantile"),),
            unit="s",
        ),
        Panel(
            kind="timeseries",
            title=Text("What is refused, and why?", "¿Qué se rechaza y por qué?"),
            says=Text("Dead-lettered a second, by reason.", "Rechazado por segundo, por motivo."),
            queries=(Query(rate("puente_refused_total", "reason"), "$tag_reason"),),
            unit="suffix:/s",
            empty=_HEALTHY,
        ),
        Panel(
            kind="timeseries",
            title=Text("How old are the checkpoints?", "¿Qué edad tienen los puntos de control?"),
            says=Text("The oldest of each stage's partitions.", "El más viejo de las particiones de cada etapa."),
            queries=(Query(worst("puente_checkpoint_age_seconds", "stage"), _STAGE),),
            unit="s",
        ),
        Panel(
            kind="timeseries",
            title=Text("How long does a checkpoint take?", "¿Cuánto tarda un punto de control?"),
            says=Text("The longest of each stage's partitions.", "El más largo de las particiones de cada etapa."),
            queries=(Query(worst("puente_checkpoint_seconds", "stage"), _STAGE),),
            unit="s",
        ),
        Panel(
            kind="timeseries",
            title=Text("What comes twice, late or with gaps?", "¿Qué llega repetido, tarde o con huecos?"),
            says=Text("A second: repeats, late readings, readings after a gap.", "Por segundo."),
            queries=(
                Query(rate("puente_repeats_total", "stage"), Text("repeats $tag_stage", "repetidas $tag_stage")),
                Query(rate("puente_late_total", "stage"), Text("late $tag_stage", "tarde $tag_stage")),
                Query(rate("puente_gaps_total", "stage"), Text("gaps $tag_stage", "huecos $tag_stage")),
            ),
            unit="suffix:/s",
        ),
        Panel(
            kind="timeseries",
            title=Text("Did a stage have to start again?", "¿Tuvo que empezar de nuevo una etapa?"),
            says=Text(
                "Failures after which a partition was read again from its checkpoint, a second.",
                "Fallas tras las que una partición se leyó de nuevo desde su punto de control, por segundo.",
            ),
            queries=(Query(rate("puente_failures_total", "stage"), _STAGE),),
            unit="suffix:/s",
        ),
        Panel(
            kind="timeseries",
            title=Text("Do corridors still travel as learnt?", "¿Se viaja aún como se aprendió?"),
            says=Text(
                "How far each corridor's last 60 journey windows lie from what its model expected, in standard "
                "deviations, by the feature furthest off. Below 1 is usual; where it stays above 2, traffic has "
                "changed, or the model is not for it: try another with puente detectors shadow.",
                "Cuánto se apartan las últimas 60 ventanas de viaje de cada corredor de lo que su modelo esperaba, en "
                "desviaciones típicas, por la característica más apartada. Menos de 1 es usual; si sigue sobre 2, el "
                "tránsito cambió o el modelo no le sirve: pruebe otro con puente detectors shadow.",
            ),
            queries=(Query(worst("puente_corridor_drift", "corridor", "direction"), "$tag_corridor $tag_direction"),),
            bounds=(1, 2),
            empty=Text(
                "Empty until a corridor has taught its model 60 windows.",
                "Vacío hasta que un corredor haya enseñado 60 ventanas a su modelo.",
            ),
        ),
        Panel(
            kind="timeseries",
            title=Text("How much memory do they take?", "¿Cuánta memoria ocupan?"),
            says=Text("Resident memory of each process.", "Memoria residente de cada proceso."),
            queries=(Query(worst("puente_memory_bytes", "process"), "$tag_process"),),
            unit="bytes",
        ),
        Panel(
            kind="timeseries",
            title=Text("How busy are they?", "¿Qué tan ocupados están?"),
            says=Text("Processor seconds a second, by process.", "Segundos de procesador por segundo, por proceso."),
            queries=(
                Query(
                    f'SELECT non_negative_derivative(max("value"), 1s) {of_metric("puente_cpu_seconds_total")}'
                    f' {BY_TIME}, "process" fill(null)',
                    "$tag_process",
                ),
            ),
            unit="percentunit",
        ),
    ),
)
