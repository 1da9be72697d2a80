"""The variables above a dashboard: how each gets its values, and what All means."""

from __future__ import annotations

from typing import Final, get_args

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from contracts.reference import Direction, Sector
from dashboards.grafana.names import JOINT, SOURCE_TYPE, SOURCE_UID, Language, Text

SOURCE: Final = model.DataSourceRef(SOURCE_TYPE, SOURCE_UID)
ALL: Final = model.VariableOption(False, "All", "$__all")
REAL: Final = "false"
DRILL: Final = "true"

_LABELS: Final = {
    "audience": Text("Told to", "Dicha a"),
    "corridor": Text("Corridor", "Corredor"),
    "direction": Text("Direction", "Sentido"),
    "carrier": Text("Carrier", "Transportista"),
    "sector": Text("Sector", "Sector"),
    "rule": Text("Rule", "Regla"),
    "bridge": Text("Bridge", "Puente"),
    "shipment": Text("Shipment", "Embarque"),
    "devices": Text("Its devices", "Sus aparatos"),
    "exercise": Text("Real or drill", "Real o simulacro"),
}
_FIXED: Final[dict[str, tuple[tuple[str, Text], ...]]] = {
    "direction": (
        ("northbound", Text("Northbound", "Hacia el norte")),
        ("southbound", Text("Southbound", "Hacia el sur")),
    ),
    "sector": (
        ("semiconductors", Text("Semiconductors", "Semiconductores")),
        ("critical_minerals", Text("Critical minerals", "Minerales críticos")),
        ("electric_vehicles", Text("Electric vehicles", "Vehículos eléctricos")),
        ("biopharmaceuticals", Text("Biopharmaceuticals", "Biofármacos")),
        ("aerospace", Text("Aerospace", "Aeroespacial")),
        ("other", Text("Other", "Otros")),
    ),
    "exercise": ((REAL, Text("Real", "Real")), (DRILL, Text("Drill", "Simulacro"))),
}
assert {value for value, _ in _FIXED["direction"]} == set(get_args(Direction))
assert {value for value, _ in _FIXED["sector"]} == set(get_args(Sector))

# Influx keeps an index of tags: these cost no reading of points. A shipment is no tag, and events are few.
_ASKED: Final = {
    "corridor": 'SHOW TAG VALUES FROM "readings" WITH KEY = "corridor"',
    "carrier": 'SHOW TAG VALUES FROM "readings" WITH KEY = "carrier_scac"',
    "rule": 'SHOW TAG VALUES FROM "alerts" WITH KEY = "rule"',
    "bridge": 'SHOW TAG VALUES FROM "crossings" WITH KEY = "bridge"',
    "shipment": 'SELECT DISTINCT("shipment_id") FROM "events" WHERE $timeFilter AND "exercise" = \'${exercise:raw}\'',
    "devices": 'SELECT DISTINCT("device") FROM (SELECT "device_id" AS "device", "what" FROM "events"'
    " WHERE time > now() - 30d AND \"exercise\" = '${exercise:raw}' AND \"shipment_id\" = '${shipment:raw}')",
}


def variable(name: str, audience: str, audiences: tuple[str, ...], language: Language) -> Builder[model.VariableModel]:
    """The variable of this name on a dashboard in this audience's folder. Raises KeyError where there is none."""
    label = _LABELS[name].of(language)
    if name == "audience":
        if audience != JOINT:
            return build.ConstantVariable(name).label(label).value(audience)
        return _choice(name, label, tuple((a, a) for a in audiences), everything=True)
    if name in _ASKED:
        asked = build.QueryVariable(name).label(label).datasource(SOURCE).query(_ASKED[name])
        asked = asked.sort(model.VariableSort.ALPHABETICAL_ASC)
        if name == "shipment":
            return asked.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(False).include_all(False)
        if name == "devices":  # always all of them: no people's choice, and no .* for All
            asked = asked.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True)
            return asked.current(ALL).hide(model.VariableHide.HIDE_VARIABLE)
        asked = asked.refresh(model.VariableRefresh.ON_DASHBOARD_LOAD).multi(True)
        return asked.include_all(True).all_value(".*").current(ALL)
    options = tuple((value, text.of(language)) for value, text in _FIXED[name])
    return _choice(name, label, options, everything=name != "exercise")


def _choice(
    name: str, label: str, options: tuple[tuple[str, str], ...], *, everything: bool
) -> Builder[model.VariableModel]:
    chosen = build.CustomVariable(name).label(label).values(", ".join(f"{text} : {value}" for value, text in options))
    listed = [model.VariableOption(not everything and i == 0, text, value) for i, (value, text) in enumerate(options)]
    if not everything:  # one of them, the first at the start: never both
        return chosen.options(listed).current(listed[0]).multi(False).include_all(False).allow_custom_value(False)
    listed.insert(0, model.VariableOption(True, ALL.text, ALL.value))
    return chosen.options(listed).current(ALL).multi(True).include_all(True).all_value(".*")
