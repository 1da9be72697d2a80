"""The words that stand for values and fields of the contracts, in both languages, in tables, maps and legends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contracts.words import DIRECTIONS, LANES, RULES, SEVERITIES, STATES, Words
from dashboards.grafana.names import Text


def _texts(words: Words) -> dict[str, Text]:
    return {value: Text(each["en"], each["es"]) for value, each in words.items()}


WORDS: Final[Mapping[str, Mapping[str, Text]]] = {
    "rule": _texts(RULES),
    "severity": _texts(SEVERITIES),
    "state": _texts(STATES),
    "direction": _texts(DIRECTIONS),
    "lane": _texts(LANES),
    "device_kind": {
        "truck": Text("truck", "camión"),
        "container": Text("container", "contenedor"),
        "seal": Text("seal", "sello"),
        "phone": Text("phone", "teléfono"),
    },
    "type": {
        "GEOFENCE_ENTRY": Text("entered", "entró"),
        "GEOFENCE_EXIT": Text("left", "salió"),
        "DOOR_OPENED": Text("door opened", "puerta abierta"),
        "DOOR_CLOSED": Text("door closed", "puerta cerrada"),
        "SEAL_CHANGED": Text("seal changed", "sello cambió"),
        "DEVICE_STARTED": Text("device started", "aparato arrancó"),
        "REGION_ENTERED": Text("region entered", "entró en región"),
        "REGION_LEFT": Text("region left", "salió de región"),
    },
    "seal_state": {
        "armed": Text("armed", "armado"),
        "open": Text("open", "abierto"),
        "removed": Text("removed", "retirado"),
        "tampered": Text("tampered with", "violado"),
    },
}

# A severity's colour; its word stands beside it.
COLORS: Final[Mapping[str, str]] = {"info": "blue", "warning": "orange", "critical": "red"}

# What a map's points say of themselves. Latitude and longitude keep their names: a map finds them by those.
FIELDS: Final[Mapping[str, Text]] = {
    "rule": Text("Rule", "Regla"),
    "severity": Text("Severity", "Gravedad"),
    "device_id": Text("Device", "Aparato"),
    "shipment_id": Text("Shipment", "Embarque"),
    "speed_kmh": Text("Speed, km/h", "Velocidad, km/h"),
    "remaining_km": Text("To go, km", "Faltan, km"),
}

# How wide a table's columns are, in pixels: what an alert found has all that is left, and is read whole.
WIDTHS: Final[Mapping[str, int]] = {
    "Time": 180,
    "updated_ms": 180,
    "severity": 105,
    "state": 95,
    "rule": 155,
    "device_id": 150,
    "shipment_id": 205,
    "carrier_scac": 110,
    "corridor": 190,
    "audiences": 110,
    "score": 95,
}
