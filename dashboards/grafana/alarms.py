"""Grafana's alert rules for the line's own health. What is found on the road the line tells itself, not by these."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting

from dashboards.grafana.influxql import least, rate, total, worst
from dashboards.grafana.names import JOINT, OURS, SOURCE_TYPE, SOURCE_UID, Text, uid
from dashboards.grafana.render import InfluxModel, digest

HASH: Final = "puente_hash"
GROUP: Final = "Puente line"
INTERVAL_S: Final = 60
_EXPRESSION: Final = "__expr__"
_WINDOW_S: Final = 600
_REAL: Final = "false"
Sign: TypeAlias = Literal["gt", "lt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One rule: it fires when the query's last value is beyond ``bound`` for ``minutes``, or, if so said, is absent."""

    key: str
    title: Text
    says: Text
    influxql: str
    sign: Sign
    bound: float
    minutes: int
    absence: Literal["OK", "Alerting", "NoData"] = "OK"
    severity: Literal["warning", "critical"] = "warning"


ALARMS: Final = (
    Alarm(
        key="silent",
        title=Text("The line says nothing", "La línea no dice nada"),
        says=Text(
            "No process has told of itself for two minutes: look whether the line runs, then the history's sink.",
            "Ningún proceso ha dado señales en dos minutos: vea si la línea corre, luego el sumidero del historial.",
        ),
        influxql=worst("puente_start_time_seconds"),
        sign="lt",
        bound=1,
        minutes=2,
        absence="Alerting",
        severity="critical",
    ),
    Alarm(
        key="not-ready",
        title=Text("A process is not ready", "Un proceso no está listo"),
        says=Text("Its /readyz says which check does not hold.", "Su /readyz dice qué comprobación no se cumple."),
        influxql=least("puente_ready", "process", "check"),
        sign="lt",
        bound=1,
        minutes=2,
        severity="critical",
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
        data=[_asked(alarm), _last(), _beyond(alarm)],
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
    return _query("A", SOURCE_UID, asked)


def _last() -> alerting.Query:
    """The last value of each series; a series that has none is dropped."""
    asked: dict[str, object] = {
        "refId": "B",
        "type": "reduce",
        "expression": "A",
        "reducer": "last",
        "settings": {"mode": "dropNN"},
    }
    return _query("B", _EXPRESSION, asked | {"datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}})


def _beyond(alarm: Alarm) -> alerting.Query:
    condition = {"evaluator": {"type": alarm.sign, "params": [alarm.bound]}}
    asked: dict[str, object] = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [condition]}
    return _query("C", _EXPRESSION, asked | {"datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}})


def _query(ref_id: str, source_uid: str, asked: dict[str, object]) -> alerting.Query:
    window = alerting.RelativeTimeRange(from_val=_WINDOW_S, to=0)
    return alerting.Query(
        ref_id=ref_id, datasource_uid=source_uid, model=InfluxModel(asked), query_type="", relative_time_range=window
    )
