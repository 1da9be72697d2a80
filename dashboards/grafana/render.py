"""From a board to the JSON that Grafana reads, by the types that Grafana publishes for this version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, geomap, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.board import Board, Panel, Query, Step
from dashboards.grafana.influxql import TOLD
from dashboards.grafana.map_layers import on_a_map
from dashboards.grafana.names import OURS, SOURCE_TYPE, SOURCE_UID, Language, Text, uid
from dashboards.grafana.variables import SOURCE, variable
from dashboards.grafana.words import COLORS, FIELDS, WIDTHS, WORDS

HASH_VARIABLE: Final = "puente_hash"
COLUMNS: Final = 24
_RED, _YELLOW, _GREEN, _BLUE = "red", "yellow", "green", "blue"
_BUILDERS: Final[dict[str, Callable[[], Any]]] = {
    "stat": stat.Panel,
    "timeseries": timeseries.Panel,
    "table": table.Panel,
    "bars": bargauge.Panel,
    "map": geomap.Panel,
}
_ALERTS: Final = Text("Alerts", "Alertas")
_MORE: Final = Text("Puente", "Puente")
_TAG: Final = re.compile(r"\$tag_(\w+)")


class InfluxModel(Dataquery):
    """A query that the SDK has no type for, as Grafana keeps it; its own builder.

    Of InfluxQL as text. Source: InfluxQuery in Grafana's public/app/plugins/datasource/influxdb/types.ts.
    """

    def __init__(self, fields: dict[str, object]) -> None:
        self.fields = fields

    def build(self) -> InfluxModel:
        """Itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """Its fields."""
        return dict(self.fields)


def render(board: Board, audience: str, audiences: tuple[str, ...], language: Language) -> dict[str, Any]:
    """The dashboard's JSON for this audience's folder, in this language, with the hash of all the rest in it."""
    built = (
        build.Dashboard(board.title.of(language))
        .uid(uid(audience, board.key, language))
        .description(board.says.of(language))
        .tags([OURS, f"{OURS}-{language}"])
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .refresh(board.refresh)
        .time(f"now-{board.hours}h", "now")
        .link(_others(language))
    )
    for name in board.variables:
        built = built.with_variable(variable(name, audience, audiences, language))
    if board.annotated:
        built = built.annotation(_annotation(language))
    for number, (panel, place) in enumerate(zip(board.panels, _places(board.panels), strict=True), start=1):
        built = built.with_panel(_panel(panel, place, language).id(number))
    rendered: dict[str, Any] = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    for note in rendered.get("annotations", {}).get("list", ()):
        if note["name"] == _ALERTS.of(language):
            note["target"] |= _annotating(board, language)
    return stamped(rendered)


def stamped(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard with its content's hash in a hidden variable: a later run sees by it whether people changed it."""
    plain = unstamped(dashboard)
    made = json.loads(json.dumps(build.ConstantVariable(HASH_VARIABLE).value(digest(plain)).build(), cls=JSONEncoder))
    plain["templating"] = {"list": [*plain.get("templating", {}).get("list", ()), made]}
    return plain


def unstamped(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard without its stamp and without what Grafana gives it at each save."""
    plain = {name: value for name, value in dashboard.items() if name not in ("id", "version")}
    listed = plain.get("templating", {}).get("list", ())
    plain["templating"] = {"list": [one for one in listed if one.get("name") != HASH_VARIABLE]}
    return plain


def stamp_of(dashboard: dict[str, Any]) -> str | None:
    """The hash that stands in it, None where it bears none."""
    for one in dashboard.get("templating", {}).get("list", ()):
        if one.get("name") == HASH_VARIABLE:
            return str(one.get("query"))
    return None


def digest(content: Any) -> str:
    """A hash of JSON that is the same however it is ordered and whichever way a whole number is written."""
    return hashlib.sha256(json.dumps(_canonical(content), sort_keys=True).encode()).hexdigest()[:32]


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_canonical(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _places(panels: Iterable[Panel]) -> list[model.GridPos]:
    """Panels in rows from the left, each as high as the room it finds: Grafana moves up what hangs in the air."""
    depth = [0] * COLUMNS
    places = []
    for panel in panels:
        spans = range(COLUMNS - panel.width + 1)
        left = min(spans, key=lambda x: (max(depth[x : x + panel.width]), x))
        top = max(depth[left : left + panel.width])
        places.append(model.GridPos(h=panel.height, w=panel.width, x=left, y=top))
        depth[left : left + panel.width] = [top + panel.height] * panel.width
    return places


def _panel(panel: Panel, place: model.GridPos, language: Language) -> Any:
    says = panel.says.of(language) + (f" {panel.empty.of(language)}" if panel.empty else "")
    built = _BUILDERS[panel.kind]().title(panel.title.of(language)).description(says).datasource(SOURCE)
    built = built.grid_pos(place)
    for ref_id, query in zip("ABCDEF", panel.queries, strict=False):
        built = built.with_target(_asked(ref_id, query, language))
    built = _said_in_numbers(built, panel, language)
    if panel.kind in ("stat", "bars"):
        built = built.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        built = built.thresholds(_bounds(panel.bounds))
    if panel.kind == "bars":
        built = built.orientation(common_model.VizOrientation.HORIZONTAL).min(0)
    if panel.kind == "map":
        built = on_a_map(built, panel.queries, language)
        for name, text in FIELDS.items():
            told = [model.DynamicConfigValue("displayName", text.of(language)), *_looks(panel, name, language)]
            built = built.override_by_name(name, told)
    for step in (*panel.steps, *_columns(panel, language), *_series(panel, language)):
        built = built.with_transformation(model.DataTransformerConfig(step[0], options=_worded(step[1], language)))
    for name, text in panel.columns.items():
        if looks := _looks(panel, name, language):
            built = built.override_by_name(text.of(language), looks)
    return built


def _said_in_numbers(built: Any, panel: Panel, language: Language) -> Any:
    """Units, spans, and what stands where there is no number."""
    if said := panel.none or (panel.empty and panel.empty.of(language)):
        built = built.no_value(said)
    if panel.unit:
        built = built.unit(panel.unit)
    if panel.decimals is not None:
        built = built.decimals(panel.decimals)
    if panel.recent:
        built = built.time_from(panel.recent)
    if panel.step:
        built = built.interval(panel.step)
    if panel.meanings:
        built = built.mappings([_meanings(panel, language)])
    return built


def _looks(panel: Panel, name: str, language: Language) -> list[model.DynamicConfigValue]:
    """How a column is shown: its unit, and words for the contracts' values."""
    looks = []
    if panel.kind == "table" and (width := WIDTHS.get(name)):
        looks.append(model.DynamicConfigValue("custom.width", width))
    if name == "{messages}":
        looks.append(model.DynamicConfigValue("custom.cellOptions", {"type": "auto", "wrapText": True}))
    if name in panel.units:
        looks.append(model.DynamicConfigValue("unit", panel.units[name]))
    if words := WORDS.get(name):
        options = {
            value: {"text": text.of(language), "index": i} | ({"color": COLORS[value]} if name == "severity" else {})
            for i, (value, text) in enumerate(words.items())
        }
        looks.append(model.DynamicConfigValue("mappings", [{"type": "value", "options": options}]))
        if name == "severity" and panel.kind == "table":
            looks.append(model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return looks


def _meanings(panel: Panel, language: Language) -> model.ValueMap:
    texts = enumerate(panel.meanings.items())
    return model.ValueMap(
        options={
            value: model.ValueMappingResult(text=text.of(language), color=color, index=i)
            for i, (value, (text, color)) in texts
        }
    )


def _series(panel: Panel, language: Language) -> list[Step]:
    """What puts words for the contracts' values into names that series have of their tags."""
    tags = {tag for query in panel.queries for tag in _TAG.findall(_said(query.alias, language))}
    return [
        ("renameByRegex", {"regex": rf"/\b{value}\b/", "renamePattern": text.of(language)})
        for tag in sorted(tags)
        for value, text in WORDS.get(tag, {}).items()
        if text.of(language) != value
    ]


def _said(text: str | Text, language: Language) -> str:
    return text if isinstance(text, str) else text.of(language)


def _asked(ref_id: str, query: Query, language: Language) -> InfluxModel:
    return InfluxModel(
        {
            "refId": ref_id,
            "datasource": {"type": SOURCE_TYPE, "uid": SOURCE_UID},
            "rawQuery": True,
            "query": _in(language, query.influxql),
            "resultFormat": "table" if query.table else "time_series",
            "alias": _said(query.alias, language),
        }
    )


def _in(language: Language, text: str) -> str:
    return text.replace("{messages}", f"messages_{language}")


def _worded(value: Any, language: Language) -> Any:
    """The options of a step, field names in this language."""
    if isinstance(value, dict):
        return {_in(language, key): _worded(inner, language) for key, inner in value.items()}
    if isinstance(value, list):
        return [_worded(inner, language) for inner in value]
    return _in(language, value) if isinstance(value, str) else value


def _columns(panel: Panel, language: Language) -> list[Step]:
    """What shows the named columns, in their order and under their titles, and no others."""
    if not panel.columns:
        return []
    names = list(panel.columns)
    return [
        ("filterFieldsByName", {"include": {"names": names}}),
        (
            "organize",
            {
                "indexByName": {name: i for i, name in enumerate(names)},
                "renameByName": {name: text.of(language) for name, text in panel.columns.items()},
            },
        ),
    ]


def _bounds(bounds: tuple[float, float] | None) -> build.ThresholdsConfig:
    # Green is a judgement: where nothing is judged, a colour that is none.
    steps = [model.Threshold(value=None, color=_BLUE if bounds is None else _GREEN)]
    if bounds is not None:
        steps += [model.Threshold(bounds[0], _YELLOW), model.Threshold(bounds[1], _RED)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _annotation(language: Language) -> build.AnnotationQuery:
    target = build.AnnotationTarget().limit(100).match_any(False).tags([]).type("tags")
    named = build.AnnotationQuery().name(_ALERTS.of(language)).datasource(SOURCE).enable(True).icon_color(_RED)
    return named.target(target)


def _annotating(board: Board, language: Language) -> dict[str, Any]:
    """What an annotation of InfluxQL asks, beside what the schema knows of any annotation's target.

    Source: Grafana's public/app/plugins/datasource/influxdb/migrations.ts.
    """
    message = f"messages_{language}"
    told = f'{_only(TOLD, board.variables)} AND "opens" > 0'
    return {
        "refId": "Anno",
        "rawQuery": True,
        "fromAnnotations": True,
        "textEditor": True,
        "query": f'SELECT "{message}", "rule", "severity" FROM "alerts" WHERE {told} ORDER BY time DESC LIMIT 100',
        "textColumn": message,
        "tagsColumn": "rule,severity",
        "timeEndColumn": "",
        "titleColumn": "",
    }


def _only(conditions: str, variables: tuple[str, ...]) -> str:
    """Those conditions whose variables are on the dashboard; its shipment's alone where it shows one."""
    known = {"timeFilter", *variables}
    kept = [c for c in conditions.split(" AND ") if any(f"${{{name}:" in c or f"${name}" in c for name in known)]
    if "shipment" in variables:
        kept.append("\"shipment_id\" = '${shipment:raw}'")
    return " AND ".join(kept)


def _others(language: Language) -> build.DashboardLink:
    link = build.DashboardLink(_MORE.of(language)).type(model.DashboardLinkType.DASHBOARDS)
    return link.tags([f"{OURS}-{language}"]).as_dropdown(True).keep_time(True).include_vars(True)
