"""What Grafana does with a query before it sends it, as its documentation says it: variables filled, macros replaced.

Sources: https://grafana.com/docs/grafana/v11.6/dashboards/variables/variable-syntax/ (formats ``raw``, ``regex``; a
custom All value is put in as it is) and .../datasources/influxdb/query-editor/ (``$timeFilter``, ``$__interval``).
"""

from __future__ import annotations

import re
from typing import Any

ALL = "$__all"
_VARIABLE = re.compile(r"\$\{(\w+):(\w+)\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def fill(
    query: str, variables: list[dict[str, Any]], chosen: dict[str, Any], span_ms: tuple[int, int], interval_s: int = 60
) -> str:
    """The InfluxQL that InfluxDB is sent. ``chosen`` holds a value or a list for each variable. Raises KeyError."""
    by_name = {variable["name"]: variable for variable in variables}

    def value(found: re.Match[str]) -> str:
        name, form = found.groups()
        picked = chosen[name]
        if picked == ALL:
            return str(by_name[name]["allValue"])
        if form == "raw":
            return str(picked)
        assert form == "regex"
        escaped = [_SPECIAL.sub(r"\\\g<0>", each) for each in ([picked] if isinstance(picked, str) else picked)]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    start_ms, end_ms = span_ms
    filled = _VARIABLE.sub(value, query).replace("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms")
    filled = filled.replace("$__interval", f"{interval_s}s")
    assert not re.search(r"\$(?!/|\))", filled), f"a variable was left unfilled: {filled}"
    return filled


def starting(variables: list[dict[str, Any]]) -> dict[str, Any]:
    """What each variable is when the dashboard opens, of those whose values are in the dashboard."""
    found: dict[str, Any] = {}
    for variable in variables:
        match variable["type"]:
            case "constant":
                found[variable["name"]] = variable["query"]
            case "custom":
                found[variable["name"]] = variable["current"]["value"]
            case "query":
                found[variable["name"]] = ALL if variable["includeAll"] else ""
    return found
