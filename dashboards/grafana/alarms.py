"""Grafana's alert rules for the line's own health. What is found on the road the line tells itself, not by these."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting

from contracts.metric_types import DELIVER, GATEWAY, SINK, WORKER
from dashboards.grafana.influxql import least, rate, total, worst
from dashboards.grafana.names import JOINT, OURS, SOURCE_TYPE, SOURCE_UID, Text, uid
from dashboards.grafana.render import InfluxModel, digest

HASH: Final = "puente_hash"
GROUP: Final = "Puente line"
INTERVAL_S: Final = 60
_EXPRESSION: Final = "__expr__"
_WINDOW_S: Final = 600
_LIVE_S: Final = 90  # for what is so now: a process tells of itself every ten seconds
_REAL: Final = "false"
Sign: TypeAlias = Literal["gt", "lt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One rule: it fires when the query's last value is beyond ``bound`` for ``minutes``, or, if so said, is absent.

    What stopped is absent only when ``window_s`` has passed over its last value.
    """

    key: str
    title: Text
    says: Text
    influxql: str
    sign: Sign
    bound: float
    minutes: int
    window_s: int = _WINDOW_S
    absence: Literal["OK", "Alerting", "NoData"] = "OK"
    severity: Literal["warning", "critical"] = "warning"


def _silent(role: str, key: str, title: Text, then: Text) -> Alarm:
    """No process of this role speaks: some three minutes, of which the window, the wait and the next look are made."""
    return Alarm(
        key=key,
        title=title,
        says=Text(
            f"No {role} process has told of itself for about three minutes. {then.en}",
            f"Ningún proceso {role} ha dado señales en unos tres minutos. {then.es}",
        ),
        influxql=worst("puente_start_time_seconds", where=f"\"role\" = '{role}'"),
        sign="lt",
        bound=1,
        minutes=1,
        window_s=_LIVE_S,
        absence="Alerting",
        severity="critical",
    )


ALARMS: Final = (
    _silent(
        SINK,
        "silent",  # what the sink does not write nobody is seen to say
        Text("The line says nothing: its sink is silent", "La línea no dice nada: su sumidero calla"),
        Text(
            "Start it, or see whether the history answers. Without it all others seem silent too.",
            "Arránquelo o vea si el historial responde. Sin él, los demás parecen callar también.",
        ),
    ),
    _silent(
        GATEWAY,
        "silent-gateway",
        Text("The gateway is silent", "La entrada calla"),
        Text("Start it: no reading comes in meanwhile.", "Arránquelo: entre tanto no entra ninguna lectura."),
    ),
    _silent(
        WORKER,
        "silent-worker",
        Text("The workers are silent", "Los procesos de detección callan"),
        Text("Start one: nothing is found meanwhile.", "Arranque uno: entre tanto no se detecta nada."),
    ),
    _silent(
        DELIVER,
        "silent-deliver",
        Text("The deliverer is silent", "El repartidor calla"),
        Text(
            "Start it: alerts reach no webhook and no phone meanwhile. They wait and are not lost.",
            "Arránquelo: entre tanto las alertas no llegan a ningún webhook ni teléfono. Esperan y no se pierden.",
        ),
    ),
    Alarm(
        key="not-ready",
        title=Text("A process is not ready", "Un proceso no está listo"),
        says=Text("Its /readyz says which check does not hold.", "Su /readyz dice qué comprobación no se cumple."),
        influxql=least("puente_ready", "process", "check"),
        sign="lt",
        bound=1,
        minutes=2,
        window_s=_LIVE_S,
        severity="critical",
    ),
    Alarm(
        key="watermark",
        title=Text("The line's clock stands still", "El reloj de la línea está parado"),
        says=Text(
            "A stage's time is more than two minutes behind: see whether the gateway ticks and the worker keeps up.",
            "El tiempo de una etapa va más de dos minutos atrás: vea si la entrada marca y el proceso da abasto.",
        ),
        influxql=worst("puente_watermark_delay_seconds", "stage"),
        sign="gt",
        bound=120,
        minutes=3,
        window_s=_LIVE_S,
        severity="critical",
    ),
    Alarm(
        key="notices",
        title=Text("Alerts do not reach MQTT", "Las alertas no llegan a MQTT"),
        says=Text(
            "The deliverer cannot post an audience's alerts: see the broker and that account's password.",
            "El repartidor no puede publicar las alertas de un público: vea el broker y la clave de esa cuenta.",
        ),
        influxql=least("puente_notices_connected", "process", "audience"),
        sign="lt",
        bound=1,
        minutes=2,
        window_s=_LIVE_S,
        severity="critical",
    ),
    Alarm(
        key="webhook",
        title=Text("A subscriber does not take its alerts", "Un suscriptor no recibe sus alertas"),
        says=Text(
            "Its next alert has waited more than five minutes: call whoever keeps its server. Nothing is lost yet.",
            "Su próxima alerta lleva más de cinco minutos en espera: llame a quien cuida su servidor. Nada se pierde.",
        ),
        influxql=worst("puente_webhook_oldest_seconds", "subscriber"),
        sign="gt",
        bound=300,
        minutes=1,
        window_s=_LIVE_S,
    ),
    Alarm(
        key="lag",
        title=Text("The line falls behind", "La línea se atrasa"),
        says=Text(
            "More than ten thousand records wait before a stage: start another worker, or see why one is slow.",
            "Más de diez mil registros esperan ante una etapa: arranque otro proceso o vea por qué uno es lento.",
        ),
        influxql=total("puente_lag_records", "stage"),
        sign="gt",
        bound=10_000,
        minutes=5,
    ),
    Alarm(
        key="late",
        title=Text("Alerts come late", "Las alertas llegan tarde"),
        says=Text(
            "One in a hundred takes longer than ten seconds from its reading.",
            "Una de cada cien tarda más de diez segundos desde su lectura.",
        ),
        influxql=worst("puente_latency_recent_seconds", "quantile", where="\"to\" = 'alert'"),
        sign="gt",
        bound=10,
        minutes=5,
    ),
    Alarm(
        key="checkpoint",
        title=Text("A checkpoint is old", "Un punto de control es viejo"),
        says=Text(
            "A stage has written none for a minute: after a crash it would read so much again.",
            "Una etapa no ha escrito ninguno en un minuto: tras una caída leería otra vez todo eso.",
        ),
        influxql=worst("puente_checkpoint_age_seconds", "stage"),
        sign="gt",
        bound=60,
        minutes=2,
    ),
    Alarm(
        key="refused",
        title=Text("Much is refused", "Se rechaza mucho"),
        says=Text(
            "More than one refusal a second for five minutes; `puente deadletters list` says what and why.",
            "Más de un rechazo por segundo durante cinco minutos; `puente deadletters list` dice qué y por qué.",
        ),
        influxql=rate("puente_refused_total", "stage"),
        sign="gt",
        bound=1,
        minutes=5,
    ),
    Alarm(
        key="failures",
        title=Text("A stage keeps failing", "Una etapa falla una y otra vez"),
        says=Text(
            "A partition is read again and again from its checkpoint; its log says why.",
            "Una partición se lee una y otra vez desde su punto de control; su registro dice por qué.",
        ),
        influxql=rate("puente_failures_total", "stage"),
        sign="gt",
        bound=0,
        minutes=5,
        severity="critical",
    ),
    Alarm(
        key="history",
        title=Text("The history does not answer", "El historial no responde"),
        says=Text(
            "The sink tries again and loses nothing, but these panels stand still.",
            "El sumidero insiste y no pierde nada, pero estos paneles están quietos.",
        ),
        influxql=rate("puente_history_retries_total", "process"),
        sign="gt",
        bound=0,
        minutes=5,
    ),
)


def rule(alarm: Alarm, org_id: int = 1) -> dict[str, Any]:
    """The rule as Grafana's provisioning API takes it, with the hash of all the rest among its annotations."""
    made = alerting.Rule(
        uid=uid("line", alarm.key),
        title=alarm.title.both(),
        condition="C",
        data=[_asked(alarm), _last(alarm), _beyond(alarm)],
        exec_err_state="Error",
        no_data_state=alarm.absence,
        for_val=f"{alarm.minutes}m",
        folder_uid=uid(JOINT),
        rule_group=GROUP,
        org_id=org_id,
        labels={"source": OURS, "severity": alarm.severity},
        annotations={"summary": alarm.says.en, "resumen": alarm.says.es},
        is_paused=False,
    )
    plain: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    return stamped(plain)


def stamped(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule with its content's hash among its annotations."""
    plain = unstamped(rule)
    return {**rule, "annotations": {**plain["annotations"], HASH: digest(plain)}}


def unstamped(rule: dict[str, Any]) -> dict[str, Any]:
    """What is ours to say of a rule: without the stamp, and without what Grafana adds by itself."""
    ours = ("uid", "title", "condition", "noDataState", "execErrState", "for", "folderUID", "ruleGroup", "labels")
    plain = {name: rule.get(name) for name in ours}
    plain["for"] = _seconds(str(rule.get("for", "")))
    plain["isPaused"] = bool(rule.get("isPaused"))
    plain["annotations"] = {name: text for name, text in (rule.get("annotations") or {}).items() if name != HASH}
    plain["data"] = [{name: query.get(name) for name in ("refId", "datasourceUid", "model")} for query in rule["data"]]
    return plain


def stamp_of(rule: dict[str, Any]) -> str | None:
    """The hash that stands in it, None where it bears none."""
    found = (rule.get("annotations") or {}).get(HASH)
    return None if found is None else str(found)


def _seconds(duration: str) -> int:
    """A duration's seconds: Grafana writes ``2m0s`` where ``2m`` was sent."""
    total_s, number = 0, ""
    for c in duration:
        if c.isdigit():
            number += c
        elif c in "hms" and number:
            total_s += int(number) * {"h": 3600, "m": 60, "s": 1}[c]
            number = ""
    return total_s


def _asked(alarm: Alarm) -> alerting.Query:
    influxql = alarm.influxql.replace("${exercise:raw}", _REAL)
    asked = {
        "refId": "A",
        "datasource": {"type": SOURCE_TYPE, "uid": SOURCE_UID},
        "rawQuery": True,
        "query": influxql,
        "resultFormat": "time_series",
        "intervalMs": 60_000,
        "maxDataPoints": 100,
    }
    return _query("A", SOURCE_UID, asked, alarm.window_s)


def _last(alarm: Alarm) -> alerting.Query:
    """The last value of each series; a series that has none is dropped."""
    asked: dict[str, object] = {
        "refId": "B",
        "type": "reduce",
        "expression": "A",
        "reducer": "last",
        "settings": {"mode": "dropNN"},
    }
    return _query("B", _EXPRESSION, asked | {"datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}}, alarm.window_s)


def _beyond(alarm: Alarm) -> alerting.Query:
    condition = {"evaluator": {"type": alarm.sign, "params": [alarm.bound]}}
    asked: dict[str, object] = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [condition]}
    return _query("C", _EXPRESSION, asked | {"datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}}, alarm.window_s)


def _query(ref_id: str, source_uid: str, asked: dict[str, object], window_s: int) -> alerting.Query:
    window = alerting.RelativeTimeRange(from_val=window_s, to=0)
    return alerting.Query(
        ref_id=ref_id, datasource_uid=source_uid, model=InfluxModel(asked), query_type="", relative_time_range=window
    )
