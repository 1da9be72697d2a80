"""Who sees a folder: a folder's permissions as Grafana lists them, and whether people have touched them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_ADMIN: Final = 4
_DEFAULTS: Final = {("Viewer", 1), ("Editor", 2)}  # what Grafana gives a new folder


def untouched(current: Sequence[dict[str, Any]]) -> bool:
    """Whether it is as Grafana itself made it: the roles' defaults and, in newer ones, its maker as Admin."""
    roles = [(item["role"], item["permission"]) for item in current if "role" in item]
    others = [item for item in current if "role" not in item]
    makers = [item for item in others if "userId" in item and item["permission"] == _ADMIN]
    return len(roles) == len(_DEFAULTS) and set(roles) == _DEFAULTS and others == makers and len(makers) <= 1


def permission(item: dict[str, Any]) -> dict[str, Any]:
    """A permission as Grafana is given it, from one as it lists it."""
    who = next(name for name in ("role", "teamId", "userId") if item.get(name))
    return {who: item[who], "permission": item["permission"]}
