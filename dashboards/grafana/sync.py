"""Bring a Grafana to hold what is ours, by its API, as often as one likes, and change nothing that people made.

Ours are the things under our uids that still bear, and match, the hash that we wrote into them. What has been changed,
moved or provisioned from files since is left as it is and said so; ``force`` takes changed and moved things back, never
those of files. What people deleted, and a team's sight of a folder that they took away, stays so: what was made is
noted in the Grafana (``memory``), and ``restore`` brings it back. A team's members are people's. A folder's permissions
are set where they are Grafana's own defaults (which let every viewer in), and after that only added to, for teams that
are new.

On grafana-api 1.0.3: its helpers are used where it has them, its ``api`` for the rest (data sources by uid, alert
rules); it does not quote what it puts into an address, so we do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from dashboards.grafana import alarms, memory, render, sight
from dashboards.grafana.catalog import Everything, Folder, Source
from dashboards.grafana.faults import why
from dashboards.grafana.names import JOINT, SOURCE_UID, uid
from dashboards.grafana.render import digest

Outcome: TypeAlias = Literal["created", "updated", "unchanged", "skipped"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("created", "updated", "unchanged", "skipped")

_VIEW: Final = 1
_SOURCE_HASH, _TOKEN_HASH = "puenteHash", "puenteTokenHash"  # kept in the data source's jsonData
_EDITED: Final = "changed by people since; --force takes it back"
_FROM_FILES: Final = "provisioned from files"
_DELETED: Final = "deleted by people; --restore brings it back"
_NO_FOLDER: Final = "its folder was deleted by people; --restore brings it back"
# Without it Grafana lets nobody edit or pause in its pages what came by its API.
_EDITABLE: Final = {"X-Disable-Provenance": "true"}


class GrafanaRefusedError(Exception):
    """Grafana does not take what is asked: its words, and what was asked of it."""


class GrafanaUnreachableError(Exception):
    """No Grafana answers there."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, or would be, to one thing; ``why`` where it was skipped."""

    kind: str
    name: str
    outcome: Outcome
    why: str = ""


@dataclass(slots=True)
class Account:
    """All steps of one run."""

    steps: list[Step] = field(default_factory=list)

    def counts(self) -> dict[Outcome, int]:
        """By outcome, how many."""
        found = Counter(step.outcome for step in self.steps)
        return {outcome: found[outcome] for outcome in OUTCOMES}


def connect(url: str, token: str, timeout_s: float = 30.0) -> GrafanaFace:
    """A client of the Grafana at this address, such as ``https://grafana.example/boards``. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("must be an http or https address without a user")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    prefix = f"{path}/" if (path := parts.path.strip("/")) else ""
    return GrafanaFace(
        auth=token, host=host, port=parts.port, url_path_prefix=prefix, protocol=parts.scheme, timeout=timeout_s
    )


class Sync:
    """One run against one Grafana. ``dry_run`` reads and says what would be done. Raises what ``_asking`` raises."""

    def __init__(
        self, grafana: GrafanaFace, *, force: bool = False, restore: bool = False, dry_run: bool = False
    ) -> None:
        """``force`` takes back what people changed, ``restore`` what they deleted or took away."""
        self._grafana = grafana
        self._force = force
        self._restore = restore
        self._dry_run = dry_run
        self._noted: frozenset[str] | None = None  # what earlier runs made; None where nothing tells
        self._made: set[str] = set()  # what is there now, or was made and is gone
        self._gone: set[str] = set()  # what people deleted
        self.account = Account()

    def run(self, wanted: Everything, source: Source | None) -> Account:
        """Make or update all of it; ``source`` None leaves the data source alone."""
        notes = self._find(memory.TITLE, lambda: self._grafana.dashboard.get_dashboard(memory.UID))
        self._noted = memory.noted(notes and notes["dashboard"])
        if source is not None:
            self._source(source)
        teams = {name: self._team(name) for name in wanted.teams}
        for folder in wanted.folders:
            self._folder(folder, teams)
        for folder_uid, dashboard in wanted.dashboards:
            self._dashboard(folder_uid, dashboard)
        org = self._ask("the organization", lambda: self._grafana.api.GET("/org"))
        self._unlock()
        for rule in wanted.rules:
            self._rule({**rule, "orgID": org["id"]})
        self._note(notes)
        return self.account

    # -- one thing each -----------------------------------------------------------------------------------------

    def _source(self, source: Source) -> None:
        wanted = source.as_json()
        wanted["jsonData"] |= {_SOURCE_HASH: digest(_plain_source(wanted)), _TOKEN_HASH: digest(source.token)}
        path = f"/datasources/uid/{SOURCE_UID}"
        current = self._find("the data source", lambda: self._grafana.api.GET(path))
        if self._deleted("data source", source.url, f"source {SOURCE_UID}", current):
            return
        if current is None:
            self._do("data source", source.url, "created", lambda: self._grafana.datasource.create_datasource(wanted))
            return
        stamped = current.get("jsonData") or {}
        if current.get("readOnly"):
            self._skip("data source", source.url, _FROM_FILES)
        elif stamped.get(_SOURCE_HASH) != digest(_plain_source(current)) and not self._force:
            self._skip("data source", source.url, _EDITED)
        elif all(stamped.get(name) == wanted["jsonData"][name] for name in (_SOURCE_HASH, _TOKEN_HASH)):
            self._same("data source", source.url)
        else:
            self._do("data source", source.url, "updated", lambda: self._grafana.api.PUT(path, json=wanted))

    def _team(self, name: str) -> int | None:
        """The team's id; None where a dry run would make it, or people deleted it."""
        found = self._ask(f"team {name}", lambda: self._grafana.teams.get_team_by_name(quote(name, safe="")))
        held = next((team for team in found if team["name"] == name), None)
        if self._deleted("team", name, f"team {name}", held):
            return None
        if held is not None:
            self._same("team", name)
            return int(held["id"])
        made = self._do("team", name, "created", lambda: self._grafana.teams.add_team({"name": name}))
        return None if made is None else int(made["teamId"])

    def _folder(self, folder: Folder, teams: dict[str, int | None]) -> None:
        current = self._find(folder.title, lambda: self._grafana.folder.get_folder(folder.uid))
        if self._deleted("folder", folder.title, f"folder {folder.uid}", current):
            return
        if current is None:
            make = lambda: self._grafana.folder.create_folder(folder.title, folder.uid)  # noqa: E731
            self._do("folder", folder.title, "created", make)
        elif current["title"] == folder.title:
            self._same("folder", folder.title)
        elif not self._force:
            self._skip("folder", folder.title, f"people call it {current['title']!r}")
        else:
            version = current.get("version")
            rename = lambda: self._grafana.folder.update_folder(folder.uid, folder.title, version, True)  # noqa: E731
            self._do("folder", folder.title, "updated", rename)
        there = {name: team for name, team in teams.items() if f"team {name}" not in self._gone}
        wanted = {name: there[name] for name in folder.teams if name in there}
        self._made |= {_view(folder, name) for name in wanted}
        if current is None and self._dry_run:
            self.account.steps.append(Step("permissions", folder.title, "created"))
            return
        self._permissions(folder, wanted, is_new=current is None)

    def _permissions(self, folder: Folder, teams: dict[str, int | None], *, is_new: bool) -> None:
        listed = self._ask(folder.title, lambda: self._grafana.folder.get_folder_permissions(folder.uid))
        current = [sight.permission(item) for item in listed if not item.get("inherited")]
        noted = self._noted or frozenset()
        set_before = not is_new and any(_view(folder, name) in noted for name in teams)
        # Where we set them and they are the defaults again, people let everybody in.
        untouched = sight.untouched(current) and (self._restore or not set_before)
        kept = [item for item in current if "userId" in item] if untouched else current
        seen = {item["teamId"] for item in kept if "teamId" in item}
        lacking = [name for name, team in teams.items() if team not in seen]
        left: list[str] = []
        if not (untouched or is_new or self._restore):
            left = [name for name in lacking if self._noted is None or _view(folder, name) in noted]
        given: list[dict[str, Any]] = [
            {"teamId": teams[name], "permission": _VIEW} for name in lacking if name not in left
        ]
        if given:
            items = {"items": [*kept, *given]}
            change = lambda: self._grafana.folder.update_folder_permissions(folder.uid, items)  # noqa: E731
            self._do("permissions", folder.title, "created" if untouched else "updated", change)
        if left:
            why = f"left as people made it, without {', '.join(left)}; --restore lets them in"
            self._skip("permissions", folder.title, why)
        elif not given:
            self._same("permissions", folder.title)

    def _dashboard(self, folder_uid: str, wanted: dict[str, Any]) -> None:
        name, dashboard_uid = wanted["title"], wanted["uid"]
        found = self._find(name, lambda: self._grafana.dashboard.get_dashboard(dashboard_uid))
        if self._deleted("dashboard", name, f"dashboard {dashboard_uid}", found, folder_uid):
            return
        if found is None:
            self._save(name, "created", wanted, folder_uid)
            return
        current, meta = found["dashboard"], found["meta"]
        actual = digest(render.unstamped(current))
        if meta.get("provisioned"):
            self._skip("dashboard", name, _FROM_FILES)
        elif render.stamp_of(current) != actual and not self._force:
            self._skip("dashboard", name, _EDITED)
        elif meta.get("folderUid") != folder_uid and not self._force:
            self._skip("dashboard", name, "moved by people to another folder")
        elif actual == render.stamp_of(wanted) == render.stamp_of(current) and meta.get("folderUid") == folder_uid:
            self._same("dashboard", name)
        else:
            # The version it had when read: whoever saves it meanwhile wins, and we are told so.
            self._save(name, "updated", {**wanted, "version": current["version"]}, folder_uid)

    def _save(self, name: str, outcome: Outcome, dashboard: dict[str, Any], folder_uid: str) -> None:
        body = {"dashboard": dashboard, "folderUid": folder_uid, "message": "puente grafana sync", "overwrite": False}
        self._do("dashboard", name, outcome, lambda: self._grafana.dashboard.update_dashboard(body))

    def _unlock(self) -> None:
        """Let people edit what an earlier release locked: for one alarm alone Grafana refuses it, not for a group."""
        path = f"/v1/provisioning/folder/{uid(JOINT)}/rule-groups/{quote(alarms.GROUP)}"
        group = self._find(alarms.GROUP, lambda: self._grafana.api.GET(path))
        sources = {rule.get("provenance") for rule in (group or {}).get("rules") or ()}
        if "api" in sources and "file" not in sources:
            unlock = lambda: self._grafana.api.PUT(path, json=group, headers=_EDITABLE)  # noqa: E731
            self._do("alarms", alarms.GROUP, "updated", unlock)

    def _rule(self, wanted: dict[str, Any]) -> None:
        path = f"/v1/provisioning/alert-rules/{wanted['uid']}"
        current = self._find(wanted["title"], lambda: self._grafana.api.GET(path))
        if self._deleted("alarm", wanted["title"], f"alarm {wanted['uid']}", current, wanted["folderUID"]):
            return
        if current is None:
            make = lambda: self._grafana.api.POST(  # noqa: E731
                "/v1/provisioning/alert-rules", json=wanted, headers=_EDITABLE
            )
            self._do("alarm", wanted["title"], "created", make)
            return
        actual = digest(alarms.unstamped(current))
        if current.get("provenance") == "file":
            self._skip("alarm", wanted["title"], _FROM_FILES)
        elif alarms.stamp_of(current) != actual and not self._force:
            self._skip("alarm", wanted["title"], _EDITED)
        elif actual == alarms.stamp_of(wanted) == alarms.stamp_of(current):
            self._same("alarm", wanted["title"])
        else:
            change = lambda: self._grafana.api.PUT(path, json=wanted, headers=_EDITABLE)  # noqa: E731
            self._do("alarm", wanted["title"], "updated", change)

    # -- what was made before -------------------------------------------------------------------------------------

    def _deleted(self, kind: str, name: str, key: str, current: Any, folder_uid: str = "") -> bool:
        """Whether people deleted this, or its folder: it is said, and left. In any case it is noted."""
        self._made.add(key)
        if current is not None or self._restore:
            return False
        if f"folder {folder_uid}" in self._gone:
            self._skip(kind, name, _NO_FOLDER)
        elif key in (self._noted or ()):
            self._gone.add(key)
            self._skip(kind, name, _DELETED)
        else:
            return False
        return True

    def _note(self, notes: dict[str, Any] | None) -> None:
        made = self._made | (self._noted or frozenset())
        if notes is not None and self._noted is not None and made <= self._noted:
            self._same("dashboard", memory.TITLE)
            return
        at = notes["meta"].get("folderUid") or "" if notes else uid(JOINT)
        if f"folder {at}" in self._gone:
            at = ""
        dashboard = memory.noting(notes and notes["dashboard"], made)
        self._save(memory.TITLE, "updated" if notes else "created", dashboard, at)

    # -- asking ---------------------------------------------------------------------------------------------------

    def _do(self, kind: str, name: str, outcome: Outcome, act: Callable[[], Any]) -> Any:
        """Do it, but for a dry run, and note it."""
        done = None if self._dry_run else self._ask(name, act)
        self.account.steps.append(Step(kind, name, outcome))
        return done

    def _same(self, kind: str, name: str) -> None:
        self.account.steps.append(Step(kind, name, "unchanged"))

    def _skip(self, kind: str, name: str, why: str) -> None:
        self.account.steps.append(Step(kind, name, "skipped", why))

    def _find(self, name: str, ask: Callable[[], Any]) -> Any:
        """What Grafana holds of it; None where it holds none."""
        try:
            return self._asking(name, ask)
        except GrafanaException as error:
            if error.status_code == 404:
                return None
            raise GrafanaRefusedError(f"{name}: {error.message}") from error

    def _ask(self, name: str, ask: Callable[[], Any]) -> Any:
        try:
            return self._asking(name, ask)
        except GrafanaException as error:
            raise GrafanaRefusedError(f"{name}: {error.message}") from error

    def _asking(self, name: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except requests.JSONDecodeError as error:
            raise GrafanaUnreachableError(f"{self._grafana.api.url} does not speak Grafana's API ({name})") from error
        except requests.RequestException as error:
            raise GrafanaUnreachableError(f"no Grafana answers at {self._grafana.api.url}: {why(error)}") from error


def _plain_source(source: dict[str, Any]) -> dict[str, Any]:
    """What is ours to say of a data source, without stamps and secrets."""
    plain = {name: source.get(name) for name in ("uid", "name", "type", "access", "url")}
    settings = source.get("jsonData") or {}
    return {**plain, "jsonData": {k: v for k, v in settings.items() if k not in (_SOURCE_HASH, _TOKEN_HASH)}}


def _view(folder: Folder, team: str) -> str:
    """The note that a team was given sight of a folder."""
    return f"view {folder.uid} {team}"
