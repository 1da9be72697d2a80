"""What we hand to Grafana, held against what Grafana publishes of this version: its own types, not our idea of them.

Dashboards go through the types of grafana-foundation-sdk, generated from Grafana's schema for the version that
``names`` names: what they do not know is dropped, so what comes back the same is known to them. Alert rules go through
its types and through the Swagger's (``grafana_api.json``, whose source is in it).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import alerting
from grafana_foundation_sdk.models import dashboard as model
from jsonschema import Draft202012Validator

from contracts.alerts import Severity, State
from contracts.events import EventType
from contracts.readings import SealState
from contracts.reference import DeviceKind, Direction, Lane
from contracts.words import RULES
from dashboards.grafana import memory, provisioning
from dashboards.grafana.catalog import Source, everything
from dashboards.grafana.names import GRAFANA_VERSION
from dashboards.grafana.render import digest, stamp_of, unstamped
from dashboards.grafana.words import WORDS

API = json.loads((Path(__file__).parent / "grafana_api.json").read_text())
EVERYTHING = everything(("us", "mx", "joint"))
SOURCE = Source("http://influxdb:8086", "puente", "$PUENTE_INFLUX_TOKEN")
# InfluxQuery and the annotation's target in Grafana's public/app/plugins/datasource/influxdb/types.ts (11.6).
INFLUX_QUERY = {
    *("refId", "datasource", "hide", "queryType", "policy", "measurement", "resultFormat", "orderByTime", "tags"),
    *("groupBy", "select", "limit", "slimit", "tz", "rawQuery", "query", "alias", "textEditor", "adhocFilters"),
    *("fromAnnotations", "tagsColumn", "textColumn", "timeEndColumn", "titleColumn", "name", "matchAny", "type"),
}


def body_schema(name: str) -> dict[str, Any]:
    """The Swagger's schema of a request body."""
    return {"$ref": f"#/definitions/{name}", "definitions": API["definitions"]}


def unknown(kind: Any, content: dict[str, Any]) -> list[str]:
    """Where in this JSON something is that Grafana's types drop or change; defaults that they add are theirs."""
    register_default_plugins()
    return list(
        _lost(content, json.loads(json.dumps(kind.from_json(json.loads(json.dumps(content))), cls=JSONEncoder)))
    )


def _lost(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from _lost(value, theirs[name], f"{at}.{name}")
            else:
                yield f"{at}.{name}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(one, other, f"{at}[{i}]")
    elif ours != theirs:
        yield at


def test_the_types_are_those_of_the_version_we_name() -> None:
    assert version("grafana-foundation-sdk").partition("!")[2] == GRAFANA_VERSION


@pytest.mark.parametrize("dashboard", [d for _, d in EVERYTHING.dashboards], ids=lambda d: d["uid"])
def test_a_dashboard_is_one_to_grafanas_own_types(dashboard: dict[str, Any]) -> None:
    ours = json.loads(json.dumps(dashboard))
    for note in ours.get("annotations", {}).get("list", ()):
        assert set(note["target"]) <= INFLUX_QUERY
        # The schema knows what every annotation's target has; the rest is its data source's.
        note["target"] = {name: note["target"][name] for name in ("limit", "matchAny", "tags", "type")}
    assert unknown(model.Dashboard, ours) == []
    for panel in dashboard["panels"]:
        assert panel["type"] in {"stat", "timeseries", "table", "bargauge", "geomap"}
        for target in panel["targets"]:
            assert set(target) <= INFLUX_QUERY
            assert target["resultFormat"] in ("table", "time_series", "logs")


def test_the_dashboard_that_notes_what_was_made_is_one_too_and_gives_back_what_it_was_given() -> None:
    noting = memory.noting(None, {"folder puente-us", "view puente-us Puente us"})
    assert unknown(model.Dashboard, json.loads(json.dumps(noting))) == []
    assert memory.noted(noting) == {"folder puente-us", "view puente-us Puente us"}
    assert noting["uid"] == memory.UID


def test_what_the_types_do_not_know_would_be_seen() -> None:
    """The control: a name of our invention does not survive."""
    dashboard = json.loads(json.dumps(EVERYTHING.dashboards[0][1])) | {"annotations": {"list": []}}
    assert unknown(model.Dashboard, dashboard | {"colour": "red"}) == [".colour"]
    dashboard["panels"][0]["options"]["wide"] = 1
    dashboard["panels"][5]["fieldConfig"]["defaults"]["units"] = "km"
    assert unknown(model.Dashboard, dashboard) == [".panels[0].options.wide", ".panels[5].fieldConfig.defaults.units"]


@pytest.mark.parametrize("rule", EVERYTHING.rules, ids=lambda r: r["uid"])
def test_an_alarm_is_one_to_grafanas_types_and_to_its_swagger(rule: dict[str, Any]) -> None:
    Draft202012Validator(body_schema("ProvisionedAlertRule")).validate(rule)
    assert unknown(alerting.Rule, rule) == []
    assert {query["refId"] for query in rule["data"]} == {"A", "B", "C"}
    assert rule["condition"] == "C"


def test_every_value_that_a_table_may_show_has_a_word() -> None:
    said = {name: set(words) for name, words in WORDS.items()}
    assert said == {
        "rule": set(RULES),
        "severity": set(get_args(Severity)),
        "state": set(get_args(State)),
        "direction": set(get_args(Direction)),
        "lane": set(get_args(Lane)),
        "device_kind": set(get_args(DeviceKind)),
        "type": set(get_args(EventType)) - {"BORDER_CROSSED"},  # which stand in a table of their own
        "seal_state": set(get_args(SealState)),
    }


def test_a_stamp_is_the_hash_of_all_but_itself_and_what_grafana_adds() -> None:
    for _, dashboard in EVERYTHING.dashboards:
        saved = json.loads(json.dumps({**dashboard, "id": 7, "version": 3}))
        assert stamp_of(dashboard) == digest(unstamped(saved))
        assert stamp_of(dashboard) != digest(unstamped({**saved, "title": "Mine"}))


def test_provisioning_files_are_the_same_things_under_the_paths_grafana_looks_at(tmp_path: Path) -> None:
    made = provisioning.files(EVERYTHING, SOURCE)
    assert provisioning.write(made, tmp_path) == len(EVERYTHING.dashboards) + 3
    written = {str(p.relative_to(tmp_path)): json.loads(p.read_text()) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == made
    assert [d for name, d in made.items() if name.startswith("boards/")] == [d for _, d in EVERYTHING.dashboards]
    (source,) = made["datasources/puente.yaml"]["datasources"]
    without = {name: value for name, value in source.items() if name != "editable"}
    Draft202012Validator(body_schema("AddDataSourceCommand")).validate(without)
    providers = made["dashboards/puente.yaml"]["providers"]
    assert [(p["folderUid"], p["options"]["path"]) for p in providers] == [
        (f"puente-{a}", f"/etc/grafana/provisioning/boards/{a}") for a in ("joint", "us", "mx")
    ]
    (group,) = made["alerting/puente.yaml"]["groups"]
    assert len(group["rules"]) == len(EVERYTHING.rules)
    assert group["folder"] == providers[0]["folder"]
    assert not [p["folder"] for p in providers if "/" in p["folder"]]  # Grafana would make a subfolder of what follows
    # Grafana replaces $NAME in these files: a macro of InfluxQL must come through.
    assert "$$timeFilter" in json.dumps(group)
    assert "$timeFilter" not in json.dumps(group).replace("$$", "")


def test_identifiers_of_the_contracts_are_shown_in_words_in_legends_and_on_maps_too() -> None:
    def panel(uid: str, kind: str, tag: str = "") -> dict[str, Any]:
        (dashboard,) = (d for _, d in EVERYTHING.dashboards if d["uid"] == uid)
        found = [p for p in dashboard["panels"] if p["type"] == kind]
        return next(p for p in found if not tag or any(tag in t["alias"] for t in p["targets"]))

    steps = panel("puente-joint-alerts-es", "bargauge", "$tag_rule")["transformations"]
    assert {"regex": r"/\bseal_breach\b/", "renamePattern": "sello violado"} in [s["options"] for s in steps]
    steps = panel("puente-joint-border-es", "timeseries", "$tag_bridge $tag_lane $tag_direction")["transformations"]
    assert {"regex": r"/\bnorthbound\b/", "renamePattern": "hacia el norte"} in [s["options"] for s in steps]
    looks = panel("puente-joint-corridor-es", "geomap")["fieldConfig"]["overrides"]
    (rule,) = (o["properties"] for o in looks if o["matcher"]["options"] == "rule")
    (mapped,) = (p["value"][0]["options"] for p in rule if p["id"] == "mappings")
    assert mapped["shock"]["text"] == "golpe"
    ready = panel("puente-joint-line-es", "stat")["fieldConfig"]["defaults"]["mappings"]
    assert ready[0]["options"]["0"] == {"text": "NO LISTO", "color": "red", "index": 0}


def test_truck_and_alert_differ_on_the_map_in_form_and_not_in_colour_alone() -> None:
    (dashboard,) = (d for _, d in EVERYTHING.dashboards if d["uid"] == "puente-joint-corridor-en")
    styles = [layer["config"]["style"] for layer in dashboard["panels"][0]["options"]["layers"]]
    assert len({style["symbol"]["fixed"] for style in styles}) == len(styles) == 2


def test_a_title_fits_its_panel_and_a_panel_says_in_itself_why_nothing_is_seen() -> None:
    for _, dashboard in EVERYTHING.dashboards:
        for panel in dashboard["panels"]:
            assert len(panel["title"]) <= 7.5 * panel["gridPos"]["w"], panel["title"]
            if "Empty" in panel["description"] or "Vacío" in panel["description"]:
                assert panel["fieldConfig"]["defaults"]["noValue"]


def test_alerts_are_never_drawn_as_trucks() -> None:
    for _, dashboard in EVERYTHING.dashboards:
        for panel in dashboard["panels"]:
            if panel["type"] == "geomap":
                asked = {target["refId"]: target["query"] for target in panel["targets"]}
                for layer in panel["options"]["layers"]:
                    symbol = layer["config"]["style"]["symbol"]["fixed"]
                    of_alerts = 'FROM "alerts"' in asked[layer["filterData"]["options"]]
                    assert ("triangle" in symbol) == of_alerts
