"""What ``sync`` made, kept in the Grafana itself: by it a later run tells what people took away from what is new. Pure.

Grafana's API has no place for such notes (a folder's description is taken, and not told again), so they are a hidden
variable of a small dashboard of our own. A key is a kind and a name: ``folder puente-us``; what a team was given sight
of is ``view puente-us Puente us``.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import text
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import text as text_model

from dashboards.grafana.names import OURS, Text, uid

UID: Final = uid("what", "sync", "made")
TITLE: Final = Text("Puente: what sync has made", "lo que sync ha hecho").both()
_MADE: Final = "puente_made"
_SAYS: Final = """\
`puente grafana sync` notes here, out of sight, what it has made: what people deleted or took away since stays so.
Without this dashboard it would make deleted dashboards and alarms again; permissions it would still leave alone.

`puente grafana sync` anota aquí, sin que se vea, lo que ha hecho: lo que alguien borró o quitó después queda así.
Sin este tablero haría de nuevo los tableros y alarmas borrados; los permisos los dejaría como están.
"""


def noted(dashboard: dict[str, Any] | None) -> frozenset[str] | None:
    """The keys that stand in it; None where there is no such dashboard, or nothing in it that can be read."""
    listed = (dashboard or {}).get("templating", {}).get("list", ())
    for one in listed:
        if one.get("name") == _MADE:
            try:
                return frozenset(map(str, json.loads(one["query"])))
            except (KeyError, TypeError, ValueError):
                return None
    return None


def noting(dashboard: dict[str, Any] | None, made: Collection[str]) -> dict[str, Any]:
    """The dashboard with these keys; whatever else people made of it stays."""
    plain = _plain() if dashboard is None else dashboard
    listed = [one for one in plain.get("templating", {}).get("list", ()) if one.get("name") != _MADE]
    keys = build.ConstantVariable(_MADE).value(json.dumps(sorted(made)))
    return {**plain, "templating": {"list": [*listed, _json(keys.build())]}}


def _plain() -> dict[str, Any]:
    panel = text.Panel().mode(text_model.TextMode.MARKDOWN).content(_SAYS).transparent(True)
    return _json(build.Dashboard(TITLE).uid(UID).tags([OURS]).with_panel(panel.height(8).span(24)).build())


def _json(built: object) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    return made
