"""The words that stand in tables for values of the contracts, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dashboards.grafana.names import Text

WORDS: Final[Mapping[str, Mapping[str, Text]]] = {
    "severity": {
        "info": Text("info", "aviso"),
        "warning": Text("warning", "advertencia"),
        "critical": Text("critical", "crítica"),
    },
    "state": {
        "opened": Text("opened", "abierta"),
        "updated": Text("updated", "actualizada"),
        "closed": Text("closed", "cerrada"),
    },
    "direction": {
        "northbound": Text("northbound", "hacia el norte"),
        "southbound": Text("southbound", "hacia el sur"),
    },
    "lane": {"standard": Text("standard", "normal"), "fast": Text("FAST", "FAST")},
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
    },
    "seal_state": {
        "armed": Text("armed", "armado"),
        "open": Text("open", "abierto"),
        "removed": Text("removed", "retirado"),
        "tampered": Text("tampered with", "violado"),
    },
}
