"""The same as files that a Grafana reads at its start, for compose and for whoever gives a Grafana no token.

Files bring the data source, the folders, the dashboards and the line's alarms. Teams and who sees what Grafana takes
by its API alone: ``puente grafana sync`` makes them beside the files, and leaves the files' things alone. Written as
JSON, which is YAML too.
Source: https://grafana.com/docs/grafana/v11.6/administration/provisioning/
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from dashboards.grafana import alarms
from dashboards.grafana.catalog import Everything, Source
from dashboards.grafana.names import OURS, uid

# Where Grafana's own image looks for provisioning files.
AT: Final = "/etc/grafana/provisioning"


def files(everything: Everything, source: Source, at: str = AT, without_alarms: Collection[str] = ()) -> dict[str, Any]:
    """Each file's content by its path within the folder that Grafana will see at ``at``.

    Grafana lets nobody edit or pause an alarm that a file brought: ``without_alarms`` are keys of those left out, which
    a Grafana that has them from an earlier file deletes.
    ``source``'s token may be what Grafana replaces: ``$PUENTE_INFLUX_TOKEN`` or ``$__file{/run/secrets/token}``.
    """
    titles = {folder.uid: folder.title for folder in everything.folders}
    audiences = {folder.uid: folder.audience for folder in everything.folders}
    left_out = [uid("line", key) for key in without_alarms]
    made: dict[str, Any] = {
        "datasources/puente.yaml": {"apiVersion": 1, "datasources": [{**source.as_json(), "editable": False}]},
        "dashboards/puente.yaml": {
            "apiVersion": 1,
            "providers": [
                {
                    "name": f"{OURS} {folder.audience}",
                    "type": "file",
                    "folder": folder.title,
                    "folderUid": folder.uid,
                    "allowUiUpdates": False,
                    "disableDeletion": False,
                    "options": {"path": f"{at}/boards/{folder.audience}"},
                }
                for folder in everything.folders
            ],
        },
        "alerting/puente.yaml": {
            "apiVersion": 1,
            "groups": [
                {
                    "orgId": 1,
                    "name": alarms.GROUP,
                    "folder": titles[everything.rules[0]["folderUID"]],
                    "interval": f"{alarms.INTERVAL_S}s",
                    "rules": [_in_a_file(rule) for rule in everything.rules if rule["uid"] not in left_out],
                }
            ],
            **({"deleteRules": [{"orgId": 1, "uid": each} for each in left_out]} if left_out else {}),
        },
    }
    for folder_uid, dashboard in everything.dashboards:
        made[f"boards/{audiences[folder_uid]}/{dashboard['uid']}.json"] = dashboard
    return made


def write(made: dict[str, Any], folder: Path) -> int:
    """Write the files; those that are there already are replaced, others left. How many. Raises OSError."""
    for name, content in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(made)


def _in_a_file(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as a file says it. Grafana replaces ``$NAME`` in these files: a ``$`` that is meant is doubled."""
    left_out = ("folderUID", "ruleGroup", "orgID")
    plain = {name: value for name, value in rule.items() if name not in left_out}
    kept: dict[str, Any] = json.loads(json.dumps(plain).replace("$", "$$"))
    return kept
