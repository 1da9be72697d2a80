"""All that is ours in a Grafana, for these audiences: folders, teams, who sees what, dashboards, the line's alarms.

A folder an audience, and a team that may see it and the joint one: so ``us`` sees joint and us, never mx. Folders
decide who sees which dashboard; whoever may open one could ask its data source for anything in it, so agencies whose
data must be kept apart need a history of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboards.grafana import (
    alarms,
    alerts_board,
    border_board,
    corridor_board,
    fleet_board,
    line_board,
    shipment_board,
)
from dashboards.grafana.names import JOINT, LANGUAGES, SOURCE_NAME, SOURCE_TYPE, SOURCE_UID, Language, Text, uid
from dashboards.grafana.render import render

BOARDS: Final = (
    corridor_board.BOARD,
    border_board.BOARD,
    shipment_board.BOARD,
    alerts_board.BOARD,
    fleet_board.BOARD,
    line_board.BOARD,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where Grafana finds the history: an InfluxDB's address as Grafana sees it, its bucket, a token that may read.

    With a ``login`` the token is that login's password.
    """

    url: str
    bucket: str
    token: str
    login: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The data source as Grafana's API takes it. InfluxQL, so that 1.8, 2.x and 3.x all answer."""
        made: dict[str, Any] = {
            "uid": SOURCE_UID,
            "name": SOURCE_NAME,
            "type": SOURCE_TYPE,
            "access": "proxy",
            "url": self.url,
            "isDefault": False,
            "jsonData": {
                "version": "InfluxQL",
                "dbName": self.bucket,
                "httpMode": "POST",
                "timeInterval": "10s",
                "httpHeaderName1": "Authorization",
            },
            "secureJsonData": {"httpHeaderValue1": f"Token {self.token}"},
        }
        if self.login is not None:
            del made["jsonData"]["httpHeaderName1"]
            made |= {"basicAuth": True, "basicAuthUser": self.login}
            made["secureJsonData"] = {"basicAuthPassword": self.token}
        return made


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, and the teams that may see it."""

    uid: str
    title: str
    audience: str
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Everything:
    """What a Grafana shall hold of ours. ``dashboards`` are (uid of the folder, JSON); ``rules`` are the line's."""

    folders: tuple[Folder, ...]
    teams: tuple[str, ...]
    dashboards: tuple[tuple[str, dict[str, Any]], ...]
    rules: tuple[dict[str, Any], ...]


def everything(audiences: Sequence[str], languages: Sequence[str] = LANGUAGES) -> Everything:
    """All of it, for these audiences. A language that no text is in is left out; of none, there is English."""
    names = tuple(dict.fromkeys((JOINT, *audiences)))
    spoken: tuple[Language, ...] = tuple(each for each in LANGUAGES if each in languages) or ("en",)
    dashboards = tuple(
        (uid(audience), render(board, audience, names, language))
        for audience in names
        for board in BOARDS
        for language in spoken
        if audience == JOINT or not board.joint_only
    )
    return Everything(
        folders=tuple(Folder(uid(n), _title(n), n, _who_sees(n, names)) for n in names),
        teams=tuple(map(team, names)),
        dashboards=dashboards,
        rules=tuple(map(alarms.rule, alarms.ALARMS)),
    )


def team(audience: str) -> str:
    """The name of an audience's team."""
    return f"Puente {audience}"


def _title(audience: str) -> str:
    return Text("Puente: joint picture", "imagen conjunta").both() if audience == JOINT else f"Puente: {audience}"


def _who_sees(audience: str, audiences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(team, audiences)) if audience == JOINT else (team(audience),)
