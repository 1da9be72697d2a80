"""A Grafana that remembers, for the sync's own tests: every request is held against Grafana's published Swagger.

It stands in for what a Grafana does with folders, teams, permissions, dashboards, data sources and alert rules, as its
HTTP API's documentation says it; whether a real one does, only a real one can show, and none can be had here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator

API = json.loads((Path(__file__).parent / "grafana_api.json").read_text())
TOKEN = "glsa_test"


class FakeGrafana:
    """State, and the requests that changed it. ``fail`` answers the next change with this status."""

    def __init__(self) -> None:
        self.url = ""
        self.sources: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        self.permissions: dict[str, list[dict[str, Any]]] = {}
        self.maker: dict[str, Any] | None = None  # who newer Grafanas make Admin of a folder it makes
        self.teams: list[dict[str, Any]] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[str, str]] = []
        self.fail: int | None = None

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, provenance: str = "api"
    ) -> tuple[int, Any]:
        """What Grafana answers. Raises AssertionError for what its Swagger does not have.

        ``provenance`` is what an alarm gets, by the request's header.
        """
        operation = _operation(method, path)
        if "body" in operation:
            schema = {"$ref": f"#/definitions/{operation['body']}", "definitions": API["definitions"]}
            Draft202012Validator(schema).validate(body)
        if method != "GET":
            if self.fail is not None:
                status, self.fail = self.fail, None
                return status, {"message": "the answer of a test"}
            self.changes.append((method, path))
        last = unquote(path.rstrip("/").rpartition("/")[2])
        match method, operation["path"]:
            case "GET", "/org":
                return 200, {"id": 1, "name": "Main Org."}
            case "GET", "/datasources/uid/{uid}":
                return _held(self.sources.get(last))
            case ("POST", "/datasources") | ("PUT", "/datasources/uid/{uid}"):
                kept = {k: v for k, v in body.items() if k != "secureJsonData"}
                self.sources[body["uid"]] = {**kept, "id": 1, "readOnly": False, "secureJsonFields": {}}
                return 200, {"id": 1, "message": "Datasource added"}
            case "GET", "/teams/search":
                named = [t for t in self.teams if t["name"] == query["name"][0]]
                return 200, {"teams": named, "totalCount": len(named), "page": 1, "perPage": 1000}
            case "POST", "/teams":
                self.teams.append({"id": len(self.teams) + 1, "name": body["name"], "memberCount": 0})
                return 200, {"message": "Team created", "teamId": len(self.teams)}
            case _, ("/folders" | "/folders/{folder_uid}" | "/folders/{folder_uid}/permissions"):
                return self._folder(method, path, body)
            case "GET", "/dashboards/uid/{uid}":
                return _held(self.dashboards.get(last))
            case "POST", "/dashboards/db":
                return self._dashboard(body)
            case _, "/v1/provisioning/folder/{FolderUID}/rule-groups/{Group}":
                return self._rules(method, last, body, provenance)
        return self._rule(method, last, body, provenance)

    def _folder(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.split("/")
        if method == "POST" and len(parts) == 2:
            self.folders[body["uid"]] = {"id": 1, "uid": body["uid"], "title": body["title"], "version": 1}
            self.permissions[body["uid"]] = [
                {"role": "Viewer", "permission": 1, "permissionName": "View", "inherited": False},
                {"role": "Editor", "permission": 2, "permissionName": "Edit", "inherited": False},
                *([self.maker] if self.maker else []),
            ]
            return 200, self.folders[body["uid"]]
        folder_uid = parts[2]
        if folder_uid not in self.folders:
            return 404, {"message": "folder not found"}
        if len(parts) == 4:
            if method == "GET":
                return 200, self.permissions[folder_uid]
            self.permissions[folder_uid] = [{**item, "inherited": False} for item in body["items"]]
            return 200, {"message": "Folder permissions updated"}
        if method == "PUT":
            self.folders[folder_uid]["title"] = body["title"]
        return 200, self.folders[folder_uid]

    def _dashboard(self, body: Any) -> tuple[int, Any]:
        dashboard = body["dashboard"]
        known = self.dashboards.get(dashboard["uid"])
        if known is not None and not body["overwrite"] and dashboard.get("version") != known["dashboard"]["version"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = known["dashboard"]["version"] + 1 if known else 1
        self.dashboards[dashboard["uid"]] = {
            "dashboard": {**dashboard, "id": 9, "version": version},
            "meta": {"folderUid": body["folderUid"], "provisioned": False, "version": version},
        }
        return 200, {"uid": dashboard["uid"], "status": "success", "version": version}

    def _rule(self, method: str, rule_uid: str, body: Any, provenance: str) -> tuple[int, Any]:
        known = self.rules.get(rule_uid)
        if method == "GET":
            return _held(known)
        if known is not None and known["provenance"] not in ("", provenance):
            said = f"cannot change provenance from '{known['provenance']}' to '{provenance}'"
            return 409, {"message": said}
        self._hold(body, provenance)
        return 201 if method == "POST" else 200, body

    def _rules(self, method: str, group: str, body: Any, provenance: str) -> tuple[int, Any]:
        """A group, in which alone Grafana lets what came by its API become people's."""
        held = [rule for rule in self.rules.values() if rule["ruleGroup"] == group]
        if method == "GET":
            found = {"title": group, "folderUid": "puente-joint", "interval": 60, "rules": held}
            return _held(found if held else None)
        assert not any(rule["provenance"] == "file" for rule in held)
        assert len(body["rules"]) == len(held), "those that are left out are deleted"
        for rule in body["rules"]:
            self._hold(rule, provenance)
        return 200, body

    def _hold(self, rule: Any, provenance: str) -> None:
        minutes = int(rule["for"].partition("m")[0])
        self.rules[rule["uid"]] = {**rule, "id": 5, "for": f"{minutes}m0s", "provenance": provenance}
        self.rules[rule["uid"]]["updated"] = "2026-01-01T00:00:00Z"


def _operation(method: str, path: str) -> dict[str, Any]:
    for operation in API["operations"]:
        pattern = re.sub(r"\\?\{\w+\\?\}", "[^/]+", operation["path"])
        if operation["method"] == method and re.fullmatch(pattern, path):
            found: dict[str, Any] = operation
            return found
    raise AssertionError(f"Grafana's API has no {method} {path}")


def _held(found: Any) -> tuple[int, Any]:
    return (404, {"message": "not found"}) if found is None else (200, found)


@contextmanager
def serving() -> Iterator[FakeGrafana]:
    """It, on a port of its own, under the path ``/boards``. What it objects to fails the test at the end."""
    grafana = FakeGrafana()
    wrong: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, said = 401, {"message": "Invalid API key"}
            else:
                try:
                    assert parts.path.startswith("/boards/api/"), parts.path
                    query = parse_qs(parts.query)
                    provenance = "" if self.headers.get("X-Disable-Provenance") else "api"
                    path = parts.path.removeprefix("/boards/api")
                    status, said = grafana.answer(self.command, path, query, body, provenance)
                except Exception as error:  # every objection is the test's failure
                    wrong.append(f"{self.command} {self.path}: {error}")
                    status, said = 500, {"message": str(error)}
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        grafana.url = f"http://127.0.0.1:{server.server_port}/boards"
        try:
            yield grafana
        finally:
            server.shutdown()
            thread.join()
    assert wrong == []
